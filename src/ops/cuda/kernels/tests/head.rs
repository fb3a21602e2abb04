use super::*;
use crate::ops::cuda::kernels::{BiasArgs, LossArgs};

#[test]
fn biases_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for (activation, [n, k]) in (0..3).flat_map(|a| [[1, 1], [3, 10], [130, 33], [17, 1000]].map(|size| (a, size))) {
        // The gradient to a place of its own, over the output's, and nowhere.
        for gx_to in 0..3 {
            let name = format!("activation {activation} {n} {k} gx {gx_to}");
            let [x, gy] = [1, 2].map(|seed| noise(Precision::Single, n * k, seed));
            let b = noise(Precision::Single, k, 3);
            let (y, gy_at, b_at) = (lab.single(&x), lab.single(&gy), lab.single(&b));
            let (gx_at, gb_at) = (lab.empty(Precision::Single, n * k), lab.empty(Precision::Single, k));
            let args = BiasArgs {
                y: y.at(),
                b: b_at.at(),
                gy: gy_at.at(),
                gx: [gx_at.at(), gy_at.at(), 0][gx_to],
                gb: gb_at.at(),
                n: n as u32,
                k: k as u32,
                activation,
            };
            lab.kernels.bias(&args).unwrap();
            lab.kernels.bias_back(&args).unwrap();
            let (mut out, mut gx, mut gb) = (vec![0.0; n * k], vec![0.0; n * k], vec![0.0; k]);
            for i in 0..n * k {
                let v = x[i] + b[i % k];
                let slope;
                (out[i], slope) = match activation {
                    0 => (v, 1.0),
                    1 => (v.max(0.0), if v > 0.0 { 1.0 } else { 0.0 }),
                    _ => (1.0 / (1.0 + (-v).exp()), (-v).exp() / (1.0 + (-v).exp()).powi(2)),
                };
                gx[i] = gy[i] * slope;
                gb[i % k] += gx[i];
            }
            report.close(&format!("{name} y"), &y, &out, 1.0);
            report.close(&format!("{name} gb"), &gb_at, &gb, (n as f64).sqrt());
            if gx_to < 2 {
                report.close(&format!("{name} gx"), [&gx_at, &gy_at][gx_to], &gx, 1.0);
            }
        }
    }
    report.end();
}

fn softmax(z: &[f64], by: f64) -> Vec<f64> {
    let most = z.iter().fold(f64::NEG_INFINITY, |m, v| m.max(v * by));
    let sum = z.iter().map(|v| (v * by - most).exp()).sum::<f64>();
    z.iter().map(|v| (v * by - most).exp() / sum).collect()
}

/// Of a row: loss, floor, gradient of the logits before the factor.
fn row_loss(z: &[f64], q: &[f64], teacher: Option<&[f64]>, [hard, soft, t]: [f64; 3]) -> (f64, f64, Vec<f64>) {
    let p = softmax(z, 1.0);
    let weight = q.iter().sum::<f64>();
    let cross = |q: &[f64], p: &[f64]| -q.iter().zip(p).map(|(q, p)| q * p.ln()).sum::<f64>();
    let mut loss = hard * cross(q, &p);
    let mut g = p.iter().zip(q).map(|(p, q)| hard * (p * weight - q)).collect::<Vec<_>>();
    let mut floor = 0.0;
    if let Some(r) = teacher {
        let (own, taught) = (softmax(z, 1.0 / t), softmax(r, 1.0 / t));
        loss += soft * t * t * cross(&taught, &own);
        floor = soft * t * t * cross(&taught, &taught);
        g.iter_mut().zip(own.iter().zip(&taught)).for_each(|(g, (own, taught))| *g += soft * t * (own - taught));
    }
    (loss, floor, g)
}

#[test]
fn losses_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for (taught, [n, k]) in
        [false, true].into_iter().flat_map(|t| [[1, 1], [2, 3], [150, 10], [5, 1000]].map(|s| (t, s)))
    {
        let name = format!("{n} {k} taught {taught}");
        let large = |seed| noise(Precision::Single, n * k, seed).iter().map(|v| v * 8.0).collect::<Vec<_>>();
        let (z, r) = (large(1), large(2));
        let q = noise(Precision::Single, n * k, 3)
            .iter()
            .map(|v| round(Precision::Single, v.abs() / k as f64))
            .collect::<Vec<_>>();
        let (z_at, q_at, r_at) = (lab.single(&z), lab.single(&q), lab.single(&r));
        let (gz, again) = (lab.empty(Precision::Single, n * k), lab.empty(Precision::Single, n * k));
        let (rows, total) = (lab.empty(Precision::Single, 2 * n), lab.empty(Precision::Single, 2));
        let shares = [0.75f32, 0.25, 2.5];
        let args = LossArgs {
            z: z_at.at(),
            q: q_at.at(),
            teacher: if taught { r_at.at() } else { 0 },
            gz: gz.at(),
            rows: rows.at(),
            total: total.at(),
            n: n as u32,
            k: k as u32,
            hard: shares[0],
            soft: shares[1],
            temperature: shares[2],
            scale: 1024.0,
            add: 0,
        };
        lab.kernels.loss_rows(&args).unwrap();
        // A second loss, by half, on top.
        let half = LossArgs { gz: again.at(), hard: 0.375, soft: 0.125, add: 1, ..args };
        lab.kernels.loss_rows(&half).unwrap();
        lab.kernels.loss_rows(&LossArgs { gz: 0, hard: 0.0, soft: 0.0, ..half }).unwrap();
        lab.kernels.loss_total(&args).unwrap();
        let (mut losses, mut gradient) = (vec![0.0; 2 * n], vec![]);
        for i in 0..n {
            let row = i * k..(i + 1) * k;
            let teacher = taught.then(|| &r[row.clone()]);
            let (loss, floor, g) = row_loss(&z[row.clone()], &q[row], teacher, shares.map(|v| v as f64));
            (losses[i], losses[n + i]) = (1.5 * loss, 1.5 * floor);
            gradient.extend(g.iter().map(|g| g * 1024.0 / n as f64));
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
        report.close(&format!("{name} rows"), &rows, &losses, 10.0);
        report.close(&format!("{name} total"), &total, &[mean(&losses[..n]), mean(&losses[n..])], 10.0);
        report.close(&format!("{name} gz"), &gz, &gradient, 1024.0 / n as f64);
        let halved = gradient.iter().map(|g| g / 2.0).collect::<Vec<_>>();
        report.close(&format!("{name} gz of the second"), &again, &halved, 1024.0 / n as f64);
    }
    report.end();
}

/// A logit that is not a number makes the loss not one, so that the step is left out.
#[test]
fn a_broken_logit_breaks_the_loss() {
    let lab = Lab::new();
    for broken in [f64::NAN, f64::INFINITY] {
        let mut z = vec![0.0; 300];
        z[210] = broken;
        let (z, q) = (lab.single(&z), lab.single(&[1.0 / 150.0; 300]));
        let (rows, total) = (lab.empty(Precision::Single, 4), lab.empty(Precision::Single, 2));
        let (z, q, rows, to) = (z.at(), q.at(), rows.at(), total.at());
        let args = LossArgs {
            z,
            q,
            teacher: 0,
            gz: 0,
            rows,
            total: to,
            n: 2,
            k: 150,
            hard: 1.0,
            soft: 0.0,
            temperature: 1.0,
            scale: 1.0,
            add: 0,
        };
        lab.kernels.loss_rows(&args).unwrap();
        lab.kernels.loss_total(&args).unwrap();
        assert!(total.get()[0].is_nan(), "{broken}");
    }
}
