//! The transforms against the definition: together they are a convolution, and those of the gradients are the transposes.

use super::scheme::{Scheme, Stride1, Stride2};
use super::transform::KERNEL;
use crate::kernels::products::form::points_of;
use crate::kernels::simd::{LINE, Plain, Vector};

/// A linear function from N values to M values as a matrix `(M, N)`.
fn matrix<const N: usize, const M: usize>(f: impl Fn([Plain; N]) -> [Plain; M]) -> Vec<Vec<f64>> {
    let mut rows = vec![vec![0.0; N]; M];
    for column in 0..N {
        // SAFETY: Plain vectors run everywhere, and a line has room for one.
        unsafe {
            let mut unit = [Plain::splat(0.0); N];
            unit[column] = Plain::splat(1.0);
            for (row, v) in rows.iter_mut().zip(f(unit)) {
                let mut lanes = [0f32; LINE];
                v.store(lanes.as_mut_ptr());
                row[column] = lanes[0] as f64;
            }
        }
    }
    rows
}

/// What is wrong with the transforms of a tile of R outputs.
fn check<T: Scheme, const R: usize>() -> Vec<String> {
    let points = points_of(R, T::STRIDE, KERNEL);
    let mut wrong = Vec::new();
    let mut equal = |what: &str, at: [usize; 3], found: f64, expected: f64| {
        let distance = (found - expected).abs();
        if distance.is_nan() || distance >= 1e-6 {
            wrong.push(format!("stride {}, {R} outputs, {what} {at:?}: {found}, not {expected}", T::STRIDE));
        }
    };
    // SAFETY: Plain vectors run everywhere.
    let [b, b_transposed, a, a_transposed, g, g_transposed] = unsafe {
        [
            matrix(|x| T::input::<Plain, R>(x)),
            matrix(|v| T::input_transposed::<Plain, R>(v)),
            matrix(|m| T::output::<Plain, R>(m)),
            matrix(|y| T::output_transposed::<Plain, R>(y)),
            matrix(|g| T::taps::<Plain>(g)),
            matrix(|u| T::taps_transposed::<Plain>(u)),
        ]
    };
    for (output, tap, input) in (0..R * KERNEL * points).map(|i| (i / points / KERNEL, i / points % KERNEL, i % points))
    {
        let product = |p: usize| a[output][p] * g[T::TAPS[p].0][tap] * b[p][input];
        let expected = if input == T::STRIDE * output + tap { 1.0 } else { 0.0 };
        equal("output, tap, input", [output, tap, input], (0..points).map(product).sum(), expected);
    }
    for point in 0..points {
        (0..points).for_each(|i| equal("B", [i, point, 0], b_transposed[i][point], b[point][i]));
        (0..R).for_each(|i| equal("A", [point, i, 0], a_transposed[point][i], a[i][point]));
    }
    for (point, row) in g.iter().enumerate() {
        (0..KERNEL).for_each(|tap| equal("G^T", [tap, point, 0], g_transposed[tap][point], row[tap]));
    }
    wrong
}

#[test]
fn transforms_of_every_tile_are_a_convolution_and_its_transposes() {
    let stride_1 = [check::<Stride1, 1>(), check::<Stride1, 2>(), check::<Stride1, 3>(), check::<Stride1, 4>()];
    let stride_2 = [check::<Stride2, 1>(), check::<Stride2, 2>(), check::<Stride2, 3>(), check::<Stride2, 4>()];
    let wrong = [stride_1, stride_2].into_iter().flatten().flatten().collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
