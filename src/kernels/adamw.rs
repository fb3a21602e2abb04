//! A step of AdamW on one parameter (Loshchilov & Hutter 2019, algorithm 2).

use super::parallel;
use super::sgd::CHUNK;

/// What a step does to every value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f64,
    /// Shares that the running means of gradients and of their squares keep.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// Decoupled weight decay.
    pub decay: f64,
    /// Factor on the gradient.
    pub factor: f64,
    /// Number of this update, from 1: the means begin at 0, and are corrected for it.
    pub update: u64,
}

impl AdamW {
    /// g = factor * gradient; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g²;
    /// w -= lr * (decay * w + m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)).
    pub fn run(self, w: &mut [f32], mean: &mut [f32], square: &mut [f32], gradient: &[f32]) {
        let [b1, b2] = self.betas;
        let corrected = |beta: f64| 1.0 - beta.powf(self.update as f64);
        let rate = (self.lr / corrected(b1)) as f32;
        let root = (1.0 / corrected(b2).sqrt()) as f32;
        let (keep, epsilon, factor) = ((1.0 - self.lr * self.decay) as f32, self.epsilon as f32, self.factor as f32);
        let ([b1, b2], [n1, n2]) = (self.betas.map(|b| b as f32), self.betas.map(|b| (1.0 - b) as f32));
        let chunks = w.chunks_mut(CHUNK).zip(mean.chunks_mut(CHUNK));
        let chunks = chunks.zip(square.chunks_mut(CHUNK)).zip(gradient.chunks(CHUNK));
        parallel::each(chunks, &|_, (((w, m), v), g)| {
            for (((w, m), v), g) in w.iter_mut().zip(m).zip(v).zip(g) {
                let g = factor * g;
                *m = b1 * *m + n1 * g;
                *v = b2 * *v + n2 * g * g;
                *w = keep * *w - rate * *m / (root * v.sqrt() + epsilon);
            }
        });
    }
}
