//! Signals that steer runs, caught from the first moment of the program: what comes before there is a run is not lost,
//! and kills nothing that it should not. The handlers set flags and do nothing else.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Exit code of a program that a signal ended.
pub const INTERRUPTED: i32 = 130;
/// Exit code of a program that a scheduler is to begin again: EX_TEMPFAIL.
pub const AGAIN: u8 = 75;

/// What signals have set.
#[derive(Debug, Default)]
pub struct Signals {
    /// SIGINT or SIGTERM asks for an end, or SIGUSR2.
    pub interrupt: Arc<AtomicBool>,
    /// SIGUSR2 asks for an end because the program will be begun again.
    pub requeue: Arc<AtomicBool>,
    /// While this is set, SIGINT and SIGTERM end the program at once: there is nothing yet to save, or somebody has
    /// asked for the second time.
    pub at_once: Arc<AtomicBool>,
    /// SIGUSR1 asks for a checkpoint.
    pub save: Arc<AtomicBool>,
    /// SIGHUP says that the terminal is gone; without a screen that is nothing to a run.
    pub hang_up: Arc<AtomicBool>,
    /// While this is set, signals do what they do to any program.
    released: Arc<AtomicBool>,
}

static CAUGHT: OnceLock<Signals> = OnceLock::new();

/// Catches the signals from now on. Until [`Signals::begin`] SIGINT and SIGTERM end the program, with exit code 130.
///
/// # Errors
/// The system's.
pub fn catch() -> io::Result<&'static Signals> {
    if let Some(caught) = CAUGHT.get() {
        return Ok(caught);
    }
    let signals = Signals::default();
    signals.at_once.store(true, Ordering::SeqCst);
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] {
        flag::register_conditional_default(signal, Arc::clone(&signals.released))?;
    }
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&signals.at_once))?;
        flag::register(signal, Arc::clone(&signals.interrupt))?;
    }
    flag::register_conditional_shutdown(SIGUSR2, AGAIN.into(), Arc::clone(&signals.at_once))?;
    flag::register(SIGUSR2, Arc::clone(&signals.requeue))?;
    flag::register(SIGUSR2, Arc::clone(&signals.interrupt))?;
    flag::register(SIGHUP, Arc::clone(&signals.hang_up))?;
    flag::register(SIGUSR1, Arc::clone(&signals.save))?;
    Ok(CAUGHT.get_or_init(|| signals))
}

impl Signals {
    /// From now on there is something to save: an interrupt is a wish.
    pub fn begin(&self) -> &Signals {
        self.at_once.store(false, Ordering::SeqCst);
        self
    }

    /// Lets signals do to the program what they do to any other: it trains nothing.
    ///
    /// # Errors
    /// The system's.
    pub fn release(&self) -> io::Result<()> {
        self.released.store(true, Ordering::SeqCst);
        let came = [SIGHUP, SIGUSR1, SIGUSR2].into_iter().find(|signal| self.take(*signal));
        came.map_or(Ok(()), emulate_default_handler)
    }

    /// What a signal has asked for since this was called for it the last time.
    pub fn take(&self, signal: i32) -> bool {
        let flag = match signal {
            SIGINT | SIGTERM => &self.interrupt,
            SIGHUP => &self.hang_up,
            SIGUSR1 => &self.save,
            SIGUSR2 => &self.requeue,
            _ => return false,
        };
        flag.swap(false, Ordering::SeqCst)
    }
}
