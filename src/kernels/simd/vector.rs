//! What a kernel is written in: the trait [`Vector`], a register of f32 lanes.

use half::bf16;

/// Values of a line, the unit of all packed layouts: 16 f32 are 64 bytes, one cache line and one AVX-512 register.
pub const LINE: usize = 16;

/// A vector of f32.
///
/// # Safety
/// Every method is unsafe for one reason: the machine must have the instructions of the vector's level. Pointers must
/// be readable or writable for the lanes that a method names.
pub unsafe trait Vector: Copy {
    /// Its lanes: a divisor of [`LINE`].
    const LANES: usize;
    /// Rows of a tile of sums, each a line wide, that the registers hold in `gemm::nn`.
    const ROWS: usize;
    /// A line of 16 values as vectors.
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
    /// self * b + c. Rounded once where the level has fused multiply-add, twice on the plain one.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// The lanes of self where `v` is above 0 or not a number; 0 in the others. Not-a-number passes, so that a run that
    /// diverges shows it.
    unsafe fn where_positive(self, v: Self) -> Self;
    /// The greater of self and `floor`. Not-a-number stays, for the same reason.
    unsafe fn at_least(self, floor: Self) -> Self;
    /// Reads `LANES` values of bfloat16 into the lower halves of the lanes, with zeros above.
    unsafe fn load_lower(p: *const bf16) -> Self;
    /// Rounds to the nearest numbers of bfloat16, to even ones where two are as near: the upper halves of f32.
    unsafe fn round_bf16(self) -> Self;
    /// Writes the upper halves of what [`round_bf16`](Vector::round_bf16) has rounded.
    unsafe fn store_bf16(self, p: *mut bf16);
    /// The lower half of every lane as the upper one, with zeros below: a number of bfloat16.
    unsafe fn lower(self) -> Self;
    /// The upper half of every lane, with zeros below.
    unsafe fn upper(self) -> Self;
    /// The bits of both.
    unsafe fn or(self, b: Self) -> Self;

    /// Reads `LANES` values of bfloat16.
    #[inline(always)]
    unsafe fn load_bf16(p: *const bf16) -> Self {
        // SAFETY: The caller's values are readable.
        unsafe { Self::load_lower(p).lower() }
    }

    /// Reads `LANES` values of two rows of bfloat16, a line apart: every lane has that of the first row in its lower half and
    /// that of the second in its upper one. Zeros for the second where there is only one row.
    #[inline(always)]
    unsafe fn load_pairs(p: *const bf16, second: bool) -> Self {
        // SAFETY: The caller's rows are readable.
        unsafe {
            let first = Self::load_lower(p);
            if second { first.or(Self::load_bf16(p.add(LINE))) } else { first }
        }
    }

    /// The same pair of bfloat16 in every lane: two values that lie side by side.
    #[inline(always)]
    unsafe fn splat_pair(p: *const bf16) -> Self {
        // SAFETY: The caller's values are readable.
        unsafe { Self::splat(f32::from_bits(p.cast::<u32>().read_unaligned())) }
    }

    /// self + a * b of pairs of bfloat16, in every lane: the products of the upper halves are added first, and each is
    /// rounded as [`mul_add`](Vector::mul_add) does it.
    #[inline(always)]
    unsafe fn add_pair_products(self, a: Self, b: Self) -> Self {
        // SAFETY: The caller's machine has the level.
        unsafe { a.lower().mul_add(b.lower(), a.upper().mul_add(b.upper(), self)) }
    }

    /// Reads two rows of a line of bfloat16 each as a line of pairs.
    #[inline(always)]
    unsafe fn load_line_of_pairs(p: *const bf16, second: bool) -> Self::Line {
        // SAFETY: The caller's rows are readable.
        unsafe {
            let mut line = Self::splat_line(0.0);
            for (i, v) in line.as_mut().iter_mut().enumerate() {
                *v = Self::load_pairs(p.add(i * Self::LANES), second);
            }
            line
        }
    }

    /// Reads a line.
    #[inline(always)]
    unsafe fn load_line(p: *const f32) -> Self::Line {
        // SAFETY: The caller's pointer is valid for a line.
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
        // SAFETY: The caller's pointer is valid for a line.
        unsafe {
            for (i, v) in line.as_ref().iter().enumerate() {
                v.store(p.add(i * Self::LANES));
            }
        }
    }

    /// Reads the first `n` values, zeros after them.
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self {
        // SAFETY: The caller's `n` values are readable; the other pointer is to a line of our own.
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
        // SAFETY: The caller's `n` values are writable; the other pointer is to a line of our own.
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

/// A number rounded as [`Vector::round_bf16`] does it.
#[inline(always)]
pub fn round_bf16(v: f32) -> f32 {
    let bits = v.to_bits();
    // Half of the last digit that stays, and one less where that digit is even: a tie then carries to an even one.
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    // A carry would make infinity, or zero, out of what is not a number.
    f32::from_bits(if v.is_nan() { bits & 0xffff_0000 | 0x0040_0000 } else { rounded })
}

/// Reads the first `count` of N vectors, `stride` values apart, and puts zeros after them.
///
/// # Safety
/// They must be readable, and the machine must have the level.
#[inline(always)]
pub unsafe fn load_all<V: Vector, const N: usize>(p: *const f32, stride: usize, count: usize) -> [V; N] {
    // SAFETY: The caller's vectors are readable.
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
            // SAFETY: The caller's vectors are writable.
            unsafe { v.store(p.add(i * stride)) }
        }
    }
}
