use super::*;
use crate::kernels::geometry::Pool;
use crate::ops::cuda::kernels::{MeanArgs, PoolArgs};

const WIDE: Pool = Pool { kernel: 3, stride: 1, padding: 1, ceil: false, count_padding: true };
const POOLS: [Pool; 6] = [
    Pool::STEM,
    Pool::SHORTCUT,
    WIDE,
    Pool { count_padding: false, ..WIDE },
    Pool { kernel: 3, stride: 2, padding: 1, ceil: true, count_padding: true },
    Pool { kernel: 2, stride: 3, padding: 0, ceil: false, count_padding: true },
];

/// Images, height, width, channels.
const SIZES: [[usize; 4]; 7] =
    [[1, 3, 3, 1], [2, 7, 5, 3], [3, 8, 8, 8], [1, 6, 9, 16], [2, 5, 5, 33], [1, 9, 4, 64], [2, 5, 7, 24]];

struct Case {
    precision: Precision,
    pool: Pool,
    size: [usize; 4],
    add: bool,
}

impl Case {
    fn out(&self) -> [usize; 4] {
        let [n, h, w, c] = self.size;
        [n, self.pool.out(h), self.pool.out(w), c]
    }

    fn args(&self, x: &Values, y: &Values, chosen: Place) -> PoolArgs {
        let ([n, h, w, c], [_, oh, ow, _]) = (self.size.map(|v| v as u32), self.out().map(|v| v as u32));
        let [kernel, stride, padding] = [self.pool.kernel, self.pool.stride, self.pool.padding].map(|v| v as u32);
        let (count_padding, add) = (self.pool.count_padding as u32, self.add as u32);
        let (x, y) = (x.at(), y.at());
        PoolArgs { x, y, chosen, n, h, w, c, oh, ow, kernel, stride, padding, count_padding, add }
    }

    /// Calls `f(input, output, member, divisor)` for each value of each window, in order.
    fn members(&self, mut f: impl FnMut(usize, usize, usize, f64)) {
        let ([n, h, w, c], [_, oh, ow, _], p) = (self.size, self.out(), self.pool);
        for (i, oy, ox) in (0..n * oh * ow).map(|o| (o / (oh * ow), o / ow % oh, o % ow)) {
            for (y, x) in p.window(oy, h).flat_map(|y| p.window(ox, w).map(move |x| (y, x))) {
                let member = (y + p.padding - oy * p.stride) * p.kernel + x + p.padding - ox * p.stride;
                for ch in 0..c {
                    let (input, output) = (((i * h + y) * w + x) * c + ch, ((i * oh + oy) * ow + ox) * c + ch);
                    f(input, output, member, p.divisor(oy, ox, h, w) as f64);
                }
            }
        }
    }
}

fn cases() -> impl Iterator<Item = Case> {
    let of = |precision| POOLS.iter().flat_map(move |pool| SIZES.iter().map(move |size| (precision, *pool, *size)));
    let all = ALL.into_iter().flat_map(of).enumerate();
    all.map(|(i, (precision, pool, size))| Case { precision, pool, size, add: i % 2 == 1 })
}

/// Runs a pool forward and backward, from `x` and `gy`, onto `gx`: y, gx, chosen.
fn run(lab: &Lab, case: &Case, max: bool, [x, gy, gx]: [&[f64]; 3]) -> [Values; 3] {
    let p = case.precision;
    let (y, chosen) = (lab.empty(p, gy.len()), lab.raw(vec![77; gy.len()]));
    let gradient = if case.add { lab.put(p, gx) } else { lab.empty(p, gx.len()) };
    let (x, gy) = (lab.put(p, x), lab.put(p, gy));
    let at = if max { chosen.at() } else { 0 };
    let (forward, backward) = (case.args(&x, &y, at), case.args(&gradient, &gy, at));
    if max {
        lab.kernels.max_pool(p, &forward).unwrap();
        lab.kernels.max_pool_back(p, &backward).unwrap();
    } else {
        lab.kernels.average_pool(p, &forward).unwrap();
        lab.kernels.average_pool_back(p, &backward).unwrap();
    }
    [y, gradient, chosen]
}

