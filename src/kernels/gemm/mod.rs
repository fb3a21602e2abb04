//! The two microkernels that every dense product runs through.
//!
//! Both are the inner kernel of a blocked matrix product (gemm) as in Goto and van de Geijn, "Anatomy of
//! High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008: one operand is packed into panels, and a tile of sums
//! stays in registers while the inner dimension goes by. A tile is some rows by a [line](LINE) of 16 columns; a panel
//! is `[k][16]`, so that each of its lines is read once for all rows of a tile.
//!
//! - [`nn`], neither operand transposed: `(rows, k) x (k, 16) -> (rows, 16)`. Forward passes and gradients of inputs.
//! - [`tn`], the left operand transposed: `(count, rows)^T x (count, 16) -> (rows, 16)`, a sum of outer products over
//!   pixels. Gradients of weights.
//!
//! What Goto and van de Geijn block for caches is done by the callers: they choose how many rows go through a panel.
//! The left operand is read where it lies ([`Rows`]), since each of its values is broadcast and not loaded as a vector.
//!
//! Operands are f32, or bfloat16 whose products are summed in f32 two at a time ([`Operand`]): along k in `nn` and along the
//! pixels in `tn`. Pairs are made of two rows of a panel as it is loaded, one shuffle for up to 16 products; the left operand
//! of `tn` was turned before, since it is broadcast once for every panel.
//!
//! Every value of the output is one sum in one register, in the order of k or of the pixels; `tn` adds what was there
//! last. How many rows a tile has does not change the sum.

mod operand;
mod rows;

pub use operand::Operand;
pub use rows::{PanelRows, Rows, Strided};

use super::simd::{LINE, Vector, simd_kernel};

/// Splits `0..len` into the fewest blocks of at most `most`, whose sizes differ by at most one: (start, size).
///
/// Even blocks, because a rest of one or two rows would leave most of the multipliers idle.
pub fn even_blocks(len: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = len.div_ceil(most);
    (0..blocks).map(move |i| {
        let start = i * len / blocks;
        (start, (i + 1) * len / blocks - start)
    })
}

/// Calls `$f::<V, A, R>(..)` for the R that equals `$rows`, so that each height of a tile is compiled with its sums in
/// registers.
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
    /// `out (rows, 16)` = `a (rows, k) x panel (k, 16)`, for `rows` rows of `a` from row `first` on.
    ///
    /// The k values of a row are `width` values of every part, from value `from` of the part on. The last part gives
    /// fewer when `k` is no multiple of `width`.
    ///
    /// # Safety
    /// `a` must have those rows, parts and values, `panel` `k` lines, `out` `rows` lines.
    pub fn nn<V: Pairs<A::Value>, A: Rows>(
        a: A, first: usize, rows: usize, from: usize, width: usize, k: usize, panel: *const A::Value, out: *mut f32,
    ) {
        for (start, count) in even_blocks(rows, V::ROWS) {
            // SAFETY: `count` rows from `first + start` on, and as many lines of `out`, are among the caller's.
            unsafe { by_rows!(count, nn_tile::<V, A>(a, first + start, from, width, k, panel, out.add(start * LINE))) }
        }
    }
}

simd_kernel! {
    /// `out (rows, 16)` = `a (count, rows)^T x panel (count, 16)`, or with `add` that much more.
    ///
    /// Column i of `a` is value `from + i` of part `part` of its rows `0..count`, which were [turned](Operand::turn).
    ///
    /// # Safety
    /// `a` must have those rows, and `from + rows` values in the part; `panel` `count` lines, `out` `rows` lines.
    pub fn tn<V: Pairs<A::Value>, A: Rows>(
        a: A, part: usize, from: usize, rows: usize, count: usize, panel: *const A::Value, out: *mut f32, add: bool,
    ) {
        for (start, size) in even_blocks(rows, tn_rows::<V>()) {
            // SAFETY: `size` values from `from + start` on, and as many lines of `out`, are among the caller's.
            unsafe { by_rows!(size, tn_tile::<V, A>(a, part, from + start, count, panel, out.add(start * LINE), add)) }
        }
    }
}

