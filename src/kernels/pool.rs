//! Max and average pools over feature maps `(N*H*W, C)`, forward and backward. An image is a task; one in a narrower
//! number format is pooled in f32, so that sums are rounded once.

use super::geometry::Pool;
use super::parallel;
use super::simd::{Level, simd_kernel};
use super::value::Value;

/// Size of a batch of maps: images, height, width, channels.
pub type Nhwc = (usize, usize, usize, usize);

/// Values of the input of one image.
fn map_len((_, h, w, c): Nhwc) -> usize {
    h * w * c
}

/// Values of the output of one image.
fn out_len(p: &Pool, (_, h, w, c): Nhwc) -> usize {
    p.out(h) * p.out(w) * c
}

/// Calls `f(input pixel, output pixel, 1 / divisor)` for every input pixel of every window of one image, windows in
/// order and pixels in order within them.
#[inline(always)]
fn window_pixels(p: &Pool, (_, h, w, _): Nhwc, mut f: impl FnMut(usize, usize, f32)) {
    let ow = p.out(w);
    for (oy, ox) in (0..p.out(h) * ow).map(|i| (i / ow, i % ow)) {
        let share = 1.0 / p.divisor(oy, ox, h, w);
        for y in p.window(oy, h) {
            for x in p.window(ox, w) {
                f(y * w + x, oy * ow + ox, share);
            }
        }
    }
}

/// Writes the maximum of every window of x `(N*H*W, C)` to y `(N*OH*OW, C)`. Not-a-number in a window wins, as in
/// PyTorch.
pub fn max_forward<T: Value>(level: Level, p: &Pool, size: Nhwc, x: &[T], y: &mut [T]) {
    let maps = x.chunks(map_len(size)).zip(y.chunks_mut(out_len(p, size)));
    // SAFETY: The kernel touches what its slices hold.
    parallel::each(maps, &|_, (x, y)| T::change(y, |y| unsafe { max_of_image(level, p, size, &T::wide(x), y) }));
}

simd_kernel! {
    fn max_of_image<V>(p: &Pool, size: Nhwc, x: &[f32], y: &mut [f32]) {
        let c = size.3;
        y.fill(f32::NEG_INFINITY);
        window_pixels(p, size, |input, output, _| {
            for (y, x) in y[output * c..][..c].iter_mut().zip(&x[input * c..][..c]) {
                *y = if *x > *y || x.is_nan() { *x } else { *y };
            }
        });
    }
}

/// Adds the gradient of a max pool to `gx` `(N*H*W, C)`, out of that of the output, `gy` `(N*OH*OW, C)`. The first
/// maximum of a window takes it, as in PyTorch.
pub fn max_backward<T: Value>(level: Level, p: &Pool, size: Nhwc, (x, y): (&[T], &[T]), gy: &[T], gx: &mut [T]) {
    let out = out_len(p, size);
    let maps = gx.chunks_mut(map_len(size)).zip(gy.chunks(out)).zip(x.chunks(map_len(size))).zip(y.chunks(out));
    parallel::each(maps, &|_, (((gx, gy), x), y)| {
        let (x, y, gy) = (T::wide(x), T::wide(y), T::wide(gy));
        // SAFETY: The kernel touches what its slices hold.
        T::change(gx, |gx| unsafe { max_grad_of_image(level, p, size, (&x, &y), &gy, gx) });
    });
}

simd_kernel! {
    fn max_grad_of_image<V>(p: &Pool, size: Nhwc, maps: (&[f32], &[f32]), gy: &[f32], gx: &mut [f32]) {
        let ((x, y), c) = (maps, size.3);
        // 0 where no pixel of the window has been the maximum yet. The loop has no branch, so that it becomes vectors.
        let mut taken = vec![0u32; y.len()];
        window_pixels(p, size, |input, output, _| {
            let (from, to) = (input * c..(input + 1) * c, output * c..(output + 1) * c);
            let window = taken[to.clone()].iter_mut().zip(&y[to.clone()]).zip(&gy[to]);
            for ((gx, x), ((taken, y), gy)) in gx[from.clone()].iter_mut().zip(&x[from]).zip(window) {
                let hit = u32::from(x == y) & !*taken & 1;
                *taken |= hit;
                *gx += if hit == 1 { *gy } else { 0.0 };
            }
        });
    }
}

/// Writes the average of every window of x `(N*H*W, C)` to y `(N*OH*OW, C)`.
pub fn average_forward<T: Value>(level: Level, p: &Pool, size: Nhwc, x: &[T], y: &mut [T]) {
    let maps = x.chunks(map_len(size)).zip(y.chunks_mut(out_len(p, size)));
    // SAFETY: The kernel touches what its slices hold.
    parallel::each(maps, &|_, (x, y)| T::change(y, |y| unsafe { average_of_image(level, p, size, &T::wide(x), y) }));
}

simd_kernel! {
    fn average_of_image<V>(p: &Pool, size: Nhwc, x: &[f32], y: &mut [f32]) {
        let c = size.3;
        y.fill(0.0);
        window_pixels(p, size, |input, output, share| {
            for (y, x) in y[output * c..][..c].iter_mut().zip(&x[input * c..][..c]) {
                *y += x * share;
            }
        });
    }
}

/// Adds the gradient of an average pool to `gx` `(N*H*W, C)`, out of that of the output, `gy` `(N*OH*OW, C)`.
pub fn average_backward<T: Value>(level: Level, p: &Pool, size: Nhwc, gy: &[T], gx: &mut [T]) {
    let maps = gx.chunks_mut(map_len(size)).zip(gy.chunks(out_len(p, size)));
    // SAFETY: The kernel touches what its slices hold.
    parallel::each(maps, &|_, (gx, gy)| {
        T::change(gx, |gx| unsafe { average_grad_of_image(level, p, size, &T::wide(gy), gx) });
    });
}

simd_kernel! {
    fn average_grad_of_image<V>(p: &Pool, size: Nhwc, gy: &[f32], gx: &mut [f32]) {
        let c = size.3;
        window_pixels(p, size, |input, output, share| {
            for (gx, gy) in gx[input * c..][..c].iter_mut().zip(&gy[output * c..][..c]) {
                *gx += gy * share;
            }
        });
    }
}
