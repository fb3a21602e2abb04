//! How much memory training a net takes, worked out before it starts.

use super::layer::{ParamSpec, walk};
use super::{Auxiliary, Logits, NetSpec, Role};
use crate::ops::memory::{Backend, Extent, Operation};
use serde::Serialize;

/// Largest batch that is thought of.
const BATCHES: usize = 65536;

/// Memory of a training step, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Parameters and running statistics, and on a GPU weights in another layout.
    pub weights: u64,
    /// What the optimiser keeps.
    pub optimiser: u64,
    /// Gradients of the parameters.
    pub gradients: u64,
    /// Maps that are kept from the forward to the backward pass.
    pub activations: u64,
    /// Gradients of maps on their way, gathered rows and what else comes and goes: the most at a time.
    pub passing: u64,
    /// Values that one operation has the device count, at most.
    #[serde(skip)]
    pub count: u64,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.optimiser + self.gradients + self.activations + self.passing
    }

    /// Whether the device can count the values of every operation: a GPU does in 32 bits.
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
    /// Layers, from the first one on, that are frozen for the whole run.
    pub frozen: usize,
    /// Slots of the optimiser.
    pub slots: usize,
    /// Whether a running average of the weights is kept.
    pub averaged: bool,
    /// Images that go through the net together, 0 for a whole batch.
    pub shard: usize,
    /// What computes.
    pub backend: Backend,
}

