//! Signals that steer the run and the terminal. The handlers set flags and do nothing else.

use crate::signals;
use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};
use signal_hook::flag::{register, register_conditional_default};
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
    /// The terminal is gone.
    HangUp,
    /// Give the terminal back and stop until SIGCONT.
    Suspend,
    /// Take the terminal again.
    Continue,
    /// Give the terminal back and die of the signal.
    Quit,
}

/// The signals and what they ask for.
const WISHES: [(i32, Wish); 8] = [
    (SIGTERM, Wish::End),
    (SIGUSR2, Wish::End),
    (SIGINT, Wish::End),
    (SIGUSR1, Wish::Save),
    (SIGHUP, Wish::HangUp),
    (SIGTSTP, Wish::Suspend),
    (SIGCONT, Wish::Continue),
    (SIGQUIT, Wish::Quit),
];

/// The flags and their handlers, which are taken away when this is dropped.
pub(super) struct Signals {
    flags: [Arc<AtomicBool>; WISHES.len()],
    handlers: Vec<SigId>,
    interrupted: Option<Instant>,
}

impl Signals {
    pub(super) fn new() -> io::Result<Signals> {
        let early = signals::catch()?.begin();
        let flags = WISHES.map(|_| Arc::<AtomicBool>::default());
        let mut handlers = Vec::new();
        for ((signal, wish), flag) in WISHES.iter().zip(&flags) {
            if *wish == Wish::Quit {
                // The second one does not wait for a screen that may have got stuck.
                handlers.push(register_conditional_default(*signal, Arc::clone(flag))?);
            }
            handlers.push(register(*signal, Arc::clone(flag))?);
            // What came before there was a screen.
            if early.take(*signal) {
                flag.store(true, Ordering::Relaxed);
            }
        }
        Ok(Signals { flags, handlers, interrupted: None })
    }

    /// What was asked for since the last call.
    pub(super) fn raised(&mut self) -> Vec<Wish> {
        let raised = WISHES.iter().zip(&self.flags).filter(|(_, flag)| flag.swap(false, Ordering::Relaxed));
        let mut wishes = Vec::new();
        for ((signal, wish), _) in raised {
            if *signal == SIGINT {
                let again = self.interrupted.is_some_and(|at| at.elapsed() > ONE_INTERRUPT);
                self.interrupted.get_or_insert_with(Instant::now);
                wishes.push(if again { Wish::EndNow } else { Wish::End });
            } else {
                wishes.push(*wish);
            }
        }
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
