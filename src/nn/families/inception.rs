//! Inception-V3, with its auxiliary head where it is asked for.

use super::scaled;
use crate::kernels::geometry::{Conv, Pool};
use crate::nn::layer::{Layer, Unit};
use crate::nn::spec::{Auxiliary, Chain, NetSpec};
use crate::recipe::settings::Net;

/// The max-pool that halves a map.
const HALVE: Pool = Pool { kernel: 3, stride: 2, padding: 0, ceil: false, count_padding: true };
/// The average pool of a branch; it counts the padding, as in torchvision and timm.
const MEAN: Pool = Pool { kernel: 3, stride: 1, padding: 1, ceil: false, count_padding: true };
/// Added to the variance by norms.
const EPS: f64 = 1e-3;

/// The shape of an Inception-V3: blocks A of 5x5 and 3x3, C of 7x1 and 1x7, E of split 3x1 and 1x3, and blocks that
/// halve the map between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Inception {
    /// Factor on every channel count.
    pub width: f64,
    /// Channels of the pool's branch of every block A.
    pub a: Vec<usize>,
    /// Channels of the 7x1 and 1x7 of every block C.
    pub c: Vec<usize>,
    /// Blocks E.
    pub e: usize,
    /// Whether it has the auxiliary head, behind the last block C.
    pub auxiliary: bool,
}

/// A kernel that keeps the size at stride 1.
const fn same(h: usize, w: usize) -> Window {
    Window { kernel: (h, w), stride: 1, padding: (h / 2, w / 2) }
}

/// A square kernel without padding.
const fn valid(edge: usize, stride: usize) -> Window {
    Window { kernel: (edge, edge), stride, padding: (0, 0) }
}

/// Where a convolution looks.
#[derive(Clone, Copy)]
struct Window {
    kernel: (usize, usize),
    stride: usize,
    padding: (usize, usize),
}

/// Branches of one block.
struct Branches<'a> {
    of: &'a Inception,
    block: String,
    channels: usize,
}

