//! A convolution with its batch norm, and the linear layer.

use super::param::{Layout, Param, Role};
use crate::kernels::geometry::Conv;
use crate::ops::{Filter, Map, Matrix, Mode, Norm, Ops, Real};
use dfdx::prelude::Tape;

/// Convolution without bias, then batch norm.
pub struct ConvNorm<E: Real, D: Ops<E>> {
    /// The convolution.
    pub conv: Conv,
    /// Whether the gradient of the input is wanted (not in the first layer of a net).
    pub input_grad: bool,
    /// Weight, gamma, beta, running mean, running variance.
    params: [Param<E, D>; 5],
}

impl<E: Real, D: Ops<E>> ConvNorm<E, D> {
    /// A unit whose weights are called `<conv_name>.weight` and `<norm_name>.*`.
    ///
    /// # Errors
    /// The device's.
    pub fn new(dev: &D, conv_name: &str, norm_name: &str, conv: Conv) -> Result<Self, D::Err> {
        let vector = |field: &str, role, value| {
            let name = format!("{norm_name}.{field}");
            Param::filled(dev, name, role, Layout::Vector, (1, conv.c_out), value)
        };
        let weight = format!("{conv_name}.weight");
        let params = [
            Param::filled(dev, weight, Role::Weight, Layout::Conv(conv), conv.weight_shape(), 0.0)?,
            vector("weight", Role::Gamma, 1.0)?,
            vector("bias", Role::Beta, 0.0)?,
            vector("running_mean", Role::Statistic, 0.0)?,
            vector("running_var", Role::Statistic, 1.0)?,
        ];
        Ok(ConvNorm { conv, input_grad: true, params })
    }

    /// Convolution, norm, sum with `residual`, ReLU when `relu`.
    ///
    /// # Errors
    /// The device's.
    pub fn forward<T: Tape<E, D>>(
        &mut self,
        x: Map<E, D, T>,
        residual: Option<Map<E, D>>,
        relu: bool,
        mode: Mode,
    ) -> Result<Map<E, D, T>, D::Err> {
        let [weight, gamma, beta, mean, var] = &mut self.params;
        let filter = Filter { weight: &weight.data, conv: &self.conv, input_grad: self.input_grad };
        let norm = Norm { gamma: &gamma.data, beta: &beta.data, mean: &mut mean.data, var: &mut var.data, mode };
        D::conv_norm_act(x, filter, norm, residual, relu)
    }

    /// Parameters and statistics.
    pub fn params(&self) -> impl Iterator<Item = &Param<E, D>> {
        self.params.iter()
    }

    /// Parameters and statistics.
    pub fn params_mut(&mut self) -> impl Iterator<Item = &mut Param<E, D>> {
        self.params.iter_mut()
    }

    /// The factor of the norm.
    pub fn gamma_mut(&mut self) -> &mut Param<E, D> {
        &mut self.params[1]
    }
}

/// x w + b.
pub struct Linear<E: Real, D: Ops<E>> {
    params: [Param<E, D>; 2],
}

impl<E: Real, D: Ops<E>> Linear<E, D> {
    /// A layer whose parameters are called `<name>.weight` and `<name>.bias`.
    ///
    /// # Errors
    /// The device's.
    pub fn new(dev: &D, name: &str, inputs: usize, outputs: usize) -> Result<Self, D::Err> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let params = [
            Param::filled(dev, weight, Role::Weight, Layout::Linear, (inputs, outputs), 0.0)?,
            Param::filled(dev, bias, Role::Bias, Layout::Vector, (1, outputs), 0.0)?,
        ];
        Ok(Linear { params })
    }

    /// `(N, inputs)` to `(N, outputs)`.
    ///
    /// # Errors
    /// The device's.
    pub fn forward<T: Tape<E, D>>(&self, x: Matrix<E, D, T>) -> Result<Matrix<E, D, T>, D::Err> {
        D::linear(x, &self.params[0].data, &self.params[1].data)
    }

    /// Parameters.
    pub fn params(&self) -> impl Iterator<Item = &Param<E, D>> {
        self.params.iter()
    }

    /// Parameters.
    pub fn params_mut(&mut self) -> impl Iterator<Item = &mut Param<E, D>> {
        self.params.iter_mut()
    }
}
