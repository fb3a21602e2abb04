use super::*;
use crate::ops::cuda::context::code;
use crate::ops::cuda::kernels::{CastArgs, ChannelsArgs, GateArgs};

#[test]
fn channels_go_into_the_whole_and_out() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for (precision, add) in ALL.into_iter().flat_map(|p| [(p, false), (p, true)]) {
        for [rows, c, of, first] in [[1, 1, 1, 0], [5, 3, 8, 2], [70, 8, 16, 8], [300, 16, 48, 16], [33, 33, 64, 31]] {
            let name = format!("{precision:?} {rows} {c} {of} {first} add {add}");
            let (part, whole) = (noise(precision, rows * c, 1), noise(precision, rows * of, 2));
            let (mut put, mut taken) = (whole.clone(), if add { part.clone() } else { vec![0.0; part.len()] });
            for i in 0..rows * c {
                let inside = i / c * of + first + i % c;
                put[inside] = part[i];
                taken[i] += whole[inside];
            }
            let on_gpu = [&part, &whole, &whole].map(|v| lab.put(precision, v));
            let out = if add { lab.put(precision, &part) } else { lab.empty(precision, part.len()) };
            let args = |part: &Values, whole: &Values| {
                let [rows, c, of, first] = [rows, c, of, first].map(|v| v as u32);
                ChannelsArgs { part: part.at(), whole: whole.at(), rows, c, of, first, add: add as u32 }
            };
            lab.kernels.channels_put(precision, &args(&on_gpu[0], &on_gpu[1])).unwrap();
            lab.kernels.channels_take(precision, &args(&out, &on_gpu[2])).unwrap();
            report.close(&format!("{name} put"), &on_gpu[1], &put, 1.0);
            report.close(&format!("{name} taken"), &out, &taken, 1.0);
        }
    }
    report.end();
}

#[test]
fn gates_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for (precision, add) in ALL.into_iter().flat_map(|p| (0..8).map(move |add| (p, add))) {
        for (i, [n, hw, c]) in
            [[1, 1, 1], [2, 49, 3], [3, 5, 8], [1, 300, 16], [2, 20, 33], [4, 49, 64]].iter().enumerate()
        {
            let (n, hw, c, with) = (*n, *hw, *c, (i + add) % 3 != 0);
            let name = format!("{precision:?} {n} {hw} {c} add {add} residual {with}");
            let len = n * hw * c;
            let [x, residual, gy, gx, gr] = [1, 2, 3, 4, 5].map(|seed| noise(precision, len, seed));
            let (gate, ggate) = (noise(Precision::Single, n * c, 6), noise(Precision::Single, n * c, 7));
            let gradient = |bit, p, v: &[f64]| if add & bit != 0 { lab.put(p, v) } else { lab.empty(p, v.len()) };
            let (y, gx_at) = (lab.empty(precision, len), gradient(1, precision, &gx));
            let (gr_at, ggate_at) = (gradient(2, precision, &gr), gradient(4, Precision::Single, &ggate));
            let (x_at, residual_at, gy_at) =
                (lab.put(precision, &x), lab.put(precision, &residual), lab.put(precision, &gy));
            let gate_at = lab.single(&gate);
            let args = GateArgs {
                x: x_at.at(),
                gate: gate_at.at(),
                residual: if with { residual_at.at() } else { 0 },
                y: y.at(),
                gy: gy_at.at(),
                gx: gx_at.at(),
                ggate: ggate_at.at(),
                gr: if with { gr_at.at() } else { 0 },
                n: n as u32,
                hw: hw as u32,
                c: c as u32,
                add: add as u32,
            };
            lab.kernels.gate(precision, &args).unwrap();
            lab.kernels.gate_back(precision, &args).unwrap();
            let passed = y.get();
            let kept = |bit, v: Vec<f64>| if add & bit != 0 { v } else { vec![0.0; v.len()] };
            let (mut gx, mut gr, mut ggate) = (kept(1, gx), kept(2, gr), kept(4, ggate));
            let mut out = vec![0.0; len];
            for i in 0..len {
                let g = if passed[i] > 0.0 { gy[i] } else { 0.0 };
                let of = i / (hw * c) * c + i % c;
                out[i] = f64::max(0.0, x[i] * gate[of] + if with { residual[i] } else { 0.0 });
                gx[i] += g * gate[of];
                gr[i] += g;
                ggate[of] += g * x[i];
            }
            report.close(&format!("{name} y"), &y, &out, 1.0);
            report.close(&format!("{name} gx"), &gx_at, &gx, 1.0);
            report.close(&format!("{name} ggate"), &ggate_at, &ggate, (hw as f64).sqrt());
            if with {
                report.close(&format!("{name} gr"), &gr_at, &gr, 1.0);
            }
        }
    }
    report.end();
}

#[test]
fn casts_and_sums() {
    let (lab, mut report) = (Lab::new(), Report::default());
    let pairs = ALL.into_iter().flat_map(|from| ALL.into_iter().map(move |to| (from, to)));
    for ((from, to), len) in pairs.flat_map(|pair| [1, 7, 8, 33, 5000, 600_000].map(|len| (pair, len))) {
        if len > 5000 && from != to {
            continue;
        }
        for add in [false, true] {
            let (x, before) = (noise(from, len, 1), noise(to, len, 2));
            let x_at = lab.put(from, &x);
            let to_at = if add { lab.put(to, &before) } else { lab.empty(to, len) };
            let formats = code(from) + 4 * code(to);
            let args = CastArgs { from: x_at.at(), to: to_at.at(), len: len as u64, formats, add: add as u32 };
            lab.kernels.cast(&args).unwrap();
            let sum = |(x, before): (&f64, &f64)| round(to, if add { x + before } else { *x });
            let expected = x.iter().zip(&before).map(sum).collect::<Vec<_>>();
            report.holds(&format!("{from:?} to {to:?}, {len}, add {add}"), to_at.get() == expected);
        }
    }
    // Something that does not begin on a multiple of 16 bytes, between values that stay.
    let (x, to) = (lab.single(&noise(Precision::Single, 40, 1)), lab.put(Precision::Half, &[9.0; 40]));
    let args = CastArgs { from: x.at() + 4, to: to.at() + 2, len: 30, formats: 4, add: 0 };
    lab.kernels.cast(&args).unwrap();
    let cast = x.get()[1..31].iter().map(|v| round(Precision::Half, *v)).collect::<Vec<_>>();
    report.holds("cast of a part", to.get() == [&[9.0][..], &cast, &[9.0; 9]].concat());
    report.end();
}
