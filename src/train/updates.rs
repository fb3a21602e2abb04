//! What a step does to every parameter, for whoever looks inside.

use super::gradients::Gradients;
use crate::nn::{Param, Role};
use crate::ops::Ops;
use std::time::{Duration, Instant};

/// Sums of squares of one parameter in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Squares {
    /// Of its gradient, before it is clipped; 0 where it has none, being frozen.
    pub gradient: f64,
    /// Of its values before the step.
    pub weight: f64,
    /// Of what the step added to them.
    pub update: f64,
    /// Whether it is frozen.
    pub frozen: bool,
}

/// What a step does to every parameter, in order, statistics left out.
#[derive(Debug, Default)]
pub(super) struct Updates {
    pub each: Vec<Squares>,
    /// Time that it took to find out.
    pub spent: Duration,
}

impl Updates {
    /// Notes the gradients, those of what has a factor of the learning rate; gives the values as they are before the update.
    pub(super) fn before<D: Ops<f32>>(
        &mut self,
        params: &[&Param<f32, D>],
        rates: &[Option<f64>],
        gradients: &mut Gradients<f32, D>,
    ) -> Result<Vec<Vec<f32>>, D::Err> {
        let begun = Instant::now();
        let mut values = Vec::new();
        for (p, rate) in params.iter().zip(rates).filter(|(p, _)| p.role != Role::Statistic) {
            let frozen = rate.is_none();
            let gradient = if frozen { 0.0 } else { gradients.norm([*p])?.powi(2) };
            self.each.push(Squares { gradient, frozen, ..Squares::default() });
            values.push(p.data.as_vec());
        }
        self.spent += begun.elapsed();
        Ok(values)
    }

    /// Notes what the update has done to the values.
    pub(super) fn after<D: Ops<f32>>(&mut self, before: &[Vec<f32>], params: &[&Param<f32, D>]) {
        let begun = Instant::now();
        let params = params.iter().filter(|p| p.role != Role::Statistic);
        for ((squares, before), p) in self.each.iter_mut().zip(before).zip(params) {
            for (before, after) in before.iter().map(|v| f64::from(*v)).zip(p.data.as_vec()) {
                squares.weight += before * before;
                squares.update += (f64::from(after) - before).powi(2);
            }
        }
        self.spent += begun.elapsed();
    }
}
