//! What operations take of a GPU's memory: convolutions and norms keep their outputs. Without cuDNN rows are gathered for
//! composed products, in single precision.

use crate::ops::Precision;
use crate::ops::lean::GATHERED;
use crate::ops::memory::{Extent, Operation, Taken};

/// Gathered rows that a composed convolution holds at a time.
const ROWS: u64 = 2;

/// Maps of the size of upsampled logits that are kept of them and their loss.
const UPSAMPLED: u64 = 14;

/// cuDNN counts the values of a map to 2^31, half of what can be counted elsewhere.
const COUNTED: u64 = 2;

pub(in crate::ops) fn taken(
    (precision, cudnn): (Precision, bool),
    operation: Operation<'_>,
    from: Extent,
    to: Extent,
    batch: u64,
) -> Taken {
    let single = |values: u64| values * batch * Precision::Single.bytes();
    let (kept, beside) = match operation {
        Operation::Conv { conv, norm } => {
            let gathered = if conv.is_pointwise() { 0 } else { conv.taps() * conv.c_in };
            let rows = (to.h * to.w * gathered) as u64;
            let at_once = (GATHERED as u64).clamp(rows, rows * batch) * Precision::Single.bytes();
            // A grouped convolution has its input and output, and their gradients, by group too.
            let copies = if conv.groups > 1 { 5 } else { 3 };
            let composed = ROWS * at_once + copies * (single(from.values()) + single(to.values()));
            (1 + u64::from(norm), if cudnn { 0 } else { composed })
        }
        Operation::Norm | Operation::Sum { gate: true } | Operation::Concat => (1, 0),
        Operation::Sum { gate: false } => (0, 0),
        // Composed of dfdx's operations, which keep every value, in single precision.
        Operation::Upsample => (UPSAMPLED * (Precision::Single.bytes() / precision.bytes()), 0),
        // A byte a value says which member of its window it is.
        Operation::Pool(_) => (1, to.values() * batch),
    };
    // The gradient of a shortcut waits beside those of the body.
    let waiting = from.values() * batch * precision.bytes();
    Taken { kept, beside: beside + waiting, count: COUNTED * to.values().max(from.values()) * batch }
}

/// Bytes of weights and their gradients in the layout of cuDNN, for so many values.
pub(in crate::ops) fn weights(precision: Precision, values: u64) -> u64 {
    2 * precision.bytes() * values
}
