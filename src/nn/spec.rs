//! Descriptions of whole nets, without a device.

use super::Design;
use super::families::{self, DenseNet, Inception, MobileNet, ResNet};
use super::layer::{Cost, Layer, ParamSpec, Unit, walk};
use crate::ops::memory::Extent;
use crate::recipe::Settings;
use crate::recipe::settings::{Family, Form, Net};

/// A net: layers, then a linear layer, on the mean over all pixels or on every pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct NetSpec {
    /// Short name, e.g. `resnet20-D`.
    pub name: String,
    /// The layers; the first is a unit.
    pub layers: Vec<Layer>,
    /// Name of the linear layer.
    pub head: String,
    /// Channels before it.
    pub features: usize,
    /// Layers before the end of the stem, and before that of every stage; those behind the last one belong to the head.
    pub stages: Vec<usize>,
    /// Added to the variance by every norm.
    pub eps: f64,
    /// Channels of an image.
    pub image_channels: usize,
    /// Classes.
    pub classes: usize,
    /// What has logits.
    pub logits: Logits,
    /// A second classifier.
    pub auxiliary: Option<Auxiliary>,
}

/// What a net gives logits of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logits {
    /// An image, whose pixels are averaged before the linear layer.
    Image,
    /// Every pixel of an image: the linear layer is a 1x1 convolution, whose map is upsampled to the size of the images.
    Pixels {
        /// Whether the corners of both maps are at the same places, or their edges.
        corners: bool,
    },
}

/// The classifiers of nets that give every pixel a class, at the end and in the middle, as torchvision calls them.
pub(super) const CLASSIFIER: &str = "classifier";
pub(super) const AUX_CLASSIFIER: &str = "aux_classifier";

/// Whether a parameter is of the layer or classifier of a name.
pub(super) fn is_of(name: &str, parameter: &str) -> bool {
    parameter.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}

/// A classifier in the middle of a net, which is trained beside it and left out of everything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Auxiliary {
    /// Layers of the net before it.
    pub after: usize,
    /// Its own layers.
    pub layers: Vec<Layer>,
    /// Name of its linear layer.
    pub head: String,
    /// Channels before that.
    pub features: usize,
}

/// Edge of the images that a net of a form is made for.
pub fn edge(family: Family, form: Form) -> usize {
    match (family, form) {
        (_, Form::Small) => 32,
        (Family::Inception, _) => 299,
        _ => 224,
    }
}

/// A net under its name with the width that it was given.
fn named(net: &Net, spec: NetSpec) -> NetSpec {
    let width = if net.width == 1.0 { String::new() } else { format!(" x{}", net.width) };
    NetSpec { name: spec.name.clone() + &width, ..spec }
}

impl NetSpec {
    /// The net that a recipe names, for images of `image_channels` and `classes`.
    pub fn of(s: &Settings, image_channels: usize, classes: usize) -> NetSpec {
        Design::of(s).spec(image_channels, classes)
    }

    /// The net of a recipe that gives an image a class.
    pub fn new(net: &Net, image_channels: usize, classes: usize) -> NetSpec {
        named(
            net,
            match net.family {
                Family::ResNet | Family::ResNeXt | Family::SeResNet | Family::SeResNeXt => {
                    ResNet::of(net).spec(&families::resnet_name(net), image_channels, classes)
                }
                Family::MobileNet => MobileNet::of(net).spec(image_channels, classes),
                Family::DenseNet => DenseNet::of(net).spec(&format!("densenet{}", net.depth), image_channels, classes),
                Family::Inception => Inception::of(net).spec(image_channels, classes),
            },
        )
    }

    /// The net of a recipe that gives every pixel a class, perhaps with an auxiliary head. Of families without one (a
    /// recipe has none of these) it is the ResNet.
    pub fn segmenting(net: &Net, auxiliary: bool, image_channels: usize, classes: usize) -> NetSpec {
        let name = format!("fcn-{}", families::resnet_name(net));
        named(net, ResNet::of(net).fcn(&name, image_channels, classes, net.corners, auxiliary))
    }

