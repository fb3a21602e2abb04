use super::*;
use crate::ops::cuda::context::code;
use crate::ops::cuda::kernels::{ParamJob, Turn, TurnJob, UpdateArgs};

#[test]
fn matrices_are_turned_over() {
    let (lab, mut report) = (Lab::new(), Report::default());
    let sizes = [[1, 1], [1, 70], [33, 1], [3, 5], [64, 32], [33, 65], [9, 100], [147, 64]];
    let formats = ALL.into_iter().flat_map(|from| ALL.into_iter().map(move |to| (from, to)));
    let all = formats.flat_map(|formats| sizes.map(|size| (formats, size))).collect::<Vec<_>>();
    let (mut jobs, mut held, mut tiles) = (vec![], vec![], 0);
    for ((from, to), [rows, cols]) in &all {
        let x = noise(*from, rows * cols, (rows * cols) as u64);
        let (x_at, to_at) = (lab.put(*from, &x), lab.empty(*to, rows * cols));
        let (rows, cols) = (*rows as u32, *cols as u32);
        let formats = code(*from) + 4 * code(*to);
        let job = TurnJob { from: x_at.at(), to: to_at.at(), rows, cols, first_tile: tiles, formats };
        tiles += job.tiles();
        jobs.push(job);
        held.push((x, x_at, to_at));
    }
    let table = lab.raw(bytes_of(&jobs));
    let squares = lab.raw(vec![255; 8 * tiles as usize]);
    let turn = Turn { jobs: table.at(), squares: squares.at(), count: jobs.len() as u32, pad: 0 };
    lab.kernels.turn(&turn, tiles).unwrap();
    let sums = squares.bits();
    let sums = sums.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));
    let expected = held.iter().flat_map(|(x, ..)| x).map(|v| v * v).sum::<f64>();
    report.holds("sums of squares", (sums.sum::<f64>() - expected).abs() < 1e-9 * expected);
    for (((from, to), [rows, cols]), (x, _, found)) in all.iter().zip(&held) {
        let expected = (0..rows * cols).map(|i| round(*to, x[i % rows * cols + i / rows])).collect::<Vec<_>>();
        report.holds(&format!("{from:?} to {to:?}, {rows} x {cols}"), found.get() == expected);
    }
    report.end();
}

/// Parameters: how many values, and of what kind.
const PARAMS: [(usize, u32); 8] = [(1, 0), (5, 1), (16384, 1), (33, 2), (16385, 0), (9000, 1), (64, 2), (32768, 1)];

/// Of each the factor of the learning rate, and the updates that it was left out of, of so many.
const RATES: [(f32, u32); 8] = [(1.0, 0), (0.25, 0), (1.0, 36), (1.0, 0), (10.0, 35), (1.0, 0), (1.0, 0), (0.1, 7)];
const NUMBER: u32 = 37;

struct Param {
    w: Vec<f64>,
    g: Vec<f64>,
    slots: [Vec<f64>; 2],
}

#[derive(Clone, Copy)]
enum Rule {
    Sgd { momentum: f32, nesterov: bool },
    AdamW,
}

#[derive(Clone, Copy)]
struct Case {
    rule: Rule,
    clip: f32,
    /// Whether arrays begin on multiples of 16 bytes.
    aligned: bool,
    /// Loss of the step; `None`: nowhere.
    loss: Option<f64>,
    /// What the first gradient of the second parameter is, unless a number as others.
    broken: Option<f64>,
}

const SCALE: f32 = 128.0;
const BETAS: [f32; 2] = [0.9, 0.99];

fn args(case: &Case) -> UpdateArgs {
    let (momentum, nesterov) = match case.rule {
        Rule::Sgd { momentum, nesterov } => (momentum, nesterov as u32),
        Rule::AdamW => (0.0, 0),
    };
    UpdateArgs {
        scale: SCALE,
        clip: case.clip,
        lr: 0.1,
        decay: 0.05,
        momentum,
        nesterov,
        betas: BETAS,
        rests: BETAS.map(|b| 1.0 - b),
        rate: 0.2,
        root: 1.5,
        epsilon: 1e-6,
        keep: 0.97,
        number: NUMBER,
        ..UpdateArgs::default()
    }
}

