//! How much memory training a net takes, worked out before it starts.

use super::layer::{Extent, Part, Unit, walk};
use super::{NetSpec, Role};
use crate::ops::lean::GATHERED;
use serde::Serialize;

/// Gathered rows that a convolution or pool of a card holds at a time.
const ROWS: u64 = 2;

/// Copies of weights that are spread out.
const SPREAD: u64 = 6;

/// Single-precision maps that a norm of a card holds at a time: values and gradients of its steps.
const NORM: u64 = 12;

/// What computes, as far as memory goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The processor's kernels: units keep the output of their convolution, norms are applied where they are read.
    Kernels,
    /// A card: convolutions and norms keep their outputs; rows are gathered for the products.
    Card {
        /// Whether maps and their gradients are in half precision.
        half: bool,
    },
}

/// Memory of a training step, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Parameters and running statistics.
    pub weights: u64,
    /// Velocities of the optimiser.
    pub velocities: u64,
    /// Gradients of the parameters.
    pub gradients: u64,
    /// Maps that are kept from the forward to the backward pass.
    pub activations: u64,
    /// Gradients of maps on their way, gathered rows and what else comes and goes: the most at a time.
    pub passing: u64,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.velocities + self.gradients + self.activations + self.passing
    }
}

impl NetSpec {
    /// Memory that training on `batch` images of `h` x `w` takes, about.
    pub fn memory(&self, h: usize, w: usize, batch: usize, plan: Plan) -> Memory {
        let params = self.params();
        let values = |trained: bool| -> u64 {
            let of = params.iter().filter(|p| !trained || p.role != Role::Statistic);
            of.map(|p| p.len() as u64).sum()
        };
        let mut maps = Maps { plan, batch: batch as u64, kept: 0, largest: 0, most: 0 };
        walk(&self.layers, Extent { h, w, c: self.image_channels }, &mut |part, from, to| maps.add(part, from, to));
        Memory {
            weights: 4 * values(false),
            velocities: 4 * values(true),
            gradients: 4 * values(true),
            activations: maps.kept,
            passing: maps.most + 2 * maps.largest,
        }
    }

    /// The largest batch that fits into `free` bytes, if one image does.
    pub fn largest_batch(&self, h: usize, w: usize, free: u64, plan: Plan) -> Option<usize> {
        let fits = |batch: usize| self.memory(h, w, batch, plan).total() <= free;
        let above = (0..usize::BITS).map(|bit| 1 << bit).find(|batch| !fits(*batch))?;
        let batches: Vec<usize> = (above / 2..above).collect();
        batches.partition_point(|batch| fits(*batch)).checked_sub(1).map(|at| batches[at]).filter(|batch| *batch > 0)
    }
}

/// The maps of a pass, in bytes.
struct Maps {
    plan: Plan,
    batch: u64,
    kept: u64,
    largest: u64,
    /// The most that one operation needs beside them.
    most: u64,
}

impl Maps {
    fn add(&mut self, part: Part, from: Extent, to: Extent) {
        let half = self.plan == Plan::Card { half: true };
        let bytes = |values: u64| values * self.batch * if half { 2 } else { 4 };
        let map = bytes(to.values());
        let (kept, beside) = match (self.plan, part) {
            (Plan::Kernels, Part::Unit(Unit { norm_name: None, .. }) | Part::Norm) => (0, 0),
            (Plan::Kernels, _) => (1, 0),
            (Plan::Card { .. }, Part::Unit(unit)) => {
                let rows = to.h as u64 * to.w as u64 * (unit.conv.taps() * unit.conv.c_in) as u64;
                let at_once = (GATHERED as u64).clamp(rows, rows * self.batch) * bytes(1) / self.batch;
                // (a grouped convolution is spread out to a dense one)
                let spread = (unit.conv.taps() * unit.conv.c_in * unit.conv.c_out) as u64;
                let spread = if unit.conv.groups > 1 { SPREAD * spread * bytes(1) / self.batch } else { 0 };
                let product = ROWS * at_once + 3 * bytes(from.values()) + 3 * map + spread;
                match unit.norm_name {
                    Some(_) => (2, product.max(NORM * to.values() * self.batch * 4)),
                    None => (1, product),
                }
            }
            (Plan::Card { .. }, Part::Norm | Part::Sum(Some(_))) => (1, NORM * to.values() * self.batch * 4),
            (Plan::Card { .. }, Part::Sum(None)) => (0, 0),
            (Plan::Card { .. }, Part::Pool(pool)) => {
                let members = (pool.kernel * pool.kernel) as u64;
                (1, (ROWS * members * to.values() + 3 * from.values()) * self.batch * 4)
            }
            (Plan::Card { .. }, Part::Concat) => (1, 3 * to.values() * self.batch * 4),
        };
        self.kept += kept * map;
        self.largest = self.largest.max(map);
        self.most = self.most.max(beside);
    }
}
