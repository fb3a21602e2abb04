//! A net on a device: runs any description.

use super::layer::{Gate, Layer, Residual, Unit, count};
use super::param::{Init, Param, Role};
use super::spec::{Logits, NetSpec};
use crate::ops::{Activation, Dropout, FeatureMap, Filter, Matrix, Mode, Norm, Ops, Real};
use dfdx::prelude::{Tape, TryMul};
use std::fmt::Display;

/// A net with its parameters.
pub struct Net<E: Real, D: Ops<E>> {
    spec: NetSpec,
    params: Vec<Param<E, D>>,
    ready: D::Ready,
}

/// What of a net a step trains, and what it leaves out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Layers, from the first one on, that are frozen: they run as in an evaluation, and nothing of them is kept for the
    /// backward pass.
    pub frozen: usize,
    /// Whose statistics the norms of the others use.
    pub norms: Mode,
    /// What is dropped before the last layer of a net that gives every pixel a class.
    pub dropout: Option<Dropout>,
}

impl Tuning {
    /// The whole net.
    pub const ALL: Tuning = Tuning { frozen: 0, norms: Mode::Train, dropout: None };
}

/// Logits, and those of an auxiliary classifier.
type Both<E, D, T> = (FeatureMap<E, D, T>, Option<FeatureMap<E, D>>);

/// Parameters of a linear layer.
const HEAD: usize = 2;

/// The classifiers of a net, each of which drops other values.
const FIRST: u64 = 0;
const SECOND: u64 = 1;

/// From the last map of a net, or of its auxiliary classifier, to logits.
#[derive(Clone, Copy)]
struct End {
    logits: Logits,
    /// Height and width of the images.
    size: (usize, usize),
    dropout: Option<Dropout>,
}

impl End {
    /// A linear layer on the mean over all pixels, or on every pixel of what dropout leaves.
    fn linear<E: Real, D: Ops<E>, T: Tape<E, D>>(
        self,
        x: FeatureMap<E, D, T>,
        head: u64,
        [weight, bias]: &mut [Param<E, D>; HEAD],
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        let x = match (self.logits, self.dropout) {
            (Logits::Image, _) => D::global_average(x)?,
            (Logits::Pixels { .. }, Some(dropout)) if dropout.share > 0.0 => D::dropout(x, dropout.mask(head))?,
            (Logits::Pixels { .. }, _) => x,
        };
        D::linear(x, &weight.data, &bias.data, Activation::None)
    }

    /// Logits in the size of what they are of.
    fn grown<E: Real, D: Ops<E>, T: Tape<E, D>>(
        self,
        logits: FeatureMap<E, D, T>,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        match self.logits {
            Logits::Image => Ok(logits),
            Logits::Pixels { corners } => D::upsample(logits, self.size, corners),
        }
    }
}

/// Sees the name of a layer and its output, a row a pixel or an image.
pub type Look<'l, E, D> = &'l mut dyn FnMut(&str, Matrix<E, D>);

/// What is the same for all layers of a pass.
struct Pass<'l, E: Real, D: Ops<E>> {
    /// Whose statistics norms use.
    norms: Mode,
    eps: f64,
    /// Whether the gradient of the map at hand is wanted: not before the first layer that is trained.
    input_grad: bool,
    look: Option<Look<'l, E, D>>,
}

impl<E: Real, D: Ops<E>> Net<E, D> {
    /// A net with all weights at 0, all norms at the identity.
    ///
    /// # Errors
    /// The device's.
    pub fn new(dev: &D, spec: &NetSpec) -> Result<Self, D::Err> {
        let params = spec.params().into_iter().map(|p| {
            let value = p.value();
            Param::filled(dev, p.name, p.role, p.layout, p.shape, value)
        });
        Ok(Net { params: params.collect::<Result<_, _>>()?, spec: spec.clone(), ready: D::Ready::default() })
    }

    /// Draws the initial weights; with `zero_gamma` the last norm of every residual block starts at 0 (section 3.1).
    ///
    /// # Errors
    /// The device's.
    pub fn initialise(&mut self, init: Init, zero_gamma: bool, seed: u64) -> Result<(), D::Err> {
        let weights = self.params.iter_mut().filter(|p| p.role == Role::Weight);
        for (index, weight) in weights.enumerate() {
            weight.initialise(init, seed, index as u64)?;
        }
        let specs = self.spec.params();
        let last = self.params.iter_mut().zip(&specs).filter(|(_, spec)| spec.closes_block && zero_gamma);
        for (gamma, _) in last {
            gamma.data = gamma.data.clone().try_mul(E::of(0.0))?;
        }
        Ok(())
    }

