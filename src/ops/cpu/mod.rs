//! `Cpu` runs the operations through the kernels: a forward call, and a closure on the tape that calls backward.

mod half;
mod held;
mod join;
pub mod memory;
mod parts;
mod pixels;
mod unit;
mod values;

use super::{Activation, FeatureMap, Filter, Loss, Mask, Matrix, Norm, Ops, PixelObjective, Precision, composed};
use crate::kernels::adamw::AdamW;
use crate::kernels::buffer::{Aligned, SharedPtr};
use crate::kernels::conv::OutputGrad;
use crate::kernels::geometry::{Conv, ConvGeometry, Pool};
use crate::kernels::lanes::{Affine, Finished, MapInput, Neutral};
use crate::kernels::profile::{Work, timed};
use crate::kernels::sgd::{self, Step};
use crate::kernels::{Level, parallel};
use ::half::bf16;
use dfdx::prelude::*;
use held::{Format, Held, Values};
use values::{Error, Grads, Slot, Target, dense, input, matrix, values, values_mut};

/// Double precision runs through the composed operations: slow, and a check on the kernels.
impl Ops<f64> for Cpu {
    type Held = Matrix<f64, Cpu>;
    type Ready = ();

    fn hold(values: Matrix<f64, Self>) -> Self::Held {
        values
    }

    fn matrix<T: Tape<f64, Self>>(x: FeatureMap<f64, Self, T>) -> Result<Matrix<f64, Self, T>, Error> {
        let (x, tape) = x.split_tape();
        Ok(x.held.put_tape(tape))
    }
}

impl Ops<f32> for Cpu {
    type Held = Held;
    type Ready = ();

    fn hold(values: Matrix<f32, Self>) -> Held {
        Held::of(Values::Tensor(values))
    }

    /// One of the pool's threads does what is not split up: entering and leaving the pool for every kernel would cost two
    /// switches of threads each.
    fn enter<R>(pass: impl FnOnce() -> R) -> R {
        struct Moved<T>(T);
        impl<R, F: FnOnce() -> R> Moved<F> {
            fn run(self) -> Moved<R> {
                Moved((self.0)())
            }
        }
        // SAFETY: this thread stands still until `scope` returns, so that one thread at a time has what `pass` holds, and
        // nothing of dfdx's on a CPU belongs to the thread that made it
        unsafe impl<T> Send for Moved<T> {}
        let pass = Moved(pass);
        rayon::scope(|_| pass.run()).0
    }

    fn low_precision() -> Precision {
        if Level::best().multiplies_bf16() { Precision::BrainHalf } else { Precision::Half }
    }

    fn to_precision(x: FeatureMap<f32, Self>, precision: Precision) -> Result<FeatureMap<f32, Self>, Error> {
        Ok(half::rounded(x, precision))
    }

