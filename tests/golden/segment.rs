//! Segmentation against PyTorch's values: upsampling, dilated convolutions, two fully convolutional nets.

use crate::file::{Case, Report, Tensor, cases, distance, path, require, to_nhwc};
use crate::nets::{Tensors, part};
use crate::ops::{map, matrix, pixels};
use dfdx::prelude::*;
use serde_json::Value;
use tricktop::data::IGNORED;
use tricktop::kernels::geometry::Conv;
use tricktop::nn::families::{Block, Groups, ResNet, Stem};
use tricktop::nn::{Layout, Net, NetSpec, Param, Role, TensorData, Tuning};
use tricktop::ops::composed::{self, backward};
use tricktop::ops::{Dropout, FeatureMap, Filter, Mode, Ops, PixelObjective, Precision, Real, lean, pixel_loss};
use tricktop::train::Confusion;

const UP: [&str; 5] = ["up_8x", "up_odd", "up_same", "up_one", "up_down"];
const DILATED: [&str; 4] = ["dilated2", "dilated4", "dilated4_small", "dilated2_even"];
const NETS: [&str; 2] = ["fcn_bottleneck", "fcn_basic"];
const CLASSES: usize = 5;

#[test]
fn segmentation_equals_pytorch() {
    let cases = cases("segment.safetensors");
    let up: Vec<String> = UP.iter().flat_map(|up| ["corners", "centres"].map(|how| format!("{up}_{how}"))).collect();
    require(&cases, &up.iter().map(String::as_str).chain(DILATED).chain(NETS).collect::<Vec<_>>());
    let facts: Value = serde_json::from_slice(&std::fs::read(path("segment.json")).unwrap()).unwrap();
    let mut report = Report::default();
    for (name, case) in &cases {
        if name.starts_with("up") {
            upsample(&Cpu::default(), name, case, false, &mut report);
            upsample(&Cpu::default(), name, case, true, &mut report);
            #[cfg(feature = "cuda")]
            upsample(&Cuda::default(), name, case, false, &mut report);
        } else if name.starts_with("dilated") {
            for way in [Way::Own, Way::Composed, Way::Lean] {
                dilated(&Cpu::default(), name, case, way, &mut report);
            }
            #[cfg(feature = "cuda")]
            dilated(&Cuda::default(), name, case, Way::Own, &mut report);
        } else {
            figures(name, case, &facts[name]);
            let parameters = facts[name]["parameters"].as_u64().unwrap();
            net::<f32, _>(&Cpu::default(), name, case, (false, parameters), &mut report);
            net::<f32, _>(&Cpu::default(), name, case, (true, parameters), &mut report);
            net::<f64, _>(&Cpu::default(), name, case, (false, parameters), &mut report);
            #[cfg(feature = "cuda")]
            net::<f32, _>(&Cuda::default(), name, case, (false, parameters), &mut report);
        }
    }
    report.finish();
}

/// pixAcc and mIoU from one count, as scikit-learn counts: exactly.
fn figures(name: &str, case: &Case, facts: &Value) {
    let pixels = case["labels"].values.iter().zip(&case["predicted"].values);
    let counted = pixels.filter(|(label, _)| **label != f32::from(IGNORED));
    let confusion = Confusion::new(CLASSES, counted.map(|(label, predicted)| (*label as usize, *predicted as usize)));
    let rows: Vec<Vec<u64>> = serde_json::from_value(facts["confusion"].clone()).unwrap();
    assert_eq!(confusion.rows(CLASSES), Some(rows.clone()), "{name}");
    assert_eq!(confusion, Confusion::of(CLASSES, &rows.concat()), "{name}");
    assert_eq!(confusion.accuracy(), facts["pix_acc"].as_f64(), "{name}");
    let (miou, classes) = confusion.mean_iou();
    assert!((miou.unwrap() - facts["miou"].as_f64().unwrap()).abs() < 1e-15, "{name}: {miou:?}");
    assert_eq!(Some(classes as u64), facts["classes_counted"].as_u64(), "{name}");
}

fn upsample<D: Ops<f32>>(dev: &D, name: &str, case: &Case, composed: bool, report: &mut Report) {
    let at = format!("{name} (composed: {composed})");
    let [_, _, h, w] = case["y"].shape[..] else { panic!("{at}") };
    let (x, corners) = (pixels(dev, &case["x"]), case["corners"].values[0] != 0.0);
    let traced = map(&case["x"], &x);
    let y = match composed {
        false => D::upsample(traced, (h, w), corners).unwrap(),
        true => composed::upsample(traced, (h, w), corners).unwrap(),
    };
    let y = D::matrix(y).unwrap();
    report.compare(&format!("{at} y"), &y.as_vec(), &to_nhwc(&case["y"]));
    let grads = backward(y, pixels(dev, &case["gy"])).unwrap();
    report.compare(&format!("{at} gx"), &grads.get(&x).as_vec(), &to_nhwc(&case["gx"]));
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Own,
    Composed,
    Lean,
}

