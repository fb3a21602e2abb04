//! The two microkernels that every dense product runs through, for each instruction set.
//!
//! Both keep a tile of at most 6 x 16 sums in registers. `Nn` multiplies rows found through pointers by a packed
//! panel; `Tn` sums outer products of such rows with packed ones.

use std::sync::OnceLock;

/// Rows of a tile.
pub const ROWS: usize = 6;
/// Columns of a tile and of a packed panel.
pub const COLS: usize = 16;
/// Sums of a tile.
pub type Tile = [[f32; COLS]; ROWS];

/// Instruction set, found out at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Whatever the compiler makes of plain Rust.
    Plain,
    /// AVX2 and FMA.
    Avx2,
}

impl Level {
    /// The best that this machine has; `TRICKTOP_SIMD=plain` forces the plain one.
    pub fn best() -> Level {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| match std::env::var("TRICKTOP_SIMD").as_deref() {
            Ok("plain") => Level::Plain,
            _ => Level::detected(),
        })
    }

    #[cfg(target_arch = "x86_64")]
    fn detected() -> Level {
        let avx2 = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        if avx2 { Level::Avx2 } else { Level::Plain }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detected() -> Level {
        Level::Plain
    }

    /// The word for the screen.
    pub fn word(self) -> &'static str {
        match self {
            Level::Plain => "plain",
            Level::Avx2 => "avx2",
        }
    }
}

/// A table of row pointers, `table[tap * stride + row]`, each to `c` values.
#[derive(Clone, Copy)]
pub struct RowTable<'a> {
    pointers: &'a [*const f32],
    stride: usize,
    c: usize,
}

impl<'a> RowTable<'a> {
    /// Wraps a table.
    ///
    /// # Safety
    /// Every pointer must stay readable for `c` values as long as the table lives.
    pub unsafe fn new(pointers: &'a [*const f32], stride: usize, c: usize) -> Self {
        assert!(stride > 0 && pointers.len().is_multiple_of(stride));
        RowTable { pointers, stride, c }
    }

    /// Taps of a row.
    pub fn taps(&self) -> usize {
        self.pointers.len() / self.stride
    }
}

/// Sums, for rows `first..first + rows`, over taps t and channels c: `row[t][c] * panel[(t * C + c)][0..16]`.
///
/// The panel holds `taps * C` lines of 16.
pub fn nn(level: Level, table: &RowTable, first: usize, rows: usize, panel: &[f32], tile: &mut Tile) {
    assert!(first + rows <= table.stride && panel.len() == table.taps() * table.c * COLS);
    macro_rules! dispatch {
        ($($r:literal)+) => {
            match (level, rows) {
                // SAFETY: the assertion above bounds panel and table; the table's pointers are readable for C values
                // by its construction; AVX2 and FMA are there when the level says so
                $(#[cfg(target_arch = "x86_64")] (Level::Avx2, $r) => unsafe { nn_avx2::<$r>(table, first, panel, tile) },
                (_, $r) => unsafe { nn_plain::<$r>(table, first, panel, tile) },)+
                _ => unreachable!("a tile has 1 to 6 rows"),
            }
        };
    }
    dispatch!(1 2 3 4 5 6)
}

/// Sums over the rows p of the table: `row[tap][p][c + r] * panel[p][0..16]` for r in `0..rows`.
///
/// The panel holds one line of 16 a row of the table.
pub fn tn(level: Level, table: &RowTable, tap: usize, (c, rows): (usize, usize), panel: &[f32], tile: &mut Tile) {
    assert!(tap < table.taps() && c + rows <= table.c && panel.len() == table.stride * COLS);
    let pointers = &table.pointers[tap * table.stride..][..table.stride];
    macro_rules! dispatch {
        ($($r:literal)+) => {
            match (level, rows) {
                // SAFETY: as in `nn`; c + rows lies within the C values behind every pointer
                $(#[cfg(target_arch = "x86_64")] (Level::Avx2, $r) => unsafe { tn_avx2::<$r>(pointers, c, panel, tile) },
                (_, $r) => unsafe { tn_plain::<$r>(pointers, c, panel, tile) },)+
                _ => unreachable!("a tile has 1 to 6 rows"),
            }
        };
    }
    dispatch!(1 2 3 4 5 6)
}

