//! What a product multiplies: f32, or pairs of bfloat16.

use crate::kernels::simd::Vector;
use crate::kernels::value::Value;
use half::bf16;

/// A number format that products take. Sums are in f32.
pub trait Operand: Value {
    /// Values of the inner dimension that a lane multiplies together.
    const STEP: usize;
    /// The next [`STEP`](Operand::STEP) rows of a panel, 16 values each, as a line of what is multiplied together; the
    /// first row alone, and zeros, where `whole` is not set.
    ///
    /// # Safety
    /// The rows must be readable, and the machine must have the level.
    unsafe fn line<V: Vector>(rows: *const Self, whole: bool) -> V::Line;
    /// As many values that lie side by side, in every lane.
    ///
    /// # Safety
    /// They must be readable, and the machine must have the level.
    unsafe fn broadcast<V: Vector>(values: *const Self, whole: bool) -> V;
    /// sum + x * w in every lane.
    ///
    /// # Safety
    /// The machine must have the level.
    unsafe fn multiply_add<V: Vector>(sum: V, x: V, w: V) -> V;
    /// Lays the next [`STEP`](Operand::STEP) rows of a panel out column by column, for [`column`](Operand::column); with
    /// the first row alone, and zeros, where `whole` is not set.
    ///
    /// # Safety
    /// There must be room for all of the rows, and the machine must have the level.
    unsafe fn turn<V: Vector>(rows: *mut Self, whole: bool);
    /// A column of rows that were turned, in every lane.
    ///
    /// # Safety
    /// The column must be there, and the machine must have the level.
    unsafe fn column<V: Vector>(rows: *const Self, at: usize) -> V;
}

impl Operand for f32 {
    const STEP: usize = 1;

    #[inline(always)]
    unsafe fn line<V: Vector>(rows: *const f32, _: bool) -> V::Line {
        // SAFETY: As promised by the caller.
        unsafe { V::load_line(rows) }
    }

    #[inline(always)]
    unsafe fn broadcast<V: Vector>(value: *const f32, _: bool) -> V {
        // SAFETY: As promised by the caller.
        unsafe { V::splat(*value) }
    }

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(sum: V, x: V, w: V) -> V {
        // SAFETY: As promised by the caller.
        unsafe { x.mul_add(w, sum) }
    }

    #[inline(always)]
    unsafe fn turn<V: Vector>(_: *mut f32, _: bool) {}

    #[inline(always)]
    unsafe fn column<V: Vector>(row: *const f32, at: usize) -> V {
        // SAFETY: As promised by the caller.
        unsafe { V::splat(*row.add(at)) }
    }
}

impl Operand for bf16 {
    const STEP: usize = 2;

    #[inline(always)]
    unsafe fn line<V: Vector>(rows: *const bf16, whole: bool) -> V::Line {
        // SAFETY: As promised by the caller.
        unsafe { V::load_line_of_pairs(rows, whole) }
    }

    #[inline(always)]
    unsafe fn broadcast<V: Vector>(values: *const bf16, whole: bool) -> V {
        // SAFETY: As promised by the caller; without `whole` the value behind is not read, as there may be none.
        unsafe {
            match whole {
                true => V::splat_pair(values),
                false => V::splat(f32::from_bits(u32::from((*values).to_bits()))),
            }
        }
    }

    #[inline(always)]
    unsafe fn multiply_add<V: Vector>(sum: V, x: V, w: V) -> V {
        // SAFETY: As promised by the caller.
        unsafe { sum.add_pair_products(x, w) }
    }

    #[inline(always)]
    unsafe fn turn<V: Vector>(rows: *mut bf16, whole: bool) {
        // SAFETY: As promised by the caller.
        unsafe { V::store_line(&V::load_line_of_pairs(rows, whole), rows.cast()) }
    }

    #[inline(always)]
    unsafe fn column<V: Vector>(rows: *const bf16, at: usize) -> V {
        // SAFETY: As promised by the caller.
        unsafe { V::splat_pair(rows.add(at * Self::STEP)) }
    }
}
