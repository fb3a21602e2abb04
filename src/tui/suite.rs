//! The screen of a suite: its runs are trained on threads of their own, and the screen of any of them opens from here.

use super::edge::Edge;
use super::screen::{Screen, Stage};
use super::{TuiError, Visit, terminal};
use crate::app::Life;
use crate::batch::Outcome;
use crate::suite::screen::{Effect, Msg, State, update};
use crate::suite::{Board, Control, Plan, Results};
use crate::train::{Command, Event};
use crate::view;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;

/// What became of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether there is still a terminal to tell it to.
    pub attended: bool,
}

/// Trains a suite and shows it until the user leaves. `stop` is what the plan's batch takes for an interrupt, and `visit`
/// gets a hold of the run in a directory.
///
/// # Errors
/// When the terminal cannot be used; what is trained stops with checkpoints.
pub fn suite(
    mut state: State,
    plan: Plan<'_>,
    stop: &AtomicBool,
    visit: impl FnMut(&Path) -> Result<Visit, String>,
) -> Result<Left, TuiError> {
    let mut edge = Edge::open(&mut state.options)?;
    let mut stage = Stage::new(&mut edge);
    let control = plan.control;
    let left = std::thread::scope(|scope| {
        let board = Wire { to: stage.sender.clone(), begun: Instant::now() };
        let work = scope.spawn(move || {
            let outcome = plan.train(&board);
            drop(board.to.send(Msg::Over(outcome)));
            outcome
        });
        let over = || work.is_finished();
        let mut screen = SuiteScreen { state, control, stop, visit, over };
        let shown = stage.show(&mut screen);
        stage.deafen();
        let attended = screen.life().is_attended();
        drop(screen);
        // Whatever ended the screen, nothing is trained without it.
        stop.store(true, Ordering::Relaxed);
        control.leave();
        let outcome = work.join().unwrap_or(Outcome::Failed);
        shown.map(|()| Left { outcome, attended })
    });
    drop(stage);
    let closed = terminal::restore();
    edge.panics.report();
    let left = left?;
    if left.attended {
        closed?;
    }
    Ok(left)
}

/// Sends what happens in the runs to the screen.
struct Wire {
    to: Sender<Msg>,
    begun: Instant,
}

impl Board for Wire {
    fn show(&self, place: usize, event: &Event) {
        // They are for the screen of the run, and would pile up while that one is open.
        if matches!(event, Event::Pictures(_) | Event::Layers(_) | Event::Rate(_) | Event::Predicted(_)) {
            return;
        }
        // The screen may have closed.
        drop(self.to.send(Msg::Run { place, at: self.begun.elapsed(), event: event.clone() }));
    }

    fn say(&self, place: usize, text: &str) {
        drop(self.to.send(Msg::Said(place, text.into())));
    }

    fn compared(&self, results: Results) {
        drop(self.to.send(Msg::Compared(Box::new(results))));
    }
}

/// The screen of a suite, and what leads to its runs.
struct SuiteScreen<'a, V, O> {
    state: State,
    control: &'a Control,
    stop: &'a AtomicBool,
    visit: V,
    /// Whether all is trained.
    over: O,
}

impl<V: FnMut(&Path) -> Result<Visit, String>, O: Fn() -> bool> Screen for SuiteScreen<'_, V, O> {
    type Msg = Msg;

    fn by_hand(msg: &Msg) -> bool {
        matches!(msg, Msg::Screen(msg) if msg.by_hand())
    }

    fn life(&self) -> Life {
        self.state.life
    }

    fn save(&self) {
        self.control.send_all(&Command::Save);
    }

    fn look_around(&mut self, stage: &mut Stage<'_, Msg>) {
        if self.state.over.is_none() && (self.over)() {
            stage.gather();
            if !stage.queue.iter().any(|msg| matches!(msg, Msg::Over(_))) {
                // A panic has kept it from saying so.
                stage.queue.push(Msg::Over(Outcome::Failed));
            }
        }
    }

    fn hear(&mut self, msg: Msg, stage: &mut Stage<'_, Msg>) -> Result<ControlFlow<()>, TuiError> {
        for effect in update(&mut self.state, msg) {
            match effect {
                Effect::Send(place, command) => self.control.send(place, command),
                Effect::LeaveOut(places) => self.control.leave_out(&places),
                Effect::PutBack(places) => self.control.put_back(&places),
                Effect::Open(dir) => self.open(&dir, stage)?,
                Effect::Stop => self.stop.store(true, Ordering::Relaxed),
                Effect::Tell(occasion, text) => {
                    stage.tell(self.life(), &self.state.options.notify, occasion, &text)?;
                }
                Effect::Suspend => stage.edge.tty.suspend()?,
                Effect::LetGo => {
                    stage.deafen();
                    self.control.leave();
                    // A terminal that is gone cannot be given back.
                    drop(terminal::restore());
                }
                Effect::Leave => return Ok(ControlFlow::Break(())),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn revision(&self) -> u64 {
        self.state.revision()
    }

    fn render(&self, buf: &mut Buffer, area: Rect) {
        view::suite::render(&self.state, buf, area);
    }
}

impl<V: FnMut(&Path) -> Result<Visit, String>, O> SuiteScreen<'_, V, O> {
    /// Shows the run in a directory until the user comes back.
    fn open(&mut self, dir: &Path, stage: &mut Stage<'_, Msg>) -> Result<(), TuiError> {
        stage.deafen();
        match (self.visit)(dir) {
            Err(why) => stage.queue.push(Msg::Shut(why)),
            Ok(visit) => {
                let mut run = visit.state(&self.state.options);
                run.visit();
                visit.show(stage, &mut run, &mut |_| Err("the suite begins its runs itself".into()))?;
            }
        }
        Ok(stage.listen()?)
    }
}
