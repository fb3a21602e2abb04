//! Where a product finds its left-hand rows.
//!
//! A row is cut into *parts*, whose values lie one behind the other: a panel of a matrix has 16 of them, a tap of a
//! convolution has the channels of a pixel. A microkernel goes through the parts in their order, and needs to know
//! nothing else of how the rows lie in memory.

use super::Operand;
use crate::kernels::simd::{L1, LINE, prefetch};

/// The left-hand rows of a product, every row in parts.
pub trait Rows: Copy {
    /// The format of the values.
    type Value: Operand;
    /// Where a part of the rows from some row on lies.
    type Part: Copy;
    /// Part `part` of the rows from `row` on.
    ///
    /// # Safety
    /// Part and row must exist.
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part;
    /// Where value `c` of the `r`-th of these rows is.
    ///
    /// # Safety
    /// Row and value must exist.
    unsafe fn value(part: Self::Part, r: usize, c: usize) -> *const Self::Value;
    /// Columns of a part from `from` on, of the next rows from `row` on that were turned together.
    ///
    /// # Safety
    /// Part, rows and columns must exist.
    #[inline(always)]
    unsafe fn columns(&self, part: usize, row: usize, from: usize) -> *const Self::Value {
        // SAFETY: As promised by the caller.
        unsafe { Self::value(self.part(part, row), 0, from * Self::Value::STEP) }
    }
    /// Asks for the cache line of a row of a part ahead of its use, where the CPU's own prefetcher cannot foresee it.
    /// Neither part nor row need exist.
    fn prefetch(&self, _part: usize, _row: usize) {}
}

/// Rows that lie equally far apart, with parts anywhere: pixels of one row of a padded image, with the taps of a
/// kernel.
#[derive(Clone, Copy)]
pub struct Strided<'a, T> {
    /// Where the first row counts from.
    pub first: *const T,
    /// Values from row to row.
    pub step: usize,
    /// How far every part lies from there.
    pub parts: &'a [isize],
}

impl<T: Operand> Rows for Strided<'_, T> {
    type Value = T;
    type Part = (*const T, usize);
    #[inline(always)]
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part {
        (self.first.wrapping_offset(self.parts[part]).wrapping_add(row * self.step), self.step)
    }
    #[inline(always)]
    unsafe fn value((first, step): Self::Part, r: usize, c: usize) -> *const T {
        first.wrapping_add(r * step + c)
    }
}

/// A matrix in panels `[cols / 16][row][16]`: a part of a row is its line in a panel.
#[derive(Clone, Copy)]
pub struct PanelRows<T> {
    /// The first row of the first panel.
    pub first: *const T,
    /// Values from panel to panel.
    pub stride: usize,
}

impl<T: Operand> Rows for PanelRows<T> {
    type Value = T;
    type Part = *const T;
    #[inline(always)]
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part {
        self.first.wrapping_add(part * self.stride + row * LINE)
    }
    #[inline(always)]
    unsafe fn value(part: Self::Part, r: usize, c: usize) -> *const T {
        part.wrapping_add(r * LINE + c)
    }
    #[inline(always)]
    fn prefetch(&self, part: usize, row: usize) {
        prefetch::<L1>(self.first.wrapping_add(part * self.stride + row * LINE));
    }
}
