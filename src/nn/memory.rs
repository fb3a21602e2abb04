//! How much memory training a net takes, worked out before it starts.

use super::layer::{Extent, Part, Unit, walk};
use super::{NetSpec, Role};
use crate::ops::lean::GATHERED;
use serde::Serialize;

/// Gathered rows that a convolution or pool of a card holds at a time.
const ROWS: u64 = 2;

/// Single-precision maps that a norm of a card holds at a time: values and gradients of its steps.
const NORM: u64 = 12;

/// The program itself, in the memory of the processor. There a buffer may also be larger than the map in it, by a third
/// on average: buffers are used again for maps of about their size.
const PROGRAM: u64 = 45_000_000;

/// Largest batch that is thought of.
const BATCHES: usize = 65536;

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
    /// Values that one operation of a card goes through, at most.
    #[serde(skip)]
    pub count: u64,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.velocities + self.gradients + self.activations + self.passing
    }

    /// Whether dfdx can count the values of every operation: on a card in 32 bits.
    pub fn is_countable(&self) -> bool {
        self.count <= u64::from(u32::MAX)
    }
}

/// What takes memory.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The net that is trained.
    pub net: &'a NetSpec,
    /// Its teacher.
    pub teacher: Option<&'a NetSpec>,
    /// Height and width of an image.
    pub size: (usize, usize),
    /// What computes.
    pub plan: Plan,
}

impl Training<'_> {
    /// Memory that batches of so many images take, about.
    pub fn memory(&self, batch: usize) -> Memory {
        let memory = self.of(self.net, batch);
        let Some(teacher) = self.teacher.map(|net| self.of(net, batch)) else { return memory };
        // (it has answered before the net begins, and keeps nothing)
        Memory {
            weights: memory.weights + teacher.weights,
            passing: memory.passing.max(teacher.passing),
            count: memory.count.max(teacher.count),
            ..memory
        }
    }

    fn of(&self, net: &NetSpec, batch: usize) -> Memory {
        let ((h, w), plan, params) = (self.size, self.plan, net.params());
        let values = |trained: bool| -> u64 {
            let of = params.iter().filter(|p| !trained || p.role != Role::Statistic);
            of.map(|p| p.len() as u64).sum()
        };
        let mut maps = Maps { plan, batch: batch as u64, kept: 0, largest: 0, most: 0, count: 0 };
        let image = Extent { h, w, c: net.image_channels };
        maps.kept = maps.bytes(image.values());
        walk(&net.layers, image, &mut |part, from, to| maps.add(part, from, to));
        Memory {
            weights: 4 * values(false),
            velocities: 4 * values(true),
            gradients: 4 * values(true),
            activations: maps.kept,
            passing: maps.most + 2 * maps.largest + if plan == Plan::Kernels { PROGRAM + maps.kept / 3 } else { 0 },
            count: maps.count,
        }
    }

    /// The largest batch that fits into `free` bytes and can be counted, if one image does.
    pub fn largest_batch(&self, free: u64) -> Option<usize> {
        let batches: Vec<usize> = (1..=BATCHES).collect();
        let fits = |memory: Memory| memory.total() <= free && memory.is_countable();
        let fit = batches.partition_point(|batch| fits(self.memory(*batch)));
        (fit > 0).then_some(fit)
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
    /// Values that one operation goes through: those of a map, or of all windows of a pool.
    count: u64,
}

impl Maps {
    /// Bytes of so many values an image.
    fn bytes(&self, values: u64) -> u64 {
        values * self.batch * if self.plan == (Plan::Card { half: true }) { 2 } else { 4 }
    }