    fn conv2d<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        f: Filter<f32, Self>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.precision() {
            Precision::Single => Ok(conv2d::<f32, T>(x, f)),
            Precision::BrainHalf => Ok(conv2d::<bf16, T>(x, f)),
            Precision::Half => half::conv2d(x, f),
        }
    }

    fn norm_act<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        norm: Norm<f32, Self>,
        residual: Option<FeatureMap<f32, Self>>,
        relu: bool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.precision() {
            Precision::BrainHalf => unit::norm_act::<bf16, T>(x, norm, residual, relu),
            _ => half::through(x, |x| unit::norm_act::<f32, T>(x, norm, residual, relu)),
        }
    }

    fn conv_norm_act<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        filter: Filter<f32, Self>,
        norm: Norm<f32, Self>,
        residual: Option<FeatureMap<f32, Self>>,
        relu: bool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.precision() {
            Precision::Single => unit::conv_norm_act::<f32, T>(x, filter, norm, residual, relu),
            Precision::BrainHalf => unit::conv_norm_act::<bf16, T>(x, filter, norm, residual, relu),
            Precision::Half => Self::norm_act(Self::conv2d(x, filter)?, norm, residual, relu),
        }
    }

    fn matrix<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        let (x, mut tape) = x.split_tape();
        if let Held { values: Values::Tensor(values), pending: None, .. } = x.held {
            return Ok(values.put_tape(tape));
        }
        // A tensor of its own has the place on the tape where the gradient of the values is gathered.
        let y = matrix(&Cpu::default(), dense::<f32>(&x).to_vec(), (x.n * x.h * x.w, x.c))?;
        let (gx, gy) = (Target::of(&x), Slot::of(&y));
        tape.add_backward_op(move |grads| {
            let gy = gy.take(grads)?;
            gx.gather::<f32>(grads, gy.len(), |gx, add| {
                gx.iter_mut().zip(&gy).for_each(|(a, b)| *a = if add { *a + b } else { *b });
            })
        });
        Ok(y.put_tape(tape))
    }

    fn max_pool<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>, p: &Pool) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.precision() {
            Precision::BrainHalf => Ok(parts::max_pool::<bf16, T>(x, p)),
            _ => half::through(x, |x| Ok(parts::max_pool::<f32, T>(x, p))),
        }
    }

    fn average_pool<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        p: &Pool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.precision() {
            Precision::BrainHalf => Ok(parts::average_pool::<bf16, T>(x, p)),
            _ => half::through(x, |x| Ok(parts::average_pool::<f32, T>(x, p))),
        }
    }

    fn global_average<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>) -> Result<FeatureMap<f32, Self, T>, Error> {
        let whole = Pool { kernel: x.h.max(x.w), stride: x.h.max(x.w), padding: 0, ceil: true, count_padding: false };
        Ok(parts::average_pool::<f32, T>(x.with_precision(Precision::Single), &whole))
    }

    fn concat<T: Tape<f32, Self>>(
        first: FeatureMap<f32, Self>,
        rest: Vec<FeatureMap<f32, Self>>,
        tape: T,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match first.precision() {
            Precision::BrainHalf => Ok(join::concat::<bf16, T>(first, rest, tape)),
            precision => Ok(half::rounded(join::concat::<f32, T>(first, rest, tape), precision)),
        }
    }

    fn excite<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self>,
        gate: FeatureMap<f32, Self, T>,
        residual: FeatureMap<f32, Self>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        let precision = x.precision();
        Ok(half::rounded(join::excite(x, Self::matrix(gate)?, residual)?, precision))
    }

    fn gradient_square(grads: &mut Grads, of: &[&Matrix<f32, Self>]) -> Result<f64, Error> {
        of.iter().try_fold(0.0, |sum, m| {
            let gradient = grads.get_or_alloc_mut(*m)?;
            Ok(sum + timed(Work::Optimiser, || sgd::sum_of_squares(gradient)))
        })
    }

    fn add_gradients(to: &mut Grads, from: &mut Grads, of: &[&Matrix<f32, Self>]) -> Result<(), Error> {
        of.iter().try_for_each(|m| {
            let (sum, term) = (to.get_or_alloc_mut(*m)?, from.get_or_alloc_mut(*m)?);
            timed(Work::Optimiser, || parallel::add(sum, &[&term[..]]));
            Ok(())
        })
    }

    fn sgd(step: Step, w: &mut Matrix<f32, Self>, velocities: &mut Grads, grads: &mut Grads) -> Result<(), Error> {
        let (velocity, gradient) = (velocities.get_or_alloc_mut(w)?, grads.get_or_alloc_mut(w)?);
        timed(Work::Optimiser, || step.run(values_mut(w), velocity, gradient));
        Ok(())
    }

    fn adamw(
        step: AdamW,
        w: &mut Matrix<f32, Self>,
        [means, squares]: [&mut Grads; 2],
        grads: &mut Grads,
    ) -> Result<(), Error> {
        let (mean, square) = (means.get_or_alloc_mut(w)?, squares.get_or_alloc_mut(w)?);
        let gradient = grads.get_or_alloc_mut(w)?;
        timed(Work::Optimiser, || step.run(values_mut(w), mean, square, gradient));
        Ok(())
    }

    fn average(averages: &mut [&mut Matrix<f32, Self>], of: &[&Matrix<f32, Self>], share: f64) -> Result<(), Error> {
        let rest = (1.0 - share) as f32;
        timed(Work::Optimiser, || {
            for (average, w) in averages.iter_mut().zip(of) {
                sgd::follow(values_mut(average), values(w), rest);
            }
        });
        Ok(())
    }

    fn put_gradient(grads: &mut Grads, of: &Matrix<f32, Self>, values: Vec<f32>) -> Result<(), Error> {
        **grads.get_or_alloc_mut(of)? = values;
        Ok(())
    }

    fn linear<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        w: &Matrix<f32, Self>,
        b: &Matrix<f32, Self>,
        activation: Activation,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        let (x, mut tape) = x.with_precision(Precision::Single).split_tape();
        let ((n, height, width, _), (c, k)) = (x.size(), *w.shape());
        let g = ConvGeometry::new(Conv::same(c, k, 1, 1), n, height, width);
        let y = convolved::<f32>(&g, input(&x).map(), values(w), Some(values(b)));
        let ((out, gy), gb, conv) = (FeatureMap::made(y, (n, height, width, k)), Slot::of(b), g.conv);
        let filter = FilterBack::of(&Filter { weight: w, conv: &conv, input_grad: true }, g, &x);
        tape.add_backward_op(move |grads| {
            let Some(gy) = gy.take() else { return Ok(()) };
            filter.backward(grads, &x, OutputGrad::Dense(&gy))?;
            let of_b = gb.of_mut(grads)?;
            gy.chunks_exact(k).for_each(|row| of_b.iter_mut().zip(row).for_each(|(sum, g)| *sum += g));
            Ok(())
        });
        if activation == Activation::None {
            return Ok(out.put_tape(tape));
        }
        let y = composed::activate(Self::matrix(out.put_tape(tape))?, activation)?;
        Ok(FeatureMap::new(y, n, height, width))
    }

    fn dropout<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>, mask: Mask) -> Result<FeatureMap<f32, Self, T>, Error> {
        half::through(x, |x| Ok(pixels::dropout(x, mask)))
    }

    fn upsample<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        size: (usize, usize),
        corners: bool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        Ok(pixels::upsample(x, size, corners))
    }

    fn pixel_loss(
        logits: FeatureMap<f32, Self, OwnedTape<f32, Self>>,
        auxiliary: Option<FeatureMap<f32, Self>>,
        objective: PixelObjective<f32, Self>,
        scale: f64,
    ) -> Result<Loss<f32, Self>, Error> {
        pixels::pixel_loss(logits, auxiliary, objective, scale)
    }
}

