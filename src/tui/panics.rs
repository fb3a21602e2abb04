//! Panics: one on the thread of the screen gives the terminal back before it prints; what a panic on another thread
//! has to say is kept until the terminal is free.

use super::terminal;
use crate::app::Msg;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};

type Hook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The hook while the screen is open; the one before comes back when this is dropped.
pub(super) struct Panics {
    kept: Arc<Mutex<Vec<String>>>,
    before: Hook,
}

impl Panics {
    pub(super) fn watch() -> Panics {
        let before: Hook = Arc::from(panic::take_hook());
        let kept: Arc<Mutex<Vec<String>>> = Arc::default();
        let (screen, keep, print) = (std::thread::current().id(), Arc::clone(&kept), Arc::clone(&before));
        panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == screen {
                // The panic itself is what must be told.
                drop(terminal::restore());
                print(info);
            } else {
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(sentence(info));
            }
        }));
        Panics { kept, before }
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
            eprintln!("panic: {text}");
        }
    }
}

/// What a panic says, and where, in one line.
fn sentence(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = info.location().map_or_else(String::new, |l| format!(" ({}:{})", l.file(), l.line()));
    format!("{}{place}", text.unwrap_or("no message").replace('\n', " "))
}

impl Drop for Panics {
    fn drop(&mut self) {
        // The hook cannot be changed while panicking.
        if !std::thread::panicking() {
            let before = Arc::clone(&self.before);
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}
