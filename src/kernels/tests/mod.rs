//! The kernels against the naive loops and finite differences.

mod bf16;

use super::buffer::SharedPtr;
use super::conv::OutputGrad;
use super::geometry::{Conv, ConvGeometry, Pool};
use super::lanes::{self, Affine, Dense, Finished, MapInput, Moments, Neutral, NormGrad, Statistics, Summed};
use super::{Level, conv, moments, norm, pool, reference};
use crate::random::{Purpose, rng};
use rand_distr::{Distribution, StandardNormal};

fn noise(len: usize, index: u64) -> Vec<f32> {
    let mut rng = rng(3, Purpose::Synthetic, 0, index);
    (0..len).map(|_| StandardNormal.sample(&mut rng)).collect()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |v: f64| v * v;
    let d: f64 = a.iter().zip(b).map(|(a, b)| square((a - b) as f64)).sum();
    let n: f64 = b.iter().map(|b| square(*b as f64)).sum();
    if d == 0.0 { 0.0 } else { (d / n).sqrt() }
}

fn cases() -> Vec<ConvGeometry> {
    let mut cases = Vec::new();
    for (c_in, c_out) in [(1, 1), (1, 16), (3, 5), (8, 16), (16, 16), (17, 33), (20, 48)] {
        for (kernel, stride, dilation) in [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (3, 1, 2), (3, 3, 2), (7, 2, 1)]
        {
            for (n, h, w) in [(1, 1, 1), (3, 9, 7), (2, 16, 16)] {
                let padding = kernel / 2 * dilation;
                let conv = Conv { padding: (padding, padding), dilation, ..Conv::same(c_in, c_out, kernel, stride) };
                cases.push(ConvGeometry::new(conv, n, h, w));
            }
        }
    }
    for (kernel, padding) in [((1, 7), (0, 3)), ((7, 1), (3, 0)), ((2, 3), (0, 0))] {
        cases.push(ConvGeometry::new(Conv { kernel, padding, ..Conv::same(9, 6, 3, 1) }, 2, 9, 8));
    }
    for (c_in, c_out, groups, stride) in [
        (12, 12, 12, 1),
        (12, 12, 12, 2),
        (40, 40, 40, 3),
        (8, 12, 4, 1),
        (6, 12, 6, 2),
        (64, 64, 16, 1),
        (64, 32, 2, 2),
        (40, 48, 8, 1),
        (72, 48, 2, 1),
    ] {
        cases.push(ConvGeometry::new(Conv { groups, ..Conv::same(c_in, c_out, 3, stride) }, 2, 7, 9));
    }
    for (kernel, stride, dilation, padding) in
        [((5, 5), 2, 1, (2, 2)), ((3, 3), 1, 2, (2, 2)), ((2, 3), 2, 1, (0, 3)), ((1, 1), 3, 1, (0, 0))]
    {
        let conv = Conv { kernel, dilation, padding, groups: 20, ..Conv::same(20, 20, 3, stride) };
        cases.push(ConvGeometry::new(conv, 17, 9, 8));
    }
    // A kernel that reaches past its image: taps of the gradient lie before it alone.
    let far = Conv { dilation: 5, padding: (0, 0), ..Conv::same(3, 5, 3, 4) };
    cases.push(ConvGeometry::new(far, 2, 3, 3));
    // Several tasks an image, and rows of more pixels than a chunk.
    cases.extend([1, 2].map(|s| ConvGeometry::new(Conv { groups: 33, ..Conv::same(33, 33, 3, s) }, 1, 70, 40)));
    cases.push(ConvGeometry::new(Conv::same(3, 20, 3, 1), 1, 5, 210));
    for (n, h, w) in [(1, 13, 9), (3, 8, 22), (40, 8, 8)] {
        cases.push(ConvGeometry::new(Conv::same(18, 24, 3, 1), n, h, w));
    }
    for (n, size, stride) in [(2, 4, 1), (5, 30, 1), (3, 2, 2), (5, 28, 2)] {
        cases.push(ConvGeometry::new(Conv::same(130, 140, 3, stride), n, size, size));
    }
    // Tiles of every height and width, and maps of even and odd sizes.
    for (h, w) in [(10, 11), (11, 12), (12, 13), (13, 14), (14, 15), (15, 10)] {
        cases.extend([1, 2].map(|stride| ConvGeometry::new(Conv::same(9, 18, 3, stride), 7, h, w)));
    }
    // Dilated: phases of one size, of two and of four, tiles of every size, blocks and phases of products, and groups.
    for (dilation, h, w) in [(2, 12, 12), (2, 13, 12), (3, 20, 25), (4, 28, 28), (4, 17, 31), (4, 9, 40), (5, 3, 60)] {
        let conv = |c_in, c_out| Conv::same(c_in, c_out, 3, 1).dilated(dilation);
        cases.extend([(9, 18), (130, 240)].map(|(c_in, c_out)| ConvGeometry::new(conv(c_in, c_out), 3, h, w)));
        cases.extend([(64, 16), (32, 2)].map(|(c, groups)| ConvGeometry::new(Conv { groups, ..conv(c, c) }, 2, h, w)));
    }
    // Groups of a part of a panel, of one and of several panels, through blocks and through phases.
    for (c, groups, kernel, stride) in
        [(64, 32, 3, 1), (48, 12, 3, 2), (32, 2, 3, 1), (96, 3, 3, 2), (64, 4, 1, 2), (768, 12, 3, 1), (768, 12, 3, 2)]
    {
        cases.push(ConvGeometry::new(Conv { groups, ..Conv::same(c, c, kernel, stride) }, 2, 7, 9));
    }
    cases.push(ConvGeometry::new(Conv::same(1200, 130, 1, 1), 2, 3, 5));
    cases.push(ConvGeometry::new(Conv::same(1040, 1030, 1, 2), 2, 3, 4));
    cases
}

