//! The two microkernels that every dense product runs through.
//!
//! Both keep a tile of sums, some rows by a line of 16, in registers. [`nn`] multiplies rows by a packed panel, [`tn`]
//! sums outer products of rows with packed ones. The rows are found in different ways: [`Rows`].

use super::simd::{L1, LINE, Vector, prefetch, simd_kernel};

/// Where a product finds its left-hand rows: every row in parts, the values of each lying together.
pub trait Rows: Copy {
    /// A part of a block of rows.
    type Part: Copy;
    /// A part of the rows from `row` on.
    ///
    /// # Safety
    /// Part and row must exist.
    unsafe fn part(&self, part: usize, row: usize) -> Self::Part;
    /// Value `c` of the `r`-th of these rows.
    ///
    /// # Safety
    /// Row and value must exist.
    unsafe fn value(part: Self::Part, r: usize, c: usize) -> f32;
    /// Asks for a row of a part, neither of which need exist, where the processor does not see by itself what comes.
    fn prefetch(&self, _part: usize, _row: usize) {}
}

/// Rows that lie equally far apart, their parts anywhere.
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
        // SAFETY: the caller's row and value
        unsafe { *first.add(r * step + c) }
    }
}

/// Rows anywhere, their parts equally far from all of them.
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
        // SAFETY: the caller's row and value
        unsafe { *(*rows.add(r)).wrapping_offset(part).add(c) }
    }
}

/// A matrix in panels `[cols / 16][row][16]`: a part is a line of a panel.
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
        // SAFETY: the caller's row and value
        unsafe { *part.add(r * LINE + c) }
    }
    #[inline(always)]
    fn prefetch(&self, part: usize, row: usize) {
        prefetch::<L1>(self.first.wrapping_add(part * self.stride + row * LINE));
    }
}

/// Splits `0..len` into the fewest blocks of at most `most`, of sizes that differ by at most one: (start, size).
pub fn even_blocks(len: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = len.div_ceil(most);
    (0..blocks).map(move |i| {
        let start = i * len / blocks;
        (start, (i + 1) * len / blocks - start)
    })
}

/// Calls `$f::<V, A, R>(..)` for the R that equals `$rows`.
macro_rules! by_rows {
    ($rows:expr, $f:ident::<$v:ident, $a:ident>($($arg:expr),*)) => {
        by_rows!(@ $rows, $f, $v, $a, ($($arg),*), 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    (@ $rows:expr, $f:ident, $v:ident, $a:ident, $args:tt, $($r:literal)+) => {
        match $rows {
            $($r if $r <= LINE => by_rows!(@call $f, $v, $a, $r, $args),)+
            _ => {}
        }
    };
    (@call $f:ident, $v:ident, $a:ident, $r:literal, ($($arg:expr),*)) => { $f::<$v, $a, $r>($($arg),*) };
}

simd_kernel! {
    /// `out[row][0..16]` = the sum over the k values of a row of `a[row][k] * panel[k][0..16]`, for `rows` rows from
    /// `first` on. The k values are `width` of every part, from value `from` on, and fewer of the last when `k` is no
    /// multiple of it.
    ///
    /// # Safety
    /// `a` must have those rows, parts and values, `panel` `k` lines, `out` `rows` lines.
    pub fn nn<V, A: Rows>(
        a: A, first: usize, rows: usize, from: usize, width: usize, k: usize, panel: *const f32, out: *mut f32,
    ) {
        for (start, count) in even_blocks(rows, V::ROWS) {
            // SAFETY: rows first + start.. + count are within the caller's; so are the lines of out
            unsafe { by_rows!(count, nn_tile::<V, A>(a, first + start, from, width, k, panel, out.add(start * LINE))) }
        }
    }
}

simd_kernel! {
    /// `out[i][0..16]` = (or with `add` +=) the sum over the rows p < `count` of `a[p][from + i] * panel[p][0..16]`,
    /// for i in `0..rows` and values of part `part`.
    ///
    /// # Safety
    /// `a` must have those rows, and `from + rows` values in the part; `panel` `count` lines, `out` `rows` lines.
    pub fn tn<V, A: Rows>(
        a: A, part: usize, from: usize, rows: usize, count: usize, panel: *const f32, out: *mut f32, add: bool,
    ) {
        for (start, size) in even_blocks(rows, tn_rows::<V>()) {
            // SAFETY: rows from + start.. + size are within the caller's
            unsafe { by_rows!(size, tn_tile::<V, A>(a, part, from + start, count, panel, out.add(start * LINE), add)) }
        }
    }
}

/// Rows of a tile of [`tn`]: a whole panel where the registers hold nearly as many.
const fn tn_rows<V: Vector>() -> usize {
    if V::ROWS > LINE / 2 { LINE } else { V::ROWS }
}

#[inline(always)]
unsafe fn nn_tile<V: Vector, A: Rows, const R: usize>(
    a: A,
    first: usize,
    from: usize,
    width: usize,
    k: usize,
    panel: *const f32,
    out: *mut f32,
) {
    if R > V::ROWS {
        return; // (never asked for; keeps tiles that no register file holds from being compiled)
    }
    // SAFETY: the caller's bounds: R rows, k values of each, k lines of the panel, R lines of out
    unsafe {
        let mut acc = [V::splat_line(0.0); R];
        let mut line = panel;
        let (mut left, mut part) = (k, 0);
        while left > 0 {
            let (rows, here) = (a.part(part, first), left.min(width));
            let (next, row) = if left > here { (part + 1, first) } else { (0, first + R) };
            for c in from..from + here {
                for r in (0..R).step_by(LINE) {
                    a.prefetch(next, row + r + c);
                }
                let w = V::load_line(line);
                line = line.add(LINE);
                for (r, acc) in acc.iter_mut().enumerate() {
                    multiply_add::<V>(acc, V::splat(A::value(rows, r, c)), &w);
                }
            }
            (left, part) = (left - here, part + 1);
        }
        for (r, acc) in acc.iter().enumerate() {
            V::store_line(acc, out.add(r * LINE));
        }
    }
}

#[inline(always)]
unsafe fn multiply_add<V: Vector>(acc: &mut V::Line, x: V, w: &V::Line) {
    for (a, w) in acc.as_mut().iter_mut().zip(w.as_ref()) {
        // SAFETY: the caller has the level
        *a = unsafe { x.mul_add(*w, *a) };
    }
}

#[inline(always)]
unsafe fn tn_tile<V: Vector, A: Rows, const R: usize>(
    a: A,
    part: usize,
    from: usize,
    count: usize,
    panel: *const f32,
    out: *mut f32,
    add: bool,
) {
    if R > tn_rows::<V>() {
        return; // (never asked for)
    }
    // SAFETY: the caller's bounds: count rows with R values from `from` on, count lines of the panel, R lines of out
    unsafe {
        let mut acc = [V::splat_line(0.0); R];
        let mut line = panel;
        for p in 0..count {
            let row = a.part(part, p);
            let w = V::load_line(line);
            line = line.add(LINE);
            for (r, acc) in acc.iter_mut().enumerate() {
                multiply_add::<V>(acc, V::splat(A::value(row, 0, from + r)), &w);
            }
        }
        for (r, acc) in acc.iter_mut().enumerate() {
            let out = out.add(r * LINE);
            if add {
                let old = V::load_line(out);
                for (a, o) in acc.as_mut().iter_mut().zip(old.as_ref()) {
                    *a = a.add(*o);
                }
            }
            V::store_line(acc, out);
        }
    }
}
