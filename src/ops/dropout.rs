//! Which values a step of training leaves out (Srivastava et al. 2014).

use crate::random::{Purpose, rng};
use rand::RngCore;

/// A step's dropout: which values go depends on nothing but this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share of the values that go, from 0 to below 1.
    pub share: f64,
    /// Seed of the run.
    pub seed: u64,
    /// Epochs done before that of the batch.
    pub epoch: u64,
    /// Place of the batch in the epoch.
    pub batch: u64,
}

impl Dropout {
    /// The mask for one head of a net.
    pub fn mask(&self, head: u64) -> Mask {
        let key = rng(self.seed, Purpose::Dropout, self.epoch, 2 * self.batch + head).next_u64();
        Mask { key, least: (self.share * (1u64 << 32) as f64) as u64, factor: (1.0 / (1.0 - self.share)) as f32 }
    }
}

/// The factors of the values of a map: 0 for those that go, and for the others what keeps their mean. A value's factor is
/// a function of its place, so that the backward pass makes the mask again, on any number of threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mask {
    key: u64,
    /// Numbers of 32 bits below which a value goes.
    least: u64,
    factor: f32,
}

impl Mask {
    /// The factor of the value at a place of the map `(N*H*W, C)`, counted row by row.
    #[inline(always)]
    pub fn factor(&self, place: usize) -> f32 {
        // SplitMix64 (Steele, Lea and Flood 2014): the numbers of a counter, mixed.
        let mut z = self.key.wrapping_add((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (z ^ (z >> 31)) >> 32 < self.least { 0.0 } else { self.factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_drops_its_share_and_every_step_and_head_has_its_own() {
        let of = |share, batch, head| Dropout { share, seed: 3, epoch: 2, batch }.mask(head);
        let factors = |mask: Mask| (0..100_000).map(|i| mask.factor(i)).collect::<Vec<f32>>();
        let one = factors(of(0.1, 5, 0));
        assert_eq!(one, factors(of(0.1, 5, 0)));
        let gone = one.iter().filter(|f| **f == 0.0).count();
        assert!((9_600..10_400).contains(&gone), "{gone}");
        assert!(one.iter().all(|f| *f == 0.0 || *f == 1.0 / 0.9));
        for other in [of(0.1, 6, 0), of(0.1, 5, 1)] {
            let both = one.iter().zip(factors(other)).filter(|(a, b)| **a == 0.0 && *b == 0.0).count();
            assert!((800..1_200).contains(&both), "{both} of two masks");
        }
        assert!(factors(of(0.0, 5, 0)).iter().all(|f| *f == 1.0));
    }
}
