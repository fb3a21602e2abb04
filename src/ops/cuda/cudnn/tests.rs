//! Every pass against loops in f64, on an NVIDIA GPU (or an emulated one), and the choice of plans for one that is
//! described.

use super::plan::Pass;
use super::*;
use crate::kernels::geometry::{Conv, ConvGeometry};
use crate::ops::Precision;
use cudarc::driver::{CudaDevice, CudaSlice, DevicePtr};
use half::{bf16, f16};
use std::ptr::null_mut;
use std::sync::Arc;

/// The most workspace that the tests allow.
const LIMIT: u64 = 64 << 20;
const FORMATS: [Precision; 3] = [Precision::Single, Precision::Half, Precision::BrainHalf];
const PASSES: [Pass; 3] = [Pass::Forward, Pass::Data, Pass::Filter];

/// Name, convolution, images, height, width.
type Case = (&'static str, Conv, [usize; 3]);

fn cases() -> Vec<Case> {
    let plain = Conv::same(8, 16, 3, 1);
    let deep = Conv { groups: 8, c_out: 8, ..plain };
    vec![
        ("3x3", plain, [2, 7, 6]),
        ("3x3, stride 2", Conv { stride: 2, ..plain }, [2, 8, 7]),
        ("1x1", Conv::same(16, 8, 1, 1), [2, 5, 6]),
        ("1x1, stride 2", Conv::same(16, 8, 1, 2), [2, 6, 5]),
        ("7x7, stride 2", Conv::same(3, 8, 7, 2), [2, 13, 12]),
        ("dilated", Conv { dilation: 2, padding: (2, 2), ..plain }, [2, 7, 8]),
        ("grouped", Conv { groups: 4, ..plain }, [2, 6, 7]),
        ("depthwise", deep, [2, 6, 7]),
        ("depthwise, stride 2", Conv { stride: 2, ..deep }, [2, 7, 6]),
        ("linear", Conv::same(24, 10, 1, 1), [5, 1, 1]),
        ("row", Conv { kernel: (1, 7), padding: (0, 3), ..plain }, [2, 5, 9]),
        ("column", Conv { kernel: (7, 1), padding: (3, 0), ..plain }, [2, 9, 5]),
        ("one pixel", plain, [1, 1, 1]),
    ]
}

/// A value as it is in a format.
fn rounded(format: Precision, v: f64) -> f64 {
    match format {
        Precision::Single => f64::from(v as f32),
        Precision::Half => f16::from_f64(v).to_f64(),
        Precision::BrainHalf => bf16::from_f64(v).to_f64(),
    }
}

fn bytes(format: Precision, values: &[f64]) -> Vec<u8> {
    let of = |v: &f64| match format {
        Precision::Single => (*v as f32).to_le_bytes().to_vec(),
        Precision::Half => f16::from_f64(*v).to_le_bytes().to_vec(),
        Precision::BrainHalf => bf16::from_f64(*v).to_le_bytes().to_vec(),
    };
    values.iter().flat_map(of).collect()
}

fn values(format: Precision, bytes: &[u8]) -> Vec<f64> {
    let of = |v: &[u8]| match (format, v) {
        (Precision::Half, [a, b]) => f16::from_le_bytes([*a, *b]).to_f64(),
        (Precision::BrainHalf, [a, b]) => bf16::from_le_bytes([*a, *b]).to_f64(),
        (_, v) => f64::from(f32::from_le_bytes(v.try_into().unwrap())),
    };
    bytes.chunks(format.bytes() as usize).map(of).collect()
}

/// Numbers between -1 and 1 that look like chance.
fn numbers(len: usize, seed: u32, format: Precision) -> Vec<f64> {
    let one = |i: usize| f64::from((i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 23) - 1.0;
    (0..len).map(|i| rounded(format, one(i))).collect()
}

/// Which of images, filter and output a pass writes.
fn written(pass: Pass) -> usize {
    match pass {
        Pass::Data => 0,
        Pass::Filter => 1,
        Pass::Forward => 2,
    }
}

/// What a pass adds up, in f64.
fn sums(pass: Pass, g: &ConvGeometry, tensors: &[Vec<f64>; 3]) -> Vec<f64> {
    let (c, per) = (&g.conv, g.conv.c_in / g.conv.groups);
    let to = written(pass);
    let mut sums = vec![0.0; tensors[to].len()];
    let inside = |o: usize, tap: usize, padding: usize, size: usize| {
        (o * c.stride + tap * c.dilation).checked_sub(padding).filter(|i| *i < size)
    };
    for pixel in 0..g.n * g.oh * g.ow {
        let (n, oy, ox) = (pixel / (g.oh * g.ow), pixel / g.ow % g.oh, pixel % g.ow);
        for tap in 0..c.taps() {
            let y = inside(oy, tap / c.kernel.1, c.padding.0, g.h);
            let x = inside(ox, tap % c.kernel.1, c.padding.1, g.w);
            let (Some(y), Some(x)) = (y, x) else { continue };
            for (o, i) in (0..c.c_out).flat_map(|o| (0..per).map(move |i| (o, i))) {
                let channel = o / (c.c_out / c.groups) * per + i;
                let image = ((n * g.h + y) * g.w + x) * c.c_in + channel;
                let at = [image, (o * c.taps() + tap) * per + i, pixel * c.c_out + o];
                let factors = (0..3).filter(|tensor| *tensor != to).map(|tensor| tensors[tensor][at[tensor]]);
                sums[at[to]] += factors.product::<f64>();
            }
        }
    }
    sums
}

/// The result of a plan on what the tensors hold.
fn run(gpu: &Arc<CudaDevice>, cudnn: &Cudnn, of: &Convolution, tensors: &[Vec<f64>; 3]) -> Vec<f64> {
    let plan = cudnn.plan(of, LIMIT).unwrap_or_else(|error| panic!("{error}"));
    let mut up: Vec<CudaSlice<u8>> =
        tensors.iter().map(|t| gpu.htod_sync_copy(&bytes(of.precision, t)).unwrap()).collect();
    let workspace = gpu.alloc_zeros::<u8>(plan.workspace().max(1) as usize).unwrap();
    let [x, w, y] = [0, 1, 2].map(|i: usize| *up[i].device_ptr());
    cudnn.run(&plan, [x, w, y], *workspace.device_ptr()).unwrap();
    values(of.precision, &gpu.dtoh_sync_copy(&up.swap_remove(written(of.pass))).unwrap())
}

#[test]
fn every_pass_computes_what_loops_compute() {
    let gpu = CudaDevice::new(0).unwrap();
    let cudnn = Cudnn::open(null_mut()).unwrap_or_else(|error| panic!("{error}"));
    println!("{} at {}", cudnn.name(), cudnn.library.path);
    let mut failures = Vec::new();
    for (name, conv, [n, h, w]) in cases() {
        let geometry = ConvGeometry::new(conv, n, h, w);
        for precision in FORMATS {
            let filter = conv.c_out * conv.weight_shape().0;
            let tensor = |len, seed| numbers(len, seed, precision);
            let given = [tensor(geometry.x_len(), 1), tensor(filter, 2), tensor(geometry.y_len(), 3)];
            for pass in PASSES {
                let sums = sums(pass, &geometry, &given);
                for (accumulate, tf32) in [(false, false), (true, false), (false, true)] {
                    let of = Convolution { pass, geometry, precision, accumulate, tf32 };
                    let to = written(pass);
                    let mut tensors = given.clone();
                    if !accumulate {
                        // What was there must not be read.
                        tensors[to].fill(f64::NAN);
                    }
                    let old = |i: usize| if accumulate { given[to][i] } else { 0.0 };
                    let expected: Vec<f64> = sums.iter().enumerate().map(|(i, sum)| sum + old(i)).collect();
                    let found = run(&gpu, &cudnn, &of, &tensors);
                    let apart = |(a, b): (&f64, &f64)| (a - b).abs() / b.abs().max(1.0);
                    let worst =
                        found.iter().zip(&expected).map(apart).fold(0.0, |a: f64, b| if b >= a { b } else { a.max(b) });
                    let bound = match precision {
                        // (tensor cores round both factors to 10 bits, of some hundred products)
                        Precision::Single if tf32 => 1e-2,
                        Precision::Single => 2e-6,
                        Precision::Half => 1e-3,
                        Precision::BrainHalf => 8e-3,
                    };
                    let finite = found.len() == expected.len() && found.iter().all(|v| v.is_finite());
                    if !(finite && worst <= bound) {
                        failures.push(format!("{name}: {of}: apart {worst:e}"));
                    }
                    let again = run(&gpu, &cudnn, &of, &tensors);
                    if !again.iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits()) {
                        failures.push(format!("{name}: {of}: other bits in a second run"));
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn plans_are_kept_and_so_are_failures() {
    let _gpu = CudaDevice::new(0).unwrap();
    let cudnn = Cudnn::open(null_mut()).unwrap_or_else(|error| panic!("{error}"));
    let geometry = ConvGeometry::new(Conv::same(8, 16, 3, 1), 2, 7, 6);
    let of = Convolution { pass: Pass::Forward, geometry, precision: Precision::Half, accumulate: false, tf32: false };
    let [first, again] = [(); 2].map(|()| cudnn.plan(&of, LIMIT).unwrap());
    assert!(Rc::ptr_eq(&first, &again));
    let error = cudnn.run(&first, [256, 264, 512], 0).unwrap_err();
    assert_eq!(error.to_string(), "cuDNN reads memory at multiples of 16 bytes, and was given 0x108");
    // (an output of another size)
    let wrong = Convolution { geometry: ConvGeometry { oh: geometry.oh + 1, ..geometry }, ..of };
    let [first, again] = [(); 2].map(|()| cudnn.plan(&wrong, LIMIT).err().unwrap());
    assert!(Rc::ptr_eq(&first, &again));
    assert!(first.to_string().starts_with("cuDNN cannot "), "{first}");
}

#[test]
fn the_limit_of_workspace_is_kept() {
    let _gpu = CudaDevice::new(0).unwrap();
    let cudnn = Cudnn::open(null_mut()).unwrap_or_else(|error| panic!("{error}"));
    let geometry = ConvGeometry::new(Conv::same(8, 16, 3, 1), 2, 7, 6);
    for (pass, precision) in PASSES.into_iter().flat_map(|pass| FORMATS.map(|precision| (pass, precision))) {
        let of = Convolution { pass, geometry, precision, accumulate: false, tf32: false };
        for limit in [0, 1000, LIMIT] {
            match cudnn.plan(&of, limit) {
                Ok(plan) => assert!(plan.workspace() <= limit, "{of}"),
                Err(error) => assert!(error.to_string().contains("more workspace than"), "{error}"),
            }
        }
    }
}
