//! `Cpu` runs the operations through the kernels: a forward call, and a closure on the tape that calls backward.

use super::{Map, Matrix, Mode, Norm, Ops, composed};
use crate::kernels::geometry::{Conv, ConvGeometry, Pool};
use crate::kernels::{Level, conv, norm, pool};
use dfdx::prelude::*;
use rayon::prelude::*;

type Error = dfdx::tensor::CpuError;
type Grads = Gradients<f32, Cpu>;

/// The values of a contiguous tensor.
fn values(m: &Matrix<f32, Cpu>) -> &[f32] {
    let (rows, cols) = *m.shape();
    if rows * cols == 0 {
        return &[];
    }
    let first: *const f32 = &m[[0, 0]];
    let after = |at: [usize; 2]| (&m[at] as *const f32 as usize).wrapping_sub(first as usize) / size_of::<f32>();
    let contiguous = after([0, cols - 1]) == cols - 1 && after([rows - 1, cols - 1]) == rows * cols - 1;
    assert!(contiguous, "a kernel needs contiguous values");
    // SAFETY: rows of `cols` values lie one behind the other (asserted from the first, the last of the first row and
    // the last value, strides being constant), and they are borrowed for as long as the tensor is
    unsafe { std::slice::from_raw_parts(first, rows * cols) }
}

/// The place of a tensor's gradient. Holds no values, so that a tensor can go while its gradient is still to come.
struct Slot(Box<Find>);

/// Finds a gradient in the store, or makes one of zeros.
type Find = dyn Fn(&mut Grads) -> Result<&mut Vec<f32>, Error>;

impl Slot {
    fn of(m: &Matrix<f32, Cpu>) -> Self {
        let ghost = m.ghost();
        Slot(Box::new(move |grads| Ok(grads.get_or_alloc_mut(&ghost)?)))
    }

    /// The gradient, for adding to it.
    fn of_mut<'a>(&self, grads: &'a mut Grads) -> Result<&'a mut Vec<f32>, Error> {
        (self.0)(grads)
    }

    /// Takes the gradient out of the store: nobody reads that of an output again.
    fn take(&self, grads: &mut Grads) -> Result<Vec<f32>, Error> {
        Ok(std::mem::take(self.of_mut(grads)?))
    }
}

/// A tensor from its values.
fn matrix(dev: &Cpu, values: Vec<f32>, shape: (usize, usize)) -> Result<Matrix<f32, Cpu>, Error> {
    dev.try_tensor_from_vec(values, shape)
}

/// Double precision runs through the composed operations: slow, and a check on the kernels.
impl Ops<f64> for Cpu {}

impl Ops<f32> for Cpu {
    fn conv2d<T: Tape<f32, Self>>(
        x: Map<f32, Self, T>,
        w: &Matrix<f32, Self>,
        conv: &Conv,
        input_grad: bool,
    ) -> Result<Map<f32, Self, T>, Error> {
        let g = ConvGeometry::new(*conv, x.n, x.h, x.w);
        let (x, mut tape) = x.split_tape();
        let mut y = vec![0f32; g.y_len()];
        conv::forward(Level::best(), &g, values(&x.data), values(w), &mut y);
        let y = matrix(x.data.device(), y, (g.n * g.oh * g.ow, conv.c_out))?;
        let (gy, gx, gw, w) = (Slot::of(&y), Slot::of(&x.data), Slot::of(w), w.clone());
        tape.add_backward_op(move |grads| {
            let gy = gy.take(grads)?;
            conv::weight_grad(Level::best(), &g, values(&x.data), &gy, gw.of_mut(grads)?);
            if input_grad {
                conv::input_grad(Level::best(), &g, &gy, values(&w), gx.of_mut(grads)?);
            }
            Ok(())
        });
        Ok(Map { data: y.put_tape(tape), n: g.n, h: g.oh, w: g.ow })
    }

