//! Mixed precision: maps and their gradients are in half precision, products have half-precision factors and
//! single-precision sums (dfdx's AMP type), all else is computed in single precision. The weights themselves, their
//! gradients once they are gathered, and all statistics are in single precision. Summed in half precision are a
//! convolution's gradients over taps (its input's) and over parts of the images (its weights'), and the gradients that
//! several operations give for one map.

use super::device::Held;
use crate::ops::composed::{self, backward};
use crate::ops::lean::{self, Again, Inputs, Output, lending, taking};
use crate::ops::{FeatureMap, Filter, Matrix, Norm, Ops};
use dfdx::dtypes::AMP;
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;
use half::f16;
use std::cell::RefCell;
use std::rc::Rc;

type Narrow = Matrix<AMP<f16>, Cuda>;
type Wide = Matrix<f32, Cuda>;

/// The values of a map, and the gradient that is gathered for them.
#[derive(Clone)]
pub struct Half {
    values: Narrow,
    gradient: Rc<RefCell<Option<Narrow>>>,
}

impl Half {
    /// Of a map; none of one in single precision.
    pub(super) fn of(x: &FeatureMap<f32, Cuda>) -> Option<Half> {
        if let Held::Half(half) = &x.held { Some(half.clone()) } else { None }
    }

    fn map(values: Narrow, (n, h, w): (usize, usize, usize)) -> (FeatureMap<f32, Cuda>, Half) {
        let c = values.shape().1;
        let half = Half { values, gradient: Rc::default() };
        (FeatureMap::of(Held::Half(half.clone()), (n, h, w, c)), half)
    }

    fn wide(&self) -> Result<Wide, Error> {
        self.values.clone().try_to_dtype()
    }

    /// Adds to the gradient.
    fn add(&self, gradient: Narrow) -> Result<(), Error> {
        let mut gathered = self.gradient.borrow_mut();
        *gathered = Some(match gathered.take() {
            Some(before) => before.try_add(gradient)?,
            None => gradient,
        });
        Ok(())
    }

    fn add_wide(&self, gradient: Wide) -> Result<(), Error> {
        self.add(gradient.try_to_dtype()?)
    }

    /// The gradient, when there is one.
    fn take(&self) -> Option<Narrow> {
        self.gradient.take()
    }
}

/// A map without a gradient, in half precision.
pub fn narrow(x: FeatureMap<f32, Cuda>) -> Result<FeatureMap<f32, Cuda>, Error> {
    let (n, h, w, _) = x.size();
    Ok(Half::map(Cuda::matrix(x)?.try_to_dtype()?, (n, h, w)).0)
}

/// The values of a map in single precision.
pub fn matrix<T: Tape<f32, Cuda>>(half: Half, mut tape: T) -> Result<Matrix<f32, Cuda, T>, Error> {
    let y = half.wide()?;
    let take = taking(&y);
    tape.add_backward_op(move |grads| half.add_wide(take(grads)?));
    Ok(y.put_tape(tape))
}

/// Convolution; see [`crate::ops::Ops::conv2d`].
pub fn conv2d<T: Tape<f32, Cuda>>(
    half: Half,
    x: FeatureMap<f32, Cuda, T>,
    f: Filter<f32, Cuda>,
) -> Result<FeatureMap<f32, Cuda, T>, Error> {
    let (n, h, w, _) = x.size();
    let (_, mut tape) = x.split_tape();
    let (weight, conv, input_grad) = (f.weight.clone(), *f.conv, f.input_grad);
    let narrow: Narrow = weight.clone().try_to_dtype()?;
    let filter = Filter { weight: &narrow, conv: &conv, input_grad };
    let y = lean::conv2d(FeatureMap::new(half.values.clone(), n, h, w), filter)?;
    let (oh, ow) = (y.h, y.w);
    let (out, gradient) = Half::map(Cuda::matrix(y)?, (n, oh, ow));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gradient.take() else { return Ok(()) };
        let x = FeatureMap::new(half.values.clone(), n, h, w);
        let filter = Filter { weight: &narrow, conv: &conv, input_grad };
        let (of_x, of_weight) = lean::conv2d_gradients(x, filter, &gy)?;
        if let Some(of_x) = of_x {
            half.add(of_x)?;
        }
        lean::add(grads, &weight, of_weight.try_to_dtype()?)
    });
    Ok(out.put_tape(tape))
}

