//! Convolutions in groups, as dense ones of bundles of channels: groups of less than 16 channels are taken together, with
//! weights of zero where input and output are not of one group. What that wastes, the transforms save.

use crate::kernels::buffer::Buffer;
use crate::kernels::geometry::Conv;
use crate::kernels::simd::LINE;
use std::ops::Range;

/// Whether a convolution has no groups, or such as make whole bundles.
pub fn applies(c: &Conv) -> bool {
    let own = c.c_in / c.groups;
    let whole = own.is_multiple_of(LINE) || (own > 1 && LINE.is_multiple_of(own));
    c.groups == 1 || (whole && c.c_in == c.c_out && c.c_in.is_multiple_of(LINE))
}

/// For every row of weights in bundles of 16 channels and every group the columns of that group, and the row of weights
/// `(KH*KW*C/groups, O)` that they have in it.
fn rows(c: &Conv) -> impl Iterator<Item = (usize, Range<usize>, usize)> + use<> {
    let (own, taps, groups) = (c.c_in / c.groups, c.taps(), c.groups);
    (0..taps * own * groups).map(move |i| {
        let (tap, group, row) = (i / (own * groups), i / own % groups, i % own);
        (tap * LINE + (group * own + row) % LINE, group * own..(group + 1) * own, tap * own + row)
    })
}

/// Weights in bundles, `(KH*KW*16, O)`, where groups are smaller than these.
pub fn spread(c: &Conv, w: &[f32]) -> Option<Buffer> {
    (c.c_in / c.groups < LINE && c.groups > 1).then(|| {
        let mut spread = Buffer::zeros(c.taps() * LINE * c.c_out);
        for (to, cols, from) in rows(c) {
            spread[to * c.c_out..][cols.clone()].copy_from_slice(&w[from * c.c_out..][cols]);
        }
        spread
    })
}

/// Adds the gradient of weights in bundles to `gw`.
pub fn add_spread(c: &Conv, spread: &[f32], gw: &mut [f32]) {
    for (from, cols, to) in rows(c) {
        let spread = &spread[from * c.c_out..][cols.clone()];
        gw[to * c.c_out..][cols].iter_mut().zip(spread).for_each(|(a, b)| *a += b);
    }
}