    /// Logits of images `(N, H, W, C)`: a map of one pixel with a channel a class, or where every pixel has a class a map of
    /// the images' size.
    ///
    /// # Errors
    /// The device's.
    pub fn forward<T: Tape<E, D>>(
        &mut self,
        x: FeatureMap<E, D, T>,
        mode: Mode,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        Ok(self.run(x, mode, None, None)?.0)
    }

    /// Logits in training, and those of the auxiliary classifier where the net has one.
    ///
    /// # Errors
    /// The device's.
    pub fn forward_both<T: Tape<E, D>>(
        &mut self,
        x: FeatureMap<E, D, T>,
        tuning: Tuning,
    ) -> Result<Both<E, D, T>, D::Err> {
        self.run(x, tuning.norms, Some(tuning), None)
    }

    /// Goes through the net in evaluation and shows `look` the output of every layer with weights: of a unit after its
    /// norm, sum and ReLU.
    ///
    /// # Errors
    /// The device's.
    pub fn look(&mut self, x: FeatureMap<E, D>, look: Look<'_, E, D>) -> Result<(), D::Err> {
        self.run(x, Mode::Eval, None, Some(look)).map(drop)
    }

    fn run<T: Tape<E, D>>(
        &mut self,
        x: FeatureMap<E, D, T>,
        norms: Mode,
        training: Option<Tuning>,
        look: Option<Look<'_, E, D>>,
    ) -> Result<Both<E, D, T>, D::Err> {
        let dropout = training.and_then(|tuning| tuning.dropout);
        let end = End { logits: self.spec.logits, size: (x.h, x.w), dropout };
        // A weight that a bias comes after is a linear layer's.
        let biased = |i: usize| self.params.get(i + 1).is_some_and(|p| p.role == Role::Bias);
        let weights = self.params.iter().enumerate().filter(|(_, p)| p.role == Role::Weight);
        let weights: Vec<_> = weights.map(|(i, p)| (&p.data, biased(i))).collect();
        let mut x = D::ready(&mut self.ready, &weights, x)?;
        let mut params = &mut self.params[..];
        let mut own = part(&mut params, count(&self.spec.layers) + HEAD);
        let auxiliary = self.spec.auxiliary.as_ref().filter(|_| training.is_some());
        let (eps, frozen) = (self.spec.eps, training.map_or(0, |tuning| tuning.frozen));
        let mut pass = Pass { norms, eps, input_grad: false, look };
        let mut beside = None;
        for (i, layer) in self.spec.layers.iter().enumerate() {
            let own = part(&mut own, layer.count());
            if i < frozen {
                let mut still = Pass { norms: Mode::Eval, eps, input_grad: false, look: None };
                let (map, tape) = x.split_tape();
                x = still.layer(layer, own, map)?.put_tape(tape);
            } else {
                x = pass.layer(layer, own, x)?;
            }
            if let Some(auxiliary) = auxiliary.filter(|auxiliary| auxiliary.after == i + 1) {
                let (map, tape) = x.split_tape();
                let (layers, input_grad) = (part(&mut params, count(&auxiliary.layers)), pass.input_grad);
                let last = pass.layers(&auxiliary.layers, layers, map.clone().put_tape(tape))?;
                let logits = end.grown(end.linear(last, SECOND, all(std::mem::take(&mut params)))?)?;
                let (logits, tape) = logits.split_tape();
                (x, beside) = (map.put_tape(tape), Some(logits));
                pass.input_grad = input_grad;
            }
        }
        let logits = pass.show(&self.spec.head, end.linear(x, FIRST, all(own))?)?;
        Ok((end.grown(logits)?, beside))
    }

    /// The net's description.
    pub fn spec(&self) -> &NetSpec {
        &self.spec
    }

    /// Parameters and running statistics, in order.
    pub fn params(&self) -> Vec<&Param<E, D>> {
        self.params.iter().collect()
    }

    /// Parameters and running statistics, in order.
    pub fn params_mut(&mut self) -> Vec<&mut Param<E, D>> {
        self.params.iter_mut().collect()
    }
}

/// Parts the first `count` parameters off.
fn part<'a, P>(params: &mut &'a mut [P], count: usize) -> &'a mut [P] {
    let (own, rest) = std::mem::take(params).split_at_mut(count);
    *params = rest;
    own
}

/// All parameters of a layer that has N.
fn all<P, const N: usize>(params: &mut [P]) -> &mut [P; N] {
    let found = params.len();
    params.try_into().unwrap_or_else(|_| unreachable!("a layer of {N} parameters was given {found}"))
}