    fn norm_act<T: Tape<f32, Self>>(
        x: Map<f32, Self, T>,
        n: Norm<f32, Self>,
        residual: Option<Map<f32, Self>>,
        relu: bool,
    ) -> Result<Map<f32, Self, T>, Error> {
        let (x, mut tape) = x.split_tape();
        let (dev, c) = (x.data.device().clone(), x.c());
        let (mean, var) = match n.mode {
            Mode::Eval => (values(n.mean).to_vec(), values(n.var).to_vec()),
            Mode::Train => {
                let (mean, var) = norm::moments(values(&x.data), c);
                let rows = x.data.shape().0 as f32;
                let blend = |running: &Matrix<f32, Cpu>, batch: &[f32], factor: f32| {
                    let m = Norm::<f32, Cpu>::MOMENTUM as f32;
                    let mixed = values(running).iter().zip(batch).map(|(r, b)| r * (1.0 - m) + b * factor * m);
                    matrix(&dev, mixed.collect(), (1, c))
                };
                *n.mean = blend(n.mean, &mean, 1.0)?;
                *n.var = blend(n.var, &var, rows / (rows - 1.0).max(1.0))?;
                (mean, var)
            }
        };
        let inverse_deviation: Vec<f32> = var.iter().map(|v| 1.0 / (v + Norm::<f32, Cpu>::EPS as f32).sqrt()).collect();
        let scale: Vec<f32> = values(n.gamma).iter().zip(&inverse_deviation).map(|(g, i)| g * i).collect();
        let shift: Vec<f32> = (0..c).map(|i| values(n.beta)[i] - mean[i] * scale[i]).collect();
        let mut y = vec![0f32; x.data.shape().0 * c];
        norm::affine(values(&x.data), &scale, &shift, residual.as_ref().map(|r| values(&r.data)), relu, &mut y);
        let y = matrix(&dev, y, *x.data.shape())?;
        let out = Map { data: y.clone(), n: x.n, h: x.h, w: x.w };

        let (gamma, batch_statistics) = (n.gamma.clone(), n.mode == Mode::Train);
        let (gy, gx, ggamma, gbeta) = (Slot::of(&y), Slot::of(&x.data), Slot::of(n.gamma), Slot::of(n.beta));
        let gresidual = residual.map(|r| Slot::of(&r.data));
        let mask = relu.then_some(y);
        tape.add_backward_op(move |grads| {
            let mut gy = gy.take(grads)?;
            let (mut of_gamma, mut of_beta) = (ggamma.take(grads)?, gbeta.take(grads)?);
            let saved = norm::Saved {
                x: values(&x.data),
                y: mask.as_ref().map(values),
                mean: &mean,
                inverse_deviation: &inverse_deviation,
                gamma: values(&gamma),
                batch_statistics,
            };
            norm::backward(&saved, &mut gy, gx.of_mut(grads)?, &mut of_gamma, &mut of_beta);
            *ggamma.of_mut(grads)? = of_gamma;
            *gbeta.of_mut(grads)? = of_beta;
            if let Some(gresidual) = gresidual {
                gresidual.of_mut(grads)?.par_iter_mut().zip(&gy).for_each(|(a, b)| *a += b);
            }
            Ok(())
        });
        Ok(out.put_tape(tape))
    }

    fn max_pool<T: Tape<f32, Self>>(x: Map<f32, Self, T>, p: &Pool) -> Result<Map<f32, Self, T>, Error> {
        let (p, size) = (*p, x.size());
        let (x, mut tape) = x.split_tape();
        let (out, y) = pooled(&x, &p, |x, y| pool::max_forward(&p, size, x, y))?;
        let (gx, gy) = (Slot::of(&x.data), Slot::of(&y));
        tape.add_backward_op(move |grads| {
            let gy = gy.take(grads)?;
            pool::max_backward(&p, size, (values(&x.data), values(&y)), &gy, gx.of_mut(grads)?);
            Ok(())
        });
        Ok(out.put_tape(tape))
    }

    fn average_pool<T: Tape<f32, Self>>(x: Map<f32, Self, T>, p: &Pool) -> Result<Map<f32, Self, T>, Error> {
        let (p, size) = (*p, x.size());
        let (x, mut tape) = x.split_tape();
        let (out, y) = pooled(&x, &p, |x, y| pool::average_forward(&p, size, x, y))?;
        let (gx, gy) = (Slot::of(&x.data), Slot::of(&y));
        tape.add_backward_op(move |grads| {
            let gy = gy.take(grads)?;
            pool::average_backward(&p, size, &gy, gx.of_mut(grads)?);
            Ok(())
        });
        Ok(out.put_tape(tape))
    }

    fn global_average<T: Tape<f32, Self>>(x: Map<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        let whole = Pool { kernel: x.h.max(x.w), stride: x.h.max(x.w), padding: 0, ceil: true, count_padding: false };
        Ok(<Self as Ops<f32>>::average_pool(x, &whole)?.data)
    }

    fn finite_gradient(grads: &mut Grads, of: &Matrix<f32, Self>) -> Result<bool, Error> {
        Ok(grads.get_or_alloc_mut(of)?.iter().all(|v| v.is_finite()))
    }

    fn put_gradient(grads: &mut Grads, of: &Matrix<f32, Self>, values: Vec<f32>) -> Result<(), Error> {
        **grads.get_or_alloc_mut(of)? = values;
        Ok(())
    }

    fn linear<T: Tape<f32, Self>>(
        x: Matrix<f32, Self, T>,
        w: &Matrix<f32, Self>,
        b: &Matrix<f32, Self>,
    ) -> Result<Matrix<f32, Self, T>, Error> {
        let (c, k) = *w.shape();
        let rows = Map { n: x.shape().0, h: 1, w: 1, data: x };
        composed::add_bias(<Self as Ops<f32>>::conv2d(rows, w, &Conv::same(c, k, 1, 1), true)?.data, b)
    }
}

/// A map, and its values as a tensor of their own (which shares them).
type Pooled = (Map<f32, Cpu>, Matrix<f32, Cpu>);

/// Runs a pool.
fn pooled(x: &Map<f32, Cpu>, p: &Pool, f: impl FnOnce(&[f32], &mut [f32])) -> Result<Pooled, Error> {
    let (n, h, w, c) = x.size();
    let (oh, ow) = (p.out(h), p.out(w));
    let mut y = vec![0f32; n * oh * ow * c];
    f(values(&x.data), &mut y);
    let y = matrix(x.data.device(), y, (n * oh * ow, c))?;
    Ok((Map { data: y.clone(), n, h: oh, w: ow }, y))
}
