//! How far up a net is frozen, and how far below its head a parameter lies.

use super::layer::{Layer, count};
use super::spec::NetSpec;
use crate::recipe::settings::Freeze;

impl NetSpec {
    /// Layers, from the first one on, that are frozen. A stage that the net does not have is its last one; no recipe has
    /// such a one.
    pub fn frozen_layers(&self, freeze: Freeze) -> usize {
        let backbone = self.stages.last().copied().unwrap_or(self.layers.len());
        let end = match freeze {
            Freeze::None => 0,
            Freeze::Stem => self.stages.first().copied().unwrap_or(0),
            Freeze::Backbone => backbone,
            stage => stage.stage().and_then(|i| self.stages.get(i)).copied().unwrap_or(backbone),
        };
        end.min(self.layers.len())
    }

    /// Parameters and statistics, from the first one on, that these layers have.
    pub fn params_of(&self, layers: usize) -> usize {
        count(&self.layers[..layers])
    }

    /// For every parameter and statistic, in order, how many groups below the head it lies: 0 in the head and in an
    /// auxiliary one, 1 in the last block, and most in the stem. As timm has them, the stem is one group and every block
    /// one. Layers beside one another whose names begin alike are one block.
    pub fn depths(&self) -> Vec<usize> {
        let (stem, backbone) = (self.frozen_layers(Freeze::Stem), self.frozen_layers(Freeze::Backbone));
        let (mut group, mut last, mut groups) = (0, None, Vec::new());
        for layer in &self.layers[..backbone] {
            let name = if groups.len() < self.params_of(stem) { Some(String::new()) } else { block(layer) };
            if name.is_some() && name != last {
                (group, last) = (group + 1, name);
            }
            groups.extend(std::iter::repeat_n(group, layer.count()));
        }
        let depths = groups.into_iter().map(|of| group + 1 - of).collect::<Vec<_>>();
        let all = self.params().len();
        depths.into_iter().chain(std::iter::repeat(0)).take(all).collect()
    }
}

