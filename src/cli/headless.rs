//! Runs without a screen, and the signals that steer them.

use super::{Failure, settings};
use crate::batch::{Batch, Format};
use crate::runs::{RunError, Session};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Trains runs in turn, and prints what happens.
pub(super) fn batch(
    starts: impl IntoIterator<Item = impl FnOnce() -> Result<Session, RunError>>,
    json: bool,
) -> Result<ExitCode, Failure> {
    settings::load()?;
    let signals = Signals::catch().map_err(|e| Failure::SetUp("catching signals", e.to_string()))?;
    let format = if json { Format::Json } else { Format::for_people() };
    let batch = Batch { format, interrupt: &signals.interrupt, again: &signals.again, save: &signals.save };
    let starts = starts.into_iter().map(|start| || start().map(Session::serve));
    Ok(ExitCode::from(batch.run(starts, io::stdout().lock()).code()))
}

/// What signals have set: see [`Batch`].
#[derive(Default)]
pub(super) struct Signals {
    pub(super) interrupt: Arc<AtomicBool>,
    pub(super) again: Arc<AtomicBool>,
    pub(super) save: Arc<AtomicBool>,
}

impl Signals {
    /// SIGINT and SIGTERM set `interrupt`; once somebody has set `again`, they end the program. SIGUSR1 sets `save`.
    /// SIGHUP does nothing: a run goes on without its terminal.
    pub(super) fn catch() -> io::Result<Signals> {
        let signals = Signals::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&signals.again))?;
            flag::register(signal, Arc::clone(&signals.interrupt))?;
        }
        flag::register(SIGHUP, Arc::default())?;
        flag::register(SIGUSR1, Arc::clone(&signals.save))?;
        Ok(signals)
    }
}