    fn add(&mut self, part: Part, from: Extent, to: Extent) {
        let bytes = |values| self.bytes(values);
        let map = bytes(to.values());
        let (kept, beside) = match (self.plan, part) {
            (Plan::Kernels, Part::Unit(Unit { norm_name: None, .. }) | Part::Norm) => (0, 0),
            (Plan::Kernels, _) => (1, 0),
            (Plan::Card { .. }, Part::Unit(unit)) => {
                let gathered = if unit.conv.is_pointwise() { 0 } else { unit.conv.taps() * unit.conv.c_in };
                let rows = (to.h * to.w * gathered) as u64;
                let at_once = (GATHERED as u64).clamp(rows, rows * self.batch) * bytes(1) / self.batch;
                // (a grouped convolution has its input and output, and their gradients, by group too)
                let copies = if unit.conv.groups > 1 { 5 } else { 3 };
                let product = ROWS * at_once + copies * (bytes(from.values()) + map);
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
        let members = if let Part::Pool(pool) = part { pool.kernel * pool.kernel } else { 1 };
        let values = (members as u64 * to.values()).max(from.values()) * self.batch;
        self.count = self.count.max(if self.plan == Plan::Kernels { 0 } else { values });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::settings::{Form, Net};

    fn small(net: &NetSpec, plan: Plan) -> Training<'_> {
        Training { net, teacher: None, size: (28, 28), plan }
    }

    #[test]
    fn memory_grows_with_the_batch_and_halves_in_half_precision() {
        let spec = NetSpec::new(&Net::default(), 1, 10);
        let of = |batch, plan| small(&spec, plan).memory(batch);
        let [cpu, single, half] = [Plan::Kernels, Plan::Card { half: false }, Plan::Card { half: true }];
        for plan in [cpu, single, half] {
            let (one, many) = (of(1, plan), of(64, plan));
            assert_eq!((many.weights, many.velocities), (one.weights, one.velocities));
            assert_eq!(many.activations, 64 * one.activations);
            // (rows are not gathered for all images at once)
            assert!(many.passing > one.passing && many.passing <= 64 * one.passing, "{one:?} {many:?}");
        }
        assert_eq!(of(8, single).activations, 2 * of(8, half).activations);
    }

    #[test]
    fn a_teacher_takes_its_weights_and_room_to_answer() {
        let net = NetSpec::new(&Net::default(), 1, 10);
        let wide = NetSpec::new(&Net { width: 4.0, ..Net::default() }, 1, 10);
        let plan = Plan::Card { half: false };
        let (alone, teacher) = (small(&net, plan).memory(8), small(&wide, plan).memory(8));
        let taught = Training { teacher: Some(&wide), ..small(&net, plan) }.memory(8);
        assert_eq!(taught.weights, alone.weights + teacher.weights);
        assert_eq!((taught.passing, taught.activations), (teacher.passing, alone.activations));
        assert!(taught.total() < alone.total() + teacher.total());
    }

    #[test]
    fn a_batch_that_a_card_cannot_count_does_not_fit() {
        let net = Net { form: Form::ImageNet, depth: 50, ..Net::default() };
        let spec = NetSpec::new(&net, 3, 1000);
        let of = |plan| Training { net: &spec, teacher: None, size: (224, 224), plan };
        let card = of(Plan::Card { half: true });
        // (the windows of the max-pool: 9 * 56 * 56 * 64 values of an image)
        let most = (u32::MAX as usize) / (9 * 56 * 56 * 64);
        assert_eq!(card.largest_batch(u64::MAX), Some(most));
        assert!(card.memory(most).is_countable());
        assert!(!card.memory(most + 1).is_countable());
        assert_eq!(of(Plan::Kernels).largest_batch(u64::MAX), Some(BATCHES));
    }

    #[test]
    fn the_largest_batch_fits_and_one_image_more_does_not() {
        let spec = NetSpec::new(&Net::default(), 1, 10);
        for plan in [Plan::Kernels, Plan::Card { half: false }] {
            let training = small(&spec, plan);
            for free in [100_000_000, 1_000_000_000] {
                let batch = training.largest_batch(free).unwrap();
                let needed = |batch| training.memory(batch).total();
                assert!(needed(batch) <= free && needed(batch + 1) > free, "{batch} of {free}");
            }
            assert_eq!(training.largest_batch(1_000_000), None);
        }
    }
}
