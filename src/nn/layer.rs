//! The vocabulary in which every net is described, without a device. Parameters, costs and the net itself follow from
//! a description.

use super::param::{Layout, Role};
use crate::kernels::geometry::{Conv, ConvGeometry, Pool};
use crate::ops::memory::{Extent, Operation};

/// A step of a net: takes a map, gives a map.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// A convolution and what follows it.
    Unit(Unit),
    /// A batch norm, then ReLU: before a convolution, as in DenseNet.
    Norm {
        /// Name.
        name: String,
        /// Channels.
        channels: usize,
    },
    /// Maxima of windows.
    MaxPool(Pool),
    /// Averages of windows.
    AveragePool(Pool),
    /// A body and a shortcut around it, summed.
    Residual(Residual),
    /// Branches of one map, side by side: their channels one behind the other. A branch without layers is the map itself,
    /// and so is what has no branches.
    Concat(Vec<Vec<Layer>>),
}

/// A convolution without bias, a batch norm when it has a name, and ReLU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Name of the convolution.
    pub conv_name: String,
    /// The convolution.
    pub conv: Conv,
    /// Name of the norm.
    pub norm_name: Option<String>,
    /// Whether ReLU follows the norm.
    pub relu: bool,
}

impl Unit {
    /// A convolution, its norm and ReLU.
    pub fn new(conv_name: impl Into<String>, norm_name: impl Into<String>, conv: Conv) -> Unit {
        Unit { conv_name: conv_name.into(), conv, norm_name: Some(norm_name.into()), relu: true }
    }

    /// A convolution alone.
    pub fn bare(conv_name: impl Into<String>, conv: Conv) -> Unit {
        Unit { conv_name: conv_name.into(), conv, norm_name: None, relu: false }
    }
}

/// Body, gate, sum with the shortcut, ReLU.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    /// The body, one unit at least; ReLU follows the last one only after the sum.
    pub body: Vec<Unit>,
    /// Factors of the body's channels.
    pub gate: Option<Gate>,
    /// The shortcut; without layers it is the block's input.
    pub shortcut: Vec<Layer>,
}

/// Squeeze and excite: a factor for every channel of every image, sigmoid(W2 relu(W1 mean(x) + b1) + b2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Name; the two layers are `<name>.fc1` and `<name>.fc2`, 1x1 convolutions in PyTorch's layout.
    pub name: String,
    /// Channels.
    pub channels: usize,
    /// Channels between the two.
    pub reduced: usize,
}

/// A parameter or statistic of a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// Name as in timm's checkpoints, e.g. `layer1.0.conv1.weight`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// PyTorch's layout.
    pub layout: Layout,
    /// Shape of our matrix.
    pub shape: (usize, usize),
    /// Whether it is the factor of the last norm of a residual block, which zero gamma sets to 0 (section 3.1).
    pub closes_block: bool,
}

impl ParamSpec {
    fn new(name: String, role: Role, layout: Layout, shape: (usize, usize)) -> ParamSpec {
        ParamSpec { name, role, layout, shape, closes_block: false }
    }

    fn vector(name: String, role: Role, len: usize) -> ParamSpec {
        ParamSpec::new(name, role, Layout::Vector, (1, len))
    }

    /// Weight `(inputs, outputs)` and bias of a linear layer.
    pub fn linear(name: &str, inputs: usize, outputs: usize) -> [ParamSpec; 2] {
        [
            ParamSpec::new(format!("{name}.weight"), Role::Weight, Layout::Linear, (inputs, outputs)),
            ParamSpec::vector(format!("{name}.bias"), Role::Bias, outputs),
        ]
    }

    /// The same of a linear layer on every pixel: a 1x1 convolution with a bias.
    pub fn pointwise(name: &str, inputs: usize, outputs: usize) -> [ParamSpec; 2] {
        ParamSpec::linear(name, inputs, outputs).map(|p| match p.layout {
            Layout::Linear => ParamSpec { layout: Layout::Pointwise, ..p },
            _ => p,
        })
    }

    fn conv(name: &str, conv: Conv) -> ParamSpec {
        ParamSpec::new(format!("{name}.weight"), Role::Weight, Layout::Conv(conv), conv.weight_shape())
    }

    fn norm(name: &str, channels: usize) -> [ParamSpec; 4] {
        [
            ParamSpec::vector(format!("{name}.weight"), Role::Gamma, channels),
            ParamSpec::vector(format!("{name}.bias"), Role::Beta, channels),
            ParamSpec::vector(format!("{name}.running_mean"), Role::Statistic, channels),
            ParamSpec::vector(format!("{name}.running_var"), Role::Statistic, channels),
        ]
    }

