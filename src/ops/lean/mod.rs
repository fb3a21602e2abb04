//! Composed operations that keep for the backward pass what goes into them and nothing of what lies between: that is
//! made again there. dfdx would keep every value and every gradient of a step to its end.

mod conv;

pub use conv::{Both, GATHERED, conv2d, conv2d_gradients};

use super::composed::{self, backward};
use super::{FeatureMap, Matrix, Mode, Norm, Ops, Real};
use dfdx::prelude::*;

/// What goes into an operation.
pub type Inputs<'a, E, D> = &'a [Matrix<E, D>];

/// The values that an operation gives, and its tape.
pub type Output<E, D> = Matrix<E, D, OwnedTape<E, D>>;

/// Runs `f` on `inputs`, all of different tensors, and once more in the backward pass.
///
/// # Errors
/// The device's.
pub fn run<E: Real, D: Ops<E>, T: Tape<E, D>>(
    inputs: Vec<Matrix<E, D>>,
    tape: T,
    f: impl Fn(Inputs<E, D>, OwnedTape<E, D>) -> Result<Output<E, D>, D::Err> + 'static,
) -> Result<Matrix<E, D, T>, D::Err> {
    let (y, _) = f(&inputs, OwnedTape::default())?.split_tape();
    Ok(recorded(y, inputs, tape, f))
}

/// Puts values `y` that `f` makes of `inputs` on a tape.
fn recorded<E: Real, D: Ops<E>, T: Tape<E, D>>(
    y: Matrix<E, D>,
    inputs: Vec<Matrix<E, D>>,
    mut tape: T,
    f: impl Fn(Inputs<E, D>, OwnedTape<E, D>) -> Result<Output<E, D>, D::Err> + 'static,
) -> Matrix<E, D, T> {
    let take = taking(&y);
    tape.add_backward_op(move |grads| {
        let gy = take(grads)?;
        lending(grads, &inputs, |tape| backward(f(&inputs, tape)?, gy))
    });
    y.put_tape(tape)
}

/// Takes the gradient of `y` out of the store, leaving a single number.
pub(super) fn taking<E: Real, D: Ops<E>>(
    y: &Matrix<E, D>,
) -> impl Fn(&mut Gradients<E, D>) -> Result<Matrix<E, D>, D::Err> + use<E, D> {
    let ghost = y.ghost();
    let dev = y.device().clone();
    move |grads| {
        grads.try_alloc_for(&ghost)?;
        let gradient = grads.get(&ghost);
        let none: Matrix<E, D> = dev.try_zeros_like(&(1, 1))?;
        std::mem::swap(grads.get_or_alloc_mut(&ghost)?, Gradients::leaky().get_or_alloc_mut(&none)?);
        Ok(gradient)
    }
}

/// Has `f` add to the gradients of `of`, all different, on a tape that holds them alone; what else it gathers goes.
///
/// # Errors
/// The device's.
pub(super) fn lending<E: Real, D: Ops<E>>(
    grads: &mut Gradients<E, D>,
    of: &[Matrix<E, D>],
    f: impl FnOnce(OwnedTape<E, D>) -> Result<Gradients<E, D>, D::Err>,
) -> Result<(), D::Err> {
    let swap = |grads: &mut Gradients<E, D>, lent: &mut Gradients<E, D>| -> Result<(), D::Err> {
        for m in of {
            std::mem::swap(grads.get_or_alloc_mut(m)?, lent.get_or_alloc_mut(m)?);
        }
        Ok(())
    };
    let mut lent = Gradients::leaky();
    swap(grads, &mut lent)?;
    let tape = of.first().map_or_else(OwnedTape::default, |first| first.clone().traced(lent).split_tape().1);
    swap(grads, &mut f(tape)?)
}

/// Adds to the gradient of a tensor.
///
/// # Errors
/// The device's.
pub(super) fn add<E: Real, D: Ops<E>>(
    grads: &mut Gradients<E, D>,
    of: &Matrix<E, D>,
    gradient: Matrix<E, D>,
) -> Result<(), D::Err> {
    lending(grads, std::slice::from_ref(of), |tape| backward(of.clone().put_tape(tape), gradient))
}

/// Norm; see [`Ops::norm_act`].
///
/// # Errors
/// The device's.
pub fn norm_act<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    norm: Norm<E, D>,
    residual: Option<FeatureMap<E, D>>,
    relu: bool,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (x, tape) = x.split_tape();
    let (n, h, w, _) = x.size();
    let again = Again::new(&norm, (n, h, w), relu);
    let mut inputs = vec![D::matrix(x.clone())?];
    inputs.extend(residual.clone().map(D::matrix).transpose()?);
    inputs.extend([norm.gamma.clone(), norm.beta.clone()]);
    let y = D::matrix(composed::norm_act(x, norm, residual, relu)?)?;
    Ok(FeatureMap::new(recorded(y, inputs, tape, move |inputs, tape| again.run(inputs, tape)), n, h, w))
}

/// A norm that runs again; the running statistics stay as they are.
pub(super) struct Again<E: Real, D: Ops<E>> {
    mean: Matrix<E, D>,
    var: Matrix<E, D>,
    mode: Mode,
    eps: f64,
    size: (usize, usize, usize),
    relu: bool,
}

