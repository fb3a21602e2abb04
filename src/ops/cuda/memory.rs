//! What operations take of a GPU's memory when they are composed of dfdx's: convolutions and norms keep their outputs, and
//! rows are gathered for the products.

use crate::ops::Precision;
use crate::ops::lean::GATHERED;
use crate::ops::memory::{Extent, Operation, Taken};

/// Gathered rows that a convolution or pool holds at a time.
const ROWS: u64 = 2;

/// Single-precision maps that a norm holds at a time: values and gradients of its steps.
const NORM: u64 = 12;

pub(in crate::ops) fn taken(
    precision: Precision,
    operation: Operation<'_>,
    from: Extent,
    to: Extent,
    batch: u64,
) -> Taken {
    let map = |values: u64| values * batch * precision.bytes();
    let single = |values: u64| values * batch * Precision::Single.bytes();
    let mut members = 1;
    let (kept, beside) = match operation {
        Operation::Conv { conv, norm } => {
            let gathered = if conv.is_pointwise() { 0 } else { conv.taps() * conv.c_in };
            let rows = (to.h * to.w * gathered) as u64;
            let at_once = (GATHERED as u64).clamp(rows, rows * batch) * precision.bytes();
            // A grouped convolution has its input and output, and their gradients, by group too.
            let copies = if conv.groups > 1 { 5 } else { 3 };
            let product = ROWS * at_once + copies * (map(from.values()) + map(to.values()));
            if norm { (2, product.max(single(NORM * to.values()))) } else { (1, product) }
        }
        Operation::Norm | Operation::Sum { gate: true } => (1, single(NORM * to.values())),
        Operation::Sum { gate: false } => (0, 0),
        Operation::Pool(pool) => {
            members = (pool.kernel * pool.kernel) as u64;
            (1, single(ROWS * members * to.values() + 3 * from.values()))
        }
        Operation::Concat => (1, single(3 * to.values())),
    };
    Taken { kept, beside, count: (members * to.values()).max(from.values()) * batch }
}
