//! What the machine does, as the screen keeps it.

pub use crate::hardware::{Gpu, Process, Sample};

use std::collections::{BTreeMap, VecDeque};

/// Samples kept for the small curves.
const KEPT: usize = 120;

/// The recent past of a share, in percent.
pub(crate) type Past = VecDeque<f32>;

/// The last sample, and the recent past of every GPU and core.
#[derive(Clone, Debug, Default)]
pub struct Hardware {
    pub(crate) last: Option<Sample>,
    /// The past of the GPUs, by their numbers.
    pub(crate) past: BTreeMap<u32, GpuPast>,
    pub(crate) cores: Vec<Past>,
    /// Mean utilisation of the cores, or of the GPUs when there are any.
    pub(crate) busy: Past,
    /// Whether it was told that the run's GPU is nearly full.
    pub(crate) full: bool,
}

/// The recent past of a GPU.
#[derive(Clone, Debug, Default)]
pub(crate) struct GpuPast {
    pub(crate) busy: Past,
    pub(crate) memory: Past,
}

impl Hardware {
    /// Takes a sample in.
    pub(crate) fn push(&mut self, sample: Sample) {
        for gpu in &sample.gpus {
            let past = self.past.entry(gpu.index).or_default();
            keep(&mut past.busy, gpu.utilisation.map(|percent| percent as f32));
            keep(&mut past.memory, gpu.memory_used.map(|used| (100.0 * used as f64 / gpu.memory_total as f64) as f32));
        }
        self.cores.resize(sample.cores.len(), Past::new());
        for (past, core) in self.cores.iter_mut().zip(&sample.cores) {
            keep(past, Some(*core));
        }
        let busy = match sample.gpus.is_empty() {
            true => mean(sample.cores.iter().copied()),
            false => mean(sample.gpus.iter().filter_map(|gpu| gpu.utilisation).map(|percent| percent as f32)),
        };
        keep(&mut self.busy, busy);
        self.last = Some(sample);
    }

    /// The GPUs of the last sample.
    pub(crate) fn gpus(&self) -> &[Gpu] {
        self.last.as_ref().map_or(&[], |sample| &sample.gpus)
    }

    /// Why any GPU is slower than it could be, each reason once.
    pub(crate) fn throttles(&self) -> Vec<&'static str> {
        let mut words = Vec::new();
        for word in self.gpus().iter().filter_map(|gpu| gpu.throttle.as_ref()).flatten() {
            if !words.contains(word) {
                words.push(*word);
            }
        }
        words
    }
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f32)
}

/// A value that is not known leaves no trace.
fn keep(past: &mut Past, percent: Option<f32>) {
    let Some(percent) = percent else { return };
    if past.len() == KEPT {
        past.pop_front();
    }
    past.push_back(if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_keeps_its_own_past_and_what_is_not_known_leaves_no_trace() {
        let gpu = |index| Gpu {
            index,
            utilisation: (index != 1).then_some(10 * index),
            memory_used: Some(3 * u64::from(index)),
            memory_total: 12,
            ..Gpu::default()
        };
        let mut hardware = Hardware::default();
        for indices in [vec![0, 1, 2], vec![0, 2]].into_iter().chain(vec![vec![2]; 2 * KEPT]) {
            hardware.push(Sample { gpus: indices.into_iter().map(gpu).collect(), ..Sample::default() });
        }
        let past: Vec<(u32, usize, usize)> =
            hardware.past.iter().map(|(index, past)| (*index, past.busy.len(), past.memory.len())).collect();
        assert_eq!(past, [(0, 2, 2), (1, 0, 1), (2, KEPT, KEPT)]);
        assert_eq!((hardware.past[&2].busy.back(), hardware.past[&2].memory.back()), (Some(&20.0), Some(&50.0)));
        assert_eq!((hardware.busy.len(), hardware.busy.back()), (KEPT, Some(&20.0)));
    }
}