/// Convolutions of a branch: name, channels, window.
type Convs<'a> = &'a [(&'a str, usize, Window)];

impl Branches<'_> {
    /// A branch of convolutions.
    fn convs(&self, convs: Convs) -> Chain {
        self.behind(Chain::after(self.channels), convs)
    }

    fn behind(&self, chain: Chain, convs: Convs) -> Chain {
        convs.iter().fold(chain, |chain, &(name, c, window)| {
            let name = format!("{}.{name}", self.block);
            self.of.conv(chain, &name, c, window)
        })
    }

    /// Convolutions, then two side by side.
    fn split(&self, convs: Convs, two: [(&str, usize, Window); 2]) -> Chain {
        let chain = self.convs(convs);
        let ends = two.map(|conv| self.behind(Chain::after(chain.channels), &[conv]));
        chain.concat(ends.into())
    }

    /// The mean of the neighbours, then a 1x1.
    fn pool(&self, c: usize) -> Chain {
        let chain = Chain::after(self.channels).layer(Layer::AveragePool(MEAN));
        self.behind(chain, &[("branch_pool", c, same(1, 1))])
    }

    /// The maxima of half the map.
    fn halve(&self) -> Chain {
        Chain::after(self.channels).layer(Layer::MaxPool(HALVE))
    }
}

impl Inception {
    /// The net that a recipe names.
    pub fn of(net: &Net) -> Inception {
        Inception { width: net.width, a: vec![32, 64, 64], c: vec![128, 160, 160, 192], e: 2, auxiliary: net.auxiliary }
    }

    /// Its description.
    pub fn spec(&self, image_channels: usize, classes: usize) -> NetSpec {
        let mut chain = Chain::after(image_channels);
        chain = self.conv(chain, "Conv2d_1a_3x3", 32, valid(3, 2));
        chain = self.conv(chain, "Conv2d_2a_3x3", 32, valid(3, 1));
        chain = self.conv(chain, "Conv2d_2b_3x3", 64, same(3, 3)).layer(Layer::MaxPool(HALVE));
        chain = self.conv(chain, "Conv2d_3b_1x1", 80, same(1, 1));
        chain = self.conv(chain, "Conv2d_4a_3x3", 192, valid(3, 1)).layer(Layer::MaxPool(HALVE)).end_stage();
        for (letter, &pool) in ('b'..).zip(&self.a) {
            chain = self.block(chain, &format!("Mixed_5{letter}"), |b| b.a(pool));
        }
        chain = self.block(chain.end_stage(), "Mixed_6a", |b| b.b());
        for (letter, &inner) in ('b'..).zip(&self.c) {
            chain = self.block(chain, &format!("Mixed_6{letter}"), |b| b.c(inner));
        }
        let auxiliary = self.auxiliary.then(|| self.auxiliary(chain.layers.len(), chain.channels));
        chain = self.block(chain.end_stage(), "Mixed_7a", |b| b.d());
        for letter in ('b'..).take(self.e) {
            chain = self.block(chain, &format!("Mixed_7{letter}"), |b| b.e());
        }
        chain = chain.end_stage();
        NetSpec { auxiliary, ..chain.net("inception-v3", "fc", EPS, image_channels, classes) }
    }

    /// The head behind `after` layers, whose map has 17 x 17 pixels: the mean of windows, a 1x1 and a 5x5.
    fn auxiliary(&self, after: usize, channels: usize) -> Auxiliary {
        let mean = Pool { kernel: 5, stride: 3, padding: 0, ceil: false, count_padding: true };
        let mut chain = Chain::after(channels).layer(Layer::AveragePool(mean));
        chain = self.conv(chain, "AuxLogits.conv0", 128, same(1, 1));
        chain = self.conv(chain, "AuxLogits.conv1", 768, valid(5, 1));
        Auxiliary { after, layers: chain.layers, head: "AuxLogits.fc".into(), features: chain.channels }
    }

    fn conv(&self, chain: Chain, name: &str, c: usize, window: Window) -> Chain {
        let (c_in, c_out) = (chain.channels, scaled(self.width, c));
        let Window { kernel, stride, padding } = window;
        let conv = Conv { kernel, stride, padding, dilation: 1, groups: 1, c_in, c_out };
        chain.unit(Unit::new(format!("{name}.conv"), format!("{name}.bn"), conv))
    }

    fn block(&self, chain: Chain, name: &str, branches: impl Fn(Branches) -> Vec<Chain>) -> Chain {
        let made = branches(Branches { of: self, block: name.to_string(), channels: chain.channels });
        chain.concat(made)
    }
}

impl Branches<'_> {
    fn a(&self, pool: usize) -> Vec<Chain> {
        vec![
            self.convs(&[("branch1x1", 64, same(1, 1))]),
            self.convs(&[("branch5x5_1", 48, same(1, 1)), ("branch5x5_2", 64, same(5, 5))]),
            self.convs(&[
                ("branch3x3dbl_1", 64, same(1, 1)),
                ("branch3x3dbl_2", 96, same(3, 3)),
                ("branch3x3dbl_3", 96, same(3, 3)),
            ]),
            self.pool(pool),
        ]
    }

    fn b(&self) -> Vec<Chain> {
        vec![
            self.convs(&[("branch3x3", 384, valid(3, 2))]),
            self.convs(&[
                ("branch3x3dbl_1", 64, same(1, 1)),
                ("branch3x3dbl_2", 96, same(3, 3)),
                ("branch3x3dbl_3", 96, valid(3, 2)),
            ]),
            self.halve(),
        ]
    }

    fn c(&self, inner: usize) -> Vec<Chain> {
        vec![
            self.convs(&[("branch1x1", 192, same(1, 1))]),
            self.convs(&[
                ("branch7x7_1", inner, same(1, 1)),
                ("branch7x7_2", inner, same(1, 7)),
                ("branch7x7_3", 192, same(7, 1)),
            ]),
            self.convs(&[
                ("branch7x7dbl_1", inner, same(1, 1)),
                ("branch7x7dbl_2", inner, same(7, 1)),
                ("branch7x7dbl_3", inner, same(1, 7)),
                ("branch7x7dbl_4", inner, same(7, 1)),
                ("branch7x7dbl_5", 192, same(1, 7)),
            ]),
            self.pool(192),
        ]
    }

    fn d(&self) -> Vec<Chain> {
        vec![
            self.convs(&[("branch3x3_1", 192, same(1, 1)), ("branch3x3_2", 320, valid(3, 2))]),
            self.convs(&[
                ("branch7x7x3_1", 192, same(1, 1)),
                ("branch7x7x3_2", 192, same(1, 7)),
                ("branch7x7x3_3", 192, same(7, 1)),
                ("branch7x7x3_4", 192, valid(3, 2)),
            ]),
            self.halve(),
        ]
    }

    fn e(&self) -> Vec<Chain> {
        let (wide, high) = (same(1, 3), same(3, 1));
        vec![
            self.convs(&[("branch1x1", 320, same(1, 1))]),
            self.split(&[("branch3x3_1", 384, same(1, 1))], [("branch3x3_2a", 384, wide), ("branch3x3_2b", 384, high)]),
            self.split(
                &[("branch3x3dbl_1", 448, same(1, 1)), ("branch3x3dbl_2", 384, same(3, 3))],
                [("branch3x3dbl_3a", 384, wide), ("branch3x3dbl_3b", 384, high)],
            ),
            self.pool(192),
        ]
    }
}
