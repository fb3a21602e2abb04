//! Signals that steer the run. The handlers set flags and do nothing else.

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag::register;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Signals within this time are one: an interrupt may come to the program and to its group.
const ONE_INTERRUPT: Duration = Duration::from_millis(700);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Save and leave.
    End,
    /// Leave at once: a second SIGINT.
    EndNow,
    /// Save and go on.
    Save,
}

/// The flags and their handlers, which are taken away when this is dropped.
pub(super) struct Signals {
    end: Arc<AtomicBool>,
    interrupt: Arc<AtomicBool>,
    save: Arc<AtomicBool>,
    handlers: Vec<SigId>,
    interrupted: Option<Instant>,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let [end, interrupt, save] = [(); 3].map(|()| Arc::<AtomicBool>::default());
        let flags = [(SIGTERM, &end), (SIGHUP, &end), (SIGINT, &interrupt), (SIGUSR1, &save)];
        let handlers = flags.into_iter().map(|(signal, flag)| register(signal, Arc::clone(flag)));
        let handlers = handlers.collect::<io::Result<_>>()?;
        Ok(Signals { end, interrupt, save, handlers, interrupted: None })
    }

    /// What was asked for since the last call.
    pub(super) fn raised(&mut self) -> Vec<Wish> {
        let taken = |flag: &AtomicBool| flag.swap(false, Ordering::Relaxed);
        let mut wishes = Vec::new();
        if taken(&self.interrupt) {
            let again = self.interrupted.is_some_and(|at| at.elapsed() > ONE_INTERRUPT);
            self.interrupted.get_or_insert_with(Instant::now);
            wishes.push(if again { Wish::EndNow } else { Wish::End });
        }
        wishes.extend(taken(&self.end).then_some(Wish::End));
        wishes.extend(taken(&self.save).then_some(Wish::Save));
        wishes
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.handlers.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}
