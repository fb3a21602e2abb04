use super::*;
use crate::ops::cuda::kernels::{NormArgs, packs};

#[derive(Clone, Copy, Debug)]
struct Case {
    precision: Precision,
    rows: usize,
    c: usize,
    residual: bool,
    relu: bool,
    batch: bool,
    add: u32,
}

const EPS: f32 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// Inputs of a case.
struct Inputs {
    x: Vec<f64>,
    residual: Vec<f64>,
    gy: Vec<f64>,
    gx: Vec<f64>,
    gr: Vec<f64>,
    gamma: Vec<f64>,
    beta: Vec<f64>,
    mean: Vec<f64>,
    var: Vec<f64>,
}

impl Inputs {
    fn new(case: &Case) -> Inputs {
        let map = |seed| noise(case.precision, case.rows * case.c, seed);
        let channel = |seed| noise(Precision::Single, case.c, seed);
        // (far from zero, where a careless sum of squares loses its digits)
        let x = map(1).iter().enumerate().map(|(i, v)| round(case.precision, v + (i % case.c) as f64 % 5.0)).collect();
        let var = channel(9).iter().map(|v| round(Precision::Single, v + 1.5)).collect();
        let (gamma, beta, mean) = (channel(6), channel(7), channel(8));
        Inputs { x, residual: map(2), gy: map(3), gx: map(4), gr: map(5), gamma, beta, mean, var }
    }
}

/// All that a case leaves.
struct Outputs {
    y: Values,
    gx: Values,
    gr: Values,
    kept: Values,
    mean: Values,
    var: Values,
    ggamma: Values,
    gbeta: Values,
}

fn run(lab: &Lab, case: &Case, i: &Inputs) -> Outputs {
    let (len, p) = (case.rows * case.c, case.precision);
    let (slice, count) = Kernels::slices(p, case.rows, case.c);
    let single = |len| lab.empty(Precision::Single, len);
    let [x, residual, gy] = [&i.x, &i.residual, &i.gy].map(|v| lab.put(p, v));
    let [gamma, beta, mean, var] = [&i.gamma, &i.beta, &i.mean, &i.var].map(|v| lab.single(v));
    let gradient = |bit, v: &[f64]| if case.add & bit != 0 { lab.put(p, v) } else { lab.empty(p, len) };
    let (gx, gr) = (gradient(1, &i.gx), gradient(2, &i.gr));
    let (part, kept) = (single(count * 2 * case.c), single(case.c * if case.batch { 4 } else { 2 }));
    let (y, ggamma, gbeta) = (lab.empty(p, len), single(case.c), single(case.c));
    let mask = lab.raw(vec![0; case.rows * packs(p, case.c)]);
    let args = NormArgs {
        x: x.at(),
        y: y.at(),
        residual: if case.residual { residual.at() } else { 0 },
        mask: if case.residual && case.relu { mask.at() } else { 0 },
        gy: gy.at(),
        gx: gx.at(),
        gr: if case.residual { gr.at() } else { 0 },
        part: part.at(),
        kept: kept.at(),
        gamma: gamma.at(),
        beta: beta.at(),
        mean: mean.at(),
        var: var.at(),
        ggamma: ggamma.at(),
        gbeta: gbeta.at(),
        rows: case.rows as u32,
        c: case.c as u32,
        slice: slice as u32,
        eps: EPS,
        momentum: MOMENTUM,
        relu: case.relu as u32,
        batch: case.batch as u32,
        add: case.add,
    };
    match case.batch {
        true => lab.kernels.norm_forward(p, &args).unwrap(),
        false => lab.kernels.norm_running(p, &args).unwrap(),
    }
    lab.kernels.norm_backward(p, &args).unwrap();
    Outputs { y, gx, gr, kept, mean, var, ggamma, gbeta }
}

