//! Vectors of f32 for each instruction set, and the levels that are chosen among at run time.
//!
//! A kernel is written once over [`Vector`]; `simd_kernel!` compiles it for every level. A line of 16
//! values, the unit of all packed layouts, is one vector of AVX-512, two of AVX2, four of NEON.

mod vectors;

use std::sync::OnceLock;
pub use vectors::Plain;
#[cfg(target_arch = "aarch64")]
pub use vectors::arm::Neon;
#[cfg(target_arch = "x86_64")]
pub use vectors::x86::{Avx2, Avx512};

/// Values of a line: the width of packed panels.
pub const LINE: usize = 16;

/// An instruction set that this machine has: made by [`Level::available`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub(super) Kind);

/// Instruction sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whatever the compiler makes of plain Rust.
    Plain,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The environment variable that names a level.
const VARIABLE: &str = "TRICKTOP_SIMD";

impl Level {
    /// The levels that this machine can run, the best last.
    pub fn available() -> Vec<Level> {
        let mut kinds = vec![Kind::Plain];
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            kinds.push(Kind::Neon);
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            kinds.push(Kind::Avx2);
            if std::arch::is_x86_feature_detected!("avx512f") {
                kinds.push(Kind::Avx512);
            }
        }
        kinds.into_iter().map(Level).collect()
    }

    /// The level that `TRICKTOP_SIMD` names, or the best.
    ///
    /// # Errors
    /// A name that is none of a level that this machine has, as a sentence.
    pub fn chosen() -> Result<Level, String> {
        let levels = Level::available();
        let Some(asked) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(levels[levels.len() - 1]);
        };
        levels.iter().find(|l| asked == l.word()).copied().ok_or_else(|| {
            let words: Vec<&str> = levels.iter().map(|l| l.word()).collect();
            format!("{VARIABLE} is `{}`; this machine has {}", asked.to_string_lossy(), words.join(", "))
        })
    }

    /// The level in use: as chosen, or the best when that choice is none.
    pub fn best() -> Level {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL
            .get_or_init(|| Level::chosen().unwrap_or_else(|_| Level::available().pop().unwrap_or(Level(Kind::Plain))))
    }

    /// The word for the screen, and for `TRICKTOP_SIMD`.
    pub fn word(self) -> &'static str {
        match self.0 {
            Kind::Plain => "plain",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }
}

/// A vector of f32.
///
/// # Safety
/// Every method is unsafe for one reason: the machine must have the instructions of the vector's level. Pointers must
/// be readable or writable for the lanes that a method names.
pub unsafe trait Vector: Copy {
    /// Values in it; divides [`LINE`].
    const LANES: usize;
    /// Rows of a tile of sums, each a line wide, that the registers hold.
    const ROWS: usize;
    /// A line as vectors.
    type Line: Copy + AsRef<[Self]> + AsMut<[Self]>;
    /// The same value in a whole line.
    unsafe fn splat_line(v: f32) -> Self::Line;
    /// The same value in every lane.
    unsafe fn splat(v: f32) -> Self;
    /// Reads `LANES` values.
    unsafe fn load(p: *const f32) -> Self;
    /// Writes `LANES` values.
    unsafe fn store(self, p: *mut f32);
    /// self + b.
    unsafe fn add(self, b: Self) -> Self;
    /// self - b.
    unsafe fn sub(self, b: Self) -> Self;
    /// self * b.
    unsafe fn mul(self, b: Self) -> Self;
    /// self * b + c; rounded once where the level has FMA.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// The lanes of self where `v` is above 0, or is not a number; 0 elsewhere.
    unsafe fn where_positive(self, v: Self) -> Self;
    /// The greater of self and `floor`; not-a-number stays, so that a run that diverges shows it.
    unsafe fn at_least(self, floor: Self) -> Self;

    /// Reads a line.
    #[inline(always)]
    unsafe fn load_line(p: *const f32) -> Self::Line {
        // SAFETY: the caller's pointer to a line
        unsafe {
            let mut line = Self::splat_line(0.0);
            for (i, v) in line.as_mut().iter_mut().enumerate() {
                *v = Self::load(p.add(i * Self::LANES));
            }
            line
        }
    }

