//! ResNet on a device.

use super::layers::{ConvNorm, Linear};
use super::param::{Init, Param, Role};
use super::spec::{NetSpec, UnitSpec};
use crate::kernels::geometry::Pool;
use crate::ops::{Map, Matrix, Mode, Ops};
use dfdx::prelude::{Tape, TryMul};

/// A residual block.
struct Residual<D: Ops> {
    body: Vec<ConvNorm<D>>,
    pool: bool,
    shortcut: Option<ConvNorm<D>>,
}

/// A ResNet with its parameters.
pub struct ResNet<D: Ops> {
    spec: NetSpec,
    stem: Vec<ConvNorm<D>>,
    blocks: Vec<Residual<D>>,
    linear: Linear<D>,
}

impl<D: Ops> Residual<D> {
    fn forward<T: Tape<f32, D>>(&mut self, x: Map<D, T>, mode: Mode) -> Result<Map<D, T>, D::Err> {
        let (x, mut tape) = x.split_tape();
        let mut shortcut = x.clone();
        if self.pool {
            (shortcut, tape) = D::average_pool(shortcut.put_tape(tape), &Pool::SHORTCUT)?.split_tape();
        }
        if let Some(unit) = &mut self.shortcut {
            (shortcut, tape) = unit.forward(shortcut.put_tape(tape), None, false, mode)?.split_tape();
        }
        let mut y = x.put_tape(tape);
        let last = self.body.len() - 1;
        for (i, unit) in self.body.iter_mut().enumerate() {
            let residual = (i == last).then(|| shortcut.clone());
            y = unit.forward(y, residual, true, mode)?;
        }
        Ok(y)
    }
}

impl<D: Ops> ResNet<D> {
    /// A net with all weights at 0, all norms at the identity.
    ///
    /// # Errors
    /// The device's.
    pub fn new(dev: &D, spec: &NetSpec) -> Result<Self, D::Err> {
        let unit = |u: &UnitSpec| ConvNorm::new(dev, &u.conv_name, &u.norm_name, u.conv);
        let mut stem = spec.stem_units().iter().map(unit).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = stem.first_mut() {
            first.input_grad = false;
        }
        let mut blocks = Vec::new();
        for block in spec.blocks() {
            let body = block.body.iter().map(unit).collect::<Result<Vec<_>, _>>()?;
            let shortcut = block.shortcut.as_ref().map(unit).transpose()?;
            blocks.push(Residual { body, pool: block.pool, shortcut });
        }
        let linear = Linear::new(dev, "fc", spec.features(), spec.classes)?;
        Ok(ResNet { spec: spec.clone(), stem, blocks, linear })
    }

    /// Draws the initial weights; with `zero_gamma` the last norm of every block starts at 0 (section 3.1).
    ///
    /// # Errors
    /// The device's.
    pub fn initialise(&mut self, init: Init, zero_gamma: bool, seed: u64) -> Result<(), D::Err> {
        let weights = self.params_mut().into_iter().filter(|p| p.role == Role::Weight);
        for (index, weight) in weights.enumerate() {
            weight.initialise(init, seed, index as u64)?;
        }
        if zero_gamma {
            for unit in self.blocks.iter_mut().filter_map(|b| b.body.last_mut()) {
                let gamma = unit.gamma_mut();
                gamma.data = gamma.data.clone().try_mul(0.0)?;
            }
        }
        Ok(())
    }

    /// Logits `(N, classes)` of images `(N, H, W, C)`.
    ///
    /// # Errors
    /// The device's.
    pub fn forward<T: Tape<f32, D>>(&mut self, x: Map<D, T>, mode: Mode) -> Result<Matrix<D, T>, D::Err> {
        let mut x = x;
        for unit in &mut self.stem {
            x = unit.forward(x, None, true, mode)?;
        }
        if self.spec.max_pool() {
            x = D::max_pool(x, &Pool::STEM)?;
        }
        for block in &mut self.blocks {
            x = block.forward(x, mode)?;
        }
        self.linear.forward(D::global_average(x)?)
    }

    /// The net's shape.
    pub fn spec(&self) -> &NetSpec {
        &self.spec
    }

    /// Parameters and running statistics, in order.
    pub fn params(&self) -> Vec<&Param<D>> {
        let blocks = self.blocks.iter().flat_map(|b| b.body.iter().chain(&b.shortcut));
        let units = self.stem.iter().chain(blocks);
        units.flat_map(ConvNorm::params).chain(self.linear.params()).collect()
    }

    /// Parameters and running statistics, in order.
    pub fn params_mut(&mut self) -> Vec<&mut Param<D>> {
        let blocks = self.blocks.iter_mut().flat_map(|b| b.body.iter_mut().chain(&mut b.shortcut));
        let units = self.stem.iter_mut().chain(blocks);
        units.flat_map(ConvNorm::params_mut).chain(self.linear.params_mut()).collect()
    }
}
