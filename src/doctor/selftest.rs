//! Compares a device with the CPU: operations, nets with every gradient, and training. (The CPU's own
//! kernels are held to PyTorch's values by the tests of the program.)

use crate::data::{Synthetic, epoch_order, train_batch};
use crate::kernels::geometry::{Conv, Pool};
use crate::nn::{Net, NetSpec, Role};
use crate::ops::composed::backward;
use crate::ops::{FeatureMap, Filter, Matrix, Mode, Norm, Ops, Precision};
use crate::recipe::settings::{Family, Form, MixedFormat, Settings, Variant};
use crate::train::{Learner, TrainError};
use crate::tricks::schedule::Position;
use dfdx::prelude::*;
use serde::Serialize;

/// Something that was compared.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Relative distance to the CPU, ‖a-b‖/‖b‖; not a number when the device gave one.
    pub distance: f64,
    /// Largest distance that is allowed.
    pub bound: f64,
}

impl Check {
    /// Compares.
    fn of(name: impl Into<String>, found: &[f32], expected: &[f32], bound: f64) -> Check {
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let apart = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
        let size = norm(&mut expected.iter().map(|b| f64::from(*b)));
        let distance = if found.len() != expected.len() { f64::INFINITY } else { apart / size.max(1e-30) };
        Check { name: name.into(), distance, bound }
    }

    /// Whether the distance is within its bound.
    pub fn passed(&self) -> bool {
        self.distance <= self.bound
    }
}

/// Largest distance of single precision.
const SINGLE: f64 = 1e-4;

/// Largest distance of an operation in mixed precision: the last digits of half precision.
const HALF: f64 = 2e-3;

/// The same with bfloat16, which has three digits fewer (of two).
const BRAIN_HALF: f64 = 8.0 * HALF;

/// Largest distance of the gradients of a whole net, and of losses after a few steps: norms over few values blow
/// differences up.
const DEEP: f64 = 1e-3;

/// Largest distance of losses in mixed precision: both round, at the same places and not in the same order.
const MIXED: f64 = 1e-2;

/// Largest distance of the gradients of a whole net in mixed precision.
const DEEP_MIXED: f64 = 5e-2;

/// Largest distance of losses after many steps, which blow differences up.
const LATE: f64 = 5e-2;

/// Training steps that are compared, and how many of them closely.
const STEPS: usize = 50;
const EARLY: usize = 10;

/// Runs all tests on a device.
///
/// # Errors
/// The device's.
pub fn run<D: Ops<f32>>(dev: &D) -> Result<Vec<Check>, TrainError> {
    let mut checks = Vec::new();
    let cpu = Cpu::default();
    for (name, op) in OPS {
        for (precision, kind, bound) in [
            (Precision::Single, "", SINGLE),
            (Precision::Half, ", mixed precision", HALF),
            (Precision::BrainHalf, ", bfloat16", BRAIN_HALF),
        ] {
            let (found, expected) = (op.values(dev, precision), op.values(&cpu, precision));
            let (found, expected) = (found.map_err(TrainError::device)?, expected.map_err(TrainError::device)?);
            checks.push(Check::of(format!("{name}{kind}"), &found, &expected, bound));
        }
    }
    for (name, settings, edge) in nets() {
        let both = |precision| {
            let (found, expected) = (pass(dev, &settings, edge, precision), pass(&cpu, &settings, edge, precision));
            Ok::<_, TrainError>((found.map_err(TrainError::device)?, expected.map_err(TrainError::device)?))
        };
        let (found, expected) = both(Precision::Single)?;
        checks.push(Check::of(format!("{name}: logits"), &found.0, &expected.0, SINGLE));
        checks.push(Check::of(format!("{name}: gradients"), &found.1, &expected.1, DEEP));
        let (found, expected) = both(Precision::Half)?;
        checks.push(Check::of(format!("{name}: logits, mixed precision"), &found.0, &expected.0, MIXED));
        checks.push(Check::of(format!("{name}: gradients, mixed precision"), &found.1, &expected.1, DEEP_MIXED));
    }
    let single = Settings::default();
    let (found, expected) = (train(dev, &single, STEPS)?, train(&cpu, &single, STEPS)?);
    checks.push(Check::of(format!("losses of {EARLY} steps"), &found[..EARLY], &expected[..EARLY], DEEP));
    checks.push(Check::of(format!("losses of {STEPS} steps"), &found, &expected, LATE));
    for (format, kind) in [(MixedFormat::F16, "mixed precision"), (MixedFormat::Bf16, "bfloat16")] {
        let mut mixed = Settings::default();
        (mixed.tricks.mixed.on, mixed.tricks.mixed.format) = (true, format);
        let (found, expected) = (train(dev, &mixed, EARLY)?, train(&cpu, &mixed, EARLY)?);
        checks.push(Check::of(format!("losses of {EARLY} steps, {kind}"), &found, &expected, MIXED));
    }
    Ok(checks)
}