fn check(report: &mut Report, lab: &Lab, case: &Case) {
    let (rows, c, i) = (case.rows, case.c, Inputs::new(case));
    let found = run(lab, case, &i);
    let n = rows as f64;
    let column = |v: &[f64], ch: usize| (0..rows).map(|r| v[r * c + ch]).collect::<Vec<_>>();
    let (mut y, mut gx, mut gr) = (vec![0.0; rows * c], i.gx.clone(), i.gr.clone());
    let (mut kept, mut mean, mut var) = (vec![0.0; 4 * c], i.mean.clone(), i.var.clone());
    let (mut ggamma, mut gbeta) = (vec![0.0; c], vec![0.0; c]);
    // What the ReLU took is taken from what was found: near zero both are right.
    let passed = found.y.get();
    // How large the numbers are that a small difference of two of them is made of.
    let mut largest: f64 = 1.0;
    for ch in 0..c {
        let x = column(&i.x, ch);
        let own = x.iter().sum::<f64>() / n;
        let m2 = x.iter().map(|v| (v - own).powi(2)).sum::<f64>();
        let (m, v) = if case.batch { (own, m2 / n) } else { (i.mean[ch], i.var[ch]) };
        let inv = 1.0 / (v + EPS as f64).sqrt();
        largest = largest.max(inv);
        (kept[ch], kept[c + ch], kept[2 * c + ch], kept[3 * c + ch]) = (m, inv, i.mean[ch], i.var[ch]);
        if case.batch {
            mean[ch] += (own - mean[ch]) * MOMENTUM as f64;
            var[ch] += (m2 / (n - 1.0).max(1.0) - var[ch]) * MOMENTUM as f64;
        }
        let g = (0..rows).map(|r| r * c + ch).map(|at| if case.relu && passed[at] <= 0.0 { 0.0 } else { i.gy[at] });
        let g = g.collect::<Vec<_>>();
        let normal = x.iter().map(|x| (x - m) * inv).collect::<Vec<_>>();
        gbeta[ch] = g.iter().sum();
        ggamma[ch] = g.iter().zip(&normal).map(|(g, x)| g * x).sum();
        for r in 0..rows {
            let at = r * c + ch;
            let sum = normal[r] * i.gamma[ch] + i.beta[ch] + if case.residual { i.residual[at] } else { 0.0 };
            y[at] = if case.relu { sum.max(0.0) } else { sum };
            let through = if case.batch { gbeta[ch] / n + normal[r] * ggamma[ch] / n } else { 0.0 };
            let back = i.gamma[ch] * inv * (g[r] - through);
            gx[at] = back + if case.add & 1 != 0 { i.gx[at] } else { 0.0 };
            gr[at] = g[r] + if case.add & 2 != 0 { i.gr[at] } else { 0.0 };
        }
    }
    let name = |what: &str| format!("{case:?} {what}");
    report.close(&name("y"), &found.y, &y, 4.0);
    report.close(&name("gx"), &found.gx, &gx, largest);
    if case.residual {
        report.close(&name("gr"), &found.gr, &gr, 1.0);
    }
    report.close(&name("kept"), &found.kept, &kept[..if case.batch { 4 } else { 2 } * c], 1.0);
    report.close(&name("mean"), &found.mean, &mean, 1.0);
    report.close(&name("var"), &found.var, &var, 1.0);
    report.close(&name("ggamma"), &found.ggamma, &ggamma, n.sqrt().max(largest));
    report.close(&name("gbeta"), &found.gbeta, &gbeta, n.sqrt());
}

const SIZES: [(usize, usize); 10] =
    [(1, 1), (1, 16), (2, 3), (700, 1), (300, 8), (77, 33), (150, 64), (400, 16), (131, 24), (40, 200)];

#[test]
fn norms_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for precision in ALL {
        for (rows, c) in SIZES {
            for flags in 0..8 {
                let [residual, relu, batch] = [1, 2, 4].map(|bit| flags & bit != 0);
                let add = (flags + rows as u32) % 4;
                check(&mut report, &lab, &Case { precision, rows, c, residual, relu, batch, add });
            }
        }
    }
    report.end();
}

#[test]
fn a_norm_has_the_same_bits_again() {
    let lab = Lab::new();
    for precision in ALL {
        let case = Case { precision, rows: 1500, c: 32, residual: true, relu: true, batch: true, add: 0 };
        let i = Inputs::new(&case);
        let bits = || {
            let o = run(&lab, &case, &i);
            [o.y, o.gx, o.gr, o.kept, o.mean, o.var, o.ggamma, o.gbeta].map(|v| v.bits())
        };
        assert_eq!(bits(), bits());
    }
}

#[test]
fn slices_cover_all_rows_and_none_is_empty() {
    for (precision, rows) in
        ALL.into_iter().flat_map(|p| [1, 5, 127, 128, 129, 1000, 6272, 401_408, 3_000_000_000].map(|rows| (p, rows)))
    {
        for c in [1, 16, 64, 65, 512, 2048, 100_000] {
            let (slice, count) = Kernels::slices(precision, rows, c);
            assert!(slice > 0 && (count - 1) * slice < rows && slice * count >= rows && count <= 1024, "{rows} {c}");
        }
    }
}

/// Not-a-number anywhere in a channel is seen, not cut off by the ReLU or a variance held above zero.
#[test]
fn not_a_number_comes_through() {
    let lab = Lab::new();
    let case = Case { precision: Precision::Single, rows: 300, c: 4, residual: false, relu: true, batch: true, add: 0 };
    let mut i = Inputs::new(&case);
    i.x[4 * 150 + 2] = f64::NAN;
    let y = run(&lab, &case, &i).y.get();
    assert!((0..300).all(|r| y[4 * r + 2].is_nan() && y[4 * r + 1].is_finite()));
}
