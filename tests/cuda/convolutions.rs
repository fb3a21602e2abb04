//! The convolutions of every net, for asking cuDNN about them (`src/ops/cuda/cudnn/planner.rs`).

use std::collections::BTreeSet;
use tricktop::kernels::geometry::Conv;
use tricktop::nn::layer::{Part, walk};
use tricktop::nn::{NetSpec, edge};
use tricktop::ops::memory::Extent;
use tricktop::recipe::settings::{Family, Form, Net, Variant};

/// Families, forms, depths.
const NETS: &[(Family, Form, &[u64])] = &[
    (Family::ResNet, Form::ImageNet, &[18, 34, 50, 101, 152]),
    (Family::ResNeXt, Form::ImageNet, &[50, 101, 152]),
    (Family::SeResNet, Form::ImageNet, &[18, 34, 50, 101, 152]),
    (Family::SeResNeXt, Form::ImageNet, &[50, 101, 152]),
    (Family::MobileNet, Form::ImageNet, &[28]),
    (Family::DenseNet, Form::ImageNet, &[121, 169, 201]),
    (Family::Inception, Form::ImageNet, &[48]),
    (Family::ResNet, Form::Small, &[18, 20]),
    (Family::SeResNet, Form::Small, &[20]),
    (Family::MobileNet, Form::Small, &[28]),
    (Family::DenseNet, Form::Small, &[121, 169, 201]),
];

/// Images, height, width, kernel, stride, padding, dilation, groups, channels in and out.
type Sizes = [usize; 12];

fn sizes(n: usize, h: usize, w: usize, c: &Conv) -> Sizes {
    [n, h, w, c.kernel.0, c.kernel.1, c.stride, c.padding.0, c.padding.1, c.dilation, c.groups, c.c_in, c.c_out]
}

/// Those of a net, those that make its gates, and its linear layer.
fn of_net(net: &Net, channels: usize, classes: usize, n: usize, all: &mut BTreeSet<Sizes>) {
    let (edge, spec) = (edge(net.family, net.form), NetSpec::new(net, channels, classes));
    let image = Extent { h: edge, w: edge, c: channels };
    let linear = |from, to| sizes(n, 1, 1, &Conv::same(from, to, 1, 1));
    let mut visit = |part: Part, from: Extent, _: Extent| match part {
        Part::Unit(unit) => {
            all.insert(sizes(n, from.h, from.w, &unit.conv));
        }
        Part::Sum(Some(gate)) => {
            all.extend([linear(gate.channels, gate.reduced), linear(gate.reduced, gate.channels)]);
        }
        _ => {}
    };
    walk(&spec.layers, image, &mut visit);
    if let Some(auxiliary) = &spec.auxiliary {
        let from = walk(&spec.layers[..auxiliary.after], image, &mut |_, _, _| {});
        walk(&auxiliary.layers, from, &mut visit);
        all.insert(linear(auxiliary.features, classes));
    }
    all.insert(linear(spec.features, classes));
}

/// Writes them to the file that `TRICKTOP_CONVOLUTIONS` names, for batches of 128.
#[test]
#[ignore = "writes a file, which must be named"]
fn list_of_convolutions() {
    let mut all = BTreeSet::new();
    for (family, form, depths) in NETS {
        for depth in *depths {
            for variant in [Variant::A, Variant::B, Variant::C, Variant::D] {
                for auxiliary in [false, true] {
                    let auxiliary = auxiliary && *family == Family::Inception;
                    let net = Net { family: *family, form: *form, depth: *depth, variant, auxiliary, ..Net::default() };
                    // Colour and grey images.
                    of_net(&net, 3, 1000, 128, &mut all);
                    of_net(&net, 1, 10, 128, &mut all);
                }
            }
        }
    }
    let file = std::env::var("TRICKTOP_CONVOLUTIONS").unwrap();
    std::fs::write(file, serde_json::to_string(&all.into_iter().collect::<Vec<_>>()).unwrap()).unwrap();
}