/// An operation on made-up images of 9 x 7.
enum Op {
    Conv(Conv),
    Norm(Mode),
    MaxPool(Pool),
    AveragePool(Pool),
    Concat,
    Excite,
}

const SIZE: (usize, usize, usize, usize) = (3, 9, 7, 8);
const POOL: Pool = Pool { kernel: 3, stride: 2, padding: 1, ceil: false, count_padding: true };

const OPS: &[(&str, Op)] = &[
    ("convolution 3x3", Op::Conv(Conv::same(8, 20, 3, 1))),
    ("convolution 3x3, stride 2", Op::Conv(Conv::same(8, 20, 3, 2))),
    ("convolution 1x1", Op::Conv(Conv::same(8, 20, 1, 1))),
    ("convolution 7x7, stride 2", Op::Conv(Conv::same(8, 5, 7, 2))),
    ("convolution 3x3, 4 groups", Op::Conv(Conv { groups: 4, ..Conv::same(8, 12, 3, 1) })),
    ("convolution 3x3, depthwise", Op::Conv(Conv { groups: 8, ..Conv::same(8, 8, 3, 1) })),
    ("convolution 3x3, dilated", Op::Conv(Conv { dilation: 2, padding: (2, 2), ..Conv::same(8, 4, 3, 1) })),
    ("batch norm, training", Op::Norm(Mode::Train)),
    ("batch norm, evaluation", Op::Norm(Mode::Eval)),
    ("max-pool 3x3, stride 2", Op::MaxPool(POOL)),
    ("average pool 3x3, stride 2", Op::AveragePool(POOL)),
    ("concatenation", Op::Concat),
    ("squeeze and excitation", Op::Excite),
];

