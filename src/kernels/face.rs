//! The convolutions of each number format as functions without parameters of their types.
//!
//! A generic function is compiled again in every crate that calls it, in tests as in the program; these are compiled here.

use super::conv::{self, OutputGrad};
use super::gemm::Operand;
use super::geometry::ConvGeometry;
use super::lanes::{Finished, MapInput, Statistics};
use super::moments::PartialSums;
use super::norm::{self, Gradients, Mask, Saved};
use super::simd::Level;
use half::bf16;

/// A number format of feature maps, with its kernels.
pub trait Kernels: Operand {
    /// [`conv::forward`] before a norm in training.
    fn convolve(level: Level, g: &ConvGeometry, x: MapInput<Self>, w: &[f32], to: Statistics<Self>)
    -> Vec<PartialSums>;
    /// [`conv::forward`] to the values of a map.
    fn convolve_to(level: Level, g: &ConvGeometry, x: MapInput<Self>, w: &[f32], to: Finished<Self>);
    /// [`conv::backward`].
    fn convolve_back(
        level: Level,
        g: &ConvGeometry,
        x: MapInput<Self>,
        gy: OutputGrad<Self>,
        w: &[f32],
        gw: &mut [f32],
        gx: Option<(&mut [Self], bool)>,
    );
    /// [`norm::backward`].
    fn norm_back(level: Level, s: &Saved<Self>, g: &mut [Self], mask: Mask<Self>) -> Gradients;
}

macro_rules! kernels {
    ($format:ty) => {
        impl Kernels for $format {
            fn convolve(
                level: Level,
                g: &ConvGeometry,
                x: MapInput<Self>,
                w: &[f32],
                to: Statistics<Self>,
            ) -> Vec<PartialSums> {
                conv::forward(level, g, x, w, to)
            }

            fn convolve_to(level: Level, g: &ConvGeometry, x: MapInput<Self>, w: &[f32], to: Finished<Self>) {
                conv::forward(level, g, x, w, to);
            }

            fn convolve_back(
                level: Level,
                g: &ConvGeometry,
                x: MapInput<Self>,
                gy: OutputGrad<Self>,
                w: &[f32],
                gw: &mut [f32],
                gx: Option<(&mut [Self], bool)>,
            ) {
                conv::backward(level, g, x, gy, w, gw, gx);
            }

            fn norm_back(level: Level, s: &Saved<Self>, g: &mut [Self], mask: Mask<Self>) -> Gradients {
                norm::backward(level, s, g, mask)
            }
        }
    };
}

kernels!(f32);
kernels!(bf16);
