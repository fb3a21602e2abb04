//! A running average of the weights, which is evaluated and exported while training goes on with the weights themselves.

use crate::nn::Net;
use crate::ops::Ops;
use crate::train::TrainError;

/// The name of its slot in checkpoints.
pub const SLOT: &str = "ema";

/// Share of the average that stays at step `t`, counted from 1 since the average began: min(decay, 1 - (1 + t)^(-2/3)), as
/// timm's `ModelEmaV3` with warmup has it (gamma 1, power 2/3). So the first weights are soon forgotten.
pub fn share(decay: f64, t: u64) -> f64 {
    decay.min(1.0 - (1.0 + t as f64).powf(-2.0 / 3.0))
}

/// The average: a net of its own, so that it can be evaluated as it lies. Running statistics are averaged as the weights
/// are, as timm's `ModelEmaV3` and torchvision's `ExponentialMovingAverage` (`use_buffers=True`) do: those of the last
/// weights are not those of their average.
pub struct Average<D: Ops<f32>> {
    /// The averaged weights and statistics.
    pub net: Net<f32, D>,
    /// Steps that it has taken in.
    pub steps: u64,
}

impl<D: Ops<f32>> Average<D> {
    /// Begins from the weights of a net.
    ///
    /// # Errors
    /// The device's.
    pub fn begun(dev: &D, from: &Net<f32, D>) -> Result<Self, TrainError> {
        let mut net = Net::new(dev, from.spec()).map_err(TrainError::device)?;
        net.import(&from.export())?;
        Ok(Average { net, steps: 0 })
    }

    /// Takes in the weights after a step: average = d * average + (1 - d) * weights, with [`share`] d. Weights that do not
    /// change are their average to the bit.
    ///
    /// # Errors
    /// The device's.
    pub fn follow(&mut self, net: &Net<f32, D>, decay: f64) -> Result<(), D::Err> {
        self.steps += 1;
        let mut averages: Vec<_> = self.net.params_mut().into_iter().map(|p| &mut p.data).collect();
        let weights: Vec<_> = net.params().into_iter().map(|p| &p.data).collect();
        D::average(&mut averages, &weights, share(decay, self.steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_grows_to_the_decay() {
        for (t, expected) in [(1, 1.0 - 2f64.powf(-2.0 / 3.0)), (7, 0.75), (26, 1.0 - 1.0 / 9.0)] {
            assert!((share(0.9998, t) - expected).abs() < 1e-12, "{t}");
        }
        assert_eq!((share(0.5, 7), share(0.0, 1), share(0.9998, 1_000_000)), (0.5, 0.0, 0.9998));
    }
}
