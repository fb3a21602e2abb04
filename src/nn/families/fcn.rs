//! Fully convolutional nets (Long et al. 2015): a ResNet whose last map gives every pixel a class.

use super::{EPS, ResNet};
use crate::kernels::geometry::Conv;
use crate::nn::layer::{Layer, Unit};
use crate::nn::spec::{AUX_CLASSIFIER, Auxiliary, CLASSIFIER, Logits, NetSpec};

/// Place of the linear layer in a classifier of pixels, behind a convolution, its norm, ReLU and dropout.
const LINEAR: usize = 4;

/// What comes before the linear layer of a classifier of pixels.
fn head(name: &str, channels: usize) -> Unit {
    Unit::new(format!("{name}.0"), format!("{name}.1"), Conv::same(channels, (channels / 4).max(1), 3, 1))
}

impl ResNet {
    /// The fully convolutional net with it as its backbone, under torchvision's names but for the backbone's, which stay;
    /// with an auxiliary head on the last stage but one, if there are two.
    pub fn fcn(&self, name: &str, image_channels: usize, classes: usize, corners: bool, auxiliary: bool) -> NetSpec {
        let chain = self.backbone(image_channels);
        let last = chain.channels;
        let linear = |name: &str| format!("{name}.{LINEAR}");
        let net = chain.unit(head(CLASSIFIER, last)).net(name, &linear(CLASSIFIER), EPS, image_channels, classes);
        // The first of the net's ends is that of its stem.
        let before = self.channels.iter().zip(&net.stages[1..]).rev().nth(1).filter(|_| auxiliary);
        let auxiliary = before.map(|(width, &after)| {
            let unit = head(AUX_CLASSIFIER, width * self.block.expansion());
            let features = unit.conv.c_out;
            Auxiliary { after, layers: vec![Layer::Unit(unit)], head: linear(AUX_CLASSIFIER), features }
        });
        NetSpec { auxiliary, logits: Logits::Pixels { corners }, ..net }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layer::{Part, walk};
    use crate::ops::memory::Extent;
    use crate::recipe::settings::{Family, Form, Net, Variant};

    fn fcn(net: Net, classes: usize, auxiliary: bool) -> NetSpec {
        NetSpec::segmenting(&net, auxiliary, 3, classes)
    }

    fn large(depth: u64, variant: Variant) -> Net {
        Net { form: Form::ImageNet, depth, variant, output_stride: 8, ..Net::default() }
    }

    #[test]
    fn counts_and_names_are_those_of_torchvision() {
        for (classes, count) in [(21, 35_322_218), (150, 35_421_548)] {
            assert_eq!(fcn(large(50, Variant::B), classes, true).cost(64, 64).parameters, count);
        }
        let spec = fcn(large(50, Variant::B), 21, true);
        let shape = |name: &str| {
            let params = spec.params();
            let p = params.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("{name}"));
            p.layout.torch_shape(p.shape)
        };
        assert_eq!(shape("classifier.0.weight"), [512, 2048, 3, 3]);
        assert_eq!(shape("classifier.1.running_var"), [512]);
        assert_eq!(shape("classifier.4.weight"), [21, 512, 1, 1]);
        assert_eq!(shape("aux_classifier.4.weight"), [21, 256, 1, 1]);
        assert_eq!(shape("aux_classifier.4.bias"), [21]);
    }

    /// Names, strides and dilations of the convolutions that stride or are dilated, and how many pixels the last one has.
    fn steps(spec: &NetSpec, edge: usize) -> (Vec<(String, usize, usize)>, usize, usize) {
        let (mut found, mut pools) = (Vec::new(), 0);
        let end = walk(&spec.layers, Extent { h: edge, w: edge, c: 3 }, &mut |part, _, _| match part {
            Part::Unit(unit) if unit.conv.stride > 1 || unit.conv.dilation > 1 => {
                found.push((unit.conv_name.clone(), unit.conv.stride, unit.conv.dilation));
            }
            Part::Pool(_) => pools += 1,
            _ => {}
        });
        (found, end.h, pools)
    }

    #[test]
    fn the_first_block_of_a_stage_keeps_the_dilation_before_it() {
        let of = |spec: &NetSpec, name: &str| {
            let (found, ..) = steps(spec, 64);
            found.iter().find(|(conv, ..)| conv == name).map_or((1, 1), |(_, stride, dilation)| (*stride, *dilation))
        };
        let spec = fcn(large(50, Variant::B), 21, false);
        assert_eq!(of(&spec, "layer2.0.conv2"), (2, 1));
        assert_eq!(of(&spec, "layer3.0.conv2"), (1, 1));
        assert_eq!(of(&spec, "layer3.1.conv2"), (1, 2));
        assert_eq!(of(&spec, "layer4.0.conv2"), (1, 2));
        assert_eq!(of(&spec, "layer4.2.conv2"), (1, 4));
        let basic = fcn(large(18, Variant::D), 21, false);
        assert_eq!((of(&basic, "layer3.0.conv1"), of(&basic, "layer3.0.conv2")), ((1, 1), (1, 2)));
        assert_eq!((of(&basic, "layer4.0.conv1"), of(&basic, "layer4.0.conv2")), ((1, 2), (1, 4)));
        // In a ResNet-A the 1x1 would stride; dilated, its 3x3 is.
        let first = fcn(large(50, Variant::A), 21, false);
        assert_eq!((of(&first, "layer4.0.conv1"), of(&first, "layer4.1.conv2")), ((1, 1), (1, 4)));
        let next = Net { family: Family::SeResNeXt, ..large(50, Variant::D) };
        assert_eq!(of(&fcn(next, 21, false), "layer4.1.conv2"), (1, 4));
    }

    #[test]
    fn an_output_stride_keeps_the_parameters_and_has_its_name() {
        let nets = [
            (large(50, Variant::D), 224, vec![8, 16, 32, 0]),
            (large(34, Variant::B), 224, vec![8, 16, 32, 0]),
            (Net::default(), 32, vec![2, 4, 0]),
            (Net { depth: 18, ..Net::default() }, 32, vec![2, 4, 8, 0]),
        ];
        for (net, edge, strides) in nets {
            let plain = NetSpec::new(&Net { output_stride: 0, ..net.clone() }, 3, 10);
            let whole = edge / steps(&plain, edge).1;
            for output_stride in strides {
                let stride = if output_stride == 0 { whole } else { output_stride };
                let net = Net { output_stride: output_stride as u64, ..net.clone() };
                let spec = NetSpec::new(&net, 3, 10);
                let names = |spec: &NetSpec| spec.params().into_iter().map(|p| (p.name, p.shape)).collect::<Vec<_>>();
                assert_eq!((steps(&spec, edge).1, names(&spec)), (edge / stride, names(&plain)), "{}", spec.name);
                assert_eq!(spec.name.ends_with(&format!(" stride {stride}")), output_stride > 0, "{}", spec.name);
                // A dilated stage does not pool in its shortcut.
                let dilated = (whole / stride).trailing_zeros() as usize;
                let pooled = if net.variant == Variant::D { dilated } else { 0 };
                assert_eq!(steps(&spec, edge).2, steps(&plain, edge).2 - pooled, "{}", spec.name);
            }
        }
    }
}
