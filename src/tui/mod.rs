//! The terminal front end: the edge between terminal, clock and threads, and the pure core.
//!
//! One channel brings keys and the trainer's events; the loop sleeps on it. The slow sources (hardware, presets,
//! signals) are looked at whenever the loop wakes, which it does five times a second at least.

mod input;
mod look;
mod pace;
mod panics;
mod signals;
mod terminal;

pub use look::{ascii_from_env, color_from_env};

use crate::app::hardware::Sample;
use crate::app::{Begin, Effect, Msg, Options, State, update};
use crate::recipe::Recipe;
use crate::train::{self, Command, Event};
use crate::view;
use input::Input;
use pace::{Pace, TICK};
use panics::Panics;
use signals::{Signals, Wish};
use std::any::Any;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;
use terminal::Screen;
use thiserror::Error;

/// Exit code after a second SIGINT, as without a screen.
const INTERRUPTED: i32 = 130;

/// A run as the screen holds it.
pub struct Session {
    /// Orders to the trainer.
    pub commands: Sender<Command>,
    /// What happened in the run that it was forked from.
    pub behind: Vec<Event>,
    /// What happened before it was taken up again.
    pub past: Vec<Event>,
    /// Its reports; the channel closes when the trainer ends.
    pub events: Receiver<Event>,
    /// Whatever joins the trainer when it is dropped; dropped after `commands`.
    pub guard: Box<dyn Any>,
}

/// What there is to tell when the screen has closed. The same lines were printed.
#[derive(Clone, Debug)]
pub struct ExitInfo {
    /// State of the last run.
    pub state: train::State,
    /// State, best top-1, run directory, command.
    pub lines: Vec<String>,
}

