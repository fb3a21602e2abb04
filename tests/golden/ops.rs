//! Every operation against PyTorch's values, through the kernels and composed of dfdx's operations.

use crate::file::{Case, Report, Tensor as Golden, cases, require, to_nhwc};
use dfdx::prelude::*;
use tricktop::kernels::geometry::{Conv, Pool};
use tricktop::nn::{Layout, Param, Role};
use tricktop::ops::composed::backward;
use tricktop::ops::loss::{cross_entropy, distillation};
use tricktop::ops::{Activation, FeatureMap, Filter, Loss, Matrix, Mode, Norm, Ops, composed, lean};
use tricktop::recipe::settings::{Settings, Smoothing, SmoothingForm};
use tricktop::train::Gradients;
use tricktop::train::optim::{Optimiser, whole};
use tricktop::tricks::mix::Pair;
use tricktop::tricks::targets::targets;

type Traced<D> = OwnedTape<f32, D>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    /// The device's own operations.
    Own,
    Composed,
    /// Composed, and made again in the backward pass.
    Lean,
}

/// The values of a map, `(N*H*W, C)`.
pub fn pixels<D: Ops<f32>>(dev: &D, t: &Golden) -> Matrix<f32, D> {
    matrix(dev, &to_nhwc(t), (t.values.len() / t.shape[1], t.shape[1]))
}

/// A map over `pixels`, whose gradient the tape keeps under them.
pub fn map<D: Ops<f32>>(t: &Golden, pixels: &Matrix<f32, D>) -> FeatureMap<f32, D, Traced<D>> {
    let [n, _, h, w] = t.shape[..] else { panic!("{:?}", t.shape) };
    FeatureMap::new(pixels.retaped(), n, h, w)
}

/// The values of a map, on the tape.
fn flat<D: Ops<f32>>(x: FeatureMap<f32, D, Traced<D>>) -> Matrix<f32, D, Traced<D>> {
    D::matrix(x).unwrap()
}

pub fn matrix<D: Ops<f32>>(dev: &D, values: &[f32], shape: (usize, usize)) -> Matrix<f32, D> {
    dev.tensor_from_vec(values.to_vec(), shape)
}

fn row<D: Ops<f32>>(dev: &D, t: &Golden) -> Matrix<f32, D> {
    matrix(dev, &t.values, (1, t.values.len()))
}

#[test]
fn ops_equal_pytorch() {
    equal_pytorch(&Cpu::default(), &[Path::Own, Path::Composed, Path::Lean]);
    #[cfg(feature = "cuda")]
    equal_pytorch(&Cuda::default(), &[Path::Own, Path::Composed]);
}

fn equal_pytorch<D: Ops<f32>>(dev: &D, paths: &[Path]) {
    let cases = cases("ops.safetensors");
    let convs = ["conv3x3_s1", "conv3x3_s2", "conv1x1_s1", "conv1x1_s2", "conv7x7_s2_stem", "conv3x3_dilated2"];
    let more =
        ["conv3x3_s1_aligned", "conv3x3_odd_chan", "conv3x3_depthwise", "conv3x3_depthwise_s2", "conv3x3_groups4"];
    let rest = ["conv1x7", "conv7x1", "conv3x3_nopad", "bn_train", "bn_train_wide", "maxpool3x3_s2_p1"];
    let pools = ["avgpool2x2_s2_ceil_exclude_pad", "avgpool3x3_s1_p1_include_pad", "global_avgpool", "sgd_nesterov"];
    let losses = ["ce", "ce_smooth_paper", "ce_smooth_uniform", "ce_mixup", "ce_mixup_smooth_paper"];
    let soft = ["distill_paper", "distill_weighted"];
    for names in [&convs[..], &more, &rest, &pools, &losses, &soft] {
        require(&cases, names);
    }
    let mut report = Report::default();
    for (name, case) in &cases {
        for &path in paths {
            let at = format!("{name} ({path:?})");
            match name {
                n if n.starts_with("conv") => conv(dev, &at, case, path, &mut report),
                n if n.starts_with("bn") => norm(dev, &at, case, path, &mut report),
                n if n.contains("pool") => pool(dev, &at, case, path, &mut report),
                n if n.starts_with("ce") || n.starts_with("distill") => loss(dev, &at, case, &mut report),
                n if n.starts_with("sgd_nesterov") => sgd(dev, &at, case, &mut report),
                _ => panic!("the golden file has a case that no test knows: {name}"),
            }
        }
    }
    report.finish();
}

