//! SGD with momentum and weight decay by parameter group (section 2.1).

use crate::nn::{Param, ResNet, Role};
use crate::ops::{Ops, Real};
use crate::recipe::settings::Settings;
use crate::tricks::decays;
use dfdx::prelude::Gradients;
use dfdx::tensor_ops::{Momentum, SgdConfig, WeightDecay};

/// The optimiser's memory: one velocity a parameter.
pub struct Sgd<E: Real, D: Ops<E>> {
    velocity: Gradients<E, D>,
}

impl<E: Real, D: Ops<E>> Default for Sgd<E, D> {
    fn default() -> Self {
        Sgd { velocity: Gradients::leaky() }
    }
}

impl<E: Real, D: Ops<E>> Sgd<E, D> {
    /// Updates the trained ones of `params`: g = grad + decay * w; v = momentum * v + g; w -= lr * v, or with Nesterov
    /// w -= lr * (g + momentum * v).
    ///
    /// # Errors
    /// The device's.
    pub fn step(
        &mut self,
        params: Vec<&mut Param<E, D>>,
        grads: &mut Gradients<E, D>,
        lr: f64,
        s: &Settings,
    ) -> Result<(), D::Err> {
        let momentum = s.optim.momentum;
        let momentum = match s.optim.nesterov {
            _ if momentum == 0.0 => None,
            true => Some(Momentum::Nesterov(momentum)),
            false => Some(Momentum::Classic(momentum)),
        };
        for p in params.into_iter().filter(|p| p.role != Role::Statistic) {
            let decay = decays(p.role, s.tricks.no_bias_decay) && s.optim.weight_decay > 0.0;
            let weight_decay = decay.then_some(WeightDecay::L2(s.optim.weight_decay));
            let grad = grads.get_or_alloc_mut(&p.data)?;
            let velocity = self.velocity.get_or_alloc_mut(&p.data)?;
            SgdConfig { lr, momentum, weight_decay }.try_update(&mut p.data, velocity, grad)?;
        }
        Ok(())
    }

    /// The velocities of a net's parameters, in its order, in our layout.
    ///
    /// # Errors
    /// The device's.
    pub fn velocities(&mut self, net: &ResNet<E, D>) -> Result<Vec<(String, Vec<f32>)>, D::Err> {
        let mut out = Vec::new();
        for p in net.params().into_iter().filter(|p| p.role != Role::Statistic) {
            self.velocity.get_or_alloc_mut(&p.data)?;
            out.push((p.name.clone(), p.to_torch(&self.velocity.get(&p.data).as_vec())));
        }
        Ok(out)
    }
}
