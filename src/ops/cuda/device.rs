//! `Cuda` runs the composed operations so that the tape keeps little ([`crate::ops::lean`]), and has maps of half
//! precision.

use super::half::{self, Half};
use crate::kernels::geometry::Pool;
use crate::ops::lean::{self, Inputs, Output};
use crate::ops::{FeatureMap, Filter, Matrix, Norm, Ops, Precision, Real, composed};
use ::half::f16;
use dfdx::dtypes::AMP;
use dfdx::prelude::*;
use dfdx::tensor::CudaError;

type Error = CudaError;

/// What a feature map holds on a GPU.
#[derive(Clone)]
pub enum Held {
    /// A tensor in single precision.
    Single(Matrix<f32, Cuda>),
    /// Values in half precision.
    Half(Half),
}

impl Real for AMP<f16> {
    fn of(v: f64) -> Self {
        AMP(f16::from_f64(v))
    }
    fn value(self) -> f64 {
        self.0.to_f64()
    }
}

/// Half precision with sums in single precision.
impl Ops<AMP<f16>> for Cuda {
    type Held = Matrix<AMP<f16>, Cuda>;

    fn hold(values: Matrix<AMP<f16>, Self>) -> Self::Held {
        values
    }

    fn matrix<T: Tape<AMP<f16>, Self>>(x: FeatureMap<AMP<f16>, Self, T>) -> Result<Matrix<AMP<f16>, Self, T>, Error> {
        let (x, tape) = x.split_tape();
        Ok(x.held.put_tape(tape))
    }
}

impl Ops<f32> for Cuda {
    type Held = Held;

    fn hold(values: Matrix<f32, Self>) -> Held {
        Held::Single(values)
    }

    fn matrix<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        let (x, tape) = x.split_tape();
        match x.held {
            Held::Single(values) => Ok(values.put_tape(tape)),
            Held::Half(half) => half::matrix(half, tape),
        }
    }

    fn to_precision(x: FeatureMap<f32, Self>, precision: Precision) -> Result<FeatureMap<f32, Self>, Error> {
        match precision {
            Precision::Single => Ok(x),
            Precision::Half => half::narrow(x),
        }
    }

    fn conv2d<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        f: Filter<f32, Self>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.held.clone() {
            Held::Single(_) => lean::conv2d(x, f),
            Held::Half(half) => half::conv2d(half, x, f),
        }
    }

    fn norm_act<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        norm: Norm<f32, Self>,
        residual: Option<FeatureMap<f32, Self>>,
        relu: bool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        match x.held.clone() {
            Held::Single(_) => lean::norm_act(x, norm, residual, relu),
            Held::Half(half) => half::norm_act(half, x, norm, residual, relu),
        }
    }

    fn max_pool<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        pool: &Pool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        pooled(x, *pool, composed::max_pool)
    }

    fn average_pool<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        pool: &Pool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        pooled(x, *pool, composed::average_pool)
    }

    fn global_average<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        let (n, h, w, _) = x.size();
        composed::global_average(FeatureMap::new(Self::matrix(x)?, n, h, w))
    }

    fn concat<T: Tape<f32, Self>>(
        first: FeatureMap<f32, Self>,
        rest: Vec<FeatureMap<f32, Self>>,
        tape: T,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        let (n, h, w, _) = first.size();
        let parts = std::iter::once(first).chain(rest).collect();
        over(parts, vec![], (n, h, w), tape, move |parts, tape| {
            let part = |part: &Matrix<f32, Self>| FeatureMap::new(part.clone(), n, h, w);
            Self::matrix(composed::concat(part(&parts[0]), parts[1..].iter().map(part).collect(), tape)?)
        })
    }

    fn excite<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self>,
        gate: Matrix<f32, Self, T>,
        residual: FeatureMap<f32, Self>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        let (n, h, w, _) = x.size();
        let (gate, tape) = gate.split_tape();
        over(vec![x, residual], vec![gate], (n, h, w), tape, move |inputs, tape| {
            let map = |i: usize| FeatureMap::new(inputs[i].clone(), n, h, w);
            Self::matrix(composed::excite(map(0), inputs[2].clone().put_tape(tape), map(1))?)
        })
    }
}

/// A composed pool.
type Composed = fn(
    FeatureMap<f32, Cuda, OwnedTape<f32, Cuda>>,
    &Pool,
) -> Result<FeatureMap<f32, Cuda, OwnedTape<f32, Cuda>>, Error>;

fn pooled<T: Tape<f32, Cuda>>(
    x: FeatureMap<f32, Cuda, T>,
    pool: Pool,
    composed: Composed,
) -> Result<FeatureMap<f32, Cuda, T>, Error> {
    let (n, h, w, _) = x.size();
    let (x, tape) = x.split_tape();
    over(vec![x], vec![], (n, pool.out(h), pool.out(w)), tape, move |inputs, tape| {
        Cuda::matrix(composed(FeatureMap::new(inputs[0].clone().put_tape(tape), n, h, w), &pool)?)
    })
}

/// Runs `f` on maps of one format and other matrices; it gives a map of that format. The size is that of the output.
fn over<T: Tape<f32, Cuda>>(
    maps: Vec<FeatureMap<f32, Cuda>>,
    others: Vec<Matrix<f32, Cuda>>,
    size: (usize, usize, usize),
    tape: T,
    f: impl Fn(Inputs<f32, Cuda>, OwnedTape<f32, Cuda>) -> Result<Output<f32, Cuda>, Error> + 'static,
) -> Result<FeatureMap<f32, Cuda, T>, Error> {
    if let Some(half) = maps.first().and_then(Half::of) {
        return half::over(half::together(half, &maps[1..]), others, size, tape, f);
    }
    let maps = maps.into_iter().map(Cuda::matrix).collect::<Result<Vec<_>, _>>()?;
    let (n, h, w) = size;
    Ok(FeatureMap::new(lean::run(maps.into_iter().chain(others).collect(), tape, f)?, n, h, w))
}
