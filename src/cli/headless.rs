//! Runs without a screen.

use super::{Failure, settings};
use crate::batch::{Batch, Format, Outcome};
use crate::runs::{RunError, Session};
use crate::signals::{self, AGAIN, Signals};
use std::io;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

/// Trains runs in turn, and prints what happens.
pub(super) fn batch(
    starts: impl IntoIterator<Item = impl FnOnce() -> Result<Session, RunError>>,
    json: bool,
) -> Result<ExitCode, Failure> {
    settings::load()?;
    let format = if json { Format::Json } else { Format::for_people() };
    let signals = catch()?;
    let batch = steered(signals, format);
    let starts = starts.into_iter().map(|start| || start().map(Session::serve));
    Ok(code(signals, batch.run(starts, io::stdout().lock())))
}

/// The exit code of runs that ended so.
pub(super) fn code(signals: &Signals, outcome: Outcome) -> ExitCode {
    let again = outcome == Outcome::Interrupted && signals.requeue.load(Ordering::SeqCst);
    ExitCode::from(if again { AGAIN } else { outcome.code() })
}

/// What signals have set, which are caught from the first call on.
pub(super) fn catch() -> Result<&'static Signals, Failure> {
    signals::catch().map_err(|e| Failure::SetUp("catching signals", e.to_string()))
}

/// Runs that signals steer: SIGINT, SIGTERM and SIGUSR2 interrupt them, SIGUSR1 saves, and SIGHUP does nothing, because a run goes
/// on without its terminal.
pub(super) fn steered(signals: &Signals, format: Format) -> Batch<'_> {
    signals.begin();
    Batch { format, interrupt: &signals.interrupt, again: &signals.at_once, save: &signals.save }
}
