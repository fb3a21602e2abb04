//! DenseNet: every layer reads all maps of its block before it.

use super::{EPS, scaled};
use crate::kernels::geometry::{Conv, Pool};
use crate::nn::layer::{Layer, Unit};
use crate::nn::spec::{Chain, NetSpec};
use crate::recipe::settings::{Form, Net};

/// The 2x2 average pool between blocks.
const HALVE: Pool = Pool { kernel: 2, stride: 2, padding: 0, ceil: false, count_padding: true };

/// Channels of a layer's 1x1, in multiples of the growth.
const BOTTLENECK: usize = 4;

/// The shape of a DenseNet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseNet {
    /// Channels of the first convolution.
    pub stem: usize,
    /// Whether that is a 3x3 with stride 1 and no pool follows, for small images.
    pub small: bool,
    /// Channels that a layer adds.
    pub growth: usize,
    /// Layers of every block.
    pub layers: Vec<usize>,
}

impl DenseNet {
    /// The net that a recipe names.
    pub fn of(net: &Net) -> DenseNet {
        let layers = match net.depth {
            121 => [6, 12, 24, 16],
            169 => [6, 12, 32, 32],
            _ => [6, 12, 48, 32],
        };
        DenseNet {
            stem: scaled(net.width, 64),
            small: net.form == Form::Small,
            growth: scaled(net.width, 32),
            layers: layers.to_vec(),
        }
    }

    /// Its description.
    pub fn spec(&self, name: &str, image_channels: usize, classes: usize) -> NetSpec {
        let (kernel, stride) = if self.small { (3, 1) } else { (7, 2) };
        let stem = Conv::same(image_channels, self.stem, kernel, stride);
        let mut chain = Chain::after(image_channels).unit(Unit::new("features.conv0", "features.norm0", stem));
        if !self.small {
            chain = chain.layer(Layer::MaxPool(Pool::STEM));
        }
        chain = chain.end_stage();
        for (block, &count) in (1..).zip(&self.layers) {
            for layer in 1..=count {
                chain = self.dense_layer(chain, &format!("features.denseblock{block}.denselayer{layer}"));
            }
            let channels = chain.channels;
            let norm = |name: String| Layer::Norm { name, channels };
            chain = if block == self.layers.len() {
                chain.layer(norm("features.norm5".into()))
            } else {
                let name = format!("features.transition{block}");
                chain
                    .layer(norm(format!("{name}.norm")))
                    .unit(Unit::bare(format!("{name}.conv"), Conv::same(channels, channels / 2, 1, 1)))
                    .layer(Layer::AveragePool(HALVE))
            }
            .end_stage();
        }
        chain.net(name, "classifier", EPS, image_channels, classes)
    }

    fn dense_layer(&self, chain: Chain, name: &str) -> Chain {
        let (channels, inner) = (chain.channels, BOTTLENECK * self.growth);
        let (conv1, conv2) = (Conv::same(channels, inner, 1, 1), Conv::same(inner, self.growth, 3, 1));
        let grown = Chain::after(channels)
            .layer(Layer::Norm { name: format!("{name}.norm1"), channels })
            .unit(Unit::new(format!("{name}.conv1"), format!("{name}.norm2"), conv1))
            .unit(Unit::bare(format!("{name}.conv2"), conv2));
        chain.concat(vec![Chain::after(channels), grown])
    }
}