fn conv<D: Ops<f32>>(dev: &D, at: &str, case: &Case, path: Path, report: &mut Report) {
    let g: Vec<usize> = case["geometry"].values.iter().map(|v| *v as usize).collect();
    let [kh, kw, stride, ph, pw, dilation, groups] = g[..] else { panic!("{at}: {g:?}") };
    let (c_in, c_out) = (case["x"].shape[1], case["w"].shape[0]);
    let conv = Conv { kernel: (kh, kw), stride, padding: (ph, pw), dilation, groups, c_in, c_out };
    let shape = conv.weight_shape();
    let layout = Layout::Conv(conv);
    let mut w = Param::filled(dev, "w".into(), Role::Weight, layout, shape, 0.0).unwrap();
    w.data = matrix(dev, &w.from_torch(&case["w"].values), shape);
    let x = pixels(dev, &case["x"]);
    let traced = map(&case["x"], &x);
    let filter = Filter { weight: &w.data, conv: &conv, input_grad: true };
    let y = match path {
        Path::Own => D::conv2d(traced, filter).unwrap(),
        Path::Composed => composed::conv2d(traced, &w.data, &conv).unwrap(),
        Path::Lean => lean::conv2d(traced, filter).unwrap(),
    };
    let y = flat(y);
    report.compare(&format!("{at} y"), &y.as_vec(), &to_nhwc(&case["y"]));
    let grads = backward(y, pixels(dev, &case["gy"])).unwrap();
    report.compare(&format!("{at} gx"), &grads.get(&x).as_vec(), &to_nhwc(&case["gx"]));
    report.compare(&format!("{at} gw"), &w.to_torch(&grads.get(&w.data).as_vec()), &case["gw"].values);
}

fn norm<D: Ops<f32>>(dev: &D, at: &str, case: &Case, path: Path, report: &mut Report) {
    let x = pixels(dev, &case["x"]);
    let (gamma, beta) = (row(dev, &case["gamma"]), row(dev, &case["beta"]));
    let (mut mean, mut var) = (row(dev, &case["mean_before"]), row(dev, &case["var_before"]));
    let mut run = |mode, x| {
        let norm = Norm { gamma: &gamma, beta: &beta, mean: &mut mean, var: &mut var, mode, eps: 1e-5 };
        match path {
            Path::Own => D::norm_act(x, norm, None, false).unwrap(),
            Path::Composed => composed::norm_act(x, norm, None, false).unwrap(),
            Path::Lean => lean::norm_act(x, norm, None, false).unwrap(),
        }
    };
    let traced = || map(&case["x"], &x);
    report.compare(&format!("{at} y_eval"), &flat(run(Mode::Eval, traced())).as_vec(), &to_nhwc(&case["y_eval"]));
    let y = flat(run(Mode::Train, traced()));
    report.compare(&format!("{at} y"), &y.as_vec(), &to_nhwc(&case["y"]));
    report.compare(&format!("{at} mean"), &mean.as_vec(), &case["mean_after"].values);
    report.compare(&format!("{at} var"), &var.as_vec(), &case["var_after"].values);
    let grads = backward(y, pixels(dev, &case["gy"])).unwrap();
    report.compare(&format!("{at} gx"), &grads.get(&x).as_vec(), &to_nhwc(&case["gx"]));
    report.compare(&format!("{at} ggamma"), &grads.get(&gamma).as_vec(), &case["ggamma"].values);
    report.compare(&format!("{at} gbeta"), &grads.get(&beta).as_vec(), &case["gbeta"].values);
}

/// A pool's geometry stands in its name, e.g. `avgpool2x2_s2_ceil_exclude_pad`.
fn pool<D: Ops<f32>>(dev: &D, at: &str, case: &Case, path: Path, report: &mut Report) {
    let x = pixels(dev, &case["x"]);
    let traced = map(&case["x"], &x);
    let name = at.split(' ').next().unwrap();
    let (y, gy) = if name.starts_with("global") {
        let y = match path {
            Path::Own => D::matrix(D::global_average(traced).unwrap()).unwrap(),
            _ => composed::global_average(traced).unwrap(),
        };
        report.compare(&format!("{at} y"), &y.as_vec(), &case["y"].values);
        let shape = *y.shape();
        (y, matrix(dev, &case["gy"].values, shape))
    } else {
        let number = |start: &str| name.split('_').find_map(|p| p.strip_prefix(start)?.parse::<usize>().ok());
        let kernel = name.split_once("pool").unwrap().1.split('x').next().unwrap().parse().unwrap();
        let p = Pool {
            kernel,
            stride: number("s").unwrap(),
            padding: number("p").unwrap_or(0),
            ceil: name.contains("ceil"),
            count_padding: !name.contains("exclude_pad"),
        };
        let y = match (path, name.starts_with("max")) {
            (Path::Own, true) => D::max_pool(traced, &p).unwrap(),
            (Path::Own, false) => D::average_pool(traced, &p).unwrap(),
            (_, true) => composed::max_pool(traced, &p).unwrap(),
            (_, false) => composed::average_pool(traced, &p).unwrap(),
        };
        let y = flat(y);
        report.compare(&format!("{at} y"), &y.as_vec(), &to_nhwc(&case["y"]));
        (y, pixels(dev, &case["gy"]))
    };
    let grads = backward(y, gy).unwrap();
    report.compare(&format!("{at} gx"), &grads.get(&x).as_vec(), &to_nhwc(&case["gx"]));
}

