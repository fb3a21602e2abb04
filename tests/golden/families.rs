//! The families beside ResNet against timm's own modules: logits in both modes and every gradient, through the kernels
//! and composed of dfdx's operations. `generate_nets.py` made the values.

use crate::file::{Case, Report, cases_in, require, to_nhwc};
use crate::nets::{Tensors, part};
use dfdx::prelude::*;
use std::path::Path;
use tricktop::kernels::geometry::Conv;
use tricktop::nn::families::{Block, DenseNet, Groups, Inception, MobileNet, ResNet, Stem};
use tricktop::nn::layer::{Layer, Unit};
use tricktop::nn::{Auxiliary, Net, NetSpec, Role, Tuning};
use tricktop::ops::loss::{cross_entropy, with_auxiliary};
use tricktop::ops::{FeatureMap, Mode, Ops, Real};
use tricktop::recipe::settings::Smoothing;
use tricktop::tricks::targets::targets;

const CLASSES: usize = 5;

fn spec(name: &str) -> NetSpec {
    let resnet = ResNet {
        output_stride: None,
        stem: Stem::Classic { width: 64 },
        block: Block::Bottleneck,
        layers: vec![1; 3],
        channels: vec![8; 3],
        groups: Groups::NONE,
        gated: false,
        stride_first: false,
        average_down: false,
    };
    match name {
        "mobilenet" => MobileNet { stem: 8, stride: 2, stages: vec![(1, 8), (2, 12), (1, 20)] }.spec(3, CLASSES),
        "resnext" => ResNet { groups: Groups { count: 4, width: 16 }, ..resnet }.spec(name, 1, CLASSES),
        "se_basic" => ResNet {
            stem: Stem::Deep { width: 4 },
            block: Block::Basic,
            channels: vec![8, 8, 12],
            gated: true,
            average_down: true,
            ..resnet
        }
        .spec(name, 3, CLASSES),
        "se_resnext" => {
            let groups = Groups { count: 2, width: 16 };
            ResNet { channels: vec![4, 4, 8], gated: true, groups, ..resnet }.spec(name, 1, CLASSES)
        }
        "densenet" => DenseNet { stem: 8, small: false, growth: 4, layers: vec![2, 3, 2] }.spec(name, 3, CLASSES),
        "inception" => {
            Inception { width: 1.0 / 16.0, a: vec![32], c: vec![128], e: 1, auxiliary: false }.spec(1, CLASSES)
        }
        "auxiliary" => auxiliary(),
        other => panic!("{other}"),
    }
}

/// Inception's auxiliary head behind the first of two convolutions.
fn auxiliary() -> NetSpec {
    let of = Inception { width: 1.0 / 16.0, a: vec![32], c: vec![128], e: 1, auxiliary: true }.spec(1, CLASSES);
    let unit = |name: &str, c_in, c_out| {
        let conv = Conv { padding: (0, 0), ..Conv::same(c_in, c_out, 3, 1) };
        Layer::Unit(Unit::new(format!("{name}.conv"), format!("{name}.bn"), conv))
    };
    NetSpec {
        layers: vec![unit("Conv2d_1a_3x3", 1, 48), unit("Conv2d_2a_3x3", 48, 8)],
        features: 8,
        auxiliary: of.auxiliary.map(|auxiliary| Auxiliary { after: 1, ..auxiliary }),
        ..of
    }
}

#[test]
fn families_equal_timm() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families.safetensors");
    let cases = cases_in(&file);
    require(&cases, &["mobilenet", "resnext", "se_basic", "se_resnext", "densenet", "inception", "auxiliary"]);
    let mut report = Report::default();
    for (name, case) in &cases {
        let before = part(case, "before/");
        compare::<f32, _>(&Cpu::default(), name, case, &before, &mut report);
        compare::<f64, _>(&Cpu::default(), name, case, &before, &mut report);
        #[cfg(feature = "cuda")]
        compare::<f32, _>(&Cuda::default(), name, case, &before, &mut report);
    }
    report.finish();
}

fn compare<E: Real, D: Ops<E>>(dev: &D, name: &str, case: &Case, before: &Tensors, report: &mut Report) {
    let wide = |v: &[f32]| v.iter().map(|v| E::of(*v as f64)).collect::<Vec<E>>();
    let narrow = |v: Vec<E>| v.into_iter().map(|v| v.value() as f32).collect::<Vec<f32>>();
    let mut net = Net::<E, D>::new(dev, &spec(name)).unwrap();
    net.import(before).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(&net.export(), before, "{name}: what is imported is exported again");
    let [n, c, h, w] = case["x"].shape[..] else { panic!("{name}") };
    let x = FeatureMap::new(dev.tensor_from_vec(wide(&to_nhwc(&case["x"])), (n * h * w, c)), n, h, w);
    let name = format!("{name} {}", std::any::type_name::<E>());
    let logits = narrow(D::values(&net.forward(x.clone(), Mode::Eval).unwrap()).unwrap());
    report.compare(&format!("{name} logits_eval"), &logits, &case["logits_eval"].values);

    let labels: Vec<usize> = case["labels"].values.iter().map(|v| *v as usize).collect();
    let q = dev.tensor_from_vec(wide(&targets(&labels, None, CLASSES, &Smoothing::default())), (n, CLASSES));
    let (logits, beside) = net.forward_both(x.put_tape(OwnedTape::default()), Tuning::ALL).unwrap();
    let logits = D::matrix(logits).unwrap();
    report.compare(&format!("{name} logits_train"), &narrow(logits.as_vec()), &case["logits_train"].values);
    let loss = match beside {
        None => cross_entropy(logits, q).unwrap(),
        Some(beside) => {
            let (logits, tape) = logits.split_tape();
            let (second, tape) =
                cross_entropy(D::matrix(beside.put_tape(tape)).unwrap(), q.clone()).unwrap().split_tape();
            with_auxiliary(cross_entropy(logits.put_tape(tape), q).unwrap(), second).unwrap()
        }
    };
    report.compare(&format!("{name} loss"), &narrow(loss.as_vec()), &case["loss"].values);
    let grads = loss.backward();
    let expected = part(case, "grad/");
    let trained: Vec<_> = net.params().into_iter().filter(|p| p.role != Role::Statistic).collect();
    assert_eq!(trained.len(), expected.len(), "{name}: a gradient for every parameter");
    for p in trained {
        let found = p.to_torch(&grads.get(&p.data).as_vec());
        report.compare(&format!("{name} grad {}", p.name), &found, &expected[&p.name].values);
    }
}