    /// Its value before anything is drawn: a norm is the identity, all else 0.
    pub fn value(&self) -> f64 {
        f64::from(u8::from(self.role == Role::Gamma || self.name.ends_with(".running_var")))
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Parameters of a unit, of a norm, of a gate.
const UNIT: usize = 5;
const NORM: usize = 4;
const GATE: usize = 4;

impl Layer {
    /// Number of parameters and statistics.
    pub fn count(&self) -> usize {
        match self {
            Layer::Unit(unit) => unit.count(),
            Layer::Norm { .. } => NORM,
            Layer::MaxPool(_) | Layer::AveragePool(_) => 0,
            Layer::Residual(r) => {
                r.body.iter().map(Unit::count).sum::<usize>() + r.gate.iter().len() * GATE + count(&r.shortcut)
            }
            Layer::Concat(branches) => branches.iter().map(|b| count(b)).sum(),
        }
    }

    /// Adds its parameters and statistics, in order.
    pub fn params(&self, to: &mut Vec<ParamSpec>) {
        match self {
            Layer::Unit(unit) => unit.params(to),
            Layer::Norm { name, channels } => to.extend(ParamSpec::norm(name, *channels)),
            Layer::MaxPool(_) | Layer::AveragePool(_) => {}
            Layer::Residual(r) => {
                r.body.iter().for_each(|unit| unit.params(to));
                if let Some(gamma) = to.iter_mut().rfind(|p| p.role == Role::Gamma) {
                    gamma.closes_block = true;
                }
                r.gate.iter().for_each(|gate| gate.params(to));
                r.shortcut.iter().for_each(|layer| layer.params(to));
            }
            Layer::Concat(branches) => branches.iter().flatten().for_each(|layer| layer.params(to)),
        }
    }
}

/// Number of parameters and statistics of layers.
pub fn count(layers: &[Layer]) -> usize {
    layers.iter().map(Layer::count).sum()
}

impl Unit {
    /// Number of parameters and statistics.
    pub fn count(&self) -> usize {
        if self.norm_name.is_some() { UNIT } else { 1 }
    }

    fn params(&self, to: &mut Vec<ParamSpec>) {
        to.push(ParamSpec::conv(&self.conv_name, self.conv));
        to.extend(self.norm_name.iter().flat_map(|name| ParamSpec::norm(name, self.conv.c_out)));
    }
}

impl Gate {
    fn params(&self, to: &mut Vec<ParamSpec>) {
        for (name, inputs, outputs) in [("fc1", self.channels, self.reduced), ("fc2", self.reduced, self.channels)] {
            let name = format!("{}.{name}", self.name);
            to.push(ParamSpec::conv(&name, Conv::same(inputs, outputs, 1, 1)));
            to.push(ParamSpec::vector(format!("{name}.bias"), Role::Bias, outputs));
        }
    }
}

/// A part of a layer as images go through it.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A convolution and what follows it.
    Unit(&'a Unit),
    /// A norm alone, and its ReLU.
    Norm,
    /// A pool.
    Pool(&'a Pool),
    /// The sum at the end of a residual block, and its gate.
    Sum(Option<&'a Gate>),
    /// Branches put together.
    Concat,
}

impl Part<'_> {
    /// What it has a device do.
    pub fn operation(&self) -> Operation<'_> {
        match self {
            Part::Unit(unit) => Operation::Conv { conv: &unit.conv, norm: unit.norm_name.is_some() },
            Part::Norm => Operation::Norm,
            Part::Pool(pool) => Operation::Pool(pool),
            Part::Sum(gate) => Operation::Sum { gate: gate.is_some() },
            Part::Concat => Operation::Concat,
        }
    }
}

/// Shows `visit` every part of layers in their order, with the sizes of what goes in and comes out; gives the size at
/// the end.
pub fn walk(layers: &[Layer], at: Extent, visit: &mut dyn FnMut(Part, Extent, Extent)) -> Extent {
    layers.iter().fold(at, |at, layer| {
        let (part, to) = match layer {
            Layer::Unit(unit) => return walk_unit(unit, at, visit),
            Layer::Norm { .. } => (Part::Norm, at),
            Layer::MaxPool(pool) | Layer::AveragePool(pool) => {
                (Part::Pool(pool), Extent { h: pool.out(at.h), w: pool.out(at.w), c: at.c })
            }
            Layer::Residual(r) => {
                walk(&r.shortcut, at, visit);
                let to = r.body.iter().fold(at, |at, unit| walk_unit(unit, at, visit));
                (Part::Sum(r.gate.as_ref()), to)
            }
            Layer::Concat(branches) => {
                let ends: Vec<Extent> = branches.iter().map(|branch| walk(branch, at, visit)).collect();
                let c = ends.iter().map(|end| end.c).sum();
                (Part::Concat, Extent { c, ..ends.first().copied().unwrap_or(at) })
            }
        };
        visit(part, at, to);
        to
    })
}

fn walk_unit(unit: &Unit, at: Extent, visit: &mut dyn FnMut(Part, Extent, Extent)) -> Extent {
    let g = ConvGeometry::new(unit.conv, 1, at.h, at.w);
    let to = Extent { h: g.oh, w: g.ow, c: unit.conv.c_out };
    visit(Part::Unit(unit), at, to);
    to
}

/// What a net costs for one image of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Trained parameters.
    pub parameters: usize,
    /// Multiply-adds of convolutions and linear layers.
    pub multiply_adds: u64,
    /// Whether the image is too small: some window does not fit into its map.
    pub too_small: bool,
}

impl Cost {
    /// Adds a part that reads a map of this size.
    pub(super) fn add(&mut self, part: Part, from: Extent) {
        match part {
            Part::Unit(Unit { conv, .. }) => {
                self.multiply_adds += conv.multiply_adds(from.h, from.w);
                self.window(conv.kernel, conv.padding, from);
            }
            // With `ceil` a window may reach over the border.
            Part::Pool(pool) if !pool.ceil => {
                self.window((pool.kernel, pool.kernel), (pool.padding, pool.padding), from);
            }
            Part::Sum(Some(gate)) => self.multiply_adds += 2 * (gate.channels * gate.reduced) as u64,
            Part::Norm | Part::Pool(_) | Part::Sum(None) | Part::Concat => {}
        }
    }

    fn window(&mut self, kernel: (usize, usize), padding: (usize, usize), at: Extent) {
        self.too_small |= kernel.0 > at.h + 2 * padding.0 || kernel.1 > at.w + 2 * padding.1;
    }
}
