//! Dynamic loss scaling (section 3.2): the loss is multiplied before the backward pass, so that small gradients are not
//! lost in half precision, and the gradients are divided again. The rule is that of PyTorch's `GradScaler`.

use crate::ops::Precision;
use crate::recipe::settings::{Mixed, MixedFormat};
use serde::{Deserialize, Serialize};

/// In which format mixed precision has the feature maps; `auto` is the one that the device is fast at.
pub fn precision(mixed: &Mixed, auto: Precision) -> Precision {
    match mixed.format {
        _ if !mixed.on => Precision::Single,
        MixedFormat::Auto => auto,
        MixedFormat::F16 => Precision::Half,
        MixedFormat::Bf16 => Precision::BrainHalf,
    }
}

/// In which format an evaluation has them: in half precision in the single one, whose range it lacks.
pub fn of_evaluation(trained_in: Precision) -> Precision {
    if trained_in == Precision::Half { Precision::Single } else { trained_in }
}

/// Whether the loss is scaled: binary16 loses gradients that are small, bfloat16 does not.
pub fn scales(precision: Precision) -> bool {
    precision == Precision::Half
}

/// The factor of the loss, and what became of the steps so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    /// Factor.
    pub scale: f32,
    /// Steps since it last changed.
    steady: u64,
    /// Steps left out because a gradient overflowed.
    pub skipped: u64,
}

impl Default for Scaler {
    fn default() -> Self {
        Scaler { scale: 65536.0, steady: 0, skipped: 0 }
    }
}

impl Scaler {
    /// Takes note of a step: the factor doubles after `growth` steps without an overflow (0: never), and halves after
    /// one. Says whether the step was an overflow that a lower factor may prevent.
    pub fn note(&mut self, finite: bool, growth: u64) -> bool {
        if !finite {
            let lower = self.scale > 1.0;
            if lower {
                *self = Scaler { scale: self.scale / 2.0, steady: 0, skipped: self.skipped + 1 };
            }
            return lower;
        }
        self.steady += 1;
        if growth > 0 && self.steady >= growth {
            // A factor that itself overflows would help nobody.
            *self = Scaler { scale: (self.scale * 2.0).min(f32::MAX / 2.0), steady: 0, ..*self };
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_halves_on_an_overflow_and_doubles_after_steady_steps() {
        let mut scaler = Scaler::default();
        assert!(scaler.note(false, 3));
        assert_eq!((scaler.scale, scaler.skipped), (32768.0, 1));
        for scale in [32768.0, 32768.0, 65536.0, 65536.0] {
            assert!(!scaler.note(true, 3));
            assert_eq!(scaler.scale, scale);
        }
        assert!(scaler.note(false, 3));
        assert_eq!((scaler.scale, scaler.steady, scaler.skipped), (32768.0, 0, 2));
        (0..10_000).for_each(|_| assert!(!scaler.note(true, 0)));
        assert_eq!(scaler.scale, 32768.0);
    }

    #[test]
    fn a_factor_of_one_cannot_be_the_reason() {
        let mut scaler = Scaler::default();
        (0..16).for_each(|_| assert!(scaler.note(false, 2000)));
        assert_eq!(scaler.scale, 1.0);
        assert!(!scaler.note(false, 2000));
        assert_eq!((scaler.scale, scaler.skipped), (1.0, 16));
    }
}
