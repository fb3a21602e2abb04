//! SGD with momentum and weight decay by parameter group (section 2.1).

use crate::kernels::sgd::Step;
use crate::nn::{Param, Role};
use crate::ops::{Ops, Real};
use crate::recipe::settings::Settings;
use crate::tricks::decays;
use dfdx::prelude::Gradients;
use std::time::{Duration, Instant};

/// The optimiser's memory: one velocity a parameter.
pub struct Sgd<E: Real, D: Ops<E>> {
    velocity: Gradients<E, D>,
}

impl<E: Real, D: Ops<E>> Default for Sgd<E, D> {
    fn default() -> Self {
        Sgd { velocity: Gradients::leaky() }
    }
}

/// Sums of squares of one parameter in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Squares {
    /// Of its gradient, before it is shortened.
    pub gradient: f64,
    /// Of its values before the step.
    pub weight: f64,
    /// Of what the step added to them.
    pub update: f64,
}

/// What a step did to every trained parameter, in order.
#[derive(Debug, Default)]
pub struct Sizes {
    /// A parameter's.
    pub each: Vec<Squares>,
    /// Time that it took to find out.
    pub spent: Duration,
}

impl Sizes {
    /// Makes a step on a parameter, and finds out what it did.
    fn note<E: Real, D: Ops<E>>(
        &mut self,
        p: &mut Param<E, D>,
        grads: &mut Gradients<E, D>,
        scale: f64,
        step: impl FnOnce(&mut Param<E, D>, &mut Gradients<E, D>) -> Result<(), D::Err>,
    ) -> Result<(), D::Err> {
        let begun = Instant::now();
        let gradient = D::gradient_square(grads, &[&p.data])? / (scale * scale);
        let before = p.data.as_vec();
        self.spent += begun.elapsed();
        step(p, grads)?;
        let begun = Instant::now();
        let (mut weight, mut update) = (0.0, 0.0);
        for (before, after) in before.into_iter().zip(p.data.as_vec()) {
            weight += before.value() * before.value();
            update += (after.value() - before.value()).powi(2);
        }
        self.each.push(Squares { gradient, weight, update });
        self.spent += begun.elapsed();
        Ok(())
    }
}

impl<E: Real, D: Ops<E>> Sgd<E, D> {
    /// Updates the trained ones of `params`: g = grad + decay * w; v = momentum * v + g; w -= lr * v, or with Nesterov
    /// w -= lr * (g + momentum * v). When the norm of all gradients is above `optim.clip_norm`, they are shortened to it
    /// first. The gradients are `scale` times those that are meant. Does nothing and gives false when one is not finite.
    /// Whoever looks finds out what the step does; it does the same.
    ///
    /// # Errors
    /// The device's.
    pub fn step(
        &mut self,
        params: Vec<&mut Param<E, D>>,
        grads: &mut Gradients<E, D>,
        lr: f64,
        scale: f64,
        s: &Settings,
        mut look: Option<&mut Sizes>,
    ) -> Result<bool, D::Err> {
        let params: Vec<_> = params.into_iter().filter(|p| p.role != Role::Statistic).collect();
        let square = D::gradient_square(grads, &params.iter().map(|p| &p.data).collect::<Vec<_>>())?;
        if !square.is_finite() {
            return Ok(false);
        }
        let o = &s.optim;
        let norm = square.sqrt() / scale;
        let clipped = o.clip_norm > 0.0 && norm > o.clip_norm;
        let factor = if clipped { o.clip_norm / norm } else { 1.0 } / scale;
        for p in params {
            let decay = if decays(p.role, s.tricks.no_bias_decay) { o.weight_decay } else { 0.0 };
            let (lr, momentum, decay, factor) = (lr as f32, o.momentum as f32, decay as f32, factor as f32);
            let step = Step { lr, momentum, nesterov: o.nesterov, decay, factor };
            let mut made =
                |p: &mut Param<E, D>, grads: &mut Gradients<E, D>| D::sgd(step, &mut p.data, &mut self.velocity, grads);
            match &mut look {
                None => made(p, grads)?,
                Some(sizes) => sizes.note(p, grads, scale, made)?,
            }
        }
        Ok(true)
    }

    /// The velocity of a trained parameter, in our layout; zeros before the first step.
    ///
    /// # Errors
    /// The device's.
    pub fn velocity(&mut self, of: &Param<E, D>) -> Result<Vec<E>, D::Err> {
        self.velocity.get_or_alloc_mut(&of.data)?;
        Ok(self.velocity.get(&of.data).as_vec())
    }

