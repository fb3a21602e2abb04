//! Where the time of a step goes: a clock for every kind of work. It always runs, since it costs two readings of the
//! time a kernel.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Convolution and linear layers, forward, with the norms done on the way.
    Forward,
    /// Their gradients.
    Backward,
    /// Statistics and gradients of norms that take a pass of their own over a map.
    Norm,
    /// Residual sums.
    Sum,
    /// Pools.
    Pool,
    /// Dropout, upsampling and the loss of pixels.
    Pixels,
    /// The optimiser's step and the check of its gradients.
    Optimiser,
}

/// Every kind and its name.
pub const KINDS: [(Work, &str); 7] = [
    (Work::Forward, "convolutions, forward"),
    (Work::Backward, "convolutions, backward"),
    (Work::Norm, "norms"),
    (Work::Sum, "residual sums"),
    (Work::Pool, "pools"),
    (Work::Pixels, "upsampling and its loss"),
    (Work::Optimiser, "optimiser"),
];

static NANOSECONDS: [AtomicU64; KINDS.len()] = [const { AtomicU64::new(0) }; KINDS.len()];

/// Runs `f` on the clock of its kind.
pub fn timed<R>(work: Work, f: impl FnOnce() -> R) -> R {
    let begun = Instant::now();
    let result = f();
    NANOSECONDS[work as usize].fetch_add(begun.elapsed().as_nanos() as u64, Relaxed);
    result
}

/// The time of every kind since the last call.
pub fn take() -> Vec<(&'static str, Duration)> {
    KINDS.iter().map(|(w, name)| (*name, Duration::from_nanos(NANOSECONDS[*w as usize].swap(0, Relaxed)))).collect()
}
