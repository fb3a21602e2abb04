//! torchvision's `fcn_resnet50`, which `tests/weights_torchvision.py` brings and takes back.

use crate::file::{Report, cases_in, to_nhwc};
use crate::nets::part;
use dfdx::prelude::*;
use std::path::PathBuf;
use tricktop::nn::{Net, State, Weights, recognise};
use tricktop::ops::{FeatureMap, Mode, Ops};
use tricktop::recipe::settings::{Family, Form, Task, Variant};

#[test]
#[ignore = "tests/weights_torchvision.py runs it, with a net of torchvision's"]
fn torchvisions_net_comes_and_goes() {
    let path = |name| PathBuf::from(std::env::var_os(name).unwrap());
    let case = &cases_in(&path("TRICKTOP_FCN"))["net"];
    let mut tensors = part(case, "");
    tensors.remove("x");
    tensors.remove("logits");
    let (weights, found) = Weights::fitting(tensors, recognise).unwrap();
    let (design, net) = (&found.design, &found.design.net);
    assert_eq!((design.task, design.auxiliary, found.classes), (Task::Segment, true, 21));
    assert_eq!((net.family, net.form, net.depth, net.variant), (Family::ResNet, Form::ImageNet, 50, Variant::B));
    assert_eq!((net.output_stride, net.corners), (8, false));
    let spec = design.spec(3, 21);
    assert_eq!(spec.cost(65, 97).parameters, 35_322_218);
    let dev = Cpu::default();
    let mut net = Net::<f32, Cpu>::new(&dev, &spec).unwrap();
    net.import(&weights.tensors).unwrap();
    let [n, c, h, w] = case["x"].shape[..] else { panic!("images") };
    let x = FeatureMap::new(dev.tensor_from_vec(to_nhwc(&case["x"]), (n * h * w, c)), n, h, w);
    let logits = <Cpu as Ops<f32>>::values(&net.forward(x, Mode::Eval).unwrap()).unwrap();
    let mut report = Report::default();
    report.compare("logits", &logits, &to_nhwc(&case["logits"]));
    report.finish();
    let tensors = net.export().into_iter().map(|(name, t)| (design.outer_name(&name), t)).collect();
    let bytes = State { tensors, metadata: Default::default() }.to_bytes().unwrap();
    std::fs::write(path("TRICKTOP_FCN_BACK"), bytes).unwrap();
}