fn loss<D: Ops<f32>>(dev: &D, at: &str, case: &Case, report: &mut Report) {
    let [n, k] = case["z"].shape[..] else { panic!("{at}") };
    let z = matrix(dev, &case["z"].values, (n, k));
    let labels = |name: &str| -> Vec<usize> { case[name].values.iter().map(|v| *v as usize).collect() };
    let form = if at.contains("paper") { SmoothingForm::Paper } else { SmoothingForm::Uniform };
    let smoothing = match case.get("eps") {
        Some(eps) => Smoothing { on: true, epsilon: eps.values[0] as f64, form },
        None => Smoothing::default(),
    };
    let q = match case.get("other") {
        Some(_) => {
            // the partners are images of their own here: the batch twice, each of the first half with its own
            let mut both = labels("labels");
            both.extend(labels("other"));
            let pair = |partner| Pair { partner, share: case["lam"].values[0], region: None };
            let pairs: Vec<Pair> = (n..2 * n).chain(0..n).map(pair).collect();
            targets(&both, Some(&pairs), k, &smoothing)[..n * k].to_vec()
        }
        None => targets(&labels("labels"), None, k, &smoothing),
    };
    let hard = cross_entropy(z.leaky_trace(), matrix(dev, &q, (n, k))).unwrap();
    let loss = match case.get("r") {
        None => hard,
        Some(r) => {
            let (hard, tape) = hard.split_tape();
            let soft =
                distillation(z.clone().put_tape(tape), matrix(dev, &r.values, (n, k)), case["T"].values[0] as f64)
                    .unwrap();
            let share = if at.contains("weighted") { 0.5 } else { 1.0 };
            let weight = |l: Tensor<Rank0, f32, D, Traced<D>>| l * share;
            weight(soft) + weight(hard.put_tape(Traced::<D>::default()))
        }
    };
    report.compare(&format!("{at} loss"), &loss.as_vec(), &case["loss"].values);
    let grads = loss.backward();
    report.compare(&format!("{at} gz"), &grads.get(&z).as_vec(), &case["gz"].values);
}

fn sgd<D: Ops<f32>>(dev: &D, at: &str, case: &Case, report: &mut Report) {
    let shape = |t: &Golden| (t.shape[0], t.shape[1]);
    let param = |role, values: Matrix<f32, D>| {
        let shape = *values.shape();
        let mut p = Param::filled(dev, "p".into(), role, Layout::Vector, shape, 0.0).unwrap();
        p.data = values;
        p
    };
    let mut a = param(Role::Weight, matrix(dev, &case["a0"].values, shape(&case["a0"])));
    let mut b = param(Role::Bias, row(dev, &case["b0"]));
    let target = matrix(dev, &case["target"].values, shape(&case["target"]));
    let input = matrix(dev, &case["inp"].values, shape(&case["inp"]));
    let mut settings = Settings::default();
    settings.optim.weight_decay = 1e-2;
    settings.tricks.no_bias_decay = true;
    let mut optimiser = Optimiser::default();
    let mut losses = Vec::new();
    for i in 0..6 {
        let x = FeatureMap::new(input.leaky_trace(), input.shape().0, 1, 1);
        let y = D::matrix(D::linear(x, &a.data, &b.data, Activation::None).unwrap()).unwrap();
        let loss = (y - target.clone()).square().mean::<Rank0, Axes2<0, 1>>();
        losses.push(loss.as_vec()[0]);
        let mut grads = Gradients::of(Loss { on_tape: loss, scale: 1.0, value: Some(0.0) }).unwrap();
        assert!(
            optimiser.update(whole(vec![&mut a, &mut b]), &mut grads, 0.1 / (i + 1) as f64, &settings).unwrap().updated
        );
    }
    report.compare(&format!("{at} a6"), &a.data.as_vec(), &case["a6"].values);
    report.compare(&format!("{at} b6"), &b.data.as_vec(), &case["b6"].values);
    report.compare(&format!("{at} losses"), &losses, &case["losses"].values);
}
