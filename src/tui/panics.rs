//! Panics: one on the thread of the screen gives the terminal back before it prints; what a panic on another thread
//! has to say is kept until the terminal is free.

use super::terminal;
use crate::app::Msg;
use crate::ops::fault;
use crate::text::printed;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, PoisonError};

/// What happens to panics while the screen is open.
pub(super) struct Panics {
    kept: Arc<Mutex<Vec<String>>>,
}

impl Panics {
    pub(super) fn watch() -> Panics {
        let kept: Arc<Mutex<Vec<String>>> = Arc::default();
        let (screen, keep) = (std::thread::current().id(), Arc::clone(&kept));
        fault::listen(Some(Arc::new(move |info| {
            if std::thread::current().id() == screen {
                // The panic itself is what must be told.
                drop(terminal::restore());
                return false;
            }
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(sentence(info));
            true
        })));
        Panics { kept }
    }

    /// A trainer that is lost is lost for a reason, when there was a panic.
    pub(super) fn explain(&self, msg: Msg) -> Msg {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match (msg, kept.last()) {
            (Msg::Lost(_), Some(panic)) => Msg::Lost(format!("the trainer panicked: {panic}")),
            (msg, _) => msg,
        }
    }

    /// Prints what was kept.
    pub(super) fn report(&self) {
        for text in self.kept.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // When standard error is closed, there is nowhere left to say so.
            let _ = writeln!(io::stderr(), "panic: {}", printed(&text));
        }
    }
}

/// What a panic says, and where, in one line.
fn sentence(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(String::new, |l| format!(" ({}:{})", l.file(), l.line()));
    format!("{}{place}", fault::text(info.payload()).replace('\n', " "))
}

impl Drop for Panics {
    fn drop(&mut self) {
        fault::listen(None);
    }
}