/// What a convolution gives: y, and its gradients for `gy`.
fn run(level: Level, g: &ConvGeometry, x: MapInput, w: &[f32], gy: OutputGrad) -> [Vec<f32>; 3] {
    let (mut y, mut gx, mut gw) = (vec![9.0; g.y_len()], vec![9.0; g.x_len()], vec![0.0; w.len()]);
    let neutral = Neutral::new(g.conv.c_out);
    let to = Finished { y: SharedPtr::new(&mut y), affine: neutral.affine(), residual: None };
    conv::forward(level, g, x, w, to);
    conv::backward(level, g, x, gy, w, &mut gw, Some((&mut gx, false)));
    [y, gx, gw]
}

fn plain(x: &[f32]) -> MapInput<'_> {
    MapInput { data: x, pending: None }
}

/// Where one of y, gx, gw differs by 1e-5 or more.
fn differences(found: &[Vec<f32>; 3], expected: &[Vec<f32>; 3], what: &str, g: &ConvGeometry) -> Vec<String> {
    let pairs = ["y", "gx", "gw"].into_iter().zip(found.iter().zip(expected));
    let wrong = pairs.map(|(name, (a, b))| (name, distance(a, b))).filter(|(_, d)| d.is_nan() || *d >= 1e-5);
    wrong.map(|(name, d)| format!("{name} {what}: {d:e} for {g:?}")).collect()
}

