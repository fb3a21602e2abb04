//! What the Python package timm calls the nets.

use super::Design;
use crate::recipe::settings::{Family, Form, Task, Variant};

/// Nets with a deep stem, or a pooled shortcut too, that have a name of their own there.
const NAMED: [&str; 10] = [
    "resnet50c",
    "resnet101c",
    "resnet152c",
    "resnet18d",
    "resnet34d",
    "resnet50d",
    "resnet101d",
    "resnet152d",
    "seresnet152d",
    "resnext50d_32x4d",
];

/// The arguments that make a ResNet-C, and a ResNet-D, out of the plain one.
const DEEP: &str = r#"{"stem_type": "deep", "stem_width": 32}"#;
const DEEP_AND_POOLED: &str = r#"{"stem_type": "deep", "stem_width": 32, "avg_down": true}"#;

/// How `timm.create_model` makes a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timm {
    /// Name of the model.
    pub name: String,
    /// Further arguments, as a JSON object.
    pub args: &'static str,
}

/// How timm makes the net of a recipe; none when it has no such net: one for pixels or small images, of another width,
/// dilated (its ResNet-D pools in dilated shortcuts), a ResNet-A of bottlenecks (which strides where no net there does).
pub fn timm(Design { task, net, .. }: &Design) -> Option<Timm> {
    let dilated = !matches!(net.output_stride, 0 | 32);
    if net.width != 1.0 || net.form != Form::ImageNet || dilated || *task != Task::Classify {
        return None;
    }
    let depth = net.depth;
    let plain = |name: String| Some(Timm { name, args: "{}" });
    let residual = |begin: &str, end: &str| {
        let basic = matches!(depth, 18 | 34);
        let (letter, args) = match net.variant {
            Variant::A if !basic => return None,
            Variant::A | Variant::B => return plain(format!("{begin}{depth}{end}")),
            Variant::C => ("c", DEEP),
            Variant::D => ("d", DEEP_AND_POOLED),
        };
        let own = format!("{begin}{depth}{letter}{end}");
        if NAMED.contains(&own.as_str()) {
            return plain(own);
        }
        Some(Timm { name: format!("{begin}{depth}{end}"), args })
    };
    match net.family {
        Family::ResNet => residual("resnet", ""),
        Family::SeResNet => residual("seresnet", ""),
        Family::ResNeXt if depth < 152 => residual("resnext", "_32x4d"),
        Family::SeResNeXt if depth < 152 => residual("seresnext", "_32x4d"),
        Family::ResNeXt | Family::SeResNeXt => None,
        // timm has ReLU6 there.
        Family::MobileNet => Some(Timm { name: "mobilenetv1_100".into(), args: r#"{"act_layer": "relu"}"# }),
        Family::DenseNet => plain(format!("densenet{depth}")),
        Family::Inception if !net.auxiliary => plain("inception_v3".into()),
        Family::Inception => Some(Timm { name: "inception_v3".into(), args: r#"{"aux_logits": true}"# }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::settings::Net;

    fn timm(net: &Net) -> Option<Timm> {
        super::timm(&Design { task: Task::Classify, net: net.clone(), auxiliary: true })
    }

    #[test]
    fn nets_are_called_as_timm_calls_them() {
        let of = |family, depth, variant| timm(&Net { family, form: Form::ImageNet, depth, variant, ..Net::default() });
        let named = |name: &str, args| Some(Timm { name: name.into(), args });
        assert_eq!(of(Family::ResNet, 18, Variant::B), named("resnet18", "{}"));
        assert_eq!(of(Family::ResNet, 34, Variant::A), named("resnet34", "{}"));
        assert_eq!(of(Family::ResNet, 50, Variant::A), None);
        assert_eq!(of(Family::ResNet, 50, Variant::D), named("resnet50d", "{}"));
        assert_eq!(of(Family::ResNet, 18, Variant::C), named("resnet18", DEEP));
        assert_eq!(of(Family::SeResNet, 50, Variant::D), named("seresnet50", DEEP_AND_POOLED));
        assert_eq!(of(Family::ResNeXt, 50, Variant::B), named("resnext50_32x4d", "{}"));
        assert_eq!(of(Family::ResNeXt, 50, Variant::D), named("resnext50d_32x4d", "{}"));
        assert_eq!(of(Family::SeResNeXt, 101, Variant::D), named("seresnext101_32x4d", DEEP_AND_POOLED));
        assert_eq!(of(Family::ResNeXt, 152, Variant::B), None);
        assert_eq!(of(Family::DenseNet, 169, Variant::D), named("densenet169", "{}"));
        assert_eq!(timm(&Net::default()), None);
        assert_eq!(timm(&Net { form: Form::ImageNet, depth: 50, output_stride: 8, ..Net::default() }), None);
        assert_eq!(timm(&Net { form: Form::ImageNet, depth: 18, width: 0.5, ..Net::default() }), None);
    }
}
