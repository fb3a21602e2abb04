//! ResNet, ResNeXt, and both with squeeze and excite.

use super::{EPS, FC, scaled};
use crate::kernels::geometry::{Conv, Pool};
use crate::nn::layer::{Gate, Layer, Residual, Unit};
use crate::nn::spec::{Chain, NetSpec};
use crate::recipe::settings::{Family, Form, Net, Variant};

/// The first layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stem {
    /// One 3x3 with stride 1, for small images.
    Small {
        /// Channels.
        width: usize,
    },
    /// One 7x7 with stride 2, then max-pool.
    Classic {
        /// Channels.
        width: usize,
    },
    /// Three 3x3, the first with stride 2, then max-pool (section 4.2, ResNet-C).
    Deep {
        /// Channels of the first two; the third has twice as many.
        width: usize,
    },
}

impl Stem {
    /// Pixels of an image along an axis for one behind it.
    fn stride(&self) -> usize {
        if matches!(self, Stem::Small { .. }) { 1 } else { 4 }
    }
}

/// The residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Two 3x3.
    Basic,
    /// 1x1, 3x3, 1x1 with four times the channels.
    Bottleneck,
}

impl Block {
    /// Channels out of a block by channels within.
    pub(super) fn expansion(self) -> usize {
        match self {
            Block::Basic => 1,
            Block::Bottleneck => 4,
        }
    }
}

/// Groups of a bottleneck's 3x3 (ResNeXt).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Groups.
    pub count: usize,
    /// Channels of a group where the block has 64.
    pub width: usize,
}

impl Groups {
    /// No groups.
    pub const NONE: Groups = Groups { count: 1, width: 64 };
    /// 32 groups of 4.
    pub const RESNEXT: Groups = Groups { count: 32, width: 4 };

    /// Channels of the 3x3 of a block of `channels`.
    fn inner(self, channels: usize) -> usize {
        (channels * self.width / 64).max(1) * self.count
    }
}

/// Channels of a gate by those between its two layers.
const REDUCTION: usize = 16;

/// Channels between the layers of a gate: a multiple of 8, as in timm.
fn reduced(channels: usize) -> usize {
    ((channels + REDUCTION * 4) / (REDUCTION * 8) * 8).max(8)
}

/// The shape of a ResNet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResNet {
    /// First layers.
    pub stem: Stem,
    /// Kind of block.
    pub block: Block,
    /// Blocks of every stage.
    pub layers: Vec<usize>,
    /// Channels within the blocks of every stage.
    pub channels: Vec<usize>,
    /// Groups of a bottleneck's 3x3.
    pub groups: Groups,
    /// Whether a gate follows the body of every block.
    pub gated: bool,
    /// Whether a bottleneck strides in its first 1x1 (ResNet-A) rather than in its 3x3.
    pub stride_first: bool,
    /// Whether a strided shortcut pools before its 1x1 (ResNet-D).
    pub average_down: bool,
    /// Pixels of an image along an axis for one of the last stage, if stages that would stride further are dilated.
    pub output_stride: Option<usize>,
}

/// How a block goes over its map.
#[derive(Clone, Copy)]
struct Steps {
    /// Whether its stage begins with it and strides where nothing is dilated.
    narrows: bool,
    /// Stride.
    stride: usize,
    /// Dilation of the first 3x3 and of one after it.
    dilation: (usize, usize),
}

/// Short name, e.g. `resnet20-D`.
pub fn resnet_name(net: &Net) -> String {
    let (family, groups) = match net.family {
        Family::ResNeXt => ("resnext", "-32x4d"),
        Family::SeResNet => ("seresnet", ""),
        Family::SeResNeXt => ("seresnext", "-32x4d"),
        _ => ("resnet", ""),
    };
    let stride = if net.output_stride == 0 { String::new() } else { format!(" stride {}", net.output_stride) };
    format!("{family}{}{groups}-{}{stride}", net.depth, net.variant.word())
}

impl ResNet {
    /// The net that a recipe names.
    pub fn of(net: &Net) -> ResNet {
        let depth = net.depth as usize;
        let (block, layers, channels) = match (net.form, depth) {
            (Form::Small, 18) => (Block::Basic, vec![2, 2, 2, 2], vec![64, 128, 256, 512]),
            (Form::Small, _) => (Block::Basic, vec![depth.saturating_sub(2) / 6; 3], vec![16, 32, 64]),
            (Form::ImageNet, _) => {
                let (block, layers) = match depth {
                    18 => (Block::Basic, vec![2, 2, 2, 2]),
                    34 => (Block::Basic, vec![3, 4, 6, 3]),
                    101 => (Block::Bottleneck, vec![3, 4, 23, 3]),
                    152 => (Block::Bottleneck, vec![3, 8, 36, 3]),
                    _ => (Block::Bottleneck, vec![3, 4, 6, 3]),
                };
                (block, layers, vec![64, 128, 256, 512])
            }
        };
        let deep = matches!(net.variant, Variant::C | Variant::D);
        ResNet {
            stem: match net.form {
                Form::Small => Stem::Small { width: scaled(net.width, channels[0]) },
                Form::ImageNet if deep => Stem::Deep { width: scaled(net.width, 32) },
                Form::ImageNet => Stem::Classic { width: scaled(net.width, 64) },
            },
            block,
            layers,
            channels: channels.into_iter().map(|c| scaled(net.width, c)).collect(),
            groups: match net.family {
                Family::ResNeXt | Family::SeResNeXt => Groups::RESNEXT,
                _ => Groups::NONE,
            },
            gated: matches!(net.family, Family::SeResNet | Family::SeResNeXt),
            stride_first: net.variant == Variant::A,
            average_down: net.variant == Variant::D,
            output_stride: (net.output_stride > 0).then_some(net.output_stride as usize),
        }
    }

