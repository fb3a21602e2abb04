//! What a kernel is written in: the trait [`Vector`], a register of f32 lanes.

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
