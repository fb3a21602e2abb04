//! Signals that ask for an end. The handlers set a flag and do nothing else.

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The flag and its handlers, which are taken away when this is dropped.
pub(super) struct Signals {
    flag: Arc<AtomicBool>,
    handlers: Vec<SigId>,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let mut signals = Signals { flag: Arc::default(), handlers: Vec::new() };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signals.handlers.push(signal_hook::flag::register(signal, Arc::clone(&signals.flag))?);
        }
        Ok(signals)
    }

    /// Whether one came since the last call.
    pub(super) fn raised(&self) -> bool {
        self.flag.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.handlers.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}
