//! A step of SGD with momentum on one parameter, as PyTorch does it.

use super::parallel;

/// Values that a task goes through: 128 KiB each of weights, velocity and gradient. Small parameters are one task. It
/// also cuts the sum of [`square`], so that another value changes its last digits.
pub(super) const CHUNK: usize = 1 << 15;

/// The settings of a step, the same for every value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub lr: f32,
    /// Momentum.
    pub momentum: f32,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// L2 weight decay.
    pub decay: f32,
    /// Factor on the gradient: a clipped norm, an unscaled loss.
    pub factor: f32,
}

impl Step {
    /// Updates weights and velocity, all of one length:
    ///
    /// ```text
    /// g = factor * gradient + decay * w
    /// v = momentum * v + g
    /// w = w - lr * v                      or with Nesterov  w - lr * (g + momentum * v)
    /// ```
    ///
    /// Without momentum, w - lr * g, and the velocity stays as it is.
    pub fn run(self, w: &mut [f32], velocity: &mut [f32], gradient: &[f32]) {
        let chunks = w.chunks_mut(CHUNK).zip(velocity.chunks_mut(CHUNK)).zip(gradient.chunks(CHUNK));
        parallel::each(chunks, &|_, ((w, v), g)| match (self.momentum == 0.0, self.nesterov) {
            (true, _) => self.each(w, v, g, |_, g| g),
            (false, false) => self.each(w, v, g, |v, g| {
                *v = g + self.momentum * *v;
                *v
            }),
            (false, true) => self.each(w, v, g, |v, g| {
                *v = g + self.momentum * *v;
                g + self.momentum * *v
            }),
        });
    }

    #[inline(always)]
    fn each(self, w: &mut [f32], v: &mut [f32], g: &[f32], direction: impl Fn(&mut f32, f32) -> f32) {
        for ((w, v), g) in w.iter_mut().zip(v).zip(g) {
            *w -= self.lr * direction(v, self.factor * g + self.decay * *w);
        }
    }
}

/// Follows weights by an average of them, both of one length: a = a + share * (w - a).
pub fn follow(average: &mut [f32], w: &[f32], share: f32) {
    parallel::each(average.chunks_mut(CHUNK).zip(w.chunks(CHUNK)), &|_, (average, w)| {
        average.iter_mut().zip(w).for_each(|(a, w)| *a += share * (w - *a));
    });
}

/// The sum of squares in f64, in an order that does not depend on the threads.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let square = |chunk: &[f32]| chunk.iter().map(|v| *v as f64 * *v as f64).sum::<f64>();
    parallel::map(values.chunks(CHUNK), &square).iter().sum()
}
