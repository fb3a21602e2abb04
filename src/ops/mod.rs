//! The bridge to the tape of dfdx: [`Ops`] composes every operation of a net out of public dfdx operations, so that
//! it runs on any device, and `Cpu` replaces them by the kernels.

pub mod composed;
mod cpu;
pub mod cuda;
mod dropout;
pub mod fault;
mod gpu;
pub mod lean;
pub mod loss;
mod map;
pub mod memory;
pub mod pixel_loss;
mod precision;
mod terms;
mod update;

pub use dropout::{Dropout, Mask};
pub use gpu::{Gpu, cudnn, gpu_memory, gpus, reason, remarks, toolkit};
pub use loss::{Loss, Objective};
pub use map::{FeatureMap, Matrix, Size};
pub use pixel_loss::PixelObjective;
pub use precision::Precision;
pub use terms::{Activation, Filter, Mode, Norm, Real};
pub use update::{Descent, Parameter, Rule, Updated};

use crate::kernels::adamw::AdamW;
use crate::kernels::geometry::Pool;
use crate::kernels::sgd::Step;
use dfdx::prelude::{Device, Gradients, OwnedTape, Tape};

/// The operations of a net on a device of dfdx.
pub trait Ops<E: Real>: Device<E> {
    /// Runs a pass of a net, on the thread that is best for it.
    fn enter<R>(pass: impl FnOnce() -> R) -> R {
        pass()
    }

    /// What a feature map holds on this device.
    type Held: Clone;

    /// What a net keeps on this device beside its parameters.
    type Ready: Default;

    /// A tape for a step of training.
    fn tape() -> OwnedTape<E, Self> {
        OwnedTape::default()
    }

    /// Takes back the gradients of a step that is done, for the next one.
    fn recycle(_grads: Gradients<E, Self>) {}