/// Values in ±1 that follow `seed`.
fn values(n: usize, seed: u32) -> Vec<f32> {
    let mix = |i: usize| (i as u32).wrapping_add(seed << 20).wrapping_mul(2_654_435_761) >> 8;
    (0..n).map(|i| mix(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn matrix<D: Ops<f32>>(dev: &D, (rows, cols): (usize, usize), seed: u32) -> Result<Matrix<f32, D>, D::Err> {
    dev.try_tensor_from_vec(values(rows * cols, seed), (rows, cols))
}

/// The gradients of some tensors when the gradient of `y` is made up, one behind the other.
fn gradients<D: Ops<f32>>(y: Matrix<f32, D, OwnedTape<f32, D>>, of: &[&Matrix<f32, D>]) -> Result<Vec<f32>, D::Err> {
    let gy = matrix(&y.device().clone(), *y.shape(), 9)?;
    let grads = backward(y, gy)?;
    Ok(of.iter().flat_map(|m| grads.get(*m).as_vec()).collect())
}

impl Op {
    /// Its output and every gradient, one behind the other.
    fn values<D: Ops<f32>>(&self, dev: &D, precision: Precision) -> Result<Vec<f32>, D::Err> {
        let (n, h, w, c) = SIZE;
        let x = matrix(dev, (n * h * w, c), 1)?;
        let narrow = |map| D::to_precision(map, precision);
        let map = narrow(FeatureMap::new(x.clone(), n, h, w))?.put_tape(OwnedTape::default());
        let (map, mut of) = if precision != Precision::Single {
            // The gradient of such a map cannot be read, that of a convolution before it can.
            let (conv, weight) = (Conv::same(c, c, 1, 1), matrix(dev, (c, c), 8)?);
            (D::conv2d(map, Filter { weight: &weight, conv: &conv, input_grad: true })?, vec![weight])
        } else {
            (map, vec![x])
        };
        let y = match self {
            Op::Conv(conv) => {
                let weight = matrix(dev, conv.weight_shape(), 2)?;
                of.push(weight.clone());
                D::conv2d(map, Filter { weight: &weight, conv, input_grad: true })?
            }
            Op::Norm(mode) => {
                let row = |seed| matrix(dev, (1, c), seed);
                let (gamma, beta, mut mean) = (row(2)?, row(3)?, row(4)?);
                let mut var = row(5)?.try_square()?;
                of.extend([gamma.clone(), beta.clone()]);
                let norm = Norm { gamma: &gamma, beta: &beta, mean: &mut mean, var: &mut var, mode: *mode, eps: 1e-5 };
                D::norm_act(map, norm, None, true)?
            }
            Op::MaxPool(pool) => D::max_pool(map, pool)?,
            Op::AveragePool(pool) => D::average_pool(map, pool)?,
            Op::Concat => {
                let (map, tape) = map.split_tape();
                let other = narrow(FeatureMap::new(matrix(dev, (n * h * w, 5), 2)?, n, h, w))?;
                D::concat(map, vec![other], tape)?
            }
            Op::Excite => {
                let (map, tape) = map.split_tape();
                let (gate, residual) = (matrix(dev, (n, c), 2)?, matrix(dev, (n * h * w, c), 3)?);
                of.push(gate.clone());
                D::excite(
                    map,
                    FeatureMap::new(gate.put_tape(tape), n, 1, 1),
                    narrow(FeatureMap::new(residual, n, h, w))?,
                )?
            }
        };
        let y = D::matrix(y)?;
        let mut all = y.as_vec();
        all.extend(gradients(y, &of.iter().collect::<Vec<_>>())?);
        Ok(all)
    }
}

/// Narrow nets of several families, with an edge of images.
fn nets() -> impl Iterator<Item = (&'static str, Settings, usize)> {
    let all = [
        ("ResNet-14-D", Family::ResNet, Form::Small, 14, Variant::D, 0.5, 16),
        ("ResNet-18-D", Family::ResNet, Form::ImageNet, 18, Variant::D, 0.125, 64),
        ("SE-ResNet-8-D", Family::SeResNet, Form::Small, 8, Variant::D, 0.5, 16),
        ("MobileNet", Family::MobileNet, Form::Small, 28, Variant::B, 0.0625, 32),
    ];
    all.into_iter().map(|(name, family, form, depth, variant, width, edge)| {
        let mut s = Settings::default();
        (s.net.family, s.net.form, s.net.depth, s.net.variant, s.net.width) = (family, form, depth, variant, width);
        (name, s, edge)
    })
}

/// Logits of images of an edge in evaluation, and the gradients of every parameter in training. With maps in half
/// precision they are of an evaluation: training's norms over few values would blow its roundings up.
fn pass<D: Ops<f32>>(dev: &D, s: &Settings, edge: usize, precision: Precision) -> Result<(Vec<f32>, Vec<f32>), D::Err> {
    let n = 4;
    let mut net = Net::new(dev, &NetSpec::new(&s.net, 3, 10))?;
    net.initialise(s.net.init, false, 0)?;
    let images = || {
        let x = FeatureMap::new(matrix(dev, (n * edge * edge, 3), 7)?, n, edge, edge);
        D::to_precision(x, precision)
    };
    let logits = D::values(&net.forward(images()?, Mode::Eval)?)?;
    let mode = if precision == Precision::Single { Mode::Train } else { Mode::Eval };
    let y = net.forward(images()?.put_tape(OwnedTape::default()), mode)?;
    let trained: Vec<_> = net.params().into_iter().filter(|p| p.role != Role::Statistic).map(|p| &p.data).collect();
    Ok((logits, gradients(D::matrix(y)?, &trained)?))
}

/// The losses of training steps of a small net.
fn train<D: Ops<f32>>(dev: &D, s: &Settings, steps: usize) -> Result<Vec<f32>, TrainError> {
    let data = Synthetic { height: 16, width: 16, channels: 1, classes: 4, train: 32, test: 4 }.build(0);
    let mut s = s.clone();
    (s.net.depth, s.net.width, s.schedule.base_lr, s.tricks.mixup.on) = (8, 0.25, 0.02, true);
    let mut learner = Learner::new(dev.clone(), &s, &data)?;
    let order = epoch_order(data.train.len(), 0, 0);
    let step = |batch: usize| {
        let images = train_batch(&data, &order[batch % 4 * 8..][..8], 0, batch as u64, &s.augment);
        let at = Position { epoch: 0, batch: batch as u64 + 1, batches: STEPS as u64 };
        Ok(learner.step(images.clone(), at, &s).map_err(TrainError::device)?.loss)
    };
    (0..steps).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_passes_and_a_wrong_value_does_not() {
        let checks = run(&Cpu::default()).unwrap();
        assert!(checks.len() >= 20 && checks.iter().all(|c| c.passed() && c.distance == 0.0), "{checks:?}");
        assert!(!Check::of("", &[1.0, 2.1], &[1.0, 2.0], 1e-2).passed());
        assert!(!Check::of("", &[f32::NAN, 2.0], &[1.0, 2.0], 1e-2).passed());
        assert!(!Check::of("", &[1.0], &[1.0, 2.0], 1.0).passed());
    }
}
