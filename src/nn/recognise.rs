//! Which net a file of weights is of, when nothing but its tensors tells.

use super::layer::ParamSpec;
use super::state::passed_over;
use super::{Design, Head, NetSpec, StateError, TensorData};
use crate::recipe::settings::{Family, Form, Net, Task, Variant, is_resnet};
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

/// What the classifiers of pixels have.
const PIXELS: &str = "classifier.4.weight";
const AUXILIARY: &str = "aux_classifier.4.weight";

/// The output stride of torchvision's nets for pixels.
const TORCHVISION: u64 = 8;

/// A net that a file of weights is of, and the images and classes that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// The net. Tensors do not tell what is dilated: it has torchvision's output stride.
    pub design: Design,
    /// Channels of an image.
    pub image_channels: usize,
    /// Classes.
    pub classes: usize,
}

impl Recognised {
    fn spec(&self) -> NetSpec {
        self.design.spec(self.image_channels, self.classes)
    }
}

/// The size of a tensor along an axis, 1 where it has none.
fn size(tensors: &BTreeMap<String, TensorData>, name: &str, axis: usize) -> usize {
    tensors.get(name).and_then(|t| t.shape.get(axis).copied()).unwrap_or(1)
}

/// A net for the channels and classes of the tensors: neither changes its names.
fn of_file(net: &Net, tensors: &BTreeMap<String, TensorData>) -> Recognised {
    let segments = tensors.contains_key(PIXELS) && is_resnet(net.family);
    let output_stride = if segments && net.form == Form::ImageNet { TORCHVISION } else { net.output_stride };
    let design = Design {
        task: if segments { Task::Segment } else { Task::Classify },
        net: Net { output_stride, ..net.clone() },
        auxiliary: tensors.contains_key(AUXILIARY),
    };
    let any = design.spec(1, 1);
    let image_channels = any.params().first().map_or(1, |first| size(tensors, &first.name, 1));
    Recognised { design, image_channels, classes: size(tensors, &format!("{}.weight", any.head), 0) }
}

/// The net whose tensors, under PyTorch's names, these are, all of them and no others.
///
/// # Errors
/// The net that shares most names with them, and where it differs.
pub fn recognise(tensors: &BTreeMap<String, TensorData>) -> Result<Recognised, (String, StateError)> {
    let mut nearest: Option<(f64, NetSpec, StateError)> = None;
    for net in candidates() {
        let found = of_file(&net, tensors);
        let spec = found.spec();
        let Err(why) = spec.fits(tensors, Head::Fits) else { return Ok(found) };
        let params = spec.params();
        let shared = params.iter().filter(|p| tensors.contains_key(&p.name)).count();
        let likeness = shared as f64 / params.len().max(tensors.len()) as f64;
        if shared == params.len()
            && let Some(found) = narrower(&spec, &net, tensors)
        {
            return Ok(found);
        }
        if nearest.as_ref().is_none_or(|(best, ..)| likeness > *best) {
            nearest = Some((likeness, spec, why));
        }
    }
    let (_, spec, why) = nearest.unwrap_or_else(|| unreachable!("there are candidates"));
    Err((spec.name.clone(), spec.nearest_named(why, tensors)))
}

/// The net of another width than `net`, described by `spec`, whose tensors these are.
fn narrower(spec: &NetSpec, net: &Net, tensors: &BTreeMap<String, TensorData>) -> Option<Recognised> {
    // Channels are rounded: some widths give those of the first layer, and the one that was chosen has few digits.
    let params = spec.params();
    let first = params.first()?;
    let (channels, full) = (size(tensors, &first.name, 0) as f64, first.layout.torch_shape(first.shape)[0] as f64);
    let (least, most) = ((channels - 0.5) / full, (channels + 0.5) / full);
    let near = |digits: f64| {
        let places = (least * digits).ceil().max(1.0) as u64..=(most * digits).floor() as u64;
        places.map(move |place| place as f64 / digits)
    };
    [10.0, 100.0, 1000.0].into_iter().flat_map(near).find_map(|width| {
        let found = of_file(&Net { width, ..net.clone() }, tensors);
        found.spec().fits(tensors, Head::Fits).is_ok().then_some(found)
    })
}

/// What tensors look like that are not those of `wanted`, as a predicate of their file: the same net for other images or
/// classes, or another net and the knobs that give it; none where nothing known fits.
pub(super) fn looks_like(wanted: &NetSpec, tensors: &BTreeMap<String, TensorData>) -> Option<String> {
    let params = wanted.params();
    let image_channels = params.first().map_or(1, |first| size(tensors, &first.name, 1));
    let classes = size(tensors, &format!("{}.weight", wanted.head), 0);
    if is_for_others(wanted, &params, tensors) {
        let mut differs = Vec::new();
        if classes != wanted.classes {
            differs.push(format!("is of a net for {classes} classes, and {} are here", wanted.classes));
        }
        if image_channels != wanted.image_channels {
            let has = wanted.image_channels;
            differs.push(format!("is of a net for images of {image_channels} channels, and those here have {has}"));
        }
        return Some(differs.join("; it "));
    }
    let found = recognise(tensors).ok()?;
    let Recognised { design, image_channels, classes } = &found;
    Some(format!(
        "is of another net than {}: it looks like {}, for {image_channels}-channel images of {classes} classes, which is {}",
        wanted.name,
        found.spec().name,
        design.knobs().iter().map(|set| format!("--set {set}")).collect::<Vec<_>>().join(" ")
    ))
}