fn dilated<D: Ops<f32>>(dev: &D, name: &str, case: &Case, way: Way, report: &mut Report) {
    let at = format!("{name} ({way:?})");
    let (c_in, c_out) = (case["x"].shape[1], case["w"].shape[0]);
    let conv = Conv::same(c_in, c_out, 3, 1).dilated(case["dilation"].values[0] as usize);
    let shape = conv.weight_shape();
    let mut w = Param::filled(dev, "w".into(), Role::Weight, Layout::Conv(conv), shape, 0.0).unwrap();
    w.data = matrix(dev, &w.from_torch(&case["w"].values), shape);
    let x = pixels(dev, &case["x"]);
    let traced = map(&case["x"], &x);
    let filter = Filter { weight: &w.data, conv: &conv, input_grad: true };
    let y = match way {
        Way::Own => D::conv2d(traced, filter).unwrap(),
        Way::Composed => composed::conv2d(traced, &w.data, &conv).unwrap(),
        Way::Lean => lean::conv2d(traced, filter).unwrap(),
    };
    let y = D::matrix(y).unwrap();
    report.compare(&format!("{at} y"), &y.as_vec(), &to_nhwc(&case["y"]));
    let grads = backward(y, pixels(dev, &case["gy"])).unwrap();
    report.compare(&format!("{at} gx"), &grads.get(&x).as_vec(), &to_nhwc(&case["gx"]));
    report.compare(&format!("{at} gw"), &w.to_torch(&grads.get(&w.data).as_vec()), &case["gw"].values);
}

fn spec(name: &str) -> NetSpec {
    let (block, channels) = match name {
        "fcn_bottleneck" => (Block::Bottleneck, vec![8, 8, 12, 16]),
        _ => (Block::Basic, vec![8, 16, 24, 32]),
    };
    let net = ResNet {
        stem: Stem::Deep { width: 8 },
        block,
        layers: vec![1, 1, 2, 2],
        channels,
        groups: Groups::NONE,
        gated: false,
        stride_first: false,
        average_down: true,
        output_stride: Some(8),
    };
    net.fcn(name, 3, CLASSES, false, true)
}

/// The tensors of a part of a case under our names.
fn ours(case: &Case, of: &str) -> Tensors {
    let heads =
        [("head.3", "classifier.4"), ("aux.3", "aux_classifier.4"), ("head", "classifier"), ("aux", "aux_classifier")];
    let named = |name: String| -> String {
        let bare = name.strip_prefix("backbone.").map(String::from);
        let head = heads.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", name.strip_prefix(theirs)?)));
        bare.or(head).unwrap_or(name)
    };
    part(case, of).into_iter().map(|(name, t)| (named(name), t)).collect()
}

fn objective<E: Real, D: Ops<E>>(case: &Case) -> PixelObjective<E, D> {
    PixelObjective {
        labels: case["labels"].values.iter().map(|v| *v as u8).collect(),
        partners: None,
        smoothing: (1.0, 0.0),
        teacher: None,
        hard: 1.0,
        soft: 1.0,
        temperature: 20.0,
        aux_weight: 0.5,
    }
}

