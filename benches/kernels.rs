//! Times the convolutions of `shapes.txt`, forward and backward, alone and as units of a net with a batch norm and a ReLU
//! (what comes before is applied on the way in, statistics are summed on the way out; images have no norm before them and
//! need no gradient), with maps in f32 and in bfloat16: `cargo bench --bench kernels [-- NAME]`. `kernels_against_torch.py` sets
//! them beside PyTorch's.

use divan::{Bencher, black_box};
use half::bf16;
use std::fmt;
use tricktop::kernels::buffer::{Aligned, Buffer, SharedPtr};
use tricktop::kernels::conv::OutputGrad;
use tricktop::kernels::geometry::{Conv, ConvGeometry};
use tricktop::kernels::lanes::{Affine, Finished, MapInput, Moments, NormGrad, Statistics};
use tricktop::kernels::norm::{Mask, Saved};
use tricktop::kernels::{Kernels, Level};

// (that of the program)
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

struct Shape {
    name: &'static str,
    geometry: ConvGeometry,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn shapes() -> impl Iterator<Item = Shape> {
    include_str!("shapes.txt").lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        let numbers: Vec<usize> = fields.filter_map(|field| field.parse().ok()).collect();
        let [n, edge, c_in, c_out, kernel, stride, groups, dilation] = numbers[..] else { return None };
        let conv = Conv { groups, ..Conv::same(c_in, c_out, kernel, stride).dilated(dilation) };
        Some(Shape { name, geometry: ConvGeometry::new(conv, n, edge, edge) })
    })
}

/// Whether a convolution reads images.
fn of_images(g: &ConvGeometry) -> bool {
    g.conv.c_in <= 3
}

/// Values between -1 and 1, in memory that is aligned as the maps of a net are.
fn values(len: usize) -> Buffer {
    let mut values = Buffer::take(len);
    values.iter_mut().enumerate().for_each(|(i, v)| *v = ((i * 7919) % 2003) as f32 / 1001.5 - 1.0);
    values
}

/// The same in a number format.
fn map<T: Kernels>(len: usize) -> Aligned<T> {
    let mut map = Aligned::take(len);
    T::narrow(&values(len), &mut map);
    map
}

fn weights(g: &ConvGeometry) -> Buffer {
    let (rows, cols) = g.conv.weight_shape();
    values(rows * cols)
}

#[divan::bench(types = [f32, bf16], args = shapes())]
fn forward<T: Kernels>(bencher: Bencher, shape: &Shape) {
    let g = &shape.geometry;
    let (x, w, mut y) = (map::<T>(g.x_len()), weights(g), map::<T>(g.y_len()));
    let channels = values(g.conv.c_out);
    let affine = Affine { scale: &channels, shift: &channels, relu: false };
    bencher.bench_local(|| {
        let to = Finished { y: SharedPtr::new(&mut y), affine, residual: None };
        T::convolve_to(Level::best(), g, MapInput { data: black_box(&x), pending: None }, &w, to);
    });
}

#[divan::bench(types = [f32, bf16], args = shapes())]
fn backward<T: Kernels>(bencher: Bencher, shape: &Shape) {
    let g = &shape.geometry;
    let (x, w, gy) = (map::<T>(g.x_len()), weights(g), map::<T>(g.y_len()));
    let (mut gw, mut gx) = (values(w.len()), map::<T>(g.x_len()));
    bencher.bench_local(|| {
        let x = MapInput { data: black_box(&x), pending: None };
        let gx = (!of_images(g)).then_some((&mut gx[..], false));
        T::convolve_back(Level::best(), g, x, OutputGrad::Dense(&gy), &w, &mut gw, gx);
    });
}

#[divan::bench(types = [f32, bf16], args = shapes())]
fn unit_forward<T: Kernels>(bencher: Bencher, shape: &Shape) {
    let g = &shape.geometry;
    let (x, w, pivot, mut y) = (map::<T>(g.x_len()), weights(g), values(g.conv.c_out), map::<T>(g.y_len()));
    let (scale, shift) = (values(g.conv.c_in), values(g.conv.c_in));
    bencher.bench_local(|| {
        let pending = (!of_images(g)).then_some(Affine { scale: &scale, shift: &shift, relu: true });
        let to = Statistics { y: SharedPtr::new(&mut y), of: Moments { pivot: &pivot } };
        T::convolve(Level::best(), g, MapInput { data: black_box(&x), pending }, &w, to)
    });
}

#[divan::bench(types = [f32, bf16], args = shapes())]
fn unit_backward<T: Kernels>(bencher: Bencher, shape: &Shape) {
    let g = &shape.geometry;
    let (x, w, y, mut gy) = (map::<T>(g.x_len()), weights(g), map::<T>(g.y_len()), map::<T>(g.y_len()));
    let (scale, shift) = (values(g.conv.c_in), values(g.conv.c_in));
    let [mean, inverse_deviation, own_scale, own_shift] = std::array::from_fn(|_| values(g.conv.c_out));
    let (mut gw, mut gx) = (values(w.len()), map::<T>(g.x_len()));
    bencher.bench_local(|| {
        let (mean, inverse_deviation, scale_of_y, shift_of_y) = (&mean, &inverse_deviation, &own_scale, &own_shift);
        let saved =
            Saved { y: &y, mean, inverse_deviation, scale: scale_of_y, shift: shift_of_y, batch_statistics: true };
        let own = T::norm_back(Level::best(), &saved, &mut gy, Mask::Own);
        let [a, b, d] = &own.factors;
        let out =
            OutputGrad::Norm(NormGrad { g: &gy, y: &y, factors: [a, b, d], mask: Some((&own_scale, &own_shift)) });
        let pending = (!of_images(g)).then_some(Affine { scale: &scale, shift: &shift, relu: true });
        let gx = (!of_images(g)).then_some((&mut gx[..], false));
        T::convolve_back(Level::best(), g, MapInput { data: black_box(&x), pending }, out, &w, &mut gw, gx);
    });
}