/// What a step makes of a parameter, in double precision.
fn step(case: &Case, kind: u32, (share, missed): (f32, u32), p: &mut Param, factor: f64) {
    let a = args(case);
    let [lr, decay, momentum, mut rate, mut root, epsilon, keep] =
        [a.lr, a.decay, a.momentum, a.rate, a.root, a.epsilon, a.keep].map(|v| v as f64);
    let ([b1, b2], [n1, n2]) = (a.betas.map(|v| v as f64), a.rests.map(|v| v as f64));
    if missed > 0 {
        let corrected = |rest: f64| 1.0 - (1.0 - rest).powi((NUMBER - missed) as i32);
        (rate, root) = (lr / corrected(n1), 1.0 / corrected(n2).sqrt());
    }
    let share = share as f64;
    let (lr, rate, keep) = (lr * share, rate * share, 1.0 - (1.0 - keep) * share);
    let [m, v] = &mut p.slots;
    for i in 0..p.w.len() {
        let (w, g) = (p.w[i], factor * p.g[i]);
        let decayed = g + if kind == 1 { decay * w } else { 0.0 };
        p.w[i] = match case.rule {
            Rule::Sgd { momentum: 0.0, .. } => w - lr * decayed,
            Rule::Sgd { nesterov, .. } => {
                m[i] = decayed + momentum * m[i];
                w - lr * if nesterov { decayed + momentum * m[i] } else { m[i] }
            }
            Rule::AdamW => {
                m[i] = b1 * m[i] + n1 * g;
                v[i] = b2 * v[i] + n2 * g * g;
                w * if kind == 1 { keep } else { 1.0 } - rate * m[i] / (root * v[i].sqrt() + epsilon)
            }
        };
    }
}

/// Runs a step: the bits of all that it leaves, after comparing them.
fn run(report: &mut Report, name: &str, lab: &Lab, case: &Case) -> Vec<Vec<u8>> {
    // Values that begin a place late lie in memory by 4 bytes off.
    let late = if case.aligned { 0 } else { 1 };
    let put = |v: &[f64]| lab.single(&[&vec![7.0; late][..], v].concat());
    let (mut params, mut jobs, mut held, mut chunks) = (vec![], vec![], vec![], 0);
    for (seed, (len, kind)) in PARAMS.iter().enumerate() {
        let values = |what: u64| noise(Precision::Single, *len, 10 * seed as u64 + what);
        let squares = values(4).iter().map(|v| v.abs()).collect();
        let mut p = Param { w: values(1), g: values(2), slots: [values(3), squares] };
        p.g.iter_mut().for_each(|g| *g = round(Precision::Single, *g * SCALE as f64));
        if let (1, Some(broken)) = (seed, case.broken) {
            p.g[0] = broken;
        }
        let on_gpu = [&p.w, &p.g, &p.slots[0], &p.slots[1]].map(|v| put(v));
        let [w, g, m, v] = [0, 1, 2, 3].map(|i: usize| on_gpu[i].at() + 4 * late as u64);
        let (len, (rate, missed)) = (*len as u32, RATES[seed]);
        let job = ParamJob { w, g, slots: [m, v], len, first_chunk: chunks, kind: *kind, missed, rate, pad: 0 };
        chunks += job.chunks();
        jobs.push(job);
        held.push(on_gpu);
        params.push(p);
    }
    let (table, squares) = (lab.raw(bytes_of(&jobs)), lab.raw(vec![255; 8 * chunks as usize]));
    let loss = lab.single(&[case.loss.unwrap_or(0.0), 0.5]);
    let done = lab.empty(Precision::Single, 4);
    let a = UpdateArgs {
        jobs: table.at(),
        squares: squares.at(),
        loss: if case.loss.is_some() { loss.at() } else { 0 },
        done: done.at(),
        count: jobs.len() as u32,
        chunks,
        ..args(case)
    };
    lab.kernels.squares(&a).unwrap();
    match case.rule {
        Rule::Sgd { .. } => lab.kernels.sgd(&a).unwrap(),
        Rule::AdamW => lab.kernels.adamw(&a).unwrap(),
    }
    let counted = params.iter().zip(PARAMS).filter(|(_, (_, kind))| *kind != 2);
    let norm = counted.flat_map(|(p, _)| &p.g).map(|g| g * g).sum::<f64>().sqrt() / SCALE as f64;
    let good = norm.is_finite() && case.loss.unwrap_or(0.0).is_finite();
    let clipped = case.clip > 0.0 && norm > case.clip as f64;
    let factor = if clipped { case.clip as f64 / norm } else { 1.0 } / SCALE as f64;
    let expected = [case.loss.map_or(0.0, |l| l - 0.5), norm, good as u32 as f64, 0.0];
    report.close(&format!("{name} done"), &done, &expected, 1.0);
    for (i, ((p, (_, kind)), on_gpu)) in params.iter_mut().zip(PARAMS).zip(&held).enumerate() {
        match (kind, good) {
            (2, false) => p.w = p.g.clone(),
            (2, true) | (_, false) => {}
            _ => step(case, kind, RATES[i], p, factor),
        }
        for (what, found, expected) in
            [("w", &on_gpu[0], &p.w), ("m", &on_gpu[2], &p.slots[0]), ("v", &on_gpu[3], &p.slots[1])]
        {
            let expected = [&vec![7.0; late][..], expected].concat();
            report.close(&format!("{name} parameter {i} {what}"), found, &expected, 1.0);
        }
    }
    held.iter().flatten().chain([&done]).map(Values::bits).collect()
}

