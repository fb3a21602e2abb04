//! The screen of a run.

use super::edge::Edge;
use super::screen::{Screen, Stage};
use super::{TuiError, background, paths, say, terminal};
use crate::app::hardware::Sample;
use crate::app::{Begin, Effect, Life, Msg, Options, State, update};
use crate::recipe::Recipe;
use crate::train::{self, Command, Event};
use crate::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::any::Any;
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

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
pub(super) struct Around<'a> {
    pub(super) start: &'a mut dyn FnMut(Begin) -> Result<Session, String>,
    pub(super) presets: &'a mut dyn FnMut() -> Vec<Msg>,
    pub(super) hardware: &'a Receiver<Sample>,
}

/// Shows a run until the user leaves; what is left of it stops when it is dropped.
pub(super) fn attend(
    edge: &mut Edge,
    state: &mut State,
    session: Session,
    around: Around<'_>,
) -> Result<Running, TuiError> {
    let mut stage = Stage::new(edge);
    let running = Running::new(session, &stage.sender, state)?;
    let mut screen = RunScreen { state, running, around };
    stage.show(&mut screen)?;
    Ok(screen.running)
}

/// The screen of a run, and the run.
struct RunScreen<'s, 'a> {
    state: &'s mut State,
    running: Running,
    around: Around<'a>,
}

impl Screen for RunScreen<'_, '_> {
    type Msg = Msg;

    fn by_hand(msg: &Msg) -> bool {
        msg.by_hand()
    }

    fn life(&self) -> Life {
        self.state.life()
    }

    fn save(&self) {
        self.command(Command::Save);
    }

    fn look_around(&mut self, stage: &mut Stage<'_, Msg>) {
        stage.queue.extend(self.around.hardware.try_iter().map(Msg::Hardware));
        stage.queue.extend((self.around.presets)());
    }

    fn hear(&mut self, msg: Msg, stage: &mut Stage<'_, Msg>) -> Result<ControlFlow<()>, TuiError> {
        let msg = stage.edge.panics.explain(msg);
        let gone = matches!(msg, Msg::Gone);
        let mut lets_go = false;
        for effect in update(self.state, msg) {
            match effect {
                Effect::Send(command) => self.command(command),
                Effect::Paths(begin) => {
                    let found = paths::beginning(&begin);
                    drop(stage.sender.send(Msg::Paths(begin, found)));
                }
                Effect::Start(begin) => self.start(begin, &stage.sender)?,
                Effect::Mouse(on) => stage.edge.tty.mouse(on)?,
                Effect::Tell(occasion, text) => {
                    stage.tell(self.life(), &self.state.options.notify, occasion, &text)?;
                }
                Effect::Suspend => stage.edge.tty.suspend()?,
                Effect::LetGo => {
                    stage.deafen();
                    // A terminal that is gone can neither be given back nor written to.
                    drop(terminal::restore().and_then(|()| say(&self.state.parting_lines())));
                    lets_go = !gone;
                }
                Effect::Leave => return Ok(ControlFlow::Break(())),
            }
        }
        if lets_go {
            free_the_shell();
        }
        Ok(ControlFlow::Continue(()))
    }

    fn revision(&self) -> u64 {
        self.state.revision()
    }

    fn render(&self, buf: &mut Buffer, area: Rect) {
        view::render(self.state, buf, area);
    }
}

impl RunScreen<'_, '_> {
    /// Commands the trainer. One that is gone takes no command any more; it closes its events too, and that is reported.
    fn command(&self, mut command: Command) {
        if let Command::Predict { path, .. } = &mut command {
            // The trainer may be at work in another directory.
            *path = paths::whole(path);
        }
        drop(self.running.session.commands.send(command));
    }

    /// Starts another run. The one before lets its directory go first.
    fn start(&mut self, begin: Begin, to: &Sender<Msg>) -> Result<(), TuiError> {
        self.running.end();
        match (self.around.start)(begin) {
            Ok(session) => self.running = Running::new(session, to, self.state)?,
            Err(e) => drop(to.send(Msg::Lost(e))),
        }
        Ok(())
    }
}

/// Goes into the background with a run that a person has detached from, and says how that went where it did not.
fn free_the_shell() {
    let told = |what: String| drop(say(&[what]));
    let stop = format!("kill {} ends it", std::process::id());
    // Nothing can be said in between: the shell has its prompt there.
    told(format!("it trains in the background, though the shell may say stopped; {stop}"));
    match background::go() {
        Ok(true) => {}
        Ok(false) => {
            told("no shell has taken the terminal: the run is trained here to its end; ctrl-c saves and stops".into())
        }
        Err(e) => told(format!("it is not in the background yet ({e}): ctrl-z, then bg; ctrl-c saves and stops")),
    }
}

fn leave(state: &State, closed: io::Result<()>) -> Result<ExitInfo, TuiError> {
    let info = ExitInfo { state: state.run_state(), lines: state.closing_lines() };
    let told = closed.and_then(|()| say(&info.lines));
    // Without its terminal a run ends as well as with it.
    if state.life().is_attended() { told.map(|()| info).map_err(TuiError::from) } else { Ok(info) }
}

/// A session and the thread that hands its events on.
pub(super) struct Running {
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
        // What is past asks for nothing, and its steps do not mean that the run goes on already.
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
