//! Maps in bfloat16: what is rounded and where, at every level and number of threads.

use super::{cases, column_moments, noise};
use crate::kernels::buffer::{Aligned, SharedPtr};
use crate::kernels::conv::{self, OutputGrad};
use crate::kernels::geometry::{Conv, ConvGeometry, Pool};
use crate::kernels::lanes::{Affine, Finished, MapInput, Moments, Neutral, NormGrad, Statistics};
use crate::kernels::simd::{LINE, simd_kernel};
use crate::kernels::{Level, Value, moments, parallel, pool, reference};
use half::bf16;

fn narrow(values: &[f32]) -> Vec<bf16> {
    values.iter().map(|v| bf16::from_f32(*v)).collect()
}

fn wide(values: &[bf16]) -> Vec<f32> {
    values.iter().map(|v| v.to_f32()).collect()
}

/// Numbers that are hard to round: ties to both sides, the largest, the smallest, infinite ones and no numbers.
fn hard() -> Vec<f32> {
    let bits = [0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0x3f80_7fff, 0x7f7f_ffff, 0xff7f_8000, 0x0000_0001, 0x8000_8000];
    let odd = [0x7fc0_0000, 0x7fff_ffff, 0xffff_8000, 0x7f80_0001, 0x7f80_0000, 0xff80_0000, 0, 0x8000_0000];
    bits.into_iter().chain(odd).map(f32::from_bits).chain(noise(4000, 9)).collect()
}

simd_kernel! {
    fn through<V>(from: &[f32], narrow: &mut [bf16], back: &mut [f32]) {
        for i in (0..from.len()).step_by(V::LANES) {
            let n = V::LANES.min(from.len() - i);
            // SAFETY: The slices are as long, and `n` values are left.
            unsafe {
                let stored = bf16::store(V::load_first(from.as_ptr().add(i), n), narrow.as_mut_ptr().add(i), n);
                let loaded: V = bf16::load(narrow.as_ptr().add(i), n);
                stored.store_first(back.as_mut_ptr().add(i), n);
                // What was stored is what is read.
                let (mut a, mut b) = ([0f32; LINE], [0f32; LINE]);
                stored.store_first(a.as_mut_ptr(), n);
                loaded.store_first(b.as_mut_ptr(), n);
                assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}

#[test]
fn numbers_round_to_the_nearest_even_at_every_level() {
    let numbers = hard();
    let expected: Vec<bf16> = narrow(&numbers);
    for level in Level::available() {
        let (mut narrow, mut back) = (vec![bf16::ZERO; numbers.len()], vec![0f32; numbers.len()]);
        // SAFETY: The slices are as long as each other, and the machine has the level.
        unsafe { through(level, &numbers, &mut narrow, &mut back) };
        for ((v, found), (expected, back)) in numbers.iter().zip(&narrow).zip(expected.iter().zip(&back)) {
            let same = found.to_bits() == expected.to_bits() || (v.is_nan() && found.is_nan() && expected.is_nan());
            assert!(same, "{v} is {found}, not {expected}, {}", level.word());
            assert_eq!(found.to_f32().to_bits(), back.to_bits());
        }
    }
    let (mut slice, mut from) = (vec![bf16::ZERO; numbers.len()], expected.clone());
    bf16::narrow(&numbers, &mut slice);
    assert!(slice.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
    bf16::change(&mut from, |values| values.iter_mut().for_each(|v| *v *= 2.0));
    assert_eq!(from[20].to_f32(), expected[20].to_f32() * 2.0);
}

simd_kernel! {
    fn pair_products<V: Pairs<bf16> >(a: &[bf16; 2 * LINE], b: &[bf16; 2 * LINE], sums: &mut [f32; LINE]) {
        // SAFETY: Both have two rows of a line.
        unsafe {
            let (a, b) = (V::load_line_of_pairs(a.as_ptr(), true), V::load_line_of_pairs(b.as_ptr(), true));
            let mut line = V::load_line(sums.as_ptr());
            for ((sum, a), b) in line.as_mut().iter_mut().zip(a.as_ref()).zip(b.as_ref()) {
                *sum = sum.add_pair_products(*a, *b);
            }
            V::store_line(&line, sums.as_mut_ptr());
        }
    }
}

#[test]
fn pairs_are_multiplied_alike_at_every_level_that_fuses() {
    let numbers = narrow(&noise(64 * 2 * LINE, 4));
    for (i, pair) in numbers.chunks_exact(4 * LINE).enumerate() {
        let (a, b) = pair.split_at(2 * LINE);
        let sums: [f32; LINE] = std::array::from_fn(|lane| ((i * LINE + lane) as f32).sin());
        let expected: [f32; LINE] = std::array::from_fn(|lane| {
            let upper = a[LINE + lane].to_f32().mul_add(b[LINE + lane].to_f32(), sums[lane]);
            a[lane].to_f32().mul_add(b[lane].to_f32(), upper)
        });
        for level in Level::available() {
            let mut found = sums;
            // SAFETY: The machine has the level.
            unsafe { pair_products(level, a.try_into().unwrap(), b.try_into().unwrap(), &mut found) };
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 4.0 * f32::EPSILON * b.abs().max(4.0);
            match level.word() {
                "plain" => assert!(found.iter().zip(&expected).all(close)),
                word => assert_eq!(found, expected, "{word}"),
            }
        }
    }
}

/// y and its gradients, the weights' in f32.
type Passes = (Vec<bf16>, Vec<bf16>, Vec<f32>);

fn run(level: Level, g: &ConvGeometry, x: MapInput<bf16>, w: &[f32], gy: OutputGrad<bf16>) -> Passes {
    let (mut y, mut gx) = (Aligned::<bf16>::take(g.y_len()), Aligned::<bf16>::take(g.x_len()));
    let (mut gw, neutral) = (vec![0.0; w.len()], Neutral::new(g.conv.c_out));
    let to = Finished { y: SharedPtr::new(&mut y), affine: neutral.affine(), residual: None };
    conv::forward(level, g, x, w, to);
    conv::backward(level, g, x, gy, w, &mut gw, Some((&mut gx, false)));
    (y.to_vec(), gx.to_vec(), gw)
}

fn plain(x: &[bf16]) -> MapInput<'_, bf16> {
    MapInput { data: x, pending: None }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>();
    let apart = square(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b)));
    if apart == 0.0 { 0.0 } else { (apart / square(&mut b.iter().map(|b| f64::from(*b)))).sqrt() }
}

/// Small whole numbers and halves, whose sums are exact in f32 in whatever order.
fn exact(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 / 2.0 - 4.0).collect()
}

