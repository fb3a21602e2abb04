//! The headless front end: `tricktop --batch` runs recipes in turn and prints what happens.
//!
//! Standard output holds data only: JSON lines, or plain lines. Errors and the progress bar go to standard error.

mod output;
#[cfg(test)]
mod tests;
mod text;

pub use output::Format;

use crate::runs::{RunError, Session};
use crate::train::{Command, Event, State};
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
    /// Has every run that is at work save a checkpoint: this one, where there is no other.
    fn save(&mut self, session: &Session) {
        // A trainer that takes no command any more has ended.
        let _ = session.commands.send(Command::Save);
    }
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
    /// Set by SIGUSR1: every run at work saves a checkpoint and goes on.
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
        session.notes.iter().for_each(|note| run.say(note));
        let (mut interrupted, mut paused): (Option<Instant>, bool) = (None, false);
        loop {
            if interrupted.is_none() && self.interrupt.load(Ordering::Relaxed) {
                run.say("interrupted: the run saves a checkpoint and stops; interrupt again to leave at once");
                // A trainer that takes no command any more has ended, and its `Ended` is on the way.
                let _ = session.commands.send(Command::Stop { save: true });
                interrupted = Some(Instant::now());
            }
            if self.save.swap(false, Ordering::Relaxed) {
                run.save(session);
            }
            if interrupted.is_some_and(|since| since.elapsed() > ONE_INTERRUPT) {
                self.again.store(true, Ordering::Relaxed);
            }
            let event = match session.events.recv_timeout(POLL) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Outcome::Failed,
            };
            // An alarm pauses no run that nobody sits at: somebody else did.
            match &event {
                Event::State(State::Paused) => {
                    let by = session.paused_by().map_or(String::new(), |who| format!(" by {who}"));
                    run.say(&format!("paused{by}: it waits until it is told to go on"));
                    paused = true;
                }
                Event::State(State::Running) if paused => {
                    run.say("goes on");
                    paused = false;
                }
                _ => {}
            }
            run.show(&event);
            if let Event::Ended(summary) = &event {
                return match summary.state {
                    State::Failed => Outcome::Failed,
                    _ if interrupted.is_some() => Outcome::Interrupted,
                    State::Done => Outcome::Done,
                    // An attached screen stopped it.
                    _ => Outcome::Interrupted,
                };
            }
        }
    }
}