/// Whether tensors are those of `wanted` but for what its first layer reads and its linear layers give.
fn is_for_others(wanted: &NetSpec, params: &[ParamSpec], tensors: &BTreeMap<String, TensorData>) -> bool {
    let mut asked = BTreeMap::new();
    for (place, p) in params.iter().enumerate() {
        let axis = if place == 0 { Some(1) } else { wanted.gives_logits(&p.name).then_some(0) };
        let mut shape = p.layout.torch_shape(p.shape);
        if let (Some(axis), Some(found)) = (axis, tensors.get(&p.name)) {
            let Some(size) = found.shape.get(axis) else { return false };
            shape[axis] = *size;
        }
        asked.insert(p.name.clone(), shape);
    }
    let known = |name: &String| asked.contains_key(name) || passed_over(name);
    tensors.keys().all(known) && asked.iter().all(|(name, shape)| tensors.get(name).is_some_and(|t| t.shape == *shape))
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
            let design = Design { task: Task::Classify, net, auxiliary: false };
            assert_eq!(found, Recognised { design, image_channels: 3, classes: 17 });
        }
    }

    #[test]
    fn nets_for_pixels_are_told_from_those_for_images() {
        for (auxiliary, net) in
            candidates().filter(|net| is_resnet(net.family)).zip([true, false].into_iter().cycle()).map(|(n, a)| (a, n))
        {
            let spec = NetSpec::segmenting(&net, auxiliary, 3, 21);
            let params = spec.params().into_iter();
            let empty =
                |p: ParamSpec| (p.name, TensorData { shape: p.layout.torch_shape(p.shape), values: Vec::new() });
            let found = recognise(&params.map(empty).collect()).unwrap();
            let output_stride = if net.form == Form::ImageNet { 8 } else { 0 };
            let design = Design { task: Task::Segment, net: Net { output_stride, ..net }, auxiliary };
            assert_eq!(found, Recognised { design, image_channels: 3, classes: 21 });
        }
    }

    #[test]
    fn other_widths_are_found() {
        for net in candidates() {
            let net = Net { width: 0.333, ..net };
            let tensors = tensors(&net, 1, 10);
            let found = recognise(&tensors).unwrap_or_else(|(name, why)| panic!("{net:?}: {name}: {why}"));
            // Where channels are rounded two widths or two families may be the same tensors.
            found.spec().fits(&tensors, Head::Fits).unwrap();
            assert_eq!((found.design.net.form, found.design.net.depth), (net.form, net.depth));
        }
        let net = Net { width: 0.25, depth: 8, ..Net::default() };
        assert_eq!(recognise(&tensors(&net, 1, 10)).unwrap().design.net, net);
    }

    #[test]
    fn what_a_file_looks_like_is_said_with_its_knobs() {
        let small = Net { depth: 8, width: 0.25, ..Net::default() };
        let spec = NetSpec::new(&small, 3, 2);
        let of = |net: &Net, channels, classes| {
            spec.fit(&tensors(net, channels, classes), Head::Fits).unwrap_err().to_string()
        };
        let said = of(&small, 1, 10);
        assert!(
            said.starts_with("is of a net for 10 classes, and 2 are here; it is of a net for images of 1 ch"),
            "{said}"
        );
        assert!(said.contains("those here have 3 (tensor conv1.weight has shape"), "{said}");
        let said = of(&small, 3, 7);
        assert!(
            said.starts_with("is of a net for 7 classes, and 2 are here (tensor fc.weight has shape [7,"),
            "{said}"
        );
        let se = Net { family: Family::SeResNeXt, form: Form::ImageNet, depth: 50, ..Net::default() };
        let said = of(&se, 3, 1000);
        assert!(
            said.contains("looks like seresnext50-32x4d-D, for 3-channel images of 1000 classes, which is"),
            "{said}"
        );
        let knobs = "--set net.family=SeResNeXt --set net.form=ImageNet --set net.depth=50 --set net.variant=D --set \
                     net.width=1 (tensor";
        assert!(said.contains(knobs), "{said}");
        let said = of(&Net { width: 0.5, ..small.clone() }, 3, 2);
        assert!(said.contains("--set net.depth=8 --set net.variant=D --set net.width=0.5"), "{said}");
        // where nothing is known, the plain difference
        let mut odd = tensors(&small, 3, 2);
        odd.remove("bn1.weight");
        let said = spec.fit(&odd, Head::Fits).unwrap_err();
        assert!(matches!(said, StateError::Missing { .. }), "{said}");
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
