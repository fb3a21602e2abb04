//! What operations take of a device's memory, for estimates before anything runs. Each backend knows its own.

use super::{Precision, cpu, cuda};
use crate::kernels::geometry::{Conv, Pool};

/// What computes, as far as memory goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A CPU, with the format of its feature maps.
    Cpu(Precision),
    /// An NVIDIA GPU.
    Cuda {
        /// Format of its feature maps.
        precision: Precision,
        /// Whether convolutions are cuDNN's.
        cudnn: bool,
    },
}

/// Size of one image's feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl Extent {
    /// Number of values.
    pub fn values(self) -> u64 {
        (self.h * self.w * self.c) as u64
    }
}

/// An operation that gives a feature map.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// A convolution.
    Conv {
        /// The convolution.
        conv: &'a Conv,
        /// Whether a norm follows it in one unit.
        norm: bool,
    },
    /// A norm alone.
    Norm,
    /// A pool.
    Pool(&'a Pool),
    /// The sum at the end of a residual block.
    Sum {
        /// Whether one of the summands is gated.
        gate: bool,
    },
    /// Maps side by side.
    Concat,
    /// Logits of pixels upsampled, and their loss.
    Upsample,
}

/// What an operation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Maps as large as its output that are kept from the forward to the backward pass.
    pub kept: u64,
    /// Bytes beside input and output while it runs.
    pub beside: u64,
    /// Values that the device must be able to count.
    pub count: u64,
}

impl Backend {
    /// Bytes of a value of a feature map.
    pub fn value_bytes(self) -> u64 {
        match self {
            // (half precision is emulated in single precision)
            Backend::Cpu(Precision::BrainHalf) => Precision::BrainHalf.bytes(),
            Backend::Cpu(_) => Precision::Single.bytes(),
            Backend::Cuda { precision, .. } => precision.bytes(),
        }
    }

    /// What an operation takes for `batch` images whose maps it makes from one size to another.
    pub fn taken(self, operation: Operation<'_>, from: Extent, to: Extent, batch: u64) -> Taken {
        match self {
            Backend::Cpu(_) => cpu::memory::taken(operation),
            Backend::Cuda { precision, cudnn } => cuda::memory::taken((precision, cudnn), operation, from, to, batch),
        }
    }

    /// Bytes that the program takes beside all that, when `kept` bytes of maps are kept.
    pub fn overhead(self, kept: u64) -> u64 {
        match self {
            Backend::Cpu(_) => cpu::memory::overhead(kept),
            Backend::Cuda { .. } => 0,
        }
    }

    /// Bytes that a net's trained values take beside themselves and their gradients.
    pub fn weights(self, values: u64) -> u64 {
        match self {
            Backend::Cpu(_) => 0,
            Backend::Cuda { precision, .. } => cuda::memory::weights(precision, values),
        }
    }
}