/// The way back through a convolution.
struct FilterBack {
    g: ConvGeometry,
    w: Matrix<f32, Cpu>,
    gw: Slot,
    gx: Option<Target>,
}

impl FilterBack {
    fn of(f: &Filter<f32, Cpu>, g: ConvGeometry, x: &FeatureMap<f32, Cpu>) -> Self {
        let gx = f.input_grad.then(|| Target::of(x));
        FilterBack { g, w: f.weight.clone(), gw: Slot::of(f.weight), gx }
    }

    fn backward<F: Format>(&self, grads: &mut Grads, x: &FeatureMap<f32, Cpu>, gy: OutputGrad<F>) -> Result<(), Error> {
        let (g, w, x) = (&self.g, values(&self.w), input(x));
        let mut gw = self.gw.take(grads)?;
        match &self.gx {
            None => F::convolve_back(Level::best(), g, x.map(), gy, w, &mut gw, None),
            Some(gx) => gx.gather(grads, g.x_len(), |gx, add| {
                F::convolve_back(Level::best(), g, x.map(), gy, w, &mut gw, Some((gx, add)));
            })?,
        }
        *self.gw.of_mut(grads)? = gw;
        Ok(())
    }
}

/// A convolution whose maps are of a format.
fn conv2d<F: Format, T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>, f: Filter<f32, Cpu>) -> FeatureMap<f32, Cpu, T> {
    let g = ConvGeometry::new(*f.conv, x.n, x.h, x.w);
    let (x, mut tape) = x.split_tape();
    let y = convolved::<F>(&g, input(&x).map(), values(f.weight), None);
    let (out, gy) = FeatureMap::made(y, (g.n, g.oh, g.ow, f.conv.c_out));
    let filter = FilterBack::of(&f, g, &x);
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        filter.backward(grads, &x, OutputGrad::Dense(&gy))
    });
    out.put_tape(tape)
}

/// A convolution's output (plus a bias by channel).
fn convolved<F: Format>(g: &ConvGeometry, x: MapInput<F>, w: &[f32], bias: Option<&[f32]>) -> Aligned<F> {
    let (neutral, mut y) = (Neutral::new(g.conv.c_out), Aligned::take(g.y_len()));
    let affine = Affine { shift: bias.unwrap_or(neutral.affine().shift), ..neutral.affine() };
    F::convolve_to(Level::best(), g, x, w, Finished { y: SharedPtr::new(&mut y), affine, residual: None });
    y
}