#[test]
fn products_of_few_terms_are_those_of_the_reference_to_the_bit() {
    let mut wrong = Vec::new();
    for mut g in cases() {
        // Winograd's transforms divide by 6 and 24, so that no sum of theirs is exact.
        if g.conv.kernel == (3, 3) && g.conv.c_in != g.conv.groups {
            g = ConvGeometry::new(Conv { kernel: (1, 1), padding: (0, 0), dilation: 1, ..g.conv }, g.n, g.h, g.w);
        }
        let (rows, cols) = g.conv.weight_shape();
        let (x, w, gy) = (exact(g.x_len(), 1), exact(rows * cols, 2), exact(g.y_len(), 3));
        let (gx, gw) = reference::conv_grads(&g, &x, &w, &gy);
        let expected = (narrow(&reference::conv(&g, &x, &w)), narrow(&gx), gw);
        let (x, gy) = (narrow(&x), narrow(&gy));
        for level in Level::available() {
            let found = run(level, &g, plain(&x), &w, OutputGrad::Dense(&gy));
            if found != expected {
                wrong.push(format!("{} for {g:?}", level.word()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How far levels may be from each other that round sums and products differently: a number that lies between two of
/// bfloat16 then goes to the one here and to the other there.
const NEAR: f64 = 2e-3;

#[test]
fn convolutions_are_near_the_definition_at_every_level_and_thread_count() {
    let mut wrong = Vec::new();
    // (every third, as each takes all levels and numbers of threads)
    for g in cases().into_iter().step_by(3) {
        let (c, o) = (g.conv.c_in, g.conv.c_out);
        let (rows, cols) = g.conv.weight_shape();
        let (x, gy, y) = (noise(g.x_len(), 1), noise(g.y_len(), 3), noise(g.y_len(), 4));
        let (x, gy, y) = (narrow(&x), narrow(&gy), narrow(&y));
        let w = wide(&narrow(&noise(rows * cols, 2)));
        let vectors: Vec<Vec<f32>> = (5..12).map(|i| noise(c.max(o), i)).collect();
        let [scale, shift, a, b, d, mask, above] = std::array::from_fn(|i| &vectors[i][..]);
        let affine = Affine { scale, shift, relu: true };
        let normed: Vec<f32> =
            x.iter().enumerate().map(|(i, x)| (x.to_f32() * scale[i % c] + shift[i % c]).max(0.0)).collect();
        let grad: Vec<f32> = (0..gy.len())
            .map(|i| {
                let (k, y) = (i % o, y[i].to_f32());
                let g = if y * mask[k] + above[k] > 0.0 { gy[i].to_f32() } else { 0.0 };
                g * a[k] + y * b[k] + d[k]
            })
            .collect();
        let (gx, gw) = reference::conv_grads(&g, &normed, &w, &grad);
        let exact = [reference::conv(&g, &normed, &w), gx, gw];
        let ours = |level| {
            let gy = NormGrad { g: &gy[..], y: &y[..], factors: [a, b, d], mask: Some((mask, above)) };
            run(level, &g, MapInput { data: &x[..], pending: Some(affine) }, &w, OutputGrad::Norm(gy))
        };
        let best = ours(Level::best());
        for level in Level::available() {
            let found = ours(level);
            let pairs = [wide(&found.0), wide(&found.1), found.2.clone()];
            for ((found, exact), what) in pairs.iter().zip(&exact).zip(["y", "gx", "gw"]) {
                // Rounded are the operands and the results of maps: by a half of the last of 8 digits each at most, by less
                // where there are many.
                let apart = distance(found, exact);
                if apart.is_nan() || apart > if found.len() < 64 { 8e-3 } else { 4e-3 } {
                    wrong.push(format!("{what} {}: {apart:e} for {g:?}", level.word()));
                }
            }
            let apart = [&best.0, &best.1].map(|v| wide(v)).into_iter().chain([best.2.clone()]);
            let apart = pairs.iter().zip(apart).map(|(a, b)| distance(a, &b)).fold(0.0, f64::max);
            if apart > NEAR || (level.rounding() == Level::best().rounding() && found != best) {
                wrong.push(format!("{} and the best: {apart:e} for {g:?}", level.word()));
            }
        }
        for threads in [1, 2, 3, 4, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            if pool.install(|| ours(Level::best())) != best {
                wrong.push(format!("{threads} threads differ for {g:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn statistics_are_those_of_what_was_rounded() {
    let g = ConvGeometry::new(Conv::same(16, 24, 1, 1), 3, 9, 7);
    let (x, w, pivot) = (narrow(&noise(g.x_len(), 1)), noise(16 * 24, 2), vec![0.25; 24]);
    for level in Level::available() {
        let mut y = Aligned::<bf16>::take(g.y_len());
        let to = Statistics { y: SharedPtr::new(&mut y), of: Moments { pivot: &pivot } };
        let parts = conv::forward(level, &g, plain(&x), &w, to);
        let ((mean, var), exact) = (moments::moments(&parts, &pivot), column_moments(&wide(&y), 24));
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b.abs()));
        assert!(close(&mean, &exact.0) && close(&var, &exact.1));
    }
}

#[test]
fn pools_and_sums_round_once() {
    let size = (2, 9, 8, 5);
    for p in [Pool::STEM, Pool::SHORTCUT] {
        let out = 2 * p.out(9) * p.out(8) * 5;
        let (x, gy) = (narrow(&noise(2 * 9 * 8 * 5, 1)), narrow(&noise(out, 2)));
        for level in Level::available() {
            let (mut y, mut wide_y) = (vec![bf16::ZERO; out], vec![0f32; out]);
            pool::average_forward(level, &p, size, &x, &mut y);
            pool::average_forward(level, &p, size, &wide(&x), &mut wide_y);
            assert_eq!(y, narrow(&wide_y));
            pool::max_forward(level, &p, size, &x, &mut y);
            pool::max_forward(level, &p, size, &wide(&x), &mut wide_y);
            assert_eq!(y, narrow(&wide_y));
            let (mut gx, mut wide_gx) = (vec![bf16::ZERO; x.len()], vec![0f32; x.len()]);
            pool::max_backward(level, &p, size, (&x, &y), &gy, &mut gx);
            pool::max_backward(level, &p, size, (&wide(&x), &wide_y), &wide(&gy), &mut wide_gx);
            assert_eq!(gx, narrow(&wide_gx));
        }
    }
    let mut sum = narrow(&[256.0, 1.0]);
    parallel::add(&mut sum, &[narrow(&[1.0, 1.0]), narrow(&[1.0, 1.0])]);
    assert_eq!(sum, narrow(&[256.0, 3.0]), "a term at a time, each rounded");
}
