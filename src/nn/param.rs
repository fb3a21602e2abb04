//! Parameters: a matrix, its name, what it is for, and how PyTorch lays it out.

use crate::kernels::geometry::Conv;
use crate::ops::{Matrix, Ops, Real};
use crate::random::{Purpose, rng};
use dfdx::prelude::HasShape;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

pub use crate::recipe::settings::Init;

/// What a parameter is for; the no-bias-decay trick goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weights of a convolution or a linear layer.
    Weight,
    /// Bias of a linear layer.
    Bias,
    /// Factor of a norm.
    Gamma,
    /// Summand of a norm.
    Beta,
    /// Running statistic of a norm: not trained.
    Statistic,
}

/// How PyTorch lays the values out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A vector; ours is `(1, len)`.
    Vector,
    /// OIHW; ours is HWIO as `(KH*KW*I, O)`.
    Conv(Conv),
    /// `(out, in)`; ours is `(in, out)`.
    Linear,
    /// `(out, in, 1, 1)`, a linear layer on every pixel; ours is `(in, out)`.
    Pointwise,
}

impl Layout {
    /// Shape in PyTorch's layout of a matrix of `(rows, columns)` in ours.
    pub fn torch_shape(self, (rows, cols): (usize, usize)) -> Vec<usize> {
        match self {
            Layout::Vector => vec![cols],
            Layout::Linear => vec![cols, rows],
            Layout::Pointwise => vec![cols, rows, 1, 1],
            Layout::Conv(c) => vec![c.c_out, c.c_in / c.groups, c.kernel.0, c.kernel.1],
        }
    }

    /// For every value in PyTorch's order its place in ours: PyTorch goes through columns, then through rows in an
    /// order that for convolutions has the taps innermost.
    pub fn torch_order(self, (rows, cols): (usize, usize)) -> impl Iterator<Item = usize> {
        let (taps, inner) = match self {
            Layout::Conv(c) => (c.taps(), c.c_in / c.groups),
            _ => (1, rows),
        };
        (0..rows * cols).map(move |i| {
            let (col, channel, tap) = (i / rows, i % rows / taps, i % taps);
            (tap * inner + channel) * cols + col
        })
    }
}

/// A parameter or running statistic of a net.
pub struct Param<E: Real, D: Ops<E>> {
    /// Name as in timm's checkpoints, e.g. `layer1.0.conv1.weight`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// PyTorch's layout.
    pub layout: Layout,
    /// Values in our layout.
    pub data: Matrix<E, D>,
}

impl<E: Real, D: Ops<E>> Param<E, D> {
    /// A parameter filled with `value`.
    ///
    /// # Errors
    /// The device's.
    pub fn filled(
        dev: &D,
        name: String,
        role: Role,
        layout: Layout,
        shape: (usize, usize),
        value: f64,
    ) -> Result<Self, D::Err> {
        let data = dev.try_tensor_from_vec(vec![E::of(value); shape.0 * shape.1], shape)?;
        Ok(Param { name, role, layout, data })
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        let (rows, cols) = *self.data.shape();
        rows * cols
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shape in PyTorch's layout.
    pub fn torch_shape(&self) -> Vec<usize> {
        self.layout.torch_shape(*self.data.shape())
    }

    /// `values` in our layout (such as the gradient of this parameter) brought into PyTorch's.
    pub fn to_torch(&self, values: &[E]) -> Vec<f32> {
        self.layout.torch_order(*self.data.shape()).map(|i| values[i].value() as f32).collect()
    }

    /// `values` in PyTorch's layout brought into ours.
    pub fn from_torch(&self, values: &[f32]) -> Vec<E> {
        let mut ours = vec![E::of(0.0); values.len()];
        self.layout.torch_order(*self.data.shape()).zip(values).for_each(|(i, v)| ours[i] = E::of(*v as f64));
        ours
    }

    /// Draws initial weights (section 2.1): Xavier, uniform in ±sqrt(6 / (d_in + d_out)), or He, normal with
    /// deviation sqrt(2 / d_out) for convolutions and uniform in ±1 / sqrt(d_in) for the linear layer.
    ///
    /// # Errors
    /// The device's.
    pub fn initialise(&mut self, init: Init, seed: u64, index: u64) -> Result<(), D::Err> {
        let shape = *self.data.shape();
        let (fan_in, fan_out) = match self.layout {
            Layout::Conv(c) => (shape.0, c.c_out / c.groups * c.taps()),
            _ => shape,
        };
        let mut rng = rng(seed, Purpose::Init, 0, index);
        let mut uniform = |bound: f64| -> Vec<E> {
            (0..shape.0 * shape.1).map(|_| E::of(rng.gen_range(-1.0..1.0) * bound)).collect()
        };
        let values = match (init, self.layout) {
            (Init::Xavier, _) => uniform((6.0 / (fan_in + fan_out) as f64).sqrt()),
            (Init::He, Layout::Linear | Layout::Pointwise) => uniform(1.0 / (fan_in as f64).sqrt()),
            (Init::He, _) => {
                let deviation = (2.0 / fan_out as f64).sqrt();
                let normal = || -> f64 { StandardNormal.sample(&mut rng) };
                std::iter::repeat_with(normal).map(|v| E::of(v * deviation)).take(shape.0 * shape.1).collect()
            }
        };
        self.data = self.data.device().clone().try_tensor_from_vec(values, shape)?;
        Ok(())
    }
}
