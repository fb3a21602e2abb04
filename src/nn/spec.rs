//! Shapes of ResNets, without a device.

use crate::kernels::geometry::{Conv, ConvGeometry, Pool};
use crate::recipe::settings::{Form, Net, Variant};

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
    pub fn expansion(self) -> usize {
        match self {
            Block::Basic => 1,
            Block::Bottleneck => 4,
        }
    }
}

/// A ResNet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetSpec {
    /// Short name, e.g. `resnet20-D`.
    pub name: String,
    /// First layers.
    pub stem: Stem,
    /// Kind of block.
    pub block: Block,
    /// Blocks of every stage.
    pub layers: Vec<usize>,
    /// Channels within the blocks of every stage.
    pub channels: Vec<usize>,
    /// Whether a bottleneck strides in its first 1x1 (ResNet-A) rather than in its 3x3.
    pub stride_first: bool,
    /// Whether a strided shortcut pools before its 1x1 (ResNet-D).
    pub average_down: bool,
    /// Channels of an image.
    pub image_channels: usize,
    /// Classes.
    pub classes: usize,
}

/// Size of a net for images of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Trained parameters.
    pub parameters: usize,
    /// Multiply-adds of convolutions and linear layers for one image.
    pub multiply_adds: u64,
}

/// One convolution with its norm, and what comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSpec {
    /// Name of the convolution.
    pub conv_name: String,
    /// Name of the norm.
    pub norm_name: String,
    /// The convolution.
    pub conv: Conv,
}

/// A residual block: the units of its body, and the shortcut's pool and unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSpec {
    /// Body.
    pub body: Vec<UnitSpec>,
    /// Whether the shortcut pools first.
    pub pool: bool,
    /// Unit of the shortcut, when it is not the identity.
    pub shortcut: Option<UnitSpec>,
}

impl NetSpec {
    /// The net that a recipe names, for images of `image_channels` and `classes`.
    pub fn new(net: &Net, image_channels: usize, classes: usize) -> NetSpec {
        let scaled = |c: usize| ((c as f64 * net.width).round() as usize).max(1);
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
        let stem = match net.form {
            Form::Small => Stem::Small { width: scaled(channels[0]) },
            Form::ImageNet if deep => Stem::Deep { width: scaled(32) },
            Form::ImageNet => Stem::Classic { width: scaled(64) },
        };
        let width = if net.width == 1.0 { String::new() } else { format!(" x{}", net.width) };
        NetSpec {
            name: format!("resnet{depth}-{}{width}", net.variant.word()),
            stem,
            block,
            layers,
            channels: channels.into_iter().map(scaled).collect(),
            stride_first: net.variant == Variant::A,
            average_down: net.variant == Variant::D,
            image_channels,
            classes,
        }
    }

    /// Units of the stem.
    pub fn stem_units(&self) -> Vec<UnitSpec> {
        let unit = |conv: &str, norm: &str, spec: Conv| UnitSpec {
            conv_name: conv.to_string(),
            norm_name: norm.to_string(),
            conv: spec,
        };
        match self.stem {
            Stem::Small { width } => vec![unit("conv1", "bn1", Conv::same(self.image_channels, width, 3, 1))],
            Stem::Classic { width } => vec![unit("conv1", "bn1", Conv::same(self.image_channels, width, 7, 2))],
            Stem::Deep { width } => vec![
                unit("conv1.0", "conv1.1", Conv::same(self.image_channels, width, 3, 2)),
                unit("conv1.3", "conv1.4", Conv::same(width, width, 3, 1)),
                unit("conv1.6", "bn1", Conv::same(width, 2 * width, 3, 1)),
            ],
        }
    }

    /// Whether a 3x3 max-pool follows the stem.
    pub fn max_pool(&self) -> bool {
        !matches!(self.stem, Stem::Small { .. })
    }

    /// All residual blocks, in order.
    pub fn blocks(&self) -> Vec<BlockSpec> {
        let mut channels = self.stem_units().last().map_or(self.image_channels, |u| u.conv.c_out);
        let mut blocks = Vec::new();
        for (stage, (&count, &width)) in self.layers.iter().zip(&self.channels).enumerate() {
            for index in 0..count {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let name = format!("layer{}.{index}", stage + 1);
                blocks.push(self.block_spec(&name, channels, width, stride));
                channels = width * self.block.expansion();
            }
        }
        blocks
    }

    /// Channels before the linear layer.
    pub fn features(&self) -> usize {
        self.channels.last().map_or(0, |c| c * self.block.expansion())
    }

    fn block_spec(&self, name: &str, c_in: usize, width: usize, stride: usize) -> BlockSpec {
        let c_out = width * self.block.expansion();
        let convs = match self.block {
            Block::Basic => vec![Conv::same(c_in, width, 3, stride), Conv::same(width, width, 3, 1)],
            Block::Bottleneck => {
                let (first, second) = if self.stride_first { (stride, 1) } else { (1, stride) };
                vec![
                    Conv::same(c_in, width, 1, first),
                    Conv::same(width, width, 3, second),
                    Conv::same(width, c_out, 1, 1),
                ]
            }
        };
        let body = convs.into_iter().enumerate().map(|(i, conv)| UnitSpec {
            conv_name: format!("{name}.conv{}", i + 1),
            norm_name: format!("{name}.bn{}", i + 1),
            conv,
        });
        let pool = self.average_down && stride > 1;
        let shortcut = (stride > 1 || c_in != c_out).then(|| {
            let first = usize::from(self.average_down);
            UnitSpec {
                conv_name: format!("{name}.downsample.{first}"),
                norm_name: format!("{name}.downsample.{}", first + 1),
                conv: Conv::same(c_in, c_out, 1, if pool { 1 } else { stride }),
            }
        });
        BlockSpec { body: body.collect(), pool, shortcut }
    }

    /// Parameters and multiply-adds for images of `h` x `w`.
    pub fn cost(&self, mut h: usize, mut w: usize) -> Cost {
        let mut cost = Cost::default();
        let mut unit = |u: &UnitSpec, h: usize, w: usize| {
            let (rows, cols) = u.conv.weight_shape();
            cost.parameters += rows * cols + 2 * cols;
            cost.multiply_adds += u.conv.multiply_adds(h, w);
            let g = ConvGeometry::new(u.conv, 1, h, w);
            (g.oh, g.ow)
        };
        for u in self.stem_units() {
            (h, w) = unit(&u, h, w);
        }
        if self.max_pool() {
            (h, w) = (Pool::STEM.out(h), Pool::STEM.out(w));
        }
        for block in self.blocks() {
            let shortcut = if block.pool { (Pool::SHORTCUT.out(h), Pool::SHORTCUT.out(w)) } else { (h, w) };
            if let Some(u) = &block.shortcut {
                unit(u, shortcut.0, shortcut.1);
            }
            for u in &block.body {
                (h, w) = unit(u, h, w);
            }
        }
        let linear = self.features() * self.classes;
        Cost { parameters: cost.parameters + linear + self.classes, multiply_adds: cost.multiply_adds + linear as u64 }
    }
}
