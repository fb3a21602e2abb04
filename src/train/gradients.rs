//! The gradients of a step, between the backward pass and the update.

use crate::nn::{Param, Role};
use crate::ops::{Loss, Ops, Real};
use dfdx::prelude::{Backward, Gradients as Store};

/// Gradients of the parameters of a net.
pub struct Gradients<E: Real, D: Ops<E>> {
    pub(super) store: Store<E, D>,
    /// How many times too large they are: the factor of the loss in mixed precision.
    pub(super) scale: f64,
    /// The loss, where it is known before the update.
    pub(super) loss: Option<f32>,
}

impl<E: Real, D: Ops<E>> Drop for Gradients<E, D> {
    fn drop(&mut self) {
        D::recycle(std::mem::replace(&mut self.store, Store::leaky()));
    }
}

impl<E: Real, D: Ops<E>> Gradients<E, D> {
    /// Of a loss, which was multiplied by its scale, so that small gradients are not lost in half precision.
    ///
    /// # Errors
    /// The device's.
    pub fn of(Loss { on_tape, scale, value }: Loss<E, D>) -> Result<Self, D::Err> {
        Ok(Gradients { store: on_tape.try_backward()?, scale, loss: value })
    }

    /// Adds those of other images to the gradients of `params`, and their loss.
    ///
    /// # Errors
    /// The device's.
    pub(super) fn add<'p>(
        &mut self,
        mut other: Self,
        params: impl IntoIterator<Item = &'p Param<E, D>>,
    ) -> Result<(), D::Err>
    where
        D: 'p,
    {
        let of: Vec<_> = params.into_iter().map(|p| &p.data).collect();
        self.loss = self.loss.zip(other.loss).map(|(a, b)| a + b);
        D::add_gradients(&mut self.store, &mut other.store, &of)
    }

    /// The gradient of a parameter, in our layout, times the scale; zeros where it has none.
    ///
    /// # Errors
    /// The device's.
    pub fn get(&mut self, of: &Param<E, D>) -> Result<Vec<E>, D::Err> {
        self.store.get_or_alloc_mut(&of.data)?;
        Ok(self.store.get(&of.data).as_vec())
    }

    /// Norm of the gradients of `params` together, without the scale; not finite when one of their values is not.
    ///
    /// # Errors
    /// The device's.
    pub fn norm<'p>(&mut self, params: impl IntoIterator<Item = &'p Param<E, D>>) -> Result<f64, D::Err>
    where
        D: 'p,
    {
        let params: Vec<_> = params.into_iter().filter(|p| p.role != Role::Statistic).map(|p| &p.data).collect();
        Ok(D::gradient_square(&mut self.store, &params)?.sqrt() / self.scale)
    }
}
