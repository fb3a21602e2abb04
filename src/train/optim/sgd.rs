//! SGD with momentum and weight decay by parameter group (section 2.1).

use crate::ops::Rule;
use crate::recipe::settings::Optim;

/// What it keeps of every parameter: the running sum of gradients.
pub(super) const SLOTS: &[&str] = &["velocity"];

/// g = factor * gradient + decay * w; v = momentum * v + g; w -= lr * v, or with Nesterov w -= lr * (g + momentum * v).
pub(super) fn rule(optim: &Optim) -> Rule {
    Rule::Sgd { momentum: optim.momentum, nesterov: optim.nesterov }
}

#[cfg(test)]
mod tests {
    use super::super::{Optimiser, Store, whole};
    use super::SLOTS;
    use crate::kernels::sgd::Step;
    use crate::nn::{Layout, Param, Role};
    use crate::ops::{Ops, Real};
    use crate::recipe::Settings;
    use crate::train::gradients::Gradients;
    use dfdx::prelude::{Axes2, Backward, Cpu, Rank0, SumTo, Trace};

    /// Two steps at rate 0.1 on a weight and a bias of 1 whose gradients are 1 throughout; both after each step.
    fn two_steps(edit: impl FnOnce(&mut Settings)) -> Vec<(f32, f32)> {
        let dev = Cpu::default();
        let param = |role| Param::<f32, Cpu>::filled(&dev, "p".into(), role, Layout::Vector, (1, 1), 1.0).unwrap();
        let (mut w, mut b) = (param(Role::Weight), param(Role::Bias));
        let mut s = Settings::default();
        (s.optim.weight_decay, s.optim.momentum, s.optim.nesterov) = (0.0, 0.5, false);
        edit(&mut s);
        let mut optimiser = Optimiser::default();
        let mut step = || {
            let sum = w.data.leaky_trace() + b.data.clone();
            let mut gradients = Gradients { store: sum.sum::<Rank0, Axes2<0, 1>>().backward(), scale: 1.0, loss: None };
            assert!(optimiser.update(whole(vec![&mut w, &mut b]), &mut gradients, 0.1, &s).unwrap().updated);
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
            let (p, mut optimiser) = (p.unwrap(), Optimiser::default());
            assert_eq!(optimiser.slot(SLOTS[0], &p).unwrap(), [E::of(0.0); 3]);
            optimiser.set_slot(SLOTS[0], &p, values.map(E::of).to_vec()).unwrap();
            assert_eq!(optimiser.slot(SLOTS[0], &p).unwrap(), values.map(E::of));
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
    fn gradients_are_clipped_to_the_norm_together_and_never_lengthened() {
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
                let mut velocity = Store::leaky();
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