/// Why the screen could not go on.
#[derive(Debug, Error)]
pub enum TuiError {
    /// The terminal refused.
    #[error("the terminal cannot be used: {0}; is this a terminal? --batch runs without one")]
    Terminal(#[from] io::Error),
    /// The first run did not start.
    #[error("{0}")]
    Start(String),
}

/// Opens the screen on the run `first`, which has `recipe`, and gives it back when the user leaves.
///
/// `start` starts a run; it is called again when the user wants another one. It must return at once: data are loaded
/// and the net is built on the trainer's thread. `presets` gives what has become of the preset files since the last call.
///
/// # Errors
/// When the first run cannot be started, or the terminal cannot be used.
pub fn run<E: std::fmt::Display>(
    options: Options,
    recipe: Recipe,
    first: Begin,
    mut start: impl FnMut(Begin) -> Result<Session, E>,
    mut presets: impl FnMut() -> Vec<Msg>,
    hardware: &Receiver<Sample>,
) -> Result<ExitInfo, TuiError> {
    let (sender, messages) = channel();
    let attached = matches!(first, Begin::Attach(_));
    let mut running = Running::new(start(first).map_err(|e| TuiError::Start(e.to_string()))?, &sender)?;
    let mut signals = Signals::new()?;
    let panics = Panics::watch();
    let mut screen = Screen::open()?;
    let mut input = Some(Input::listen(sender.clone())?);
    let mut state = State::new(options, recipe);
    if attached {
        state.attach();
    }
    let (width, height) = screen.size()?;
    let clock = Instant::now();
    let mut pace = Pace::default();
    let mut queue = vec![Msg::Resize(width, height)];
    loop {
        queue.push(Msg::Tick(clock.elapsed()));
        queue.extend(hardware.try_iter().map(Msg::Hardware));
        queue.extend(presets());
        for wish in signals.raised() {
            match wish {
                Wish::End => queue.push(Msg::Signal),
                Wish::HangUp => queue.push(Msg::Gone),
                Wish::Suspend if !state.unattended() => screen.suspend()?,
                Wish::Continue if !state.unattended() => {
                    // (a terminal that cannot be taken again is gone)
                    let again = screen.retake().and_then(|()| screen.size());
                    queue.push(again.map_or(Msg::Gone, |(width, height)| Msg::Resize(width, height)));
                }
                Wish::Suspend | Wish::Continue => {}
                // (a run that has ended takes no command any more)
                Wish::Save => drop(running.session.commands.send(Command::Save)),
                Wish::EndNow => {
                    screen.close()?;
                    std::process::exit(INTERRUPTED);
                }
            }
        }
        for msg in queue.drain(..).map(|msg| panics.explain(msg)) {
            for effect in update(&mut state, msg) {
                match effect {
                    // A trainer that is gone closes its events too, and that is reported.
                    Effect::Send(command) => drop(running.session.commands.send(command)),
                    Effect::Start(begin) => {
                        // (the run before lets its directory go first)
                        running.end();
                        match start(begin) {
                            Ok(session) => running = Running::new(session, &sender)?,
                            Err(e) => drop(sender.send(Msg::Lost(e.to_string()))),
                        }
                    }
                    Effect::Mouse(on) => screen.mouse(on)?,
                    Effect::Bell if !state.unattended() => screen.bell()?,
                    Effect::Bell => {}
                    Effect::Suspend => screen.suspend()?,
                    Effect::LetGo => {
                        input = None;
                        // (a terminal that is gone can neither be given back nor written to)
                        drop(terminal::restore().and_then(|()| say(&state.parting_lines())));
                    }
                    Effect::Leave => {
                        drop(input);
                        let closed = screen.close();
                        drop(running);
                        panics.report();
                        return leave(&state, closed);
                    }
                }
            }
        }
        let wait = match pace.wait(clock.elapsed(), state.revision()) {
            _ if state.unattended() => TICK,
            Some(wait) if wait.is_zero() => {
                if screen.draw(|buf, area| view::render(&state, buf, area)).is_err() {
                    queue.push(Msg::Gone);
                    continue;
                }
                pace.drew(clock.elapsed(), state.revision());
                TICK
            }
            Some(wait) => wait.min(TICK),
            None => TICK,
        };
        match messages.recv_timeout(wait) {
            Ok(first) => {
                queue.push(first);
                queue.extend(messages.try_iter());
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn leave(state: &State, closed: io::Result<()>) -> Result<ExitInfo, TuiError> {
    let info = ExitInfo { state: state.run_state(), lines: state.closing_lines() };
    let told = closed.and_then(|()| say(&info.lines));
    // (without its terminal a run ends as well as with it)
    if state.unattended() { Ok(info) } else { told.map(|()| info).map_err(TuiError::from) }
}

/// Prints lines below what the shell shows.
fn say(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| io::Write::write_all(&mut out, format!("{line}\n").as_bytes()))
}

/// A session and the thread that hands its events on.
struct Running {
    session: Session,
    forward: Option<JoinHandle<()>>,
}

impl Running {
    fn new(mut session: Session, to: &Sender<Msg>) -> io::Result<Running> {
        let events = std::mem::replace(&mut session.events, channel().1);
        let past = std::mem::take(&mut session.past);
        // (the screen has just been opened, and takes it)
        drop(to.send(Msg::Behind(std::mem::take(&mut session.behind))));
        let to = to.clone();
        let forward = move || {
            let mut ended = false;
            for event in past.into_iter().chain(events) {
                ended = matches!(event, Event::Ended(_));
                if to.send(Msg::Event(event)).is_err() {
                    return;
                }
            }
            if !ended {
                // Nobody listens any more when this fails.
                drop(to.send(Msg::Lost("the trainer ended without a word".into())));
            }
        };
        let forward = std::thread::Builder::new().name("events".into()).spawn(forward)?;
        Ok(Running { session, forward: Some(forward) })
    }

    /// Stops the run if it goes on, and waits for its end.
    fn end(&mut self) {
        // The trainer ends when nobody can command it; its guard waits for that, and the events close after it.
        self.session.commands = channel().0;
        self.session.guard = Box::new(());
        if let Some(forward) = self.forward.take() {
            drop(forward.join());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
