//! The headless front end: `tricktop --batch` runs recipes in turn and prints what happens.
//!
//! Standard output holds data only: JSON lines, or plain lines. Errors and the progress bar go to standard error.

mod output;
#[cfg(test)]
mod tests;
mod text;

pub use output::Format;

use crate::runs::{RunError, Session};
use crate::train::{Command, Event, State, Summary};
use output::Output;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// Signals within this time are one interrupt.
const ONE_INTERRUPT: Duration = Duration::from_millis(700);

/// How often an interrupt is looked for while no event comes.
const POLL: Duration = Duration::from_millis(50);

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Every run is done.
    Done,
    /// Interrupted; the run at work saved a checkpoint.
    Interrupted,
    /// A run failed, or its lines could not be printed.
    Failed,
}

impl Outcome {
    /// The exit code of the program.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Interrupted => 130,
        }
    }
}

/// Whom a run is shown to.
pub trait Audience {
    /// Says something about the run.
    fn say(&mut self, message: &str);
    /// Shows what happens in it.
    fn show(&mut self, event: &Event);
}

/// What the runs of a batch share.
pub struct Batch<'a> {
    /// What is printed.
    pub format: Format,
    /// Set by a signal: the run at work saves a checkpoint and stops, the others do not start.
    pub interrupt: &'a AtomicBool,
    /// Set a while after an interrupt was seen: from then on another one ends the program at once. One interrupt that
    /// arrives twice (to the program and to its group) is one.
    pub again: &'a AtomicBool,
    /// Set by SIGUSR1: the run at work saves a checkpoint and goes on.
    pub save: &'a AtomicBool,
}

impl Batch<'_> {
    /// Trains runs in turn, each begun by its function. A run that fails does not keep the others from running; an `out`
    /// that is closed or full does not keep any from running.
    pub fn run(
        &self,
        starts: impl IntoIterator<Item = impl FnOnce() -> Result<Session, RunError>>,
        out: impl Write,
    ) -> Outcome {
        let mut output = Output::new(out, self.format);
        let mut outcome = Outcome::Done;
        for start in starts {
            if self.interrupt.load(Ordering::Relaxed) {
                outcome = outcome.max(Outcome::Interrupted);
                break;
            }
            let ended = match start() {
                Ok(session) => self.follow(&session, &mut output.begin(&session)),
                Err(e) => {
                    output.say(&format!("error: {e}"));
                    Outcome::Failed
                }
            };
            outcome = outcome.max(ended);
        }
        if output.lost() { Outcome::Failed } else { outcome }
    }

    /// Shows a run until it has ended.
    pub fn follow(&self, session: &Session, run: &mut impl Audience) -> Outcome {
        let (mut stop, mut since) = (None, Instant::now());
        let (mut alarm, mut back, mut went_on) = (None, false, false);
        loop {
            if stop.is_none() && self.interrupt.load(Ordering::Relaxed) {
                run.say("interrupted: the run saves a checkpoint and stops; interrupt again to leave at once");
                stop = Some(order(session, Stop::Interrupt));
                since = Instant::now();
            }
            if self.save.swap(false, Ordering::Relaxed) {
                // (a trainer that takes no command any more has ended)
                let _ = session.commands.send(Command::Save);
            }
            if stop == Some(Stop::Interrupt) && since.elapsed() > ONE_INTERRUPT {
                self.again.store(true, Ordering::Relaxed);
            }
            let mut event = match session.events.recv_timeout(POLL) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Outcome::Failed,
            };
            match &mut event {
                Event::Steps(_) => (alarm, back) = (None, false),
                Event::RolledBack(_) => back = true,
                Event::Alarm { message, .. } => alarm = Some(message.clone()),
                // (an alarm has rolled it back: once)
                Event::State(State::Paused) if stop.is_none() && alarm.is_some() && back && !went_on => {
                    run.say("goes on without the edit that was rolled back; the next such alarm ends the run");
                    (alarm, went_on) = (None, true);
                    // (a trainer that takes no command any more has ended)
                    let _ = session.commands.send(Command::Resume);
                }
                // The trainer pauses right after an alarm because it cannot go on, else because an attached screen asked.
                Event::State(State::Paused) if stop.is_none() && alarm.is_some() => {
                    stop = Some(order(session, Stop::Fault));
                }
                Event::Ended(summary) if stop == Some(Stop::Fault) => {
                    summary.state = State::Failed;
                    summary.error = alarm.take();
                }
                _ => {}
            }
            run.show(&event);
            if let Event::Ended(summary) = &event {
                return outcome(summary, stop);
            }
        }
    }
}

/// Why a run was told to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Interrupt,
    Fault,
}

fn order(session: &Session, why: Stop) -> Stop {
    // A trainer that takes no command any more has ended, and its `Ended` is on the way.
    let _ = session.commands.send(Command::Stop { save: why == Stop::Interrupt });
    why
}

fn outcome(summary: &Summary, stop: Option<Stop>) -> Outcome {
    match summary.state {
        State::Failed => Outcome::Failed,
        _ if stop == Some(Stop::Interrupt) => Outcome::Interrupted,
        State::Done => Outcome::Done,
        // (an attached screen stopped it)
        _ => Outcome::Interrupted,
    }
}
