//! Optimisers, step by step, as PyTorch's.

use crate::file::{Case, Report, Tensor as Golden, cases, require};
use dfdx::prelude::*;
use tricktop::nn::{Layout, Param, Role};
use tricktop::ops::{Loss, Matrix, Ops, Real};
use tricktop::recipe::settings::{OptimName, Settings};
use tricktop::train::Gradients;
use tricktop::train::optim::Optimiser;
use tricktop::train::optim::ema::share;

/// Distance of the values after each step, relative.
const NEAR: f64 = 1e-6;

#[test]
fn optimisers_equal_pytorch() {
    let cases = cases("optimisers.safetensors");
    require(&cases, &["adamw", "sgd_groups", "ema", "accumulate2", "gradients", "start"]);
    let mut report = Report::default();
    let settings = |edit: fn(&mut Settings)| {
        let mut s = Settings::default();
        (s.optim.weight_decay, s.tricks.no_bias_decay) = (0.0, true);
        edit(&mut s);
        s
    };
    let adamw = settings(|s| (s.optim.name, s.optim.weight_decay) = (OptimName::AdamW, 0.05));
    let sgd = settings(|s| (s.optim.momentum, s.optim.nesterov) = (0.9, true));
    let mut groups = sgd.clone();
    groups.optim.weight_decay = 1e-3;
    let one = [1.0, 1.0];
    for (case, lr, rates, together, settings) in [
        ("adamw", 1e-2, one, 1, &adamw),
        ("adamw", 2e-2, [0.5, 0.5], 1, &adamw),
        ("sgd_groups", 0.01, [1.0, 10.0], 1, &groups),
        ("sgd_groups", 0.1, [0.1, 1.0], 1, &groups),
        ("ema", 0.05, one, 1, &sgd),
        ("accumulate2", 0.05, one, 2, &sgd),
    ] {
        let names = [(case, "kernels"), (case, "composed")];
        let of = Steps { start: &cases["start"], gradients: &cases["gradients"], lr, rates, together, settings };
        let found = [of.run::<f32>(&Cpu::default()), of.run::<f64>(&Cpu::default())];
        for ((name, how), Values { after, means }) in names.into_iter().zip(found) {
            for (part, found) in ["w", "b"].into_iter().zip(after) {
                report.within(NEAR, &format!("{name} {part} ({how})"), &found, &cases[case][part].values);
            }
            for (part, found) in ["mean_w", "mean_b"].into_iter().zip(means).filter(|_| case == "ema") {
                report.within(NEAR, &format!("{name} {part} ({how})"), &found, &cases[case][part].values);
            }
        }
    }
    report.finish();
}

/// Steps of which each takes so many of the gradients together, and weight and bias their factors of the rate.
struct Steps<'a> {
    start: &'a Case,
    gradients: &'a Case,
    lr: f64,
    rates: [f64; 2],
    together: usize,
    settings: &'a Settings,
}

impl Steps<'_> {
    fn run<E: Real>(&self, dev: &Cpu) -> Values
    where
        Cpu: Ops<E>,
    {
        let Steps { start, gradients, lr, rates, together, settings } = *self;
        let shape = |t: &Golden| if let [rows, cols] = t.shape[..] { (rows, cols) } else { (1, t.shape[0]) };
        let matrix = |values: &[f32], shape| -> Matrix<E, Cpu> {
            dev.tensor_from_vec(values.iter().map(|v| E::of(f64::from(*v))).collect(), shape)
        };
        let param = |name: &str, role| {
            let shape = shape(&start[name]);
            let mut p = Param::filled(dev, name.into(), role, Layout::Vector, shape, 0.0).unwrap();
            p.data = matrix(&start[name].values, shape);
            p
        };
        let (mut w, mut b) = (param("w", Role::Weight), param("b", Role::Bias));
        let mut optimiser = Optimiser::default();
        let mut after = [Vec::new(), Vec::new()];
        let (mut mean_w, mut mean_b) = (w.data.clone(), b.data.clone());
        // PyTorch's has no warmup: so many steps on, the share is the decay.
        let share = share(0.9, 1000);
        for step in 0..gradients["w"].shape[0] / together {
            // A loss with these gradients: the sum of their products with the parameters.
            let mean = |p: &Param<E, Cpu>| {
                let (len, shape) = (p.len(), *p.data.shape());
                let all = &gradients[&p.name].values[step * together * len..][..together * len];
                let sum = (0..together).map(|i| matrix(&all[i * len..][..len], shape)).reduce(|a, b| a + b).unwrap();
                sum * E::of(1.0 / together as f64)
            };
            let (gw, gb) = (mean(&w), mean(&b));
            let (of_w, tape) = (w.data.leaky_trace() * gw).sum::<Rank0, Axes2<0, 1>>().split_tape();
            let of_b = (b.data.clone().put_tape(tape) * gb).sum::<Rank0, Axes2<0, 1>>();
            let mut found = Gradients::of(Loss { on_tape: of_b + of_w, scale: 1.0, value: Some(0.0) }).unwrap();
            let rated = vec![(&mut w, Some(rates[0])), (&mut b, Some(rates[1]))];
            assert!(optimiser.update(rated, &mut found, lr, settings).unwrap().updated);
            Cpu::average(&mut [&mut mean_w, &mut mean_b], &[&w.data, &b.data], share).unwrap();
            for (after, p) in after.iter_mut().zip([&w, &b]) {
                after.extend(values(&p.data));
            }
        }
        Values { after, means: [values(&mean_w), values(&mean_b)] }
    }
}

/// Weight and bias after every step, and their running averages with decay 0.9 at the end.
struct Values {
    after: [Vec<f32>; 2],
    means: [Vec<f32>; 2],
}

fn values<E: Real>(of: &Matrix<E, Cpu>) -> Vec<f32>
where
    Cpu: Ops<E>,
{
    of.as_vec().into_iter().map(|v| v.value() as f32).collect()
}