    /// Parameters and statistics, in order.
    pub fn params(&self) -> Vec<ParamSpec> {
        let mut all = Vec::new();
        self.layers.iter().for_each(|layer| layer.params(&mut all));
        all.extend(self.linear(&self.head, self.features));
        if let Some(Auxiliary { layers, head, features, .. }) = &self.auxiliary {
            layers.iter().for_each(|layer| layer.params(&mut all));
            all.extend(self.linear(head, *features));
        }
        all
    }

    fn linear(&self, head: &str, features: usize) -> [ParamSpec; 2] {
        match self.logits {
            Logits::Image => ParamSpec::linear(head, features, self.classes),
            Logits::Pixels { .. } => ParamSpec::pointwise(head, features, self.classes),
        }
    }

    /// The smallest edge of images into which all windows of the net fit.
    pub fn least_edge(&self) -> usize {
        (1..).find(|&edge| !self.cost(edge, edge).too_small).unwrap_or(usize::MAX)
    }

    /// Whether a parameter is of a linear layer that gives logits.
    pub fn gives_logits(&self, parameter: &str) -> bool {
        let auxiliary = self.auxiliary.as_ref().map(|auxiliary| &auxiliary.head);
        is_of(&self.head, parameter) || auxiliary.is_some_and(|head| is_of(head, parameter))
    }

    /// Names of the classifiers.
    pub fn heads(&self) -> Vec<&str> {
        match (self.logits, &self.auxiliary) {
            (Logits::Image, _) => vec![&self.head],
            (Logits::Pixels { .. }, None) => vec![CLASSIFIER],
            (Logits::Pixels { .. }, Some(_)) => vec![CLASSIFIER, AUX_CLASSIFIER],
        }
    }

    /// What the net costs for an image of `h` x `w`, without the second classifier's multiply-adds.
    pub fn cost(&self, h: usize, w: usize) -> Cost {
        let mut cost = Cost::default();
        let last =
            walk(&self.layers, Extent { h, w, c: self.image_channels }, &mut |part, from, _| cost.add(part, from));
        let trained = self.params().into_iter().filter(|p| p.role != super::Role::Statistic);
        cost.parameters = trained.map(|p| p.len()).sum();
        let places = if self.logits == Logits::Image { 1 } else { last.h * last.w };
        cost.multiply_adds += (places * self.features * self.classes) as u64;
        cost
    }
}

/// A chain of layers that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    /// The layers so far.
    pub layers: Vec<Layer>,
    /// Channels at their end.
    pub channels: usize,
    /// Layers before the end of the stem and of the stages so far.
    stages: Vec<usize>,
}

impl Chain {
    /// A chain without layers, after `channels`.
    pub fn after(channels: usize) -> Chain {
        Chain { channels, ..Chain::default() }
    }

    /// With the end of the stem, or of a stage, at its end.
    pub fn end_stage(mut self) -> Chain {
        self.stages.push(self.layers.len());
        self
    }

    /// With a unit at its end.
    pub fn unit(mut self, unit: Unit) -> Chain {
        self.channels = unit.conv.c_out;
        self.layers.push(Layer::Unit(unit));
        self
    }

    /// With a layer at its end that keeps the channels.
    pub fn layer(mut self, layer: Layer) -> Chain {
        self.layers.push(layer);
        self
    }

    /// With branches at its end, each made out of the channels so far.
    pub fn concat(mut self, branches: Vec<Chain>) -> Chain {
        self.channels = branches.iter().map(|b| b.channels).sum();
        self.layers.push(Layer::Concat(branches.into_iter().map(|b| b.layers).collect()));
        self
    }

    /// The net that ends after it.
    pub fn net(self, name: &str, head: &str, eps: f64, image_channels: usize, classes: usize) -> NetSpec {
        let (name, head) = (name.to_string(), head.to_string());
        NetSpec {
            name,
            layers: self.layers,
            stages: self.stages,
            head,
            features: self.channels,
            eps,
            image_channels,
            classes,
            logits: Logits::Image,
            auxiliary: None,
        }
    }
}