unsafe fn nn_plain<const R: usize>(table: &RowTable, first: usize, panel: &[f32], tile: &mut Tile) {
    let mut acc = [[0f32; COLS]; R];
    let lines = panel.chunks_exact(table.c * COLS);
    for (pointers, lines) in table.pointers.chunks_exact(table.stride).zip(lines) {
        for (c, line) in lines.chunks_exact(COLS).enumerate() {
            for r in 0..R {
                // SAFETY: c is below the C values that the table promises
                let x = unsafe { *pointers[first + r].add(c) };
                for (a, w) in acc[r].iter_mut().zip(line) {
                    *a += x * w;
                }
            }
        }
    }
    tile[..R].copy_from_slice(&acc);
}

unsafe fn tn_plain<const R: usize>(pointers: &[*const f32], c: usize, panel: &[f32], tile: &mut Tile) {
    let mut acc = [[0f32; COLS]; R];
    for (pointer, line) in pointers.iter().zip(panel.chunks_exact(COLS)) {
        for (r, sums) in acc.iter_mut().enumerate() {
            // SAFETY: c + R lies within the values that the table promises
            let x = unsafe { *pointer.add(c + r) };
            for (a, w) in sums.iter_mut().zip(line) {
                *a += x * w;
            }
        }
    }
    tile[..R].copy_from_slice(&acc);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn nn_avx2<const R: usize>(table: &RowTable, first: usize, panel: &[f32], tile: &mut Tile) {
    use std::arch::x86_64::*;
    let mut acc = [[_mm256_setzero_ps(); 2]; R];
    let mut line = panel.as_ptr();
    let mut pointers = table.pointers.as_ptr().wrapping_add(first);
    for _ in 0..table.taps() {
        // SAFETY: first + R <= stride, and the pointers of a tap are `stride` apart
        let rows: [*const f32; R] = std::array::from_fn(|r| unsafe { *pointers.add(r) });
        for c in 0..table.c {
            // SAFETY: the panel has taps * C lines of 16; every row has C values
            unsafe {
                let (w0, w1) = (_mm256_loadu_ps(line), _mm256_loadu_ps(line.add(8)));
                line = line.add(COLS);
                for r in 0..R {
                    let x = _mm256_broadcast_ss(&*rows[r].add(c));
                    acc[r][0] = _mm256_fmadd_ps(x, w0, acc[r][0]);
                    acc[r][1] = _mm256_fmadd_ps(x, w1, acc[r][1]);
                }
            }
        }
        pointers = pointers.wrapping_add(table.stride);
    }
    store_avx2(&acc, tile);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn tn_avx2<const R: usize>(pointers: &[*const f32], c: usize, panel: &[f32], tile: &mut Tile) {
    use std::arch::x86_64::*;
    let mut acc = [[_mm256_setzero_ps(); 2]; R];
    let mut line = panel.as_ptr();
    for pointer in pointers {
        // SAFETY: the panel has a line of 16 a pointer; c + R lies within the values behind it
        unsafe {
            let (w0, w1) = (_mm256_loadu_ps(line), _mm256_loadu_ps(line.add(8)));
            line = line.add(COLS);
            for (r, [low, high]) in acc.iter_mut().enumerate() {
                let x = _mm256_broadcast_ss(&*pointer.add(c + r));
                *low = _mm256_fmadd_ps(x, w0, *low);
                *high = _mm256_fmadd_ps(x, w1, *high);
            }
        }
    }
    store_avx2(&acc, tile);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn store_avx2<const R: usize>(acc: &[[std::arch::x86_64::__m256; 2]; R], tile: &mut Tile) {
    for (line, [low, high]) in tile.iter_mut().zip(acc) {
        // SAFETY: a line of the tile holds 16 values
        unsafe {
            std::arch::x86_64::_mm256_storeu_ps(line.as_mut_ptr(), *low);
            std::arch::x86_64::_mm256_storeu_ps(line.as_mut_ptr().add(8), *high);
        }
    }
}
