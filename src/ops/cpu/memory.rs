//! What operations take of a CPU's memory: a unit keeps the output of its convolution, and norms are applied where they are
//! read.

use crate::ops::memory::{Operation, Taken};

/// The program itself.
const PROGRAM: u64 = 45_000_000;

pub(in crate::ops) fn taken(operation: Operation<'_>) -> Taken {
    let kept = match operation {
        // A map that no norm follows is made for its reader alone; a norm alone stays pending on its input.
        Operation::Conv { norm: false, .. } | Operation::Norm => 0,
        // The loss makes the gradient of the logits at once.
        Operation::Upsample => 2,
        _ => 1,
    };
    Taken { kept, ..Taken::default() }
}

/// Buffers are used again for maps of about their size, so that they are larger than these by a third on average.
pub(in crate::ops) fn overhead(kept: u64) -> u64 {
    PROGRAM + kept / 3
}
