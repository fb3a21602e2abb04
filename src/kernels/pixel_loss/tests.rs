//! The loss of every pixel against plain loops in double precision.

use super::*;

/// No class.
const IGNORED: u8 = 255;

#[test]
fn powers_are_those_of_the_library() {
    for i in 0..100_000 {
        let x = -88.0 * i as f32 / 100_000.0;
        let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
        assert!((found - expected).abs() <= 2e-7 * expected + 1e-37, "{x}: {found} {expected}");
    }
    assert!(exp(f32::NAN).is_nan());
    assert_eq!((exp(0.0), exp(f32::NEG_INFINITY), exp(-1e30)), (1.0, 0.0, 0.0));
}

/// The loss of one pixel in double precision, and the gradient of its logits.
fn plain(z: &[f32], r: &[f32], q: &[f64], t: Terms) -> (f64, f64, Vec<f64>) {
    let softmax = |z: &[f32], t: f64| {
        let e: Vec<f64> = z.iter().map(|v| (f64::from(*v) / t).exp()).collect();
        let sum: f64 = e.iter().sum();
        e.into_iter().map(|e| e / sum).collect::<Vec<f64>>()
    };
    let temperature = f64::from(t.temperature);
    let (p, ps, pt) = (softmax(z, 1.0), softmax(z, temperature), softmax(r, temperature));
    let hard = -q.iter().zip(&p).map(|(q, p)| q * p.ln()).sum::<f64>();
    let soft = pt.iter().zip(&ps).map(|(pt, ps)| pt * (pt.ln() - ps.ln())).sum();
    let all: f64 = q.iter().sum();
    let of = |i: usize| f64::from(t.hard) * (all * p[i] - q[i]) + f64::from(t.soft) * (ps[i] - pt[i]);
    (hard, soft, (0..z.len()).map(of).collect())
}

#[test]
fn losses_and_gradients_are_those_of_plain_loops_at_every_level_and_thread_count() {
    let number = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0;
    for (k, n, pixels) in [(1, 2, 5), (2, 3, 40), (11, 2, 700), (21, 1, 1500)] {
        let z: Vec<f32> = (0..n * pixels * k).map(|i| 4.0 * number(i)).collect();
        let r: Vec<f32> = (0..n * pixels * k).map(|i| 4.0 * number(i + 77)).collect();
        let labels = |seed: usize| -> Vec<u8> {
            let label = |i: usize| (i * 7 + seed) % (k + 1);
            (0..n * pixels).map(|i| if label(i) == k { IGNORED } else { label(i) as u8 }).collect()
        };
        let (own, others, shares) = (labels(0), labels(3), vec![0.3, 1.0, 0.0]);
        for (mixed, taught, smoothing) in [
            (false, false, (1.0, 0.0)),
            (true, false, (0.9, 0.02)),
            (true, true, (0.9, 0.02)),
            (false, true, (1.0, 0.0)),
        ] {
            let partners = mixed.then_some((&others[..], &shares[..n]));
            let labels = Labels { own: &own, partners, pixels, classes: k };
            let terms = Terms { smoothing, hard: 0.7, soft: 1.3, temperature: 4.0 };
            let (mut sums, mut gradient, mut counted) = (Sums::default(), Vec::new(), 0);
            for place in 0..n * pixels {
                let row = |map: &[f32]| map[place * k..][..k].to_vec();
                let Some(pixel) = labels.pixel(place) else {
                    gradient.extend(vec![0.0; k]);
                    continue;
                };
                counted += 1;
                let mut q = vec![f64::from(smoothing.1); k];
                let mass = f64::from(smoothing.0) - f64::from(smoothing.1);
                q[pixel.label] += mass * f64::from(pixel.share);
                q[pixel.partner] += mass * (1.0 - f64::from(pixel.share));
                let terms = Terms { soft: if taught { terms.soft } else { 0.0 }, ..terms };
                let (hard, soft, of_pixel) = plain(&row(&z), &row(&r), &q, terms);
                sums.hard += hard;
                sums.soft += if taught { soft } else { 0.0 };
                gradient.extend(of_pixel);
            }
            assert_eq!(labels.counted(), counted);
            for level in Level::available() {
                let teacher = taught.then_some(&r[..]);
                let mut first: Option<(Sums, Vec<f32>)> = None;
                for threads in [1, 2, 3, 8] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let mut gz = vec![f32::NAN; z.len()];
                    let found = pool.install(|| run(level, &z, teacher, labels, terms, &mut gz));
                    let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * (b.abs() + 1.0);
                    assert!(near(found.hard, sums.hard) && near(found.soft, sums.soft), "{found:?} {sums:?}");
                    assert!(gz.iter().zip(&gradient).all(|(a, b)| (f64::from(*a) - b).abs() < 2e-6), "{level:?} {k}");
                    let (sums, bits) = first.get_or_insert_with(|| (found, gz.clone()));
                    assert!((*sums, &bits[..]) == (found, &gz[..]), "{threads} threads at {level:?}");
                }
            }
        }
    }
}

#[test]
fn not_a_number_shows() {
    let z = [0.0, f32::NAN, 1.0, 2.0];
    let labels = Labels { own: &[0, 1], partners: None, pixels: 2, classes: 2 };
    let terms = Terms { smoothing: (1.0, 0.0), hard: 1.0, soft: 0.0, temperature: 1.0 };
    let mut gz = [0.0; 4];
    assert!(run(Level::best(), &z, None, labels, terms, &mut gz).hard.is_nan());
    assert!(gz[0].is_nan() && gz[2].is_finite());
    // A pixel that does not count says nothing.
    let ignored = Labels { own: &[IGNORED, 1], ..labels };
    assert!(run(Level::best(), &z, None, ignored, terms, &mut gz).hard.is_finite());
    assert_eq!(gz[..2], [0.0, 0.0]);
}
