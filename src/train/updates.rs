//! What a step does to every parameter, for whoever looks inside.

use super::gradients::Gradients;
use crate::nn::{Param, Role};
use crate::ops::Ops;
use std::time::{Duration, Instant};

/// Sums of squares of one parameter in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Squares {
    /// Of its gradient, before it is clipped.
    pub gradient: f64,
    /// Of its values before the step.
    pub weight: f64,
    /// Of what the step added to them.
    pub update: f64,
}

/// What a step does to every trained parameter, in order.
#[derive(Debug, Default)]
pub(super) struct Updates {
    pub each: Vec<Squares>,
    /// Time that it took to find out.
    pub spent: Duration,
}

impl Updates {
    /// Notes the gradients; gives the values as they are before the update.
    pub(super) fn before<D: Ops<f32>>(
        &mut self,
        params: &[&Param<f32, D>],
        gradients: &mut Gradients<f32, D>,
    ) -> Result<Vec<Vec<f32>>, D::Err> {
        let begun = Instant::now();
        let mut values = Vec::new();
        for p in trained(params) {
            self.each.push(Squares { gradient: gradients.norm([p])?.powi(2), ..Squares::default() });
            values.push(p.data.as_vec());
        }
        self.spent += begun.elapsed();
        Ok(values)
    }

    /// Notes what the update has done to the values.
    pub(super) fn after<D: Ops<f32>>(&mut self, before: &[Vec<f32>], params: &[&Param<f32, D>]) {
        let begun = Instant::now();
        for ((squares, before), p) in self.each.iter_mut().zip(before).zip(trained(params)) {
            for (before, after) in before.iter().map(|v| f64::from(*v)).zip(p.data.as_vec()) {
                squares.weight += before * before;
                squares.update += (f64::from(after) - before).powi(2);
            }
        }
        self.spent += begun.elapsed();
    }
}

fn trained<'a, 'p, D: Ops<f32>>(
    params: &'a [&'p Param<f32, D>],
) -> impl Iterator<Item = &'p Param<f32, D>> + use<'a, 'p, D> {
    params.iter().copied().filter(|p| p.role != Role::Statistic)
}
