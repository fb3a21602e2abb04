//! Vectors of f32 for each instruction set, and the choice among the sets at run time.
//!
//! A kernel is written once over the trait [`Vector`]; `simd_kernel!` compiles it for every [`Level`] and calls the one
//! that it is told. A line of [`LINE`] values is one vector of AVX-512, two of AVX2, four of NEON. How to add a level:
//! `docs/dev/kernels.md`.

mod isa;
mod level;
mod vector;

pub use isa::Plain;
#[cfg(target_arch = "aarch64")]
pub use isa::arm::Neon;
#[cfg(target_arch = "x86_64")]
pub use isa::x86::{Avx2, Avx512, Avx512Bf16};
pub(in crate::kernels) use level::Kind;
pub use level::{Level, UnknownLevel};
pub use vector::{LINE, Vector, load_all, round_bf16, store_all};

/// The first-level cache, for [`prefetch`]: `_MM_HINT_T0` of x86.
pub const L1: i32 = 3;
/// The second-level cache: `_MM_HINT_T1` of x86. What is needed a whole block later goes there, because in the
/// first-level cache it would drive out what is in use (`docs/dev/measurements.md`, "Asking ahead").
pub const L2: i32 = 2;

/// Asks for the cache line at `p` ahead of its use. The address need not be readable. Does nothing outside x86-64.
#[inline(always)]
pub fn prefetch<const CACHE: i32>(p: *const impl Sized) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: Every x86-64 machine has the instruction, and it faults on no address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<CACHE>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Declares an unsafe function over a [`Vector`] `V` and compiles it for every level. Its first argument, which the
/// macro adds, is the level to run. A function over `V: Pairs<T>` multiplies pairs where T is bfloat16: it is then
/// compiled once more, for the instructions that do it.
///
/// The body must be sound for its arguments on a machine that has the level; the [`Level`] proves that the machine has
/// it. Everything that the body calls must be `#[inline(always)]`: only then is it compiled with the level's features.
/// A closure that loads a vector is not, and becomes a call for every load.
macro_rules! simd_kernel {
    ($(#[$doc:meta])* $vis:vis fn $name:ident<$v:ident: Pairs<$of:ty> $(, $g:ident: $bound:ident)*>($($args:tt)*) $body:block) => {
        simd_kernel! {
            @kernel [$(#[$doc])*] [$vis] $name $v [$($g: $bound),*] [$($args)*] $body
            [avx512bf16, "avx512bf16,avx512bw,avx512f,avx2,fma", Avx512Bf16] [$of]
        }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident<$v:ident $(, $g:ident: $bound:ident)*>($($args:tt)*) $body:block) => {
        simd_kernel! { @kernel [$(#[$doc])*] [$vis] $name $v [$($g: $bound),*] [$($args)*] $body [] [] }
    };
    (@kernel [$($doc:tt)*] [$vis:vis] $name:ident $v:ident [$($g:ident: $bound:ident),*]
     [$($arg:ident: $ty:ty),* $(,)?] $body:block $pairs:tt $of:tt) => {
        $($doc)*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name<$($g: $bound),*>(level: $crate::kernels::simd::Level, $($arg: $ty),*) {
            use $crate::kernels::simd::{self, Kind};
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            unsafe fn body<$v: simd::Vector, $($g: $bound),*>($($arg: $ty),*) $body
            simd_kernel! { @level [avx2, "avx2,fma", Avx2] [$($g: $bound),*] [$($arg: $ty),*] }
            simd_kernel! { @level [avx512, "avx512f,avx2,fma", Avx512] [$($g: $bound),*] [$($arg: $ty),*] }
            simd_kernel! { @level $pairs [$($g: $bound),*] [$($arg: $ty),*] }
            // SAFETY: The caller's promises hold, and the machine has the level.
            unsafe {
                match level.0 {
                    Kind::Plain => body::<simd::Plain, $($g),*>($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    Kind::Neon => body::<simd::Neon, $($g),*>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx2 => avx2::<$($g),*>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx512 => avx512::<$($g),*>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx512Bf16 => simd_kernel! { @pairs $of [$($g),*] ($($arg),*) },
                }
            }
        }
    };
    (@pairs [] [$($g:ident),*] $args:tt) => { avx512::<$($g),*> $args };
    // (constant: only one of them is compiled)
    (@pairs [$of:ty] [$($g:ident),*] $args:tt) => {
        if <$of as $crate::kernels::gemm::Operand>::STEP > 1 { avx512bf16::<$($g),*> $args } else { avx512::<$($g),*> $args }
    };
    (@level [] $generics:tt $args:tt) => {};
    (@level [$name:ident, $features:literal, $vectors:ident]
     [$($g:ident: $bound:ident),*] [$($arg:ident: $ty:ty),*]) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        #[allow(clippy::too_many_arguments)]
        unsafe fn $name<$($g: $bound),*>($($arg: $ty),*) {
            // SAFETY: The caller's promises hold, and the features are enabled here.
            unsafe { body::<simd::$vectors, $($g),*>($($arg),*) }
        }
    };
}
pub(crate) use simd_kernel;

/// Runs `body` for every vector of channels, with its first channel and the number of its channels. The body is
/// compiled twice, for whole vectors and for a last short one: loads of whole vectors are then plain loads.
macro_rules! by_vector {
    ($v:ident, $channels:expr, |$c:ident, $n:ident| $body:expr) => {
        for $c in (0..$channels).step_by($v::LANES) {
            match $channels - $c {
                $n if $n < $v::LANES => $body,
                _ => {
                    let $n = $v::LANES;
                    $body
                }
            }
        }
    };
}
pub(crate) use by_vector;