    /// Gives a trained parameter its velocity, in our layout.
    ///
    /// # Errors
    /// The device's.
    pub fn set_velocity(&mut self, of: &Param<E, D>, values: Vec<E>) -> Result<(), D::Err> {
        D::put_gradient(&mut self.velocity, &of.data, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Layout;
    use dfdx::prelude::{Axes2, Backward, Cpu, Rank0, SumTo, Trace};

    /// Two steps at rate 0.1 on a weight and a bias of 1 whose gradients are 1 throughout; both after each step.
    fn two_steps(edit: impl FnOnce(&mut Settings)) -> Vec<(f32, f32)> {
        let dev = Cpu::default();
        let param = |role| Param::<f32, Cpu>::filled(&dev, "p".into(), role, Layout::Vector, (1, 1), 1.0).unwrap();
        let (mut w, mut b) = (param(Role::Weight), param(Role::Bias));
        let mut s = Settings::default();
        (s.optim.weight_decay, s.optim.momentum, s.optim.nesterov) = (0.0, 0.5, false);
        edit(&mut s);
        let mut sgd = Sgd::default();
        let mut step = || {
            let sum = w.data.leaky_trace() + b.data.clone();
            let mut grads = sum.sum::<Rank0, Axes2<0, 1>>().backward();
            sgd.step(vec![&mut w, &mut b], &mut grads, 0.1, 1.0, &s, None).unwrap();
            (w.data.as_vec()[0], b.data.as_vec()[0])
        };
        vec![step(), step()]
    }

    fn near(found: &[(f32, f32)], expected: [(f32, f32); 2]) {
        let far = |(a, b): (&(f32, f32), &(f32, f32))| (a.0 - b.0).abs() > 1e-6 || (a.1 - b.1).abs() > 1e-6;
        assert!(!found.iter().zip(&expected).any(far), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn a_velocity_that_was_set_is_the_one_that_is_read() {
        fn check<E: Real>(values: [f64; 3])
        where
            Cpu: Ops<E>,
        {
            let p = Param::<E, Cpu>::filled(&Cpu::default(), "p".into(), Role::Weight, Layout::Vector, (1, 3), 2.0);
            let (p, mut sgd) = (p.unwrap(), Sgd::default());
            assert_eq!(sgd.velocity(&p).unwrap(), [E::of(0.0); 3]);
            sgd.set_velocity(&p, values.map(E::of).to_vec()).unwrap();
            assert_eq!(sgd.velocity(&p).unwrap(), values.map(E::of));
        }
        check::<f32>([0.25, -1e-30, 3.0]);
        check::<f64>([0.25, -1e-30, 3.0]);
    }

    #[test]
    fn each_form_of_momentum_and_decay_is_its_formula() {
        // v = 1, then 1.5
        near(&two_steps(|_| ()), [(0.9, 0.9), (0.75, 0.75)]);
        // 1 + 0.5 * 1, then 1 + 0.5 * 1.5
        near(&two_steps(|s| s.optim.nesterov = true), [(0.85, 0.85), (0.675, 0.675)]);
        near(&two_steps(|s| s.optim.momentum = 0.0), [(0.9, 0.9), (0.8, 0.8)]);
        let decay = |no_bias: bool| {
            two_steps(move |s| {
                (s.optim.momentum, s.optim.weight_decay, s.tricks.no_bias_decay) = (0.0, 0.5, no_bias);
            })
        };
        near(&decay(true), [(0.85, 0.9), (0.7075, 0.8)]);
        near(&decay(false), [(0.85, 0.85), (0.7075, 0.7075)]);
    }

    #[test]
    fn gradients_are_shortened_to_the_norm_together_and_not_lengthened() {
        let clipped = |norm: f64| two_steps(move |s| (s.optim.momentum, s.optim.clip_norm) = (0.0, norm));
        near(&clipped(0.5f64.sqrt()), [(0.95, 0.95), (0.9, 0.9)]);
        near(&clipped(1.5), [(0.9, 0.9), (0.8, 0.8)]);
    }

    #[test]
    fn the_composed_step_is_that_of_the_kernel() {
        let dev = Cpu::default();
        for (momentum, nesterov, factor) in [(0.0, false, 1.0), (0.9, false, 1.0), (0.9, true, 1.0), (0.9, true, 0.3)] {
            let step = Step { lr: 0.1, momentum, nesterov, decay: 0.01, factor };
            let made = |composed: bool| {
                let mut w = Param::<f32, Cpu>::filled(&dev, "w".into(), Role::Weight, Layout::Vector, (1, 3), 0.5)
                    .unwrap()
                    .data;
                let mut velocity = Gradients::leaky();
                for _ in 0..3 {
                    let mut grads = w.leaky_trace().square().sum::<Rank0, Axes2<0, 1>>().backward();
                    match composed {
                        true => crate::ops::composed::sgd(step, &mut w, &mut velocity, &mut grads).unwrap(),
                        false => <Cpu as Ops<f32>>::sgd(step, &mut w, &mut velocity, &mut grads).unwrap(),
                    }
                }
                w.as_vec()
            };
            let (kernel, composed) = (made(false), made(true));
            assert!(
                kernel.iter().zip(&composed).all(|(a, b)| (a - b).abs() < 1e-6),
                "{step:?}: {kernel:?} {composed:?}"
            );
        }
    }
}
