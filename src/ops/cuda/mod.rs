//! `Cuda` runs the composed operations so that the tape keeps little ([`super::lean`]), and has maps of half precision.

mod cards;
mod half;

pub use cards::{cards, free_memory, open, reason, toolkit};
pub(super) use half::Half;

use super::lean::{self, Inputs, Output};
use super::{Filter, Map, Matrix, Norm, Ops, Real, composed};
use crate::kernels::geometry::Pool;
use ::half::f16;
use dfdx::dtypes::AMP;
use dfdx::prelude::*;
use dfdx::tensor::CudaError;

type Error = CudaError;

impl Real for AMP<f16> {
    fn of(v: f64) -> Self {
        AMP(f16::from_f64(v))
    }
    fn value(self) -> f64 {
        self.0.to_f64()
    }
}

/// Half precision with sums in single precision.
impl Ops<AMP<f16>> for Cuda {}

impl Ops<f32> for Cuda {
    fn narrow(x: Map<f32, Self>) -> Result<Map<f32, Self>, Error> {
        half::narrow(x)
    }

    fn conv2d<T: Tape<f32, Self>>(x: Map<f32, Self, T>, f: Filter<f32, Self>) -> Result<Map<f32, Self, T>, Error> {
        if x.half { half::conv2d(x, f) } else { lean::conv2d(x, f) }
    }

    fn norm_act<T: Tape<f32, Self>>(
        x: Map<f32, Self, T>,
        norm: Norm<f32, Self>,
        residual: Option<Map<f32, Self>>,
        relu: bool,
    ) -> Result<Map<f32, Self, T>, Error> {
        if x.half { half::norm_act(x, norm, residual, relu) } else { lean::norm_act(x, norm, residual, relu) }
    }

    fn matrix<T: Tape<f32, Self>>(x: Map<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        if x.half { half::matrix(x) } else { Ok(x.tensor()) }
    }

    fn max_pool<T: Tape<f32, Self>>(x: Map<f32, Self, T>, pool: &Pool) -> Result<Map<f32, Self, T>, Error> {
        pooled(x, *pool, composed::max_pool)
    }

    fn average_pool<T: Tape<f32, Self>>(x: Map<f32, Self, T>, pool: &Pool) -> Result<Map<f32, Self, T>, Error> {
        pooled(x, *pool, composed::average_pool)
    }

    fn global_average<T: Tape<f32, Self>>(x: Map<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        let (n, h, w, _) = x.size();
        composed::global_average(Map::new(Self::matrix(x)?, n, h, w))
    }

    fn concat<T: Tape<f32, Self>>(parts: Vec<Map<f32, Self>>, tape: T) -> Result<Map<f32, Self, T>, Error> {
        let Some((n, h, w, _)) = parts.first().map(Map::size) else { unreachable!("maps are joined, one at least") };
        over(parts, vec![], (n, h, w), tape, move |parts, tape| {
            let parts = parts.iter().map(|part| Map::new(part.clone(), n, h, w)).collect();
            Ok(composed::concat(parts, tape)?.tensor())
        })
    }

    fn excite<T: Tape<f32, Self>>(
        x: Map<f32, Self>,
        gate: Matrix<f32, Self, T>,
        residual: Map<f32, Self>,
    ) -> Result<Map<f32, Self, T>, Error> {
        let (n, h, w, _) = x.size();
        let (gate, tape) = gate.split_tape();
        over(vec![x, residual], vec![gate], (n, h, w), tape, move |inputs, tape| {
            let [x, residual, gate] = inputs else { unreachable!("a gate has its map and a residual") };
            let map = |m: &Matrix<f32, Self>| Map::new(m.clone(), n, h, w);
            Ok(composed::excite(map(x), gate.clone().put_tape(tape), map(residual))?.tensor())
        })
    }
}

/// A composed pool.
type Composed = fn(Map<f32, Cuda, OwnedTape<f32, Cuda>>, &Pool) -> Result<Map<f32, Cuda, OwnedTape<f32, Cuda>>, Error>;

fn pooled<T: Tape<f32, Cuda>>(
    x: Map<f32, Cuda, T>,
    pool: Pool,
    composed: Composed,
) -> Result<Map<f32, Cuda, T>, Error> {
    let (n, h, w, _) = x.size();
    let (x, tape) = x.split_tape();
    over(vec![x], vec![], (n, pool.out(h), pool.out(w)), tape, move |inputs, tape| {
        let [x] = inputs else { unreachable!("a pool has one input") };
        Ok(composed(Map::new(x.clone().put_tape(tape), n, h, w), &pool)?.tensor())
    })
}

/// Runs `f` on maps and other matrices; of maps of half precision it gives one. The size is that of the output.
fn over<T: Tape<f32, Cuda>>(
    maps: Vec<Map<f32, Cuda>>,
    others: Vec<Matrix<f32, Cuda>>,
    size: (usize, usize, usize),
    tape: T,
    f: impl Fn(Inputs<f32, Cuda>, OwnedTape<f32, Cuda>) -> Result<Output<f32, Cuda>, Error> + 'static,
) -> Result<Map<f32, Cuda, T>, Error> {
    if maps.iter().any(|map| map.half) {
        return half::over(maps, others, size, tape, f);
    }
    let inputs = maps.into_iter().map(Map::tensor).chain(others).collect();
    let (n, h, w) = size;
    Ok(Map::new(lean::run(inputs, tape, f)?, n, h, w))
}