/// What the names in a layer begin with: all of its first one but the last part. None for a layer without parameters.
fn block(layer: &Layer) -> Option<String> {
    let mut params = Vec::new();
    layer.params(&mut params);
    // What is left is the name of a convolution or norm.
    let name = params.first()?.name.strip_suffix(".weight")?.to_string();
    Some(name.rsplit_once('.').map_or(String::new(), |(begin, _)| begin.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::settings::{Family, Form, Net, Variant};
    use crate::recipe::stages;

    fn nets() -> Vec<Net> {
        let all = [
            (Family::ResNet, Form::Small, 20),
            (Family::ResNet, Form::Small, 18),
            (Family::ResNet, Form::ImageNet, 50),
            (Family::SeResNet, Form::Small, 20),
            (Family::SeResNeXt, Form::ImageNet, 50),
            (Family::MobileNet, Form::ImageNet, 28),
            (Family::DenseNet, Form::Small, 121),
            (Family::Inception, Form::ImageNet, 48),
        ];
        all.map(|(family, form, depth)| Net { family, form, depth, ..Net::default() }).to_vec()
    }

    /// The first and the last frozen parameter, and the first that is not.
    fn ends(net: &Net, freeze: Freeze) -> [String; 3] {
        let spec = NetSpec::new(net, 3, 10);
        let (params, frozen) = (spec.params(), spec.params_of(spec.frozen_layers(freeze)));
        [0, frozen - 1, frozen].map(|i| params[i].name.clone())
    }

    #[test]
    fn recipes_know_how_many_stages_every_net_has() {
        for net in nets() {
            let spec = NetSpec::new(&net, 3, 10);
            assert_eq!(spec.stages.len(), stages(&net) + 1, "{}", spec.name);
            assert!(spec.stages.is_sorted() && spec.stages.last() == Some(&spec.layers.len()), "{}", spec.name);
            let [_, _, trained] = ends(&net, Freeze::Backbone);
            assert!(spec.gives_logits(&trained), "{}: {trained}", spec.name);
        }
    }

    #[test]
    fn a_freeze_ends_where_its_stage_ends() {
        let cut = |net: &Net, freeze| {
            let [_, last, next] = ends(net, freeze);
            format!("{last} | {next}")
        };
        let [small, _, large, .., mobile, dense, inception] = &nets()[..] else { unreachable!() };
        assert_eq!(cut(small, Freeze::Stem), "bn1.running_var | layer1.0.conv1.weight");
        assert_eq!(cut(small, Freeze::Stage1), "layer1.2.bn2.running_var | layer2.0.conv1.weight");
        assert_eq!(cut(small, Freeze::Stage3), "layer3.2.bn2.running_var | fc.weight");
        assert_eq!(cut(large, Freeze::Stage3), "layer3.5.bn3.running_var | layer4.0.conv1.weight");
        assert_eq!(cut(large, Freeze::Stage4), cut(large, Freeze::Backbone));
        assert_eq!(cut(mobile, Freeze::Stem), "bn1.running_var | blocks.0.0.conv_dw.weight");
        assert_eq!(cut(mobile, Freeze::Stage4), "blocks.3.5.bn2.running_var | blocks.4.0.conv_dw.weight");
        let first = "features.transition1.conv.weight | features.denseblock2.denselayer1.norm1.weight";
        assert_eq!(cut(dense, Freeze::Stage1), first);
        assert_eq!(cut(dense, Freeze::Stage4), "features.norm5.running_var | classifier.weight");
        assert_eq!(cut(inception, Freeze::Stem), "Conv2d_4a_3x3.bn.running_var | Mixed_5b.branch1x1.conv.weight");
        assert_eq!(cut(inception, Freeze::Stage3), "Mixed_7c.branch_pool.bn.running_var | fc.weight");
        let spec = NetSpec::new(large, 3, 10);
        assert_eq!((spec.frozen_layers(Freeze::None), spec.params_of(0)), (0, 0));
    }

    /// timm's groups of a ResNet: the stem, every block, the head.
    #[test]
    fn every_block_is_a_group_of_its_own_between_stem_and_head() {
        let depths = |net: &Net| {
            let spec = NetSpec::new(net, 3, 10);
            let depths = spec.depths();
            assert_eq!(depths.len(), spec.params().len());
            spec.params().into_iter().zip(depths).map(|(p, depth)| (p.name, depth)).collect::<Vec<_>>()
        };
        let of = |net: &Net, name: &str| {
            depths(net)
                .into_iter()
                .find(|(n, _)| n.strip_suffix(".weight") == Some(name))
                .unwrap_or_else(|| panic!("{name}"))
                .1
        };
        let deep = Net { variant: Variant::D, ..nets()[2].clone() };
        for (name, depth) in [
            ("conv1.0", 17),
            ("bn1", 17),
            ("layer1.0.conv1", 16),
            ("layer1.0.downsample.1", 16),
            ("layer4.2.bn3", 1),
            ("fc", 0),
        ] {
            assert_eq!(of(&deep, name), depth, "{name}");
        }
        let [.., mobile, dense, inception] = &nets()[..] else { unreachable!() };
        let pair =
            ["blocks.4.0.conv_dw", "blocks.4.0.bn2", "blocks.4.1.conv_dw", "conv_stem"].map(|name| of(mobile, name));
        assert_eq!(pair, [2, 2, 1, 14]);
        let last = ["denseblock4.denselayer15.norm1", "denseblock4.denselayer16.conv2", "norm5"];
        assert_eq!(last.map(|name| of(dense, &format!("features.{name}"))), [3, 2, 1]);
        let with_head = Net { auxiliary: true, ..inception.clone() };
        let names =
            ["Mixed_7c.branch_pool.conv", "Mixed_7b.branch1x1.bn", "fc", "AuxLogits.conv0.conv", "AuxLogits.fc"];
        assert_eq!(names.map(|name| of(&with_head, name)), [1, 2, 0, 0, 0]);
        assert!(nets().iter().all(|net| depths(net).is_sorted_by(|a, b| a.1 >= b.1)));
    }
}