impl<E: Real, D: Ops<E>> Again<E, D> {
    /// The norm of a map of this many images, height and width.
    pub(super) fn new(norm: &Norm<E, D>, size: (usize, usize, usize), relu: bool) -> Self {
        let (mean, var) = (norm.mean.clone(), norm.var.clone());
        Again { mean, var, mode: norm.mode, eps: norm.eps, size, relu }
    }

    /// The output for a map, perhaps a residual, the factors and the summands.
    ///
    /// # Errors
    /// The device's.
    pub(super) fn run(&self, inputs: Inputs<E, D>, tape: OwnedTape<E, D>) -> Result<Output<E, D>, D::Err> {
        let [maps @ .., gamma, beta] = inputs else { unreachable!("a norm has factors and summands") };
        let (n, h, w) = self.size;
        let mut maps = maps.iter().map(|m| FeatureMap::new(m.clone(), n, h, w));
        let Some(x) = maps.next() else { unreachable!("a norm has an input") };
        let (mut mean, mut var) = (self.mean.clone(), self.var.clone());
        let norm = Norm { gamma, beta, mean: &mut mean, var: &mut var, mode: self.mode, eps: self.eps };
        D::matrix(composed::norm_act(x.put_tape(tape), norm, maps.next(), self.relu)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::geometry::Pool;

    pub(super) fn values(n: usize, seed: u32) -> Vec<f32> {
        let mix = |i: usize| (i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8;
        (0..n).map(|i| mix(i) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    pub(super) fn matrix(rows: usize, cols: usize, seed: u32) -> Matrix<f32, Cpu> {
        Cpu::default().tensor_from_vec(values(rows * cols, seed), (rows, cols))
    }

    /// The values of an operation and the gradients of `of`, when those of the values are made up.
    pub(super) fn both(
        of: &[&Matrix<f32, Cpu>],
        run: impl FnOnce(OwnedTape<f32, Cpu>) -> Matrix<f32, Cpu, OwnedTape<f32, Cpu>>,
    ) -> Vec<Vec<f32>> {
        let y = run(OwnedTape::default());
        let (rows, cols) = *y.shape();
        let mut found = vec![y.as_vec()];
        let grads = backward(y, matrix(rows, cols, 99)).unwrap();
        found.extend(of.iter().map(|m| grads.get(*m).as_vec()));
        found
    }

    pub(super) fn values_of<T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>) -> Matrix<f32, Cpu, T> {
        Cpu::matrix(x).unwrap()
    }

    pub(super) fn near(a: &[Vec<f32>], b: &[Vec<f32>]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert_eq!(a.len(), b.len());
            let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5, "{apart}");
        }
    }

    #[test]
    fn of_equal_maxima_the_first_has_the_gradient() {
        let few = values(2 * 6 * 5 * 3, 1).into_iter().map(|v| (2.0 * v).trunc().max(0.0)).collect();
        let x: Matrix<f32, Cpu> = Cpu::default().tensor_from_vec(few, (2 * 6 * 5, 3));
        let pool = Pool { kernel: 3, stride: 2, padding: 1, ceil: false, count_padding: true };
        let map = |tape| FeatureMap::new(x.clone().put_tape(tape), 2, 6, 5);
        let composed = both(&[&x], |tape| values_of(composed::max_pool(map(tape), &pool).unwrap()));
        let kernel = both(&[&x], |tape| Cpu::matrix(Cpu::max_pool(map(tape), &pool).unwrap()).unwrap());
        near(&composed, &kernel);
    }

    #[test]
    fn a_norm_that_runs_again_takes_its_statistics_once() {
        let (x, r) = (matrix(2 * 3 * 3, 5, 1), matrix(2 * 3 * 3, 5, 2));
        let (gamma, beta) = (matrix(1, 5, 3), matrix(1, 5, 4));
        let run = |lean: bool| {
            let (mut mean, mut var) = (matrix(1, 5, 5), matrix(1, 5, 6).square());
            let mut found = both(&[&x, &r, &gamma, &beta], |tape| {
                let norm =
                    Norm { gamma: &gamma, beta: &beta, mean: &mut mean, var: &mut var, mode: Mode::Train, eps: 1e-5 };
                let (x, r) = (FeatureMap::new(x.clone().put_tape(tape), 2, 3, 3), FeatureMap::new(r.clone(), 2, 3, 3));
                let norm_act = if lean { norm_act } else { composed::norm_act };
                values_of(norm_act(x, norm, Some(r), true).unwrap())
            });
            found.extend([mean.as_vec(), var.as_vec()]);
            found
        };
        near(&run(true), &run(false));
    }

    #[test]
    fn what_runs_again_adds_to_the_gradients_that_are_there() {
        let (x, pool) =
            (matrix(2 * 5 * 5, 3, 1), Pool { kernel: 3, stride: 2, padding: 1, ceil: false, count_padding: true });
        let pooled = |x: &Matrix<f32, Cpu>, tape, lean: bool| {
            if !lean {
                return values_of(
                    composed::average_pool(FeatureMap::new(x.clone().put_tape(tape), 2, 5, 5), &pool).unwrap(),
                );
            }
            run(vec![x.clone()], tape, move |x, tape| {
                Cpu::matrix(composed::average_pool(FeatureMap::new(x[0].clone().put_tape(tape), 2, 5, 5), &pool)?)
            })
            .unwrap()
        };
        let twice = |lean: bool| {
            both(&[&x], |tape| {
                let (once, tape) = pooled(&x, tape, lean).split_tape();
                pooled(&x, tape, lean) * 3.0 + once
            })
        };
        near(&twice(true), &twice(false));
    }
}
