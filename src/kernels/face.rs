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

/// Declares [`Kernels`] and implements it for every format, each method by the function behind it.
macro_rules! kernels {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) -> $out:ty = $of:path;)*) => {
        /// A number format of feature maps, with its kernels.
        pub trait Kernels: Operand {
            $($(#[$doc])* fn $name($($arg: $ty),*) -> $out;)*
        }
        kernels! { @for f32 $(fn $name($($arg: $ty),*) -> $out = $of;)* }
        kernels! { @for bf16 $(fn $name($($arg: $ty),*) -> $out = $of;)* }
    };
    (@for $format:ident $(fn $name:ident($($arg:ident: $ty:ty),*) -> $out:ty = $of:path;)*) => {
        impl Kernels for $format {
            $(fn $name($($arg: $ty),*) -> $out { $of($($arg),*) })*
        }
    };
}

kernels! {
    /// [`conv::forward`] before a norm in training.
    fn convolve(level: Level, g: &ConvGeometry, x: MapInput<Self>, w: &[f32], to: Statistics<Self>) -> Vec<PartialSums>
        = conv::forward;
    /// [`conv::forward`] to the values of a map; no sums are kept.
    fn convolve_to(level: Level, g: &ConvGeometry, x: MapInput<Self>, w: &[f32], to: Finished<Self>) -> Vec<PartialSums>
        = conv::forward;
    /// [`conv::backward`].
    fn convolve_back(
        level: Level, g: &ConvGeometry, x: MapInput<Self>, gy: OutputGrad<Self>, w: &[f32], gw: &mut [f32],
        gx: Option<(&mut [Self], bool)>
    ) -> () = conv::backward;
    /// [`norm::backward`].
    fn norm_back(level: Level, s: &Saved<Self>, g: &mut [Self], mask: Mask<Self>) -> Gradients = norm::backward;
}
