//! The vectors of each level: a register of one instruction set and how each method of [`Vector`] is done with it.
//!
//! [`Vector::ROWS`] follows from the registers. A tile of sums takes `ROWS * LINE / LANES` of them, the line of the panel
//! `LINE / LANES`, and a broadcast value one.
//!
//! - AVX2 has 16: 6 * 2 + 2 + 1 = 15. BLIS has the same tile of 6x16 for Haswell.
//! - NEON has 32: 6 * 4 + 4 + 1 = 29.
//! - AVX-512 has 32, and 14 + 1 + 1 leaves half of them free. 14 independent sums are more than the 4 cycles of a
//!   multiply-add need, and rows of 7, 14, 28 and 56 pixels, those of nets for images of 224 pixels, are cut without a
//!   remainder. The microkernels are compiled for up to 16 rows.

use super::vector::{Vector, round_bf16};
use half::bf16;

/// Eight lanes of plain Rust, which the compiler turns into what every machine of the architecture has.
///
/// The check on all other levels, and what runs where there is none of them. It has the lanes and rows of AVX2 and
/// rounds products and sums apart.
#[derive(Clone, Copy)]
pub struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn zip(mut self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        for (a, b) in self.0.iter_mut().zip(b.0) {
            *a = f(*a, b);
        }
        self
    }
}

// SAFETY: Plain Rust runs everywhere.
unsafe impl Vector for Plain {
    const LANES: usize = 8;
    const ROWS: usize = 6;
    type Line = [Self; 2];
    #[inline(always)]
    unsafe fn splat_line(v: f32) -> Self::Line {
        [Plain([v; 8]); 2]
    }
    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        Plain([v; 8])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: The caller's pointer is valid for eight values.
        Plain(unsafe { p.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: The caller's pointer is valid for eight values.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        self.zip(b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        self.zip(b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        self.zip(b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        self.zip(b, |a, b| a * b).zip(c, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn where_positive(self, v: Self) -> Self {
        self.zip(v, |a, v| if v <= 0.0 { 0.0 } else { a })
    }
    #[inline(always)]
    unsafe fn at_least(self, floor: Self) -> Self {
        self.zip(floor, |v, floor| if v < floor { floor } else { v })
    }
    #[inline(always)]
    unsafe fn load_lower(p: *const bf16) -> Self {
        // SAFETY: The caller's pointer is valid for eight values.
        Plain(unsafe { p.cast::<[u16; 8]>().read_unaligned() }.map(|v| f32::from_bits(u32::from(v))))
    }
    #[inline(always)]
    unsafe fn round_bf16(self) -> Self {
        Plain(self.0.map(round_bf16))
    }
    #[inline(always)]
    unsafe fn store_bf16(self, p: *mut bf16) {
        // SAFETY: The caller's pointer is valid for eight values.
        unsafe { p.cast::<[u16; 8]>().write_unaligned(self.0.map(|v| (v.to_bits() >> 16) as u16)) }
    }
    #[inline(always)]
    unsafe fn lower(self) -> Self {
        Plain(self.0.map(|v| f32::from_bits(v.to_bits() << 16)))
    }
    #[inline(always)]
    unsafe fn upper(self) -> Self {
        Plain(self.0.map(|v| f32::from_bits(v.to_bits() & 0xffff_0000)))
    }
    #[inline(always)]
    unsafe fn or(self, b: Self) -> Self {
        self.zip(b, |a, b| f32::from_bits(a.to_bits() | b.to_bits()))
    }
}

/// The vectors of an instruction set: its register, lanes, and how each method is done there.
macro_rules! vector {
    ($(#[$doc:meta])* $name:ident, $register:ty, $lanes:literal, rows: $rows:literal,
     splat: $splat:path, load: $load:path, store: $store:path,
     add: $add:path, sub: $sub:path, mul: $mul:path, mul_add: $mul_add:expr,
     where_positive: $where_positive:expr, at_least: $at_least:expr, { $($own:item)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name($register);

        // SAFETY: Of every method, the caller has made sure that the machine has the instructions.
        unsafe impl Vector for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = $rows;
            type Line = [Self; LINE / $lanes];
            #[inline(always)]
            unsafe fn splat_line(v: f32) -> Self::Line {
                unsafe { [Self::splat(v); LINE / $lanes] }
            }
            #[inline(always)]
            unsafe fn splat(v: f32) -> Self {
                unsafe { $name($splat(v)) }
            }
            #[inline(always)]
            unsafe fn load(p: *const f32) -> Self {
                unsafe { $name($load(p)) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut f32) {
                unsafe { $store(p, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                unsafe { $name($add(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                unsafe { $name($sub(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                unsafe { $name($mul(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                unsafe { $name($mul_add(self.0, b.0, c.0)) }
            }
            #[inline(always)]
            unsafe fn where_positive(self, v: Self) -> Self {
                unsafe { $name($where_positive(self.0, v.0)) }
            }
            #[inline(always)]
            unsafe fn at_least(self, floor: Self) -> Self {
                unsafe { $name($at_least(self.0, floor.0)) }
            }
            $($own)*
        }
    };
}

// (behind the macro, which they use)
#[cfg(target_arch = "aarch64")]
pub mod arm;
#[cfg(target_arch = "x86_64")]
pub mod x86;
