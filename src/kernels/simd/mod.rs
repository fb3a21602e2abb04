//! Vectors of f32 for each instruction set, and the levels that are chosen among at run time.
//!
//! A kernel is written once over [`Vector`]; [`simd_kernel!`] compiles it for every level and picks one. A line of 16
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

/// Instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
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

impl Level {
    /// The levels that this machine can run, the best last.
    pub fn available() -> Vec<Level> {
        let mut levels = vec![Level::Plain];
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            levels.push(Level::Neon);
        }
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
            if avx2 {
                levels.push(Level::Avx2);
            }
            if avx2 && std::arch::is_x86_feature_detected!("avx512f") {
                levels.push(Level::Avx512);
            }
        }
        levels
    }

    /// The level in use: the best that this machine can run, or the one that the environment variable `TRICKTOP_SIMD`
    /// names, when it can run that.
    pub fn best() -> Level {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| {
            let levels = Level::available();
            let asked = std::env::var("TRICKTOP_SIMD").ok();
            let named = levels.iter().find(|l| Some(l.word()) == asked.as_deref());
            named.or(levels.last()).copied().unwrap_or(Level::Plain)
        })
    }

    /// The word for the screen, and for `TRICKTOP_SIMD`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Plain => "plain",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
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

/// N vectors, `stride` values apart.
///
/// # Safety
/// They must be readable, and the machine must have the level.
#[inline(always)]
pub unsafe fn load_all<V: Vector, const N: usize>(p: *const f32, stride: usize) -> [V; N] {
    // SAFETY: the caller's
    unsafe {
        let mut values = [V::splat(0.0); N];
        for (i, v) in values.iter_mut().enumerate() {
            *v = V::load(p.add(i * stride));
        }
        values
    }
}

/// Writes N vectors, `stride` values apart.
///
/// # Safety
/// They must be writable, and the machine must have the level.
#[inline(always)]
pub unsafe fn store_all<V: Vector, const N: usize>(values: [V; N], p: *mut f32, stride: usize) {
    for (i, v) in values.into_iter().enumerate() {
        // SAFETY: the caller's
        unsafe { v.store(p.add(i * stride)) }
    }
}

/// Calls `body::<V, ..>(args)`, an `#[inline(always)]` unsafe fn over a [`Vector`], compiled for each level.
///
/// The body must be sound for its arguments on a machine that has the level; that is what the one unsafe call states.
macro_rules! simd_kernel {
    ($(#[$doc:meta])* $vis:vis fn $name:ident $(<$g:ident: $bound:ident $(, $f:ident: $fb:ident)?>)? ($($arg:ident: $ty:ty),* $(,)?) = $body:ident) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name $(<$g: $bound $(, $f: $fb)?>)? (level: $crate::kernels::simd::Level, $($arg: $ty),*) {
            use $crate::kernels::simd::{self, Level};
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2 $(<$g: $bound $(, $f: $fb)?>)? ($($arg: $ty),*) {
                // SAFETY: the caller's, and the features are enabled here
                unsafe { $body::<simd::Avx2 $(, $g $(, $f)?)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512 $(<$g: $bound $(, $f: $fb)?>)? ($($arg: $ty),*) {
                // SAFETY: the caller's, and the features are enabled here
                unsafe { $body::<simd::Avx512 $(, $g $(, $f)?)?>($($arg),*) }
            }
            // SAFETY: the caller's; a level is only made when the machine has it (`Level::available`)
            unsafe {
                match level {
                    Level::Plain => $body::<simd::Plain $(, $g $(, $f)?)?>($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    Level::Neon => $body::<simd::Neon $(, $g $(, $f)?)?>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => avx2 $(::<$g $(, $f)?>)? ($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => avx512 $(::<$g $(, $f)?>)? ($($arg),*),
                }
            }
        }
    };
}
pub(crate) use simd_kernel;

/// Calls `one::<..>(args.., c, n)` for every vector of channels: its first channel, and how many of them there are. Whole
/// vectors are compiled apart from a last short one, which makes every load of theirs a plain one.
macro_rules! by_vector {
    ($v:ident, $channels:expr, $one:ident::<$($g:ty),+>($($arg:expr),* $(,)?)) => {
        for c in (0..$channels).step_by($v::LANES) {
            match $channels - c {
                n if n < $v::LANES => $one::<$($g),+>($($arg,)* c, n),
                _ => $one::<$($g),+>($($arg,)* c, $v::LANES),
            }
        }
    };
}
pub(crate) use by_vector;