    /// Writes a line.
    #[inline(always)]
    unsafe fn store_line(line: &Self::Line, p: *mut f32) {
        // SAFETY: the caller's pointer to a line
        unsafe {
            for (i, v) in line.as_ref().iter().enumerate() {
                v.store(p.add(i * Self::LANES));
            }
        }
    }

    /// Reads the first `n` values, zeros after them.
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self {
        // SAFETY: the caller's `n` readable values, or a line of our own
        unsafe {
            if n >= Self::LANES {
                return Self::load(p);
            }
            let mut line = [0f32; LINE];
            for (i, v) in line.iter_mut().enumerate().take(n) {
                *v = *p.add(i);
            }
            Self::load(line.as_ptr())
        }
    }

    /// Writes the first `n` values.
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        // SAFETY: the caller's `n` writable values, or a line of our own
        unsafe {
            if n >= Self::LANES {
                return self.store(p);
            }
            let mut line = [0f32; LINE];
            self.store(line.as_mut_ptr());
            for (i, v) in line.iter().enumerate().take(n) {
                *p.add(i) = *v;
            }
        }
    }
}

/// The first cache, for [`prefetch`] (x86's `_MM_HINT_T0`).
pub const L1: i32 = 3;
/// The second cache (`_MM_HINT_T1`): what is not needed at once would drive out of the first what is.
pub const L2: i32 = 2;

/// Asks for the cache line at `p`, which need not be readable, into a cache.
#[inline(always)]
pub fn prefetch<const CACHE: i32>(p: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 machine has the instruction, and it faults on no address
    unsafe {
        std::arch::x86_64::_mm_prefetch::<CACHE>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The first `count` of N vectors, `stride` values apart; zeros after them.
///
/// # Safety
/// They must be readable, and the machine must have the level.
#[inline(always)]
pub unsafe fn load_all<V: Vector, const N: usize>(p: *const f32, stride: usize, count: usize) -> [V; N] {
    // SAFETY: the caller's
    unsafe {
        let mut values = [V::splat(0.0); N];
        for (i, v) in values.iter_mut().enumerate() {
            if i < count {
                *v = V::load(p.add(i * stride));
            }
        }
        values
    }
}

/// Writes the first `count` of N vectors, `stride` values apart.
///
/// # Safety
/// They must be writable, and the machine must have the level.
#[inline(always)]
pub unsafe fn store_all<V: Vector, const N: usize>(values: [V; N], p: *mut f32, stride: usize, count: usize) {
    for (i, v) in values.iter().enumerate() {
        if i < count {
            // SAFETY: the caller's
            unsafe { v.store(p.add(i * stride)) }
        }
    }
}

/// An unsafe fn over a [`Vector`] `V`, compiled for every level; the level to run comes as its first argument.
///
/// What the fn does must be sound for its arguments on a machine that has the level, which the [`Level`] proves.
macro_rules! simd_kernel {
    ($(#[$doc:meta])* $vis:vis fn $name:ident<$v:ident $(, $g:ident: $bound:ident)*>($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name<$($g: $bound),*>(level: $crate::kernels::simd::Level, $($arg: $ty),*) {
            use $crate::kernels::simd::{self, Kind};
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            unsafe fn body<$v: simd::Vector, $($g: $bound),*>($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2<$($g: $bound),*>($($arg: $ty),*) {
                // SAFETY: the caller's, and the features are enabled here
                unsafe { body::<simd::Avx2, $($g),*>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512<$($g: $bound),*>($($arg: $ty),*) {
                // SAFETY: the caller's, and the features are enabled here
                unsafe { body::<simd::Avx512, $($g),*>($($arg),*) }
            }
            // SAFETY: the caller's, and the machine has the level
            unsafe {
                match level.0 {
                    Kind::Plain => body::<simd::Plain, $($g),*>($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    Kind::Neon => body::<simd::Neon, $($g),*>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx2 => avx2::<$($g),*>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Kind::Avx512 => avx512::<$($g),*>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use simd_kernel;

/// Does `body` for every vector of channels: its first channel, and how many of them there are. Whole vectors are compiled
/// apart from a last short one, which makes every load of theirs a plain one.
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