    /// Brings the weights of a net into the form that the operations want, for a pass of `x` through it; those of linear
    /// layers are marked.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn ready<T: Tape<E, Self>>(
        _ready: &mut Self::Ready,
        _weights: &[(&Matrix<E, Self>, bool)],
        x: FeatureMap<E, Self, T>,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        Ok(x)
    }

    /// A map of values from the host.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn upload(&self, values: Vec<E>, (n, h, w, c): Size) -> Result<FeatureMap<E, Self>, Self::Err> {
        Ok(FeatureMap::new(self.try_tensor_from_vec(values, (n * h * w, c))?, n, h, w))
    }

    /// The values of a map, on the host.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn values(x: &FeatureMap<E, Self>) -> Result<Vec<E>, Self::Err> {
        Ok(Self::matrix(x.clone())?.as_vec())
    }

    /// Values `(N*H*W, C)` as a map holds them.
    fn hold(values: Matrix<E, Self>) -> Self::Held;

    /// The values of a map, `(N*H*W, C)`; those that a tensor was made a map of are that tensor again.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn matrix<T: Tape<E, Self>>(x: FeatureMap<E, Self, T>) -> Result<Matrix<E, Self, T>, Self::Err>;

    /// The format of feature maps in mixed precision that this device is fast at, or knows best.
    fn low_precision() -> Precision {
        Precision::Half
    }

    /// A map without a gradient in another format: what is computed of it is rounded to that, forward and backward, where
    /// the device has it.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn to_precision(x: FeatureMap<E, Self>, _precision: Precision) -> Result<FeatureMap<E, Self>, Self::Err> {
        Ok(x)
    }

    /// Convolution of `x`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn conv2d<T: Tape<E, Self>>(
        x: FeatureMap<E, Self, T>,
        filter: Filter<E, Self>,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        // The composed form always makes the gradient of the input.
        composed::conv2d(x, filter.weight, filter.conv)
    }

    /// Batch norm, then the sum with `residual`, then ReLU when `relu`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn norm_act<T: Tape<E, Self>>(
        x: FeatureMap<E, Self, T>,
        norm: Norm<E, Self>,
        residual: Option<FeatureMap<E, Self>>,
        relu: bool,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::norm_act(x, norm, residual, relu)
    }

    /// Convolution of `x`, then [`Ops::norm_act`].
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn conv_norm_act<T: Tape<E, Self>>(
        x: FeatureMap<E, Self, T>,
        filter: Filter<E, Self>,
        norm: Norm<E, Self>,
        residual: Option<FeatureMap<E, Self>>,
        relu: bool,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        Self::norm_act(Self::conv2d(x, filter)?, norm, residual, relu)
    }

    /// Max-pool; padding never wins.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn max_pool<T: Tape<E, Self>>(x: FeatureMap<E, Self, T>, pool: &Pool) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::max_pool(x, pool)
    }

    /// Average pool.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn average_pool<T: Tape<E, Self>>(
        x: FeatureMap<E, Self, T>,
        pool: &Pool,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::average_pool(x, pool)
    }

    /// Mean over all pixels: a map of one pixel, in single precision.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn global_average<T: Tape<E, Self>>(x: FeatureMap<E, Self, T>) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        let n = x.n;
        Ok(FeatureMap::new(composed::global_average(x)?, n, 1, 1))
    }

    /// Sum of the squares of the gradients of tensors, one at least; not finite when one of their values is not.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn gradient_square(grads: &mut Gradients<E, Self>, of: &[&Matrix<E, Self>]) -> Result<f64, Self::Err> {
        composed::gradient_square(grads, of)
    }

    /// Adds to the gradients of some tensors those of another pass.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn add_gradients(
        to: &mut Gradients<E, Self>,
        from: &mut Gradients<E, Self>,
        of: &[&Matrix<E, Self>],
    ) -> Result<(), Self::Err> {
        of.iter().try_for_each(|m| {
            from.try_alloc_for(*m)?;
            lean::add(to, m, from.get(*m))
        })
    }

    /// The loss of a pass whose gradients no update follows, as they are added to those of others: what the device has kept
    /// of it for one is forgotten. `known` is the loss where the host knows it.
    ///
    /// # Errors
    /// The device's.
    fn set_aside(known: Option<f32>) -> Result<f32, Self::Err> {
        Ok(known.unwrap_or(f32::NAN))
    }

    /// A step of SGD on a parameter, whose velocity and gradient are in the two stores.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn sgd(
        step: Step,
        w: &mut Matrix<E, Self>,
        velocities: &mut Gradients<E, Self>,
        grads: &mut Gradients<E, Self>,
    ) -> Result<(), Self::Err> {
        composed::sgd(step, w, velocities, grads)
    }

    /// A step of AdamW on a parameter, whose means, mean squares and gradient are in the stores.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn adamw(
        step: AdamW,
        w: &mut Matrix<E, Self>,
        means: [&mut Gradients<E, Self>; 2],
        grads: &mut Gradients<E, Self>,
    ) -> Result<(), Self::Err> {
        composed::adamw(step, w, means, grads)
    }

    /// Puts `values` in the place of a tensor's gradient.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn put_gradient(grads: &mut Gradients<E, Self>, of: &Matrix<E, Self>, values: Vec<E>) -> Result<(), Self::Err> {
        composed::put_gradient(grads, of, values)
    }

    /// The channels of maps of one size, those of `first` and then those of each of `rest`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn concat<T: Tape<E, Self>>(
        first: FeatureMap<E, Self>,
        rest: Vec<FeatureMap<E, Self>>,
        tape: T,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::concat(first, rest, tape)
    }

    /// relu(x * gate + residual), with a factor for every channel of every image: a gate of one pixel.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn excite<T: Tape<E, Self>>(
        x: FeatureMap<E, Self>,
        gate: FeatureMap<E, Self, T>,
        residual: FeatureMap<E, Self>,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::excite(x, Self::matrix(gate)?, residual)
    }

    /// activation(x w + b) on every pixel, in single precision: x of C channels, w `(C, K)`, b `(1, K)`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn linear<T: Tape<E, Self>>(
        x: FeatureMap<E, Self, T>,
        w: &Matrix<E, Self>,
        b: &Matrix<E, Self>,
        activation: Activation,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        let (n, height, width, _) = x.size();
        let y = composed::linear(Self::matrix(x)?, w, b)?;
        Ok(FeatureMap::new(composed::activate(y, activation)?, n, height, width))
    }

    /// x with the values that a mask leaves, times its factor.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn dropout<T: Tape<E, Self>>(x: FeatureMap<E, Self, T>, mask: Mask) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::dropout(x, mask)
    }

    /// A map in single precision brought to another height and width, as PyTorch's `interpolate(mode="bilinear")` does with
    /// `align_corners=corners`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn upsample<T: Tape<E, Self>>(
        x: FeatureMap<E, Self, T>,
        size: (usize, usize),
        corners: bool,
    ) -> Result<FeatureMap<E, Self, T>, Self::Err> {
        composed::upsample(x, size, corners)
    }

    /// The loss of logits of pixels `(N, H, W, K)` (and of those of an auxiliary head), a mean over the pixels that count:
    /// 0 where none does. Its gradients are to be multiplied by `scale`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn pixel_loss(
        logits: FeatureMap<E, Self, OwnedTape<E, Self>>,
        auxiliary: Option<FeatureMap<E, Self>>,
        objective: PixelObjective<E, Self>,
        scale: f64,
    ) -> Result<Loss<E, Self>, Self::Err> {
        pixel_loss::composed(logits, auxiliary, objective, scale)
    }

    /// The loss of logits (and of those of an auxiliary classifier), whose gradients are to be multiplied by `scale`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn loss(
        logits: FeatureMap<E, Self, OwnedTape<E, Self>>,
        auxiliary: Option<FeatureMap<E, Self>>,
        objective: Objective<E, Self>,
        scale: f64,
    ) -> Result<Loss<E, Self>, Self::Err> {
        loss::composed(logits, auxiliary, objective, scale)
    }

    /// Has each of some averages keep so much of itself and take the rest of the tensor at its place,
    /// `a = share * a + (1 - share) * w`, as `a += (1 - share) * (w - a)`: what does not change has itself as its average.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn average(averages: &mut [&mut Matrix<E, Self>], of: &[&Matrix<E, Self>], share: f64) -> Result<(), Self::Err> {
        update::averaged(averages, of, share)
    }

    /// Updates parameters, whose gradients are in `grads` and whose state is in `slots`. Does nothing when the loss or a
    /// gradient is not finite.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn update(
        descent: &Descent,
        params: &mut [Parameter<E, Self>],
        slots: &mut [&mut Gradients<E, Self>],
        grads: &mut Gradients<E, Self>,
        loss: Option<f32>,
    ) -> Result<Updated, Self::Err> {
        update::composed(descent, params, slots, grads, loss)
    }
}
