//! The terminal front end: the edge between terminal, clock and threads, and the pure core.
//!
//! One channel brings keys and the trainer's events; the loop sleeps on it. The slow sources (hardware, presets,
//! signals) are looked at whenever the loop wakes, which it does five times a second at least.

pub mod background;
pub mod browse;
mod edge;
mod input;
mod kitty;
mod look;
mod pace;
mod panics;
mod signals;
pub mod suite;
mod terminal;

pub use look::{ascii_from_env, color_from_env, truecolor_from_env};

use crate::app::hardware::Sample;
use crate::app::{Begin, Effect, Msg, Options, State, update};
use crate::recipe::Recipe;
use crate::text::printed;
use crate::train::{self, Command, Event};
use crate::view;
use edge::Edge;
use input::Input;
use pace::TICK;
use std::any::Any;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;

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
    let mut state = State::new(options, recipe);
    if matches!(first, Begin::Attach(_)) {
        state.attach();
    }
    let mut start = |begin| start(begin).map_err(|e| e.to_string());
    let session = start(first).map_err(TuiError::Start)?;
    let mut edge = Edge::open(&mut state.options)?;
    let around = Around { start: &mut start, presets: &mut presets, hardware };
    let running = attend(&mut edge, &mut state, session, around)?;
    let closed = terminal::restore();
    drop(running);
    edge.panics.report();
    leave(&state, closed)
}

/// What the screen of a run has beside its terminal and its run.
struct Around<'a> {
    start: &'a mut dyn FnMut(Begin) -> Result<Session, String>,
    presets: &'a mut dyn FnMut() -> Vec<Msg>,
    hardware: &'a Receiver<Sample>,
}

/// Shows a run until the user leaves; what is left of it stops when it is dropped.
fn attend(edge: &mut Edge, state: &mut State, session: Session, around: Around<'_>) -> Result<Running, TuiError> {
    let (sender, messages) = channel();
    let mut running = Running::new(session, &sender, state)?;
    let to = sender.clone();
    let mut input = Some(Input::listen(move |msg| to.send(msg).is_ok())?);
    let mut queue = vec![edge.begin()?];
    loop {
        queue.push(Msg::Tick(edge.now()));
        queue.extend(around.hardware.try_iter().map(Msg::Hardware));
        queue.extend((around.presets)());
        // (a run that has ended takes no command any more)
        let save = || drop(running.session.commands.send(Command::Save));
        queue.extend(edge.signals(!state.unattended(), save)?);
        if queue.iter().any(Msg::by_hand) {
            edge.hurry();
        }
        for msg in std::mem::take(&mut queue).into_iter().map(|msg| edge.panics.explain(msg)).collect::<Vec<_>>() {
            let gone = matches!(msg, Msg::Gone);
            let mut lets_go = false;
            for effect in update(state, msg) {
                match effect {
                    // A trainer that is gone closes its events too, and that is reported.
                    Effect::Send(command) => drop(running.session.commands.send(command)),
                    Effect::Start(begin) => {
                        // (the run before lets its directory go first)
                        running.end();
                        match (around.start)(begin) {
                            Ok(session) => running = Running::new(session, &sender, state)?,
                            Err(e) => drop(sender.send(Msg::Lost(e))),
                        }
                    }
                    Effect::Mouse(on) => edge.screen.mouse(on)?,
                    Effect::Tell(occasion, text) if !state.unattended() => {
                        edge.screen.tell(&state.options.notify, occasion, &text)?;
                    }
                    Effect::Tell(..) => {}
                    Effect::Suspend => edge.screen.suspend()?,
                    Effect::LetGo => {
                        input = None;
                        // (a terminal that is gone can neither be given back nor written to)
                        drop(terminal::restore().and_then(|()| say(&state.parting_lines())));
                        lets_go = !gone;
                    }
                    Effect::Leave => {
                        drop(input);
                        return Ok(running);
                    }
                }
            }
            if lets_go {
                free_the_shell();
            }
        }
        let drawn = match state.unattended() {
            true => Ok(None),
            false => edge.draw(state.revision(), |buf, area| view::render(state, buf, area)),
        };
        match drawn {
            Ok(wait) => queue.extend(next(&messages, wait)),
            Err(_) => queue.push(Msg::Gone),
        }
    }
}

/// Goes into the background with a run that a person has detached from, and says how that went where it did not.
fn free_the_shell() {
    let told = |what: String| drop(say(&[what]));
    let stop = format!("kill {} ends it", std::process::id());
    // (nothing can be said in between: the shell has its prompt there)
    told(format!("it trains in the background, though the shell may say stopped; {stop}"));
    match background::go() {
        Ok(true) => {}
        Ok(false) => {
            told("no shell has taken the terminal: the run is trained here to its end; ctrl-c saves and stops".into())
        }
        Err(e) => told(format!("it is not in the background yet ({e}): ctrl-z, then bg; ctrl-c saves and stops")),
    }
}

/// What the screen that a run was opened from must know when it is in front again.
fn came_back(edge: &mut Edge, run: &State) -> io::Result<Vec<Msg>> {
    Ok(match (run.unattended(), run.signalled()) {
        (true, _) => vec![Msg::Gone],
        (false, true) => vec![edge.begin()?, Msg::Signal],
        (false, false) => vec![edge.begin()?],
    })
}

/// Sleeps until a message comes, or until it is time to draw or to look around; gives all that have come.
fn next<M>(messages: &Receiver<M>, wait: Option<Duration>) -> Vec<M> {
    match messages.recv_timeout(wait.map_or(TICK, |wait| wait.min(TICK))) {
        Ok(first) => std::iter::once(first).chain(messages.try_iter()).collect(),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Vec::new(),
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
    lines.iter().try_for_each(|line| io::Write::write_all(&mut out, format!("{}\n", printed(line)).as_bytes()))
}

/// A session and the thread that hands its events on.
struct Running {
    session: Session,
    forward: Option<JoinHandle<()>>,
}

impl Running {
    /// Brings the state up to what is past, and hands on what comes.
    fn new(mut session: Session, to: &Sender<Msg>, state: &mut State) -> io::Result<Running> {
        let events = std::mem::replace(&mut session.events, channel().1);
        let past = std::mem::take(&mut session.past);
        let mut ended = matches!(past.last(), Some(Event::Ended(_)));
        let behind = std::mem::take(&mut session.behind);
        drop(update(state, Msg::Behind(behind)));
        // (what is past asks for nothing, and its steps do not mean that the run goes on already)
        let starts = (!ended).then_some(Event::State(train::State::Starting));
        past.into_iter().chain(starts).for_each(|event| drop(update(state, Msg::Event(event))));
        let to = to.clone();
        let forward = move || {
            for event in events {
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