/// Rows of a tile of [`tn`]. A level that holds nearly a whole panel of 16 takes all of it, which reads the right-hand
/// panel once and not twice: AVX-512 has registers for 16 sums, of which [`nn`] uses 14.
const fn tn_rows<V: Vector>() -> usize {
    if V::ROWS > LINE / 2 { LINE } else { V::ROWS }
}

/// A tile of [`nn`]: R rows from row `first` on, their sums in R lines of registers.
#[inline(always)]
unsafe fn nn_tile<V: Vector, A: Rows, const R: usize>(
    a: A,
    first: usize,
    from: usize,
    width: usize,
    k: usize,
    panel: *const A::Value,
    out: *mut f32,
) {
    if R > V::ROWS {
        // Never asked for. Without this line, tiles that the registers cannot hold would be compiled too.
        return;
    }
    // SAFETY: The caller's bounds: R rows of k values, k lines of the panel, R lines of `out`.
    unsafe {
        let mut acc = [V::splat_line(0.0); R];
        let mut line = panel;
        let (mut left, mut part) = (k, 0);
        while left > 0 {
            let (rows, here) = (a.part(part, first), left.min(width));
            let (next, row) = if left > here { (part + 1, first) } else { (0, first + R) };
            let mut c = from;
            while c < from + here {
                let whole = c + A::Value::STEP <= from + here;
                // While the 16 values of a part go by, the lines of as many rows are asked for: those of this tile in
                // the next part, and after the last part those of the next tile in the first.
                for r in (0..R).step_by(LINE) {
                    a.prefetch(next, row + r + c);
                }
                let w = A::Value::line::<V>(line, whole);
                line = line.add(if whole { A::Value::STEP * LINE } else { LINE });
                for (r, acc) in acc.iter_mut().enumerate() {
                    multiply_add::<V, A::Value>(acc, A::Value::broadcast(A::value(rows, r, c), whole), &w);
                }
                c += A::Value::STEP;
            }
            (left, part) = (left - here, part + 1);
        }
        for (r, acc) in acc.iter().enumerate() {
            V::store_line(acc, out.add(r * LINE));
        }
    }
}

/// `acc (16)` += `x * w (16)`.
#[inline(always)]
unsafe fn multiply_add<V: Vector, T: Operand>(acc: &mut V::Line, x: V, w: &V::Line) {
    for (a, w) in acc.as_mut().iter_mut().zip(w.as_ref()) {
        // SAFETY: The caller's machine has the level.
        *a = unsafe { T::multiply_add(*a, x, *w) };
    }
}

/// A tile of [`tn`]: R values from value `from` on, their sums in R lines of registers.
#[inline(always)]
unsafe fn tn_tile<V: Vector, A: Rows, const R: usize>(
    a: A,
    part: usize,
    from: usize,
    count: usize,
    panel: *const A::Value,
    out: *mut f32,
    add: bool,
) {
    if R > tn_rows::<V>() {
        // Never asked for, as in `nn_tile`.
        return;
    }
    // SAFETY: The caller's bounds: `count` rows with R values from `from` on, `count` lines of the panel, R lines of
    // `out`.
    unsafe {
        let mut acc = [V::splat_line(0.0); R];
        let mut line = panel;
        for p in (0..count).step_by(A::Value::STEP) {
            let whole = p + A::Value::STEP <= count;
            let columns = a.columns(part, p, from);
            let w = A::Value::line::<V>(line, whole);
            line = line.add(A::Value::STEP * LINE);
            for (r, acc) in acc.iter_mut().enumerate() {
                multiply_add::<V, A::Value>(acc, A::Value::column(columns, r), &w);
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
