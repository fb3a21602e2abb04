//! Which net a file of weights is of, when nothing but its tensors tells.

use super::{Head, NetSpec, StateError, TensorData};
use crate::recipe::settings::{Family, Form, Net, Variant};
use std::collections::BTreeMap;

/// Nets with the channels of the paper. Of variants whose tensors are the same (A and B, of small nets C too) the one that
/// PyTorch's libraries have comes alone.
fn candidates() -> impl Iterator<Item = Net> {
    let resnet = [Variant::B, Variant::C, Variant::D];
    let small = [Variant::B, Variant::D];
    let small_depths = [8, 14, 18, 20, 26, 32, 38, 44, 50, 56, 110];
    let depths: [(Family, Form, &[u64], &[Variant]); 10] = [
        (Family::ResNet, Form::ImageNet, &[18, 34, 50, 101, 152], &resnet),
        (Family::SeResNet, Form::ImageNet, &[18, 34, 50, 101, 152], &resnet),
        (Family::ResNeXt, Form::ImageNet, &[50, 101, 152], &resnet),
        (Family::SeResNeXt, Form::ImageNet, &[50, 101, 152], &resnet),
        (Family::ResNet, Form::Small, &small_depths, &small),
        (Family::SeResNet, Form::Small, &small_depths, &small),
        (Family::MobileNet, Form::ImageNet, &[28], &[Variant::B]),
        (Family::DenseNet, Form::ImageNet, &[121, 169, 201], &[Variant::B]),
        (Family::DenseNet, Form::Small, &[121, 169, 201], &[Variant::B]),
        (Family::Inception, Form::ImageNet, &[48], &[Variant::B]),
    ];
    let nets: Vec<Net> = depths
        .into_iter()
        .flat_map(|(family, form, depths, variants)| {
            depths.iter().flat_map(move |&depth| {
                variants.iter().map(move |&variant| Net { family, form, depth, variant, ..Net::default() })
            })
        })
        .collect();
    nets.into_iter()
}

/// The net whose tensors, under PyTorch's names, these are, all of them and no others.
///
/// # Errors
/// The net that shares most names with them, and where it differs.
pub fn recognise(tensors: &BTreeMap<String, TensorData>) -> Result<Net, (String, StateError)> {
    let size = |name: &str, axis: usize| tensors.get(name).and_then(|t| t.shape.get(axis).copied()).unwrap_or(1);
    let mut nearest: Option<(f64, String, StateError)> = None;
    for net in candidates() {
        // (what the first convolution reads and the linear layer gives does not change the names)
        let any = NetSpec::new(&net, 1, 1);
        let params = any.params();
        let channels = params.first().map_or(1, |first| size(&first.name, 1));
        let spec = NetSpec::new(&net, channels, size(&format!("{}.weight", any.head), 0));
        let Err(why) = spec.fit(tensors, Head::Fits) else { return Ok(net) };
        let shared = params.iter().filter(|p| tensors.contains_key(&p.name)).count() as f64;
        let likeness = shared / params.len().max(tensors.len()) as f64;
        if nearest.as_ref().is_none_or(|(best, ..)| likeness > *best) {
            nearest = Some((likeness, spec.name, why));
        }
    }
    let (_, name, why) = nearest.unwrap_or_else(|| unreachable!("there are candidates"));
    Err((name, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Empty tensors of a net's shapes.
    fn tensors(net: &Net, channels: usize, classes: usize) -> BTreeMap<String, TensorData> {
        let params = NetSpec::new(net, channels, classes).params().into_iter();
        params.map(|p| (p.name, TensorData { shape: p.layout.torch_shape(p.shape), values: Vec::new() })).collect()
    }

    #[test]
    fn every_candidate_is_told_from_the_others() {
        for net in candidates() {
            let found = recognise(&tensors(&net, 3, 17)).unwrap();
            assert_eq!(found, net);
        }
    }

    #[test]
    fn the_nearest_net_is_named() {
        let net = Net { form: Form::ImageNet, depth: 50, ..Net::default() };
        let mut almost = tensors(&net, 3, 10);
        almost.remove("layer3.2.bn2.weight");
        let (name, why) = recognise(&almost).unwrap_err();
        assert_eq!(name, NetSpec::new(&net, 3, 10).name);
        assert!(why.to_string().contains("layer3.2.bn2.weight"), "{why}");
    }
}