#[test]
fn updates_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    let sgd = |momentum, nesterov| Rule::Sgd { momentum, nesterov };
    let rules = [sgd(0.0, false), sgd(0.9, false), sgd(0.9, true), Rule::AdamW];
    for (r, rule) in rules.into_iter().enumerate() {
        for clip in [0.0, 3.0, 1e6] {
            for (aligned, loss) in [(true, Some(2.25)), (false, Some(1.25)), (true, None)] {
                let case = Case { rule, clip, aligned, loss, broken: None };
                run(&mut report, &format!("rule {r} clip {clip} aligned {aligned} {loss:?}"), &lab, &case);
            }
        }
        let good = Case { rule, clip: 1.0, aligned: true, loss: Some(1.0), broken: None };
        for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            run(&mut report, &format!("rule {r} gradient {broken}"), &lab, &Case { broken: Some(broken), ..good });
            run(&mut report, &format!("rule {r} loss {broken}"), &lab, &Case { loss: Some(broken), ..good });
        }
        let bits = [0, 1].map(|_| run(&mut report, "again", &lab, &good));
        report.holds(&format!("rule {r} has the same bits again"), bits[0] == bits[1]);
    }
    report.end();
}

#[test]
fn averages_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    let (mut jobs, mut held, mut chunks) = (vec![], vec![], 0);
    for (seed, (len, _)) in PARAMS.iter().enumerate() {
        let [average, w] = [1, 2].map(|what| noise(Precision::Single, *len, 10 * seed as u64 + what));
        let (average_at, w_at) = (lab.single(&average), lab.single(&w));
        let job =
            ParamJob { w: average_at.at(), g: w_at.at(), len: *len as u32, first_chunk: chunks, ..ParamJob::default() };
        chunks += job.chunks();
        jobs.push(job);
        held.push((average, w, average_at, w_at));
    }
    let table = lab.raw(bytes_of(&jobs));
    let shares = UpdateArgs { rests: [0.25, 9.0], ..UpdateArgs::default() };
    let args = UpdateArgs { jobs: table.at(), count: jobs.len() as u32, chunks, ..shares };
    lab.kernels.average(&args).unwrap();
    for (i, (average, w, found, left)) in held.iter().enumerate() {
        let expected: Vec<f64> = average.iter().zip(w).map(|(a, w)| 0.75 * a + 0.25 * w).collect();
        report.close(&format!("average {i}"), found, &expected, 1.0);
        report.holds(&format!("tensor {i}"), left.get() == *w);
    }
    report.end();
}
