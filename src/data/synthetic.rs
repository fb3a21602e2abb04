//! Made-up images that a net can learn to tell apart: for benchmarks and tests.

use super::{DataSet, Images, Opened};
use crate::random::{Purpose, rng};
use crate::recipe::settings::Data;
use rand::Rng;
use std::sync::Arc;

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Synthetic {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Classes, at least two.
    pub classes: usize,
    /// Training images.
    pub train: usize,
    /// Test images.
    pub test: usize,
}

impl Synthetic {
    /// Makes the set: every class has a pattern of its own, every image is its class's pattern under noise.
    pub fn build(&self, seed: u64) -> DataSet {
        let train = self.images(seed, 0, self.train);
        let test = self.images(seed, self.train, self.test);
        let classes = (0..self.classes).map(|label| label.to_string()).collect();
        let opened = Opened::new("synthetic".to_string(), Arc::new(train), Arc::new(test), classes, 0);
        let all = [opened.train.clone(), opened.test.clone()];
        opened.ready(&Data::default(), all)
    }

    /// Images number `first` and on; their labels go round the classes.
    fn images(&self, seed: u64, first: usize, count: usize) -> Images {
        let size = self.height * self.width * self.channels;
        let noise = |epoch, index: usize| {
            let mut rng = rng(seed, Purpose::Synthetic, epoch, index as u64);
            (0..size).map(move |_| rng.gen_range(0..128u8))
        };
        let (mut pixels, mut labels) = (Vec::with_capacity(count * size), Vec::with_capacity(count));
        for i in first..first + count {
            let label = i % self.classes;
            pixels.extend(noise(0, label).zip(noise(1, i)).map(|(pattern, noise)| pattern + noise));
            labels.push(label as u16);
        }
        Images { height: self.height, width: self.width, channels: self.channels, pixels, labels }
    }
}
