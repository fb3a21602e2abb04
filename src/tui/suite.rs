//! The screen of a suite: its runs are trained on threads of their own, and the screen of any of them opens from here.

use super::edge::Edge;
use super::input::Input;
use super::{Around, Session, TuiError, attend, came_back, next, terminal};
use crate::app::{self, hardware::Sample};
use crate::batch::Outcome;
use crate::recipe::Recipe;
use crate::suite::screen::{Effect, Msg, State, update};
use crate::suite::{Board, Control, Plan};
use crate::train::{Command, Event};
use crate::view;
use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// What the screen of a run needs that is opened from another screen.
pub struct Visit {
    /// The recipe of the run as started.
    pub recipe: Recipe,
    /// The hold of it.
    pub session: Session,
    /// Looks at the machine.
    pub hardware: Receiver<Sample>,
    /// Whatever makes them.
    pub guard: Box<dyn Any>,
}

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
    let (sender, messages) = channel();
    let control = plan.control;
    let left = std::thread::scope(|scope| {
        let board = Wire { to: sender.clone(), begun: Instant::now() };
        let work = scope.spawn(move || {
            let outcome = plan.train(&board);
            drop(board.to.send(Msg::Over(outcome)));
            outcome
        });
        let over = || work.is_finished();
        let mut show = Show { edge: &mut edge, state, control, stop, visit };
        let shown = show.run(&sender, &messages, over);
        // (whatever ended the screen)
        stop.store(true, Ordering::Relaxed);
        control.leave();
        let outcome = work.join().unwrap_or(Outcome::Failed);
        shown.map(|()| Left { outcome, attended: !show.state.unattended() })
    });
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
        // (they are for the screen of the run, and would pile up while that one is open)
        if matches!(event, Event::Pictures(_)) {
            return;
        }
        // (the screen may have closed)
        drop(self.to.send(Msg::Run { place, at: self.begun.elapsed(), event: event.clone() }));
    }

    fn say(&self, place: usize, text: &str) {
        drop(self.to.send(Msg::Said(place, text.into())));
    }
}

struct Show<'a, V> {
    edge: &'a mut Edge,
    state: State,
    control: &'a Control,
    stop: &'a AtomicBool,
    visit: V,
}

impl<V: FnMut(&Path) -> Result<Visit, String>> Show<'_, V> {
    /// Shows the suite until the user leaves. `over` says whether all is trained.
    fn run(&mut self, sender: &Sender<Msg>, messages: &Receiver<Msg>, over: impl Fn() -> bool) -> Result<(), TuiError> {
        let mut input = Some(listen(sender)?);
        let mut queue = vec![Msg::Screen(self.edge.begin()?)];
        loop {
            queue.push(Msg::Screen(app::Msg::Tick(self.edge.now())));
            let save = || self.control.send_all(&Command::Save);
            queue.extend(self.edge.signals(!self.state.unattended(), save)?.into_iter().map(Msg::Screen));
            if self.state.over.is_none() && over() {
                queue.extend(messages.try_iter());
                if !queue.iter().any(|msg| matches!(msg, Msg::Over(_))) {
                    // (a panic has kept it from saying so)
                    queue.push(Msg::Over(Outcome::Failed));
                }
            }
            if queue.iter().any(|msg| matches!(msg, Msg::Screen(msg) if msg.by_hand())) {
                self.edge.hurry();
            }
            for msg in std::mem::take(&mut queue) {
                for effect in update(&mut self.state, msg) {
                    match effect {
                        Effect::Send(place, command) => self.control.send(place, command),
                        Effect::LeaveOut(places) => self.control.leave_out(&places),
                        Effect::PutBack(places) => self.control.put_back(&places),
                        Effect::Open(dir) => {
                            // (one thread at a time reads the keys)
                            drop(input.take());
                            queue.extend(self.open(&dir)?);
                            input = Some(listen(sender)?);
                        }
                        Effect::Stop => self.stop.store(true, Ordering::Relaxed),
                        Effect::Tell(occasion, text) if !self.state.unattended() => {
                            self.edge.screen.tell(&self.state.options.notify, occasion, &text)?;
                        }
                        Effect::Tell(..) => {}
                        Effect::Suspend => self.edge.screen.suspend()?,
                        Effect::LetGo => {
                            input = None;
                            self.control.leave();
                            // (a terminal that is gone cannot be given back)
                            drop(terminal::restore());
                        }
                        Effect::Leave => {
                            drop(input);
                            return Ok(());
                        }
                    }
                }
            }
            if !queue.is_empty() {
                continue;
            }
            let drawn = match self.state.unattended() {
                true => Ok(None),
                false => {
                    let state = &self.state;
                    self.edge.draw(state.revision(), |buf, area| view::suite::render(state, buf, area))
                }
            };
            match drawn {
                Ok(wait) => queue.extend(next(messages, wait)),
                Err(_) => queue.push(Msg::Screen(app::Msg::Gone)),
            }
        }
    }

    /// Shows the run in a directory until the user comes back, and says what became of the terminal meanwhile.
    fn open(&mut self, dir: &Path) -> Result<Vec<Msg>, TuiError> {
        let Visit { recipe, session, hardware, guard: _guard } = match (self.visit)(dir) {
            Ok(visit) => visit,
            Err(why) => return Ok(vec![Msg::Shut(why)]),
        };
        let mut run = app::State::new(self.state.options.clone(), recipe);
        run.visit();
        let mut start = |_| Err("the suite begins its runs itself".to_string());
        let around = Around { start: &mut start, presets: &mut Vec::new, hardware: &hardware };
        drop(attend(self.edge, &mut run, session, around)?);
        let told = came_back(self.edge, &run)?;
        Ok(told.into_iter().map(Msg::Screen).collect())
    }
}

fn listen(sender: &Sender<Msg>) -> Result<Input, TuiError> {
    let to = sender.clone();
    Ok(Input::listen(move |msg| to.send(Msg::Screen(msg)).is_ok())?)
}