impl Training<'_> {
    /// Memory that batches of so many images take, about.
    pub fn memory(&self, batch: usize) -> Memory {
        let (whole, batch) = (batch, if self.shard > 0 { batch.min(self.shard) } else { batch });
        let mut memory = self.of(self.net, self.frozen, batch);
        // The gradients of the shards at hand, and sums of those before them.
        memory.gradients *= 1 + u64::from(whole.div_ceil(batch.max(1)).next_power_of_two().ilog2());
        let Some(net) = self.teacher else { return memory };
        let (teacher, (h, w)) = (self.of(net, 0, batch), self.size);
        let pixels = if net.logits == Logits::Image { 1 } else { h * w };
        // A teacher has answered before the net begins, and keeps nothing but its logits.
        Memory {
            weights: memory.weights + teacher.weights,
            activations: memory.activations + 4 * (batch * pixels * net.classes) as u64,
            passing: memory.passing.max(teacher.passing),
            count: memory.count.max(teacher.count),
            ..memory
        }
    }

    fn of(&self, net: &NetSpec, frozen: usize, batch: usize) -> Memory {
        let ((h, w), backend, params) = (self.size, self.backend, net.params());
        let values = |params: &[ParamSpec], trained: bool| -> u64 {
            let of = params.iter().filter(|p| !trained || p.role != Role::Statistic);
            of.map(|p| p.len() as u64).sum()
        };
        let learnt = values(&params, true);
        let mut maps = Maps { backend, batch: batch as u64, kept: 0, largest: 0, most: 0, count: 0 };
        let image = Extent { h, w, c: net.image_channels };
        maps.kept = maps.bytes(image.values());
        // A frozen map is there for the next layer alone.
        let (frozen, trained) = net.layers.split_at(frozen);
        let (kept, whole) = (maps.kept, image);
        let image = walk(frozen, image, &mut |part, from, to| maps.add(part.operation(), from, to));
        maps.kept = if frozen.is_empty() { kept } else { kept + maps.bytes(image.values()) };
        let end = walk(trained, image, &mut |part, from, to| maps.add(part.operation(), from, to));
        if let Logits::Pixels { .. } = net.logits {
            let logits = |at: Extent, maps: &mut Maps| {
                let (from, to) = (Extent { c: net.classes, ..at }, Extent { c: net.classes, ..image });
                maps.add(Operation::Upsample, from, to);
            };
            logits(end, &mut maps);
            if let Some(Auxiliary { after, layers, .. }) = &net.auxiliary {
                let from = walk(&net.layers[..*after], whole, &mut |_, _, _| {});
                let end = walk(layers, from, &mut |part, from, to| maps.add(part.operation(), from, to));
                logits(end, &mut maps);
            }
        }
        let weights = 4 * values(&params, false) + backend.weights(learnt);
        // The average is a net of its own, which is evaluated.
        let average = if self.averaged { weights } else { 0 };
        Memory {
            weights,
            optimiser: 4 * self.slots as u64 * learnt + average,
            gradients: 4 * values(&params[net.params_of(frozen.len())..], true),
            activations: maps.kept,
            passing: maps.most + 2 * maps.largest + backend.overhead(maps.kept),
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
    backend: Backend,
    batch: u64,
    kept: u64,
    largest: u64,
    /// The most that one operation needs beside them.
    most: u64,
    /// Values that one operation has the device count.
    count: u64,
}

impl Maps {
    /// Bytes of so many values an image.
    fn bytes(&self, values: u64) -> u64 {
        values * self.batch * self.backend.value_bytes()
    }

    fn add(&mut self, operation: Operation, from: Extent, to: Extent) {
        let (map, taken) = (self.bytes(to.values()), self.backend.taken(operation, from, to, self.batch));
        self.kept += taken.kept * map;
        self.largest = self.largest.max(map);
        self.most = self.most.max(taken.beside);
        self.count = self.count.max(taken.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Precision;
    use crate::recipe::settings::{Form, Net};

    const CPU: Backend = Backend::Cpu(Precision::Single);
    const GPU: Backend = Backend::Cuda { precision: Precision::Single, cudnn: false };
    const GPU_HALF: Backend = Backend::Cuda { precision: Precision::Half, cudnn: true };

    fn small(net: &NetSpec, backend: Backend) -> Training<'_> {
        Training { net, teacher: None, size: (28, 28), frozen: 0, slots: 1, averaged: false, shard: 0, backend }
    }

    #[test]
    fn memory_grows_with_the_batch_and_halves_in_half_precision() {
        let spec = NetSpec::new(&Net::default(), 1, 10);
        let of = |batch, backend| small(&spec, backend).memory(batch);
        for backend in [CPU, GPU, GPU_HALF] {
            let (one, many) = (of(1, backend), of(64, backend));
            assert_eq!((many.weights, many.optimiser), (one.weights, one.optimiser));
            assert_eq!(many.activations, 64 * one.activations);
            // Rows are not gathered for all images at once.
            assert!(many.passing > one.passing && many.passing <= 64 * one.passing, "{one:?} {many:?}");
        }
        assert_eq!(of(8, GPU).activations, 2 * of(8, GPU_HALF).activations);
    }

    #[test]
    fn a_teacher_takes_its_weights_and_room_to_answer() {
        let net = NetSpec::new(&Net::default(), 1, 10);
        let wide = NetSpec::new(&Net { width: 4.0, ..Net::default() }, 1, 10);
        let (alone, teacher) = (small(&net, GPU).memory(8), small(&wide, GPU).memory(8));
        let taught = Training { teacher: Some(&wide), ..small(&net, GPU) }.memory(8);
        assert_eq!(taught.weights, alone.weights + teacher.weights);
        assert_eq!((taught.passing, taught.activations), (teacher.passing, alone.activations + 4 * 8 * 10));
        assert!(taught.total() < alone.total() + teacher.total());
    }

    #[test]
    fn what_is_frozen_keeps_no_maps_and_has_no_gradients() {
        let net = NetSpec::new(&Net::default(), 1, 10);
        for backend in [CPU, GPU, GPU_HALF] {
            let of = |frozen| Training { frozen, ..small(&net, backend) }.memory(64);
            let (all, stem, backbone) = (of(0), of(1), of(net.layers.len()));
            assert!(stem.activations <= all.activations && 10 * backbone.activations < all.activations, "{backend:?}");
            assert_eq!(backbone.gradients, 4 * (64 * 10 + 10));
            assert_eq!((backbone.weights, backbone.optimiser), (all.weights, all.optimiser));
        }
    }

    #[test]
    fn an_average_of_the_weights_takes_as_much_as_they_do() {
        let net = NetSpec::new(&Net::default(), 1, 10);
        for backend in [CPU, GPU_HALF] {
            let (alone, averaged) =
                (small(&net, backend).memory(8), Training { averaged: true, ..small(&net, backend) }.memory(8));
            assert_eq!(averaged.total(), alone.total() + alone.weights);
        }
    }

    #[test]
    fn a_batch_that_a_gpu_cannot_count_does_not_fit() {
        let net = Net { form: Form::ImageNet, depth: 50, ..Net::default() };
        let spec = NetSpec::new(&net, 3, 1000);
        let of = |backend| Training {
            net: &spec,
            teacher: None,
            size: (224, 224),
            frozen: 0,
            slots: 1,
            averaged: false,
            shard: 0,
            backend,
        };
        let gpu = of(GPU_HALF);
        // The largest map has 112 * 112 * 64 values an image; cuDNN counts to 2^31.
        let most = (u32::MAX as usize) / (2 * 112 * 112 * 64);
        assert_eq!(gpu.largest_batch(u64::MAX), Some(most));
        assert!(gpu.memory(most).is_countable());
        assert!(!gpu.memory(most + 1).is_countable());
        assert_eq!(of(CPU).largest_batch(u64::MAX), Some(BATCHES));
    }

    #[test]
    fn the_largest_batch_fits_and_one_image_more_does_not() {
        let spec = NetSpec::new(&Net::default(), 1, 10);
        for backend in [CPU, GPU] {
            let training = small(&spec, backend);
            for free in [100_000_000, 1_000_000_000] {
                let batch = training.largest_batch(free).unwrap();
                let needed = |batch| training.memory(batch).total();
                assert!(needed(batch) <= free && needed(batch + 1) > free, "{batch} of {free}");
            }
            assert_eq!(training.largest_batch(1_000_000), None);
        }
    }
}