#[test]
fn pools_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for (case, max) in cases().flat_map(|case| [(Case { ..case }, true), (case, false)]) {
        let name = format!("{:?} {:?} {:?} max {max}", case.precision, case.pool, case.size);
        let [len, out] = [case.size, case.out()].map(|s| s.iter().product::<usize>());
        // (steps of a quarter: many values are equal)
        let x = noise(case.precision, len, 1).iter().map(|v| (v * 4.0).round() / 4.0).collect::<Vec<_>>();
        let (gy, before) = (noise(case.precision, out, 2), noise(case.precision, len, 3));
        let mut gx = if case.add { before.clone() } else { vec![0.0; len] };
        let (mut y, mut chosen) = (vec![if max { f64::NEG_INFINITY } else { 0.0 }; out], vec![(0, 0); out]);
        case.members(|input, output, member, divisor| {
            if !max {
                y[output] += x[input] / divisor;
                gx[input] += gy[output] / divisor;
            } else if x[input] > y[output] {
                (y[output], chosen[output]) = (x[input], (member as u8, input));
            }
        });
        let found = run(&lab, &case, max, [&x, &gy, &before]);
        if max {
            chosen.iter().zip(&gy).for_each(|((_, input), g)| gx[*input] += g);
            let members = chosen.iter().map(|(member, _)| *member).collect::<Vec<_>>();
            report.holds(&format!("{name} chosen"), found[2].bits() == members);
        }
        report.close(&format!("{name} y"), &found[0], &y, 1.0);
        report.close(&format!("{name} gx"), &found[1], &gx, 1.0);
    }
    report.end();
}

/// As the processor's pool: not-a-number in a window wins and takes no gradient; of nothing but -infinity the first does.
#[test]
fn windows_without_a_maximum() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for precision in ALL {
        let case = Case { precision, pool: Pool::SHORTCUT, size: [1, 2, 6, 8], add: false };
        let mut x = vec![0.5; 2 * 6 * 8];
        (0..8).for_each(|ch| x[8 + ch] = f64::NAN);
        for at in [2, 3, 8, 9] {
            (0..8).for_each(|ch| x[at * 8 + ch] = f64::NEG_INFINITY);
        }
        let found = run(&lab, &case, true, [&x, &[1.0; 24], &[0.0; 96]]);
        let y = [f64::NAN, f64::NEG_INFINITY, 0.5].map(|v| [v; 8]).concat();
        let mut gx = vec![0.0; 96];
        (16..24).chain(32..40).for_each(|i| gx[i] = 1.0);
        report.close("y", &found[0], &y, 1.0);
        report.close("gx", &found[1], &gx, 1.0);
    }
    report.end();
}

#[test]
fn means_agree_with_loops() {
    let (lab, mut report) = (Lab::new(), Report::default());
    for (precision, add) in ALL.into_iter().flat_map(|p| [(p, false), (p, true)]) {
        for [n, hw, c] in [[1, 1, 1], [2, 49, 3], [3, 1, 8], [1, 300, 16], [2, 20, 33], [3, 49, 64], [1, 7, 2000]] {
            let name = format!("{precision:?} {n} {hw} {c} add {add}");
            let (x, gy) = (noise(precision, n * hw * c, 1), noise(Precision::Single, n * c, 2));
            let mut gx = if add { noise(precision, x.len(), 3) } else { vec![0.0; x.len()] };
            let gradient = if add { lab.put(precision, &gx) } else { lab.empty(precision, x.len()) };
            let mut y = vec![0.0; n * c];
            for (i, to) in (0..x.len()).map(|i| (i, i / (hw * c) * c + i % c)) {
                y[to] += x[i] / hw as f64;
                gx[i] += gy[to] / hw as f64;
            }
            let (x, found, gy) = (lab.put(precision, &x), lab.empty(Precision::Single, y.len()), lab.single(&gy));
            let args = |x: &Values, y: &Values| {
                let [n, hw, c] = [n, hw, c].map(|v| v as u32);
                MeanArgs { x: x.at(), y: y.at(), n, hw, c, add: add as u32 }
            };
            lab.kernels.mean(precision, &args(&x, &found)).unwrap();
            lab.kernels.mean_back(precision, &args(&gradient, &gy)).unwrap();
            report.close(&format!("{name} y"), &found, &y, 1.0);
            report.close(&format!("{name} gx"), &gradient, &gx, 1.0);
        }
    }
    report.end();
}