/// Maps that come together in an operation: their gradients go back in one format.
pub(super) fn together(first: Half, rest: &[FeatureMap<f32, Cuda>]) -> Vec<Half> {
    let maps: Vec<Half> = std::iter::once(first).chain(rest.iter().filter_map(Half::of)).collect();
    assert!(maps.len() == 1 + rest.len(), "maps that come together are of one precision");
    maps
}

/// Norm; see [`crate::ops::Ops::norm_act`].
pub fn norm_act<T: Tape<f32, Cuda>>(
    half: Half,
    x: FeatureMap<f32, Cuda, T>,
    norm: Norm<f32, Cuda>,
    residual: Option<FeatureMap<f32, Cuda>>,
    relu: bool,
) -> Result<FeatureMap<f32, Cuda, T>, Error> {
    let (n, h, w, _) = x.size();
    let (_, tape) = x.split_tape();
    let wide = |half: &Half| Ok::<_, Error>(FeatureMap::new(half.wide()?, n, h, w));
    let maps = together(half, residual.as_slice());
    let (x, residual) = (wide(&maps[0])?, maps.get(1).map(wide).transpose()?);
    let others = vec![norm.gamma.clone(), norm.beta.clone()];
    let again = Again::new(&norm, (n, h, w), relu);
    let y = Cuda::matrix(composed::norm_act(x, norm, residual, relu)?)?;
    recorded(y, maps, others, (n, h, w), tape, move |inputs, tape| again.run(inputs, tape))
}

/// Runs `f` in single precision; see `device::over`.
pub fn over<T: Tape<f32, Cuda>>(
    maps: Vec<Half>,
    others: Vec<Wide>,
    size: (usize, usize, usize),
    tape: T,
    f: impl Fn(Inputs<f32, Cuda>, OwnedTape<f32, Cuda>) -> Result<Output<f32, Cuda>, Error> + 'static,
) -> Result<FeatureMap<f32, Cuda, T>, Error> {
    let (y, _) = f(&inputs(&maps, &others)?, OwnedTape::default())?.split_tape();
    recorded(y, maps, others, size, tape, f)
}

fn inputs(maps: &[Half], others: &[Wide]) -> Result<Vec<Wide>, Error> {
    maps.iter().map(Half::wide).chain(others.iter().cloned().map(Ok)).collect()
}

/// Puts values `y` that `f` makes of maps and others on a tape, in half precision.
fn recorded<T: Tape<f32, Cuda>>(
    y: Wide,
    maps: Vec<Half>,
    others: Vec<Wide>,
    size: (usize, usize, usize),
    mut tape: T,
    f: impl Fn(Inputs<f32, Cuda>, OwnedTape<f32, Cuda>) -> Result<Output<f32, Cuda>, Error> + 'static,
) -> Result<FeatureMap<f32, Cuda, T>, Error> {
    let (out, gradient) = Half::map(y.try_to_dtype()?, size);
    tape.add_backward_op(move |grads| {
        let Some(gy) = gradient.take() else { return Ok(()) };
        let inputs = inputs(&maps, &others)?;
        lending(grads, &others, |tape| {
            let made = backward(f(&inputs, tape)?, gy.try_to_dtype()?)?;
            maps.iter().zip(&inputs).try_for_each(|(half, input)| half.add_wide(made.get(input)))?;
            Ok(made)
        })
    });
    Ok(out.put_tape(tape))
}
