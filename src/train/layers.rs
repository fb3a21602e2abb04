//! What is seen inside a net in training, layer by layer.

use super::nan::or_nan;
use serde::{Deserialize, Serialize};

/// What a look has seen in a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The step.
    pub step: u64,
    /// Norm of the gradients of all parameters together, before they are clipped.
    #[serde(deserialize_with = "or_nan")]
    pub gradient: f64,
    /// The layers, in the order of their parameters.
    pub layers: Vec<LayerStats>,
}

/// What a look has seen of one layer: a convolution with its norm, a norm alone or a linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerStats {
    /// Its name, as in timm's checkpoints.
    pub name: String,
    /// Norm of the gradients of its parameters, before they are clipped, the loss scaling of mixed precision taken off.
    #[serde(deserialize_with = "or_nan")]
    pub gradient: f32,
    /// Norm of its parameters before the step.
    #[serde(deserialize_with = "or_nan")]
    pub weight: f32,
    /// Norm of what the step added to them, as a share of that.
    #[serde(deserialize_with = "or_nan")]
    pub update: f32,
    /// Its output; none of a classifier that only training asks for.
    pub output: Option<Output>,
    /// Whether it is frozen: it has no gradient then.
    #[serde(default)]
    pub frozen: bool,
}

/// The output of a layer after its norm, sum and ReLU, over some images of the batch in evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Mean.
    #[serde(deserialize_with = "or_nan")]
    pub mean: f32,
    /// Standard deviation.
    #[serde(deserialize_with = "or_nan")]
    pub std: f32,
    /// Share of zeros.
    pub zeros: f32,
}

impl Output {
    /// From this share of zeros on a layer is dead.
    pub const DEAD: f32 = 0.999;

    /// Of values.
    pub fn of(values: &[f32]) -> Output {
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let square = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
        let zeros = values.iter().filter(|v| **v == 0.0).count() as f64 / n;
        Output { mean: mean as f32, std: square.sqrt() as f32, zeros: zeros as f32 }
    }

    /// Whether it is nothing but zeros.
    pub fn is_dead(&self) -> bool {
        self.zeros >= Output::DEAD
    }
}

impl LayerStats {
    /// Bounds of an update: below a layer stands still, above it jumps; about 1e-3 is healthy.
    pub const UPDATES: (f32, f32) = (1e-4, 1e-1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_its_mean_its_deviation_and_its_share_of_zeros() {
        assert_eq!(Output::of(&[0.0, 0.0, 1.0, 3.0]), Output { mean: 1.0, std: 1.5f32.sqrt(), zeros: 0.5 });
        assert!(Output::of(&[0.0; 7]).is_dead() && Output::of(&[-0.0; 7]).is_dead());
        assert!(Output::of(&[1.0, f32::NAN]).mean.is_nan());
    }
}
