//! What the machine does, as the screen keeps it.

pub use crate::hardware::{Gpu, Sample};

use std::collections::VecDeque;

/// Samples kept for the small curves.
const KEPT: usize = 120;

/// The last sample and the recent utilisation of every card and core.
#[derive(Clone, Debug, Default)]
pub struct Hardware {
    pub(crate) last: Option<Sample>,
    pub(crate) gpus: Vec<VecDeque<f32>>,
    pub(crate) cores: Vec<VecDeque<f32>>,
    /// Mean utilisation of the cores in percent, or of the cards when there are any.
    pub(crate) busy: VecDeque<f32>,
}

impl Hardware {
    /// Takes a sample in.
    pub(crate) fn push(&mut self, sample: Sample) {
        let gpus: Vec<f32> = sample.gpus.iter().map(|g| g.utilisation.unwrap_or(0) as f32).collect();
        extend(&mut self.gpus, &gpus);
        extend(&mut self.cores, &sample.cores);
        let of = if gpus.is_empty() { &sample.cores } else { &gpus };
        if !of.is_empty() {
            keep(&mut self.busy, of.iter().sum::<f32>() / of.len() as f32);
        }
        self.last = Some(sample);
    }
}

fn extend(rows: &mut Vec<VecDeque<f32>>, values: &[f32]) {
    rows.resize(values.len(), VecDeque::new());
    for (row, value) in rows.iter_mut().zip(values) {
        keep(row, *value);
    }
}

fn keep(row: &mut VecDeque<f32>, value: f32) {
    if row.len() == KEPT {
        row.pop_front();
    }
    row.push_back(if value.is_finite() { value.clamp(0.0, 100.0) } else { 0.0 });
}
