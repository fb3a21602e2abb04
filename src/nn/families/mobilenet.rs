//! MobileNet v1.

use super::{EPS, scaled};
use crate::kernels::geometry::Conv;
use crate::nn::layer::Unit;
use crate::nn::spec::{Chain, NetSpec};
use crate::recipe::settings::{Form, Net};

/// The shape of a MobileNet: a 3x3, then pairs of a depthwise 3x3 and a 1x1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobileNet {
    /// Channels of the first 3x3.
    pub stem: usize,
    /// Its stride: 2, or 1 for small images.
    pub stride: usize,
    /// Of every stage the pairs, and the channels of each; all stages but the first begin with stride 2.
    pub stages: Vec<(usize, usize)>,
}

impl MobileNet {
    /// The net that a recipe names.
    pub fn of(net: &Net) -> MobileNet {
        let stages = [(1, 64), (2, 128), (2, 256), (6, 512), (2, 1024)];
        MobileNet {
            stem: scaled(net.width, 32),
            stride: if net.form == Form::Small { 1 } else { 2 },
            stages: stages.into_iter().map(|(pairs, c)| (pairs, scaled(net.width, c))).collect(),
        }
    }

    /// Its description.
    pub fn spec(&self, image_channels: usize, classes: usize) -> NetSpec {
        let stem = Conv::same(image_channels, self.stem, 3, self.stride);
        let mut chain = Chain::after(image_channels).unit(Unit::new("conv_stem", "bn1", stem)).end_stage();
        for (stage, &(pairs, width)) in self.stages.iter().enumerate() {
            for pair in 0..pairs {
                let (c, stride) = (chain.channels, if stage > 0 && pair == 0 { 2 } else { 1 });
                let name = |field: &str| format!("blocks.{stage}.{pair}.{field}");
                let depthwise = Conv { groups: c, ..Conv::same(c, c, 3, stride) };
                chain = chain.unit(Unit::new(name("conv_dw"), name("bn1"), depthwise)).unit(Unit::new(
                    name("conv_pw"),
                    name("bn2"),
                    Conv::same(c, width, 1, 1),
                ));
            }
            chain = chain.end_stage();
        }
        chain.net("mobilenet-v1", "classifier", EPS, image_channels, classes)
    }
}