fn net<E: Real, D: Ops<E>>(dev: &D, name: &str, case: &Case, (composed, count): (bool, u64), report: &mut Report) {
    let at = format!("{name} {} (composed loss: {composed})", std::any::type_name::<E>());
    let (spec, before) = (spec(name), ours(case, "state."));
    let [n, c, h, w] = case["x"].shape[..] else { panic!("{at}") };
    assert_eq!(spec.cost(h, w).parameters as u64, count, "{at}");
    let mut net = Net::<E, D>::new(dev, &spec).unwrap();
    net.import(&before).unwrap();
    assert_eq!(net.export(), before, "{at}: what is imported is exported again");
    let wide = |t: &Tensor| to_nhwc(t).iter().map(|v| E::of(*v as f64)).collect::<Vec<E>>();
    let narrow = |v: Vec<E>| v.into_iter().map(|v| v.value() as f32).collect::<Vec<f32>>();
    let x = || FeatureMap::new(dev.tensor_from_vec(wide(&case["x"]), (n * h * w, c)), n, h, w);
    let eval = narrow(D::values(&net.forward(x(), Mode::Eval).unwrap()).unwrap());
    report.compare(&format!("{at} logits_eval"), &eval, &to_nhwc(&case["logits_eval"]));

    let (logits, beside) = net.forward_both(x().put_tape(D::tape()), Tuning::ALL).unwrap();
    let (logits, tape) = logits.split_tape();
    let beside = beside.unwrap();
    let (own, second) = (narrow(D::values(&logits).unwrap()), narrow(D::values(&beside).unwrap()));
    report.compare(&format!("{at} logits"), &own, &to_nhwc(&case["logits"]));
    report.compare(&format!("{at} logits_aux"), &second, &to_nhwc(&case["logits_aux"]));
    let (objective, logits) = (objective(case), logits.put_tape(tape));
    let loss = match composed {
        true => pixel_loss::composed(logits, Some(beside), objective, 1.0).unwrap(),
        false => D::pixel_loss(logits, Some(beside), objective, 1.0).unwrap(),
    };
    let total = case["loss"].values[0] + 0.5 * case["loss_aux"].values[0];
    report.compare(&format!("{at} loss"), &[loss.value.unwrap()], &[total]);
    let grads = loss.on_tape.backward();
    let gradients = ours(case, "grad.");
    let trained: Vec<_> = net.params().into_iter().filter(|p| p.role != Role::Statistic).collect();
    assert_eq!(trained.len(), gradients.len(), "{at}: a gradient for every parameter");
    for p in trained {
        let found = p.to_torch(&grads.get(&p.data).as_vec());
        report.compare(&format!("{at} grad {}", p.name), &found, &gradients[&p.name].values);
    }
    let after: Tensors = net.export();
    for (name, TensorData { values, .. }) in ours(case, "after.") {
        report.compare(&format!("{at} after {name}"), &after[&name].values, &values);
    }
}

/// Keeps gradients of pixels from being too small for half precision.
const SCALE: f32 = 4096.0;

/// Loss and gradients of a step with dropout, on so many threads.
fn step(case: &Case, threads: usize, precision: Precision, dropout: Dropout) -> (f32, Vec<Vec<f32>>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let dev = Cpu::default();
        let mut net = Net::<f32, Cpu>::new(&dev, &spec("fcn_basic")).unwrap();
        net.import(&ours(case, "state.")).unwrap();
        let [n, c, h, w] = case["x"].shape[..] else { panic!("images") };
        let x = FeatureMap::new(dev.tensor_from_vec(to_nhwc(&case["x"]), (n * h * w, c)), n, h, w);
        let x = Cpu::to_precision(x, precision).unwrap();
        let (logits, beside) = net
            .forward_both(x.put_tape(OwnedTape::default()), Tuning { dropout: Some(dropout), ..Tuning::ALL })
            .unwrap();
        let loss = Cpu::pixel_loss(logits, beside, objective(case), SCALE.into()).unwrap();
        let value = loss.value.unwrap();
        let grads = loss.on_tape.backward();
        let trained = net.params().into_iter().filter(|p| p.role != Role::Statistic);
        let gradient = |p: &Param<f32, Cpu>| grads.get(&p.data).as_vec().into_iter().map(|g| g / SCALE).collect();
        (value, trained.map(gradient).collect())
    })
}

#[test]
fn a_step_is_the_same_on_any_number_of_threads_and_near_in_half_precision() {
    let cases = cases("segment.safetensors");
    let case = &cases["fcn_basic"];
    let dropout = |share, batch| Dropout { share, seed: 1, epoch: 2, batch };
    let one = step(case, 1, Precision::Single, dropout(0.1, 3));
    for threads in [2, 3, 8] {
        assert!(step(case, threads, Precision::Single, dropout(0.1, 3)) == one, "{threads} threads");
    }
    assert!(step(case, 2, Precision::Single, dropout(0.1, 4)) != one, "another step drops the same");
    let whole = step(case, 2, Precision::Single, dropout(0.0, 3));
    let expected = case["loss"].values[0] + 0.5 * case["loss_aux"].values[0];
    assert!((whole.0 - expected).abs() < 1e-4, "{} {expected}", whole.0);
    // Norms over sixty values make rounding errors hundreds of times larger: gradients in half precision point the same way.
    for (precision, of_loss, of_gradients) in [(Precision::Half, 0.02, 0.5), (Precision::BrainHalf, 0.1, 1.5)] {
        let half = step(case, 2, precision, dropout(0.1, 3));
        assert!((half.0 - one.0).abs() < of_loss * one.0, "{precision:?} {} {}", half.0, one.0);
        let apart = distance(&half.1.concat(), &one.1.concat());
        assert!(apart < of_gradients, "{precision:?}: gradients are {apart} apart");
    }
}
