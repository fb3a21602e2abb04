//! Convolutions on maps in bfloat16: their distance from the same operands in double precision, against that of PyTorch's.

use super::file::path;
use half::bf16;
use serde::Deserialize;
use tricktop::kernels::buffer::{Aligned, SharedPtr};
use tricktop::kernels::conv::OutputGrad;
use tricktop::kernels::geometry::{Conv, ConvGeometry};
use tricktop::kernels::lanes::{Finished, MapInput, Neutral};
use tricktop::kernels::{Kernels, Level, Value, reference};

/// How much larger than PyTorch's an error may be.
const BOUND: f64 = 1.5;

#[derive(Deserialize)]
struct Row {
    case: String,
    n: usize,
    c: usize,
    h: usize,
    w: usize,
    o: usize,
    kernel: (usize, usize),
    stride: usize,
    padding: (usize, usize),
    dilation: usize,
    groups: usize,
    forward: f64,
    input: f64,
    weight: f64,
}

/// The numbers of `generate_bf16.py` for a tensor of four axes, channels first, with its channels last.
fn numbers([a, b, c, d]: [usize; 4], seed: u64, scale: f64, to: [usize; 4]) -> Aligned<bf16> {
    let number = |i: usize| {
        let hash = ((i as u64 ^ seed).wrapping_mul(2_654_435_761) % (1 << 32)) >> 8;
        ((hash as f64 / f64::from(1 << 23) - 1.0) * scale) as f32
    };
    let mut wide = vec![0f32; a * b * c * d];
    for (i, at) in (0..a * b * c * d).map(|i| (i, [i / (b * c * d), i / (c * d) % b, i / d % c, i % d])) {
        let sizes = [a, b, c, d];
        wide[to.iter().fold(0, |place, axis| place * sizes[*axis] + at[*axis])] = number(i);
    }
    let mut narrow = Aligned::take(wide.len());
    bf16::narrow(&wide, &mut narrow);
    narrow
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let apart = square(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    (apart / square(&mut b.iter().map(|b| f64::from(*b)))).sqrt()
}

#[test]
fn convolutions_err_at_most_half_as_much_again_as_pytorch() {
    let rows: Vec<Row> = serde_json::from_str(&std::fs::read_to_string(path("bf16.json")).unwrap()).unwrap();
    assert!(rows.len() >= 21, "{} cases", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let Row { n, c, h, w, o, kernel, stride, padding, dilation, groups, .. } = *row;
        let conv = Conv { kernel, stride, padding, dilation, groups, c_in: c, c_out: o };
        let g = ConvGeometry::new(conv, n, h, w);
        let terms = c / groups * conv.taps();
        let (last, first) = ([0, 2, 3, 1], [2, 3, 1, 0]);
        let x = numbers([n, c, h, w], 1, 1.0, last);
        let weights = numbers([o, c / groups, kernel.0, kernel.1], 2, 1.0 / (terms as f64).sqrt(), first);
        let gy = numbers([n, o, g.oh, g.ow], 3, 1.0, last);
        let (wide_x, wide_w, wide_gy) = (bf16::wide(&x), bf16::wide(&weights), bf16::wide(&gy));
        let y = reference::conv(&g, &wide_x, &wide_w);
        let (gx, gw) = reference::conv_grads(&g, &wide_x, &wide_w, &wide_gy);
        for level in Level::available() {
            let (mut own_y, mut own_gx) = (Aligned::<bf16>::take(g.y_len()), Aligned::<bf16>::take(g.x_len()));
            let (mut own_gw, neutral) = (vec![0f32; gw.len()], Neutral::new(o));
            let map = MapInput { data: &x[..], pending: None };
            let to = Finished { y: SharedPtr::new(&mut own_y), affine: neutral.affine(), residual: None };
            bf16::convolve_to(level, &g, map, &wide_w, to);
            let given = Some((&mut own_gx[..], false));
            bf16::convolve_back(level, &g, map, OutputGrad::Dense(&gy[..]), &wide_w, &mut own_gw, given);
            for (what, found, exact, bound) in [
                ("forward", &bf16::wide(&own_y)[..], &y, row.forward),
                ("gradient of the input", &bf16::wide(&own_gx)[..], &gx, row.input),
                ("gradient of the weights", &own_gw[..], &gw, row.weight),
            ] {
                let apart = distance(found, exact);
                if apart.is_nan() || apart > BOUND * bound {
                    wrong.push(format!("{} {what}, {}: {apart:e}, PyTorch {bound:e}", row.case, level.word()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