/// (The parameters that come with a layer are its own, in the order of its description.)
impl<E: Real, D: Ops<E>> Pass<'_, E, D> {
    /// Shows a map to whoever looks.
    fn show<T: Tape<E, D>>(
        &mut self,
        name: impl Display,
        x: FeatureMap<E, D, T>,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        let Some(look) = &mut self.look else { return Ok(x) };
        let (x, tape) = x.split_tape();
        look(&name.to_string(), D::matrix(x.clone())?);
        Ok(x.put_tape(tape))
    }

    fn layers<T: Tape<E, D>>(
        &mut self,
        layers: &[Layer],
        mut params: &mut [Param<E, D>],
        x: FeatureMap<E, D, T>,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        layers.iter().try_fold(x, |x, layer| self.layer(layer, part(&mut params, layer.count()), x))
    }

    fn layer<T: Tape<E, D>>(
        &mut self,
        layer: &Layer,
        mut params: &mut [Param<E, D>],
        x: FeatureMap<E, D, T>,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        match layer {
            Layer::Unit(unit) => self.unit(unit, params, x, None, unit.relu),
            Layer::Norm { name, .. } => {
                let y = D::norm_act(x, self.norm(all(params)), None, true)?;
                self.input_grad = true;
                self.show(name, y)
            }
            Layer::MaxPool(pool) => D::max_pool(x, pool),
            Layer::AveragePool(pool) => D::average_pool(x, pool),
            Layer::Residual(block) => self.residual(block, params, x),
            Layer::Concat(branches) => {
                let (x, mut tape) = x.split_tape();
                let (of_input, mut of_output) = (self.input_grad, self.input_grad);
                let mut ends = Vec::new();
                for branch in branches {
                    let own = part(&mut params, count(branch));
                    let end;
                    self.input_grad = of_input;
                    (end, tape) = self.layers(branch, own, x.clone().put_tape(tape))?.split_tape();
                    of_output |= self.input_grad;
                    ends.push(end);
                }
                self.input_grad = of_output;
                let mut ends = ends.into_iter();
                match ends.next() {
                    Some(first) => D::concat(first, ends.collect(), tape),
                    None => Ok(x.put_tape(tape)),
                }
            }
        }
    }

    fn norm<'p>(&self, [gamma, beta, mean, var]: &'p mut [Param<E, D>; 4]) -> Norm<'p, E, D> {
        let (gamma, beta, mean, var) = (&gamma.data, &beta.data, &mut mean.data, &mut var.data);
        Norm { gamma, beta, mean, var, mode: self.norms, eps: self.eps }
    }

    fn unit<T: Tape<E, D>>(
        &mut self,
        unit: &Unit,
        mut params: &mut [Param<E, D>],
        x: FeatureMap<E, D, T>,
        residual: Option<FeatureMap<E, D>>,
        relu: bool,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        let [weight] = all(part(&mut params, 1));
        let input_grad = std::mem::replace(&mut self.input_grad, true);
        let filter = Filter { weight: &weight.data, conv: &unit.conv, input_grad };
        let y = match unit.norm_name {
            Some(_) => D::conv_norm_act(x, filter, self.norm(all(params)), residual, relu)?,
            None => D::conv2d(x, filter)?,
        };
        self.show(&unit.conv_name, y)
    }

    fn residual<T: Tape<E, D>>(
        &mut self,
        block: &Residual,
        mut params: &mut [Param<E, D>],
        x: FeatureMap<E, D, T>,
    ) -> Result<FeatureMap<E, D, T>, D::Err> {
        let mut body = part(&mut params, block.body.iter().map(Unit::count).sum());
        let gates = params.len() - count(&block.shortcut);
        let gate = part(&mut params, gates);
        let (x, tape) = x.split_tape();
        let input_grad = self.input_grad;
        let (shortcut, tape) = self.layers(&block.shortcut, params, x.clone().put_tape(tape))?.split_tape();
        self.input_grad = input_grad;
        let mut y = x.put_tape(tape);
        let last = block.body.len() - 1;
        for (i, unit) in block.body.iter().enumerate() {
            let closes = i == last && block.gate.is_none();
            let own = part(&mut body, unit.count());
            y = self.unit(unit, own, y, closes.then(|| shortcut.clone()), unit.relu || closes)?;
        }
        let Some(Gate { name, .. }) = &block.gate else { return Ok(y) };
        let [w1, b1, w2, b2] = all(gate);
        let (y, tape) = y.split_tape();
        let squeezed = D::global_average(y.clone().put_tape(tape))?;
        let hidden = D::linear(squeezed, &w1.data, &b1.data, Activation::Relu)?;
        let hidden = self.show(format_args!("{name}.fc1"), hidden)?;
        let gate = D::linear(hidden, &w2.data, &b2.data, Activation::Sigmoid)?;
        let gate = self.show(format_args!("{name}.fc2"), gate)?;
        D::excite(y, gate, shortcut)
    }
}
