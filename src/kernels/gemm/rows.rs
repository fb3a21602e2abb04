//! Where a product finds its left-hand rows.
//!
//! A row is cut into *parts*, whose values lie one behind the other: a panel of a matrix has 16 of them, a tap of a
//! convolution has the channels of a pixel. A microkernel goes through the parts in their order, and needs to know
//! nothing else of how the rows lie in memory.

use crate::kernels::simd::{L1, LINE, prefetch};

/// The left-hand rows of a product, every row in parts.
pub trait Rows: Copy {
    /// Where a part of the rows from some row on lies.
    type Part: Copy;
    /// Part `part` of the rows from `row` on.
    ///
    /// # Safety
    /// Part and row must exist.
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part;
    /// Value `c` of the `r`-th of these rows.
    ///
    /// # Safety
    /// Row and value must exist.
    unsafe fn value(part: Self::Part, r: usize, c: usize) -> f32;
    /// Asks for the cache line of a row of a part ahead of its use, where the CPU's own prefetcher cannot foresee it.
    /// Neither part nor row need exist.
    fn prefetch(&self, _part: usize, _row: usize) {}
}

/// Rows that lie equally far apart, with parts anywhere: pixels of one row of a padded image, with the taps of a
/// kernel.
#[derive(Clone, Copy)]
pub struct Strided<'a> {
    /// Where the first row counts from.
    pub first: *const f32,
    /// Values from row to row.
    pub step: usize,
    /// How far every part lies from there.
    pub parts: &'a [isize],
}

impl Rows for Strided<'_> {
    type Part = (*const f32, usize);
    #[inline(always)]
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part {
        (self.first.wrapping_offset(self.parts[part]).wrapping_add(row * self.step), self.step)
    }
    #[inline(always)]
    unsafe fn value((first, step): Self::Part, r: usize, c: usize) -> f32 {
        // SAFETY: The caller's row has the value.
        unsafe { *first.add(r * step + c) }
    }
}

/// Rows anywhere, with parts that lie equally far from each of them: pixels of several rows of padded images.
#[derive(Clone, Copy)]
pub struct Scattered<'a> {
    /// Where every row counts from.
    pub pixels: &'a [*const f32],
    /// How far every part lies from there.
    pub parts: &'a [isize],
}

impl Rows for Scattered<'_> {
    type Part = (*const *const f32, isize);
    #[inline(always)]
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part {
        (self.pixels.as_ptr().wrapping_add(row), self.parts[part])
    }
    #[inline(always)]
    unsafe fn value((rows, part): Self::Part, r: usize, c: usize) -> f32 {
        // SAFETY: The caller's row has the value.
        unsafe { *(*rows.add(r)).wrapping_offset(part).add(c) }
    }
}

/// A matrix in panels `[cols / 16][row][16]`: a part of a row is its line in a panel.
#[derive(Clone, Copy)]
pub struct PanelRows {
    /// The first row of the first panel.
    pub first: *const f32,
    /// Values from panel to panel.
    pub stride: usize,
}

impl Rows for PanelRows {
    type Part = *const f32;
    #[inline(always)]
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part {
        self.first.wrapping_add(part * self.stride + row * LINE)
    }
    #[inline(always)]
    unsafe fn value(part: Self::Part, r: usize, c: usize) -> f32 {
        // SAFETY: The caller's row has the value.
        unsafe { *part.add(r * LINE + c) }
    }
    #[inline(always)]
    fn prefetch(&self, part: usize, row: usize) {
        prefetch::<L1>(self.first.wrapping_add(part * self.stride + row * LINE));
    }
}