#[test]
fn convolutions_equal_the_naive_loops_at_every_level_and_thread_count() {
    let mut wrong = Vec::new();
    for g in cases() {
        let (rows, cols) = g.conv.weight_shape();
        let (x, w, gy) = (noise(g.x_len(), 1), noise(rows * cols, 2), noise(g.y_len(), 3));
        let (gx, gw) = reference::conv_grads(&g, &x, &w, &gy);
        let expected = [reference::conv(&g, &x, &w), gx, gw];
        for level in Level::available() {
            let found = run(level, &g, plain(&x), &w, OutputGrad::Dense(&gy));
            wrong.extend(differences(&found, &expected, level.word(), &g));
        }
        let best = run(Level::best(), &g, plain(&x), &w, OutputGrad::Dense(&gy));
        for threads in [1, 2, 3, 4, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            if pool.install(|| run(Level::best(), &g, plain(&x), &w, OutputGrad::Dense(&gy))) != best {
                wrong.push(format!("{threads} threads differ for {g:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn norms_on_the_way_equal_norms_of_their_own() {
    let mut wrong = Vec::new();
    for g in cases() {
        let (c, o) = (g.conv.c_in, g.conv.c_out);
        let (rows, cols) = g.conv.weight_shape();
        let (x, w, gy, y) = (noise(g.x_len(), 1), noise(rows * cols, 2), noise(g.y_len(), 3), noise(g.y_len(), 4));
        let vectors: Vec<Vec<f32>> = (5..12).map(|i| noise(c.max(o), i)).collect();
        let [scale, shift, a, b, d, mask, above] = std::array::from_fn(|i| &vectors[i][..]);
        let affine = Affine { scale, shift, relu: true };
        let by_column = |v: &[f32], columns: usize, f: &dyn Fn(f32, usize, usize) -> f32| -> Vec<f32> {
            v.iter().enumerate().map(|(i, v)| f(*v, i, i % columns)).collect()
        };
        let normed = by_column(&x, c, &|x, _, k| (x * scale[k] + shift[k]).max(0.0));
        let grad = by_column(&gy, o, &|g, i, k| {
            let g = if y[i] * mask[k] + above[k] > 0.0 { g } else { 0.0 };
            g * a[k] + y[i] * b[k] + d[k]
        });
        let expected = run(Level::best(), &g, plain(&normed), &w, OutputGrad::Dense(&grad));
        for level in Level::available() {
            let gy = NormGrad { g: &gy, y: &y, factors: [a, b, d], mask: Some((mask, above)) };
            let x = MapInput { data: &x, pending: Some(affine) };
            let mut found = run(level, &g, x, &w, OutputGrad::Norm(gy));
            wrong.extend(differences(&found, &expected, level.word(), &g));
            // The first convolution of a net is not asked for the gradient of its input.
            found[2].fill(0.0);
            conv::backward(level, &g, x, OutputGrad::Norm(gy), &w, &mut found[2], None);
            wrong.extend(differences(&found, &expected, &format!("{} of images", level.word()), &g));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn statistics_of_an_output_equal_those_of_its_values() {
    for g in cases() {
        let (rows, o) = g.conv.weight_shape();
        let (x, w, pivot) = (noise(g.x_len(), 1), noise(rows * o, 2), noise(o, 3));
        let exact = reference::conv(&g, &x, &w);
        for level in Level::available() {
            let mut y = vec![9.0; g.y_len()];
            let to = Statistics { y: SharedPtr::new(&mut y), of: Moments { pivot: &pivot } };
            let parts = conv::forward(level, &g, plain(&x), &w, to);
            assert_eq!(parts.iter().map(|p| p.rows).sum::<usize>(), g.n * g.oh * g.ow, "{g:?}");
            let (mean, var) = moments::moments(&parts, &pivot);
            let (exact_mean, exact_var) = column_moments(&exact, o);
            let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * (1.0 + b.abs()));
            assert!(close(&mean, &exact_mean) && close(&var, &exact_var), "{mean:?} {exact_mean:?} {g:?}");
        }
    }
}

#[test]
fn gradients_add_to_what_is_there() {
    for g in cases() {
        let (x, w, gy) = (noise(g.x_len(), 1), noise(g.conv.weight_shape().0 * g.conv.c_out, 2), noise(g.y_len(), 3));
        let [_, gx, gw] = run(Level::best(), &g, plain(&x), &w, OutputGrad::Dense(&gy));
        let (mut twice_x, mut twice_w) = (gx.clone(), gw.clone());
        let to = Some((&mut twice_x[..], true));
        conv::backward(Level::best(), &g, plain(&x), OutputGrad::Dense(&gy), &w, &mut twice_w, to);
        let double = |v: &[f32]| v.iter().map(|v| v * 2.0).collect::<Vec<_>>();
        assert!(distance(&twice_x, &double(&gx)) < 1e-6 && distance(&twice_w, &double(&gw)) < 1e-6, "{g:?}");
    }
}

#[test]
fn pools_equal_the_naive_loops_at_every_level() {
    let include = Pool { kernel: 3, stride: 1, padding: 1, ceil: false, count_padding: true };
    for p in [Pool::STEM, Pool::SHORTCUT, include] {
        for size in [(1, 1, 1, 1), (2, 9, 8, 4), (3, 7, 5, 17)] {
            let (n, h, w, c) = size;
            let (x, out) = (noise(n * h * w * c, 1), n * p.out(h) * p.out(w) * c);
            let gy = noise(out, 2);
            let (mut mean, mut most) = (vec![0f32; out], vec![f32::NEG_INFINITY; out]);
            let mut mean_gx = vec![0f32; x.len()];
            reference::pool_members(&p, size, |i, o, d| {
                mean[o] += x[i] / d;
                most[o] = most[o].max(x[i]);
                mean_gx[i] += gy[o] / d;
            });
            for level in Level::available() {
                let mut y = vec![9.0; out];
                pool::average_forward(level, &p, size, &x, &mut y);
                assert!(distance(&y, &mean) < 1e-6);
                let mut gx = vec![0.0; x.len()];
                pool::average_backward(level, &p, size, &gy, &mut gx);
                assert!(distance(&gx, &mean_gx) < 1e-6);
                pool::max_forward(level, &p, size, &x, &mut y);
                assert_eq!(y, most);
            }
        }
    }
}

#[test]
fn a_tied_maximum_gives_its_gradient_to_the_first() {
    let p = Pool { kernel: 2, stride: 2, padding: 0, ceil: false, count_padding: true };
    for level in Level::available() {
        let mut gx = vec![0.0; 4];
        pool::max_backward(level, &p, (1, 2, 2, 1), (&[1.0, 2.0, 2.0, 2.0], &[2.0]), &[5.0], &mut gx);
        assert_eq!(gx, [0.0, 5.0, 0.0, 0.0]);
    }
}

/// Mean and variance of every column, in f64.
fn column_moments(x: &[f32], c: usize) -> (Vec<f32>, Vec<f32>) {
    let rows = (x.len() / c) as f64;
    let column = |i: usize| x.iter().skip(i).step_by(c).map(|v| *v as f64);
    let mean: Vec<f64> = (0..c).map(|i| column(i).sum::<f64>() / rows).collect();
    let var = (0..c).map(|i| (column(i).map(|v| (v - mean[i]).powi(2)).sum::<f64>() / rows) as f32).collect();
    (mean.into_iter().map(|v| v as f32).collect(), var)
}

#[test]
fn moments_hold_far_from_zero() {
    let x: Vec<f32> = noise(15000, 4).into_iter().map(|v| v + 1000.0).collect();
    let parts = lanes::pass(Level::best(), Dense(&x), x.len(), 3, Moments { pivot: &[990.0; 3] });
    let ((mean, var), (exact_mean, exact_var)) = (moments::moments(&parts, &[990.0; 3]), column_moments(&x, 3));
    for i in 0..3 {
        assert!(
            (mean[i] - exact_mean[i]).abs() < 1e-3 && (var[i] / exact_var[i] - 1.0).abs() < 1e-3,
            "{mean:?} {var:?}"
        );
    }
}

/// A norm of three channels over 1100 rows, with a residual.
struct NormCase {
    x: Vec<f32>,
    residual: Vec<f32>,
    gy: Vec<f32>,
}

impl NormCase {
    const C: usize = 3;
    const BETA: [f32; 3] = [0.1, 0.0, -0.3];

    /// What the backward pass needs: mean, inverse deviation, scale, shift.
    fn statistics(&self, x: &[f32], gamma: &[f32]) -> [Vec<f32>; 4] {
        let (mean, var) = column_moments(x, Self::C);
        let inverse: Vec<f32> = var.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
        let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, i)| g * i).collect();
        let shift = (0..Self::C).map(|i| Self::BETA[i] - mean[i] * scale[i]).collect();
        [mean, inverse, scale, shift]
    }

    fn forward(&self, x: &[f32], gamma: &[f32], relu: bool) -> Vec<f32> {
        let [_, _, scale, shift] = self.statistics(x, gamma);
        let affine = Affine { scale: &scale, shift: &shift, relu };
        let sum = Summed { data: x, affine, residual: plain(&self.residual) };
        lanes::collect(Level::best(), sum, x.len(), Self::C).to_vec()
    }

    /// sum(gy * y).
    fn loss(&self, x: &[f32], gamma: &[f32]) -> f64 {
        self.forward(x, gamma, false).iter().zip(&self.gy).map(|(y, g)| *y as f64 * *g as f64).sum()
    }
}

#[test]
fn norm_gradients_equal_finite_differences() {
    let len = 1100 * NormCase::C;
    let case = NormCase { x: noise(len, 1), residual: noise(len, 2), gy: noise(len, 3) };
    let (x, gamma) = (&case.x, [0.5, -1.2, 2.0]);
    let [mean, inverse_deviation, scale, shift] = case.statistics(x, &gamma);
    let (mean, inverse_deviation, scale, shift) = (&mean[..], &inverse_deviation[..], &scale[..], &shift[..]);
    let saved = norm::Saved { y: x, mean, inverse_deviation, scale, shift, batch_statistics: true };
    let own = norm::backward(Level::best(), &saved, &mut case.gy.clone(), norm::Mask::No);
    let [a, b, d] = &own.factors;
    let gx: crate::kernels::buffer::Buffer =
        lanes::collect(Level::best(), NormGrad { g: &case.gy, y: x, factors: [a, b, d], mask: None }, len, NormCase::C);
    let slope = |f: &dyn Fn(f32) -> f64| (f(1e-3) - f(-1e-3)) / 2e-3;
    for (i, mean) in mean.iter().enumerate() {
        let by_gamma =
            slope(&|h| case.loss(x, &std::array::from_fn::<_, 3, _>(|k| gamma[k] + if k == i { h } else { 0.0 })));
        assert!((by_gamma - own.gamma[i] as f64).abs() < 0.05 * by_gamma.abs().max(1.0), "{by_gamma} {:?}", own.gamma);
        let by_beta: f32 = case.gy.iter().skip(i).step_by(NormCase::C).sum();
        assert!((by_beta - own.beta[i]).abs() < 1e-2, "{by_beta} {:?}", own.beta);
        // A channel's gradients sum to 0, and so do they weighted by x: the norm removes both.
        let column = || (i..len).step_by(NormCase::C);
        let sum: f32 = column().map(|p| gx[p]).sum();
        let dot: f32 = column().map(|p| gx[p] * (x[p] - mean)).sum();
        assert!(sum.abs() < 1e-2 && dot.abs() < 1e-2, "{sum} {dot}");
    }
    for i in [30, 31, 32] {
        let by_x = slope(&|h| {
            let moved: Vec<f32> = x.iter().enumerate().map(|(k, v)| v + if k == i { h } else { 0.0 }).collect();
            case.loss(&moved, &gamma)
        });
        assert!((by_x - gx[i] as f64).abs() < 0.05 * by_x.abs().max(0.2), "{by_x} {}", gx[i]);
    }
}

#[test]
fn a_relu_lets_gradients_through_where_its_output_is_above_0() {
    let len = 1100 * NormCase::C;
    let case = NormCase { x: noise(len, 1), residual: vec![0.0; len], gy: noise(len, 3) };
    let gamma = [0.5, -1.2, 2.0];
    let [mean, inverse_deviation, scale, shift] = case.statistics(&case.x, &gamma);
    let (mean, inverse_deviation, scale, shift) = (&mean[..], &inverse_deviation[..], &scale[..], &shift[..]);
    let saved = norm::Saved { y: &case.x, mean, inverse_deviation, scale, shift, batch_statistics: true };
    let z = case.forward(&case.x, &gamma, true);
    let masked: Vec<f32> = case.gy.iter().zip(&z).map(|(g, z)| if *z > 0.0 { *g } else { 0.0 }).collect();
    let expected = norm::backward(Level::best(), &saved, &mut masked.clone(), norm::Mask::No);
    let mut above = case.gy.clone();
    for (g, mask) in [(&mut above, norm::Mask::Above(&z)), (&mut case.gy.clone(), norm::Mask::Own)] {
        let found = norm::backward(Level::best(), &saved, g, mask);
        assert_eq!(
            (found.gamma, found.beta, found.factors),
            (expected.gamma.clone(), expected.beta.clone(), expected.factors.clone())
        );
    }
    assert_eq!(above, masked);
}
