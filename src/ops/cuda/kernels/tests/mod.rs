//! The kernels against plain loops in double precision, on a GPU or the emulated one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod head;
mod join;
mod norm;
mod pool;
mod weights;

use super::{Kernels, Place};
use crate::ops::Precision;
use cudarc::driver::{CudaDevice, CudaSlice, DevicePtr};
use half::{bf16, f16};
use std::sync::Arc;

pub const ALL: [Precision; 3] = [Precision::Single, Precision::Half, Precision::BrainHalf];

/// The GPU with the kernels on it.
pub struct Lab {
    gpu: Arc<CudaDevice>,
    pub kernels: Kernels,
}

/// Values on the GPU.
pub struct Values {
    gpu: Arc<CudaDevice>,
    held: CudaSlice<u8>,
    precision: Precision,
}

impl Lab {
    pub fn new() -> Lab {
        let gpu = CudaDevice::new(0).unwrap();
        Lab { gpu, kernels: Kernels::load().unwrap() }
    }

    /// Values that were rounded to their format before.
    pub fn put(&self, precision: Precision, values: &[f64]) -> Values {
        let bytes = values.iter().flat_map(|v| bytes(precision, *v)).collect();
        Values { gpu: self.gpu.clone(), held: self.gpu.htod_copy(bytes).unwrap(), precision }
    }

    /// The same in single precision.
    pub fn single(&self, values: &[f64]) -> Values {
        self.put(Precision::Single, values)
    }

    /// Memory that nothing was written to.
    pub fn empty(&self, precision: Precision, len: usize) -> Values {
        // SAFETY: bytes are bytes, whatever they are
        let held = unsafe { self.gpu.alloc(len * precision.bytes() as usize) }.unwrap();
        Values { gpu: self.gpu.clone(), held, precision }
    }

    /// Bytes as they are: structures, indices.
    pub fn raw(&self, bytes: Vec<u8>) -> Values {
        Values { gpu: self.gpu.clone(), held: self.gpu.htod_copy(bytes).unwrap(), precision: Precision::Single }
    }
}

impl Values {
    pub fn at(&self) -> Place {
        *self.held.device_ptr()
    }

    pub fn bits(&self) -> Vec<u8> {
        self.gpu.dtoh_sync_copy(&self.held).unwrap()
    }

    pub fn get(&self) -> Vec<f64> {
        let bits = self.bits();
        let value = |b: &[u8]| match self.precision {
            Precision::Single => f32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f64,
            Precision::Half => f16::from_le_bytes([b[0], b[1]]).to_f64(),
            Precision::BrainHalf => bf16::from_le_bytes([b[0], b[1]]).to_f64(),
        };
        bits.chunks_exact(self.precision.bytes() as usize).map(value).collect()
    }
}

fn bytes(precision: Precision, v: f64) -> Vec<u8> {
    match precision {
        Precision::Single => (v as f32).to_le_bytes().to_vec(),
        Precision::Half => f16::from_f32(v as f32).to_le_bytes().to_vec(),
        Precision::BrainHalf => bf16::from_f32(v as f32).to_le_bytes().to_vec(),
    }
}

/// A value as a format has it.
pub fn round(precision: Precision, v: f64) -> f64 {
    match precision {
        Precision::Single => v as f32 as f64,
        Precision::Half => f16::from_f32(v as f32).to_f64(),
        Precision::BrainHalf => bf16::from_f32(v as f32).to_f64(),
    }
}

/// Numbers from -1 to 1 without a pattern.
pub fn noise(precision: Precision, len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        round(precision, (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    };
    (0..20).for_each(|_| _ = next());
    (0..len).map(|_| next()).collect()
}

/// How far a value in a format may be from its expectation: a rounding, or two where it is added to, beside the sums'.
fn slack(precision: Precision) -> f64 {
    match precision {
        Precision::Single => 2e-5,
        Precision::Half => 1.5e-3,
        Precision::BrainHalf => 1.2e-2,
    }
}

/// What went wrong, all of it.
#[derive(Default)]
pub struct Report(Vec<String>);

impl Report {
    /// Compares values in the format `found` is in; `scale` is how large the numbers in sums are.
    pub fn close(&mut self, what: &str, found: &Values, expected: &[f64], scale: f64) {
        let (values, slack) = (found.get(), slack(found.precision));
        if values.len() != expected.len() {
            return self.0.push(format!("{what}: {} values, expected {}", values.len(), expected.len()));
        }
        let far =
            |(f, e): (&f64, &f64)| !((f - e).abs() <= slack * e.abs().max(scale) || f == e || f.is_nan() && e.is_nan());
        if let Some(i) = values.iter().zip(expected).position(far) {
            self.0.push(format!("{what}: value {i} is {}, expected {}", values[i], expected[i]));
        }
    }

    pub fn holds(&mut self, what: &str, ok: bool) {
        if !ok {
            self.0.push(what.to_string());
        }
    }

    pub fn end(self) {
        assert!(self.0.is_empty(), "{} failures:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// A structure's bytes, for the GPU.
pub fn bytes_of<T: Copy>(values: &[T]) -> Vec<u8> {
    // SAFETY: structures of numbers without gaps between them, read as bytes for as long as they live
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), std::mem::size_of_val(values)) }.to_vec()
}

/// The sizes that `args.cuh` asserts.
#[test]
fn structures_are_as_large_on_the_gpu() {
    use super::*;
    use std::mem::size_of;
    let sizes = [size_of::<TurnJob>(), size_of::<Turn>(), size_of::<NormArgs>(), size_of::<PoolArgs>()];
    assert_eq!(sizes, [32, 24, 152, 72]);
    let sizes = [size_of::<MeanArgs>(), size_of::<ChannelsArgs>(), size_of::<GateArgs>(), size_of::<BiasArgs>()];
    assert_eq!(sizes, [32, 40, 80, 56]);
    let sizes = [size_of::<LossArgs>(), size_of::<ParamJob>(), size_of::<UpdateArgs>(), size_of::<CastArgs>()];
    assert_eq!(sizes, [80, 56, 112, 32]);
}