    /// Its description.
    pub fn spec(&self, name: &str, image_channels: usize, classes: usize) -> NetSpec {
        self.backbone(image_channels).net(name, FC, EPS, image_channels, classes)
    }

    /// Stem and stages.
    pub(super) fn backbone(&self, image_channels: usize) -> Chain {
        let mut chain = self.stem(image_channels).end_stage();
        let (mut stride, mut dilation) = (self.stem.stride(), 1);
        for (stage, (&count, &width)) in self.layers.iter().zip(&self.channels).enumerate() {
            let (whole, before) = (if stage > 0 { 2 } else { 1 }, dilation);
            let own = if self.output_stride.is_some_and(|most| stride * whole > most) { 1 } else { whole };
            (stride, dilation) = (stride * own, dilation * whole / own);
            for index in 0..count {
                // The first block of a stage keeps the dilation before it, as in torchvision, timm and GluonCV.
                let steps = match index {
                    0 => Steps { narrows: whole > 1, stride: own, dilation: (before, dilation) },
                    _ => Steps { narrows: false, stride: 1, dilation: (dilation, dilation) },
                };
                let block = self.residual(&format!("layer{}.{index}", stage + 1), chain.channels, width, steps);
                chain = chain.layer(Layer::Residual(block));
                chain.channels = width * self.block.expansion();
            }
            chain = chain.end_stage();
        }
        chain
    }

    fn stem(&self, image_channels: usize) -> Chain {
        let chain = Chain::after(image_channels);
        match self.stem {
            Stem::Small { width } => chain.unit(Unit::new("conv1", "bn1", Conv::same(image_channels, width, 3, 1))),
            Stem::Classic { width } => chain
                .unit(Unit::new("conv1", "bn1", Conv::same(image_channels, width, 7, 2)))
                .layer(Layer::MaxPool(Pool::STEM)),
            Stem::Deep { width } => chain
                .unit(Unit::new("conv1.0", "conv1.1", Conv::same(image_channels, width, 3, 2)))
                .unit(Unit::new("conv1.3", "conv1.4", Conv::same(width, width, 3, 1)))
                .unit(Unit::new("conv1.6", "bn1", Conv::same(width, 2 * width, 3, 1)))
                .layer(Layer::MaxPool(Pool::STEM)),
        }
    }

    fn residual(&self, name: &str, c_in: usize, width: usize, steps: Steps) -> Residual {
        let (c_out, Steps { narrows, stride, dilation }) = (width * self.block.expansion(), steps);
        let convs = match self.block {
            Block::Basic => vec![
                Conv::same(c_in, width, 3, stride).dilated(dilation.0),
                Conv::same(width, width, 3, 1).dilated(dilation.1),
            ],
            Block::Bottleneck => {
                let (first, second) = if self.stride_first { (stride, 1) } else { (1, stride) };
                let inner = self.groups.inner(width);
                vec![
                    Conv::same(c_in, inner, 1, first),
                    Conv { groups: self.groups.count, ..Conv::same(inner, inner, 3, second).dilated(dilation.0) },
                    Conv::same(inner, c_out, 1, 1),
                ]
            }
        };
        let last = convs.len();
        let unit =
            |(i, conv)| Unit { relu: i < last, ..Unit::new(format!("{name}.conv{i}"), format!("{name}.bn{i}"), conv) };
        let gate = Gate { name: format!("{name}.se"), channels: c_out, reduced: reduced(c_out) };
        Residual {
            body: (1..).zip(convs).map(unit).collect(),
            gate: self.gated.then_some(gate),
            // A dilated stage has the parameters of one that strides.
            shortcut: if narrows || c_in != c_out { self.shortcut(name, c_in, c_out, stride) } else { Vec::new() },
        }
    }

    fn shortcut(&self, name: &str, c_in: usize, c_out: usize, stride: usize) -> Vec<Layer> {
        let pool = self.average_down && stride > 1;
        let conv = Conv::same(c_in, c_out, 1, if pool { 1 } else { stride });
        let first = usize::from(self.average_down);
        let (conv_name, norm_name) = (format!("{name}.downsample.{first}"), format!("{name}.downsample.{}", first + 1));
        let unit = Layer::Unit(Unit { relu: false, ..Unit::new(conv_name, norm_name, conv) });
        pool.then_some(Layer::AveragePool(Pool::SHORTCUT)).into_iter().chain([unit]).collect()
    }
}
