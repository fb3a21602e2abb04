//! Settings of a net that are each in range but cannot stand together.

use super::Invalid;
use super::settings::{Family, Form, Net, Seg, Settings, Task, is_resnet};

/// All of them.
pub(super) fn clashes(s: &Settings) -> Vec<Invalid> {
    shape(&s.net).into_iter().chain(stride(&s.net)).chain(of_task(s)).collect()
}

/// A form, depth or head that a family of nets does not have.
fn shape(net: &Net) -> Option<Invalid> {
    if net.auxiliary && net.family != Family::Inception {
        let problem = format!("is true; {} has no auxiliary head, Inception has one", net.family.word());
        return Some(Invalid { path: "net.auxiliary", problem });
    }
    let depth = net.depth;
    let (allowed, has): (&[u64], &str) = match (net.family, net.form) {
        (Family::ResNeXt | Family::SeResNeXt | Family::Inception, Form::Small) => {
            let problem = format!("is Small; {} is there as ImageNet", net.family.word());
            return Some(Invalid { path: "net.form", problem });
        }
        (Family::ResNet | Family::SeResNet, Form::ImageNet) => {
            (&[18, 34, 50, 101, 152], "an ImageNet ResNet has 18, 34, 50, 101 or 152 layers")
        }
        (Family::ResNet | Family::SeResNet, Form::Small) if depth % 6 == 2 => return None,
        (Family::ResNet | Family::SeResNet, Form::Small) => {
            (&[18], "a small ResNet has 18 or 6n+2 layers (8, 14, 20, 26, 32, …)")
        }
        (Family::ResNeXt | Family::SeResNeXt, _) => (&[50, 101, 152], "a ResNeXt has 50, 101 or 152 layers"),
        (Family::MobileNet, _) => (&[28], "MobileNet has 28 layers"),
        (Family::DenseNet, _) => (&[121, 169, 201], "a DenseNet has 121, 169 or 201 layers"),
        (Family::Inception, _) => (&[48], "Inception-V3 has 48 layers"),
    };
    let problem = format!("is {depth}; {has}");
    (!allowed.contains(&depth)).then_some(Invalid { path: "net.depth", problem })
}

/// An output stride that a net cannot have.
fn stride(net: &Net) -> Option<Invalid> {
    let stride = net.output_stride;
    let (allowed, has): (&[u64], &str) = match (net.form, net.depth) {
        _ if stride == 0 => return None,
        _ if !is_resnet(net.family) => {
            let problem = format!("is {stride}; {} has none, ResNets and their relatives do", net.family.word());
            return Some(Invalid { path: "net.output_stride", problem });
        }
        (Form::ImageNet, _) => (&[8, 16, 32], "an ImageNet ResNet has 8, 16 or 32"),
        (Form::Small, 18) => (&[2, 4, 8], "a small ResNet of 18 layers has 2, 4 or 8"),
        (Form::Small, _) => (&[2, 4], "a small ResNet has 2 or 4"),
    };
    let problem = format!("is {stride}; {has}, or 0 for the net as it is");
    (!allowed.contains(&stride)).then_some(Invalid { path: "net.output_stride", problem })
}

/// What a task does not have.
fn of_task(s: &Settings) -> Vec<Invalid> {
    let mut found = Vec::new();
    let mut clash = |path, problem: String| found.push(Invalid { path, problem });
    if s.task == Task::Segment {
        if !is_resnet(s.net.family) {
            let has = "task Segment has ResNet, ResNeXt, SeResNet and SeResNeXt";
            clash("net.family", format!("is {}; {has}", s.net.family.word()));
        }
        return found;
    }
    let needs = "task Segment alone has it (--set task=Segment)";
    let Seg { aux, aux_weight, dropout } = Seg::default();
    if s.net.corners {
        clash("net.corners", format!("is true; {needs}"));
    }
    if s.seg.aux != aux {
        clash("seg.aux", format!("is {}; {needs}", s.seg.aux));
    }
    if s.seg.aux_weight != aux_weight {
        clash("seg.aux_weight", format!("is {}; {needs}", s.seg.aux_weight));
    }
    if s.seg.dropout != dropout {
        clash("seg.dropout", format!("is {}; {needs}", s.seg.dropout));
    }
    found
}
