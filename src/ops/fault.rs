//! Faults of a GPU. dfdx and cudarc panic on errors of the driver, also where they free what lies on the GPU: while a
//! first panic unwinds, a second one ends the program. Hence a panic on a thread that computes on a GPU does not unwind:
//! it is told to whoever waits, and the thread stands still for ever.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::{Builder, park};

/// Takes what a panic says.
type Last = Box<dyn FnOnce(String)>;

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Runs `f`. When it panics, `last` is told what the panic says, and the thread goes no further.
pub fn last_words<T>(last: impl FnOnce(String) + 'static, f: impl FnOnce() -> T) -> T {
    watch();
    LAST.set(Some(Box::new(last)));
    let done = f();
    LAST.take();
    done
}

/// Runs `f` on a thread of its own.
///
/// # Errors
/// What a panic there says, or why there is no thread.
pub fn apart<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (said, heard) = channel();
    let failed = said.clone();
    let work = move || {
        // Nobody may be waiting any more.
        let done = last_words(move |words| drop(failed.send(Err(words))), f);
        drop(said.send(Ok(done)));
    };
    Builder::new().name("GPU".into()).spawn(work).map_err(|e| e.to_string())?;
    heard.recv().unwrap_or_else(|_| Err("its thread ended without a word".into()))
}

/// What a panic means, as a predicate of what computes.
pub fn meant(panic: &str) -> String {
    let panic = panic.trim_start_matches("called `Result::unwrap()` on an `Err` value: ");
    // These are cudarc's own words for errors of the compiler and of the driver.
    let has = |words: &[&str]| words.iter().any(|word| panic.contains(word));
    if has(&["CompileError", "NVRTC"]) {
        let folders = "the CUDA folder of the build and target/ of the checkout must stay where they were";
        format!("a kernel cannot be compiled for it ({folders}): {panic}")
    } else if has(&["OUT_OF_MEMORY"]) {
        "its memory is full".into()
    } else if has(&["DriverError", "CUBLAS"]) {
        format!("it failed: {panic}")
    } else {
        format!("a fault of the program: {panic}")
    }
}

/// Hears of every panic, on the thread that panics; says whether the panic has been told.
pub type Ear = Arc<dyn Fn(&PanicHookInfo<'_>) -> bool + Send + Sync>;

static EAR: Mutex<Option<Ear>> = Mutex::new(None);

/// Has `ear` hear of panics from now on, instead of the one before.
pub fn listen(ear: Option<Ear>) {
    watch();
    *EAR.lock().unwrap_or_else(PoisonError::into_inner) = ear;
}

/// Sets the hook, once: a thread that stands still in it keeps all others from setting one.
fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let ear = EAR.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let told = ear.is_some_and(|ear| ear(info));
            if let Some(last) = LAST.take() {
                last(text(info.payload()).into());
                loop {
                    park();
                }
            }
            if !told {
                before(info);
            }
        }));
    });
}

/// What a panic says.
pub fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    text.unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a piece of a GPU's memory when the GPU has failed.
    struct Freed;

    impl Drop for Freed {
        fn drop(&mut self) {
            panic!("cannot be freed");
        }
    }

    #[test]
    fn a_panic_is_told_and_unwinds_nothing() {
        // A process of its own: that of the tests sets a hook in the end, which a thread that stands still prevents.
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["ops::fault::tests::threads_that_stand_still", "--exact", "--ignored", "--nocapture"]);
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(0) && said.contains("all was told"), "{said}");
    }

    #[test]
    #[ignore = "a part of the test above"]
    fn threads_that_stand_still() {
        assert_eq!(apart(|| 7), Ok(7));
        let told: Result<(), String> = apart(|| {
            let _freed = Freed;
            panic!("launch failed");
        });
        assert!(told.unwrap_err().contains("launch failed"));
        assert_eq!(apart(|| drop(Freed)), Err("cannot be freed".into()));
        eprintln!("all was told");
        std::process::exit(0);
    }

    #[test]
    fn what_a_panic_means_is_told() {
        let unwrapped = |what: &str| meant(&format!("called `Result::unwrap()` on an `Err` value: {what}"));
        let full = unwrapped("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        assert_eq!(full, "its memory is full");
        assert!(unwrapped("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"...\")").starts_with("it failed: "));
        let header = unwrapped("CompileError { nvrtc: NvrtcError(NVRTC_ERROR_COMPILATION), options: [], log: \"\" }");
        assert!(header.contains("target/ of the checkout"));
        assert!(meant("index out of bounds").starts_with("a fault of the program"));
    }
}
