//! Convolutions in groups as dense ones of bundles of channels.
//!
//! A panel has 16 output channels. Groups of 16 channels or a multiple fill whole panels and are bundles by themselves.
//! Smaller groups are bundled to 16 channels, with weights of zero where input and output are not of one group: with
//! groups of 4 channels three quarters of the products are by zero. Winograd's 36 products for 16 outputs instead of
//! 144 save as much at stride 1, and the direct way would have the same zeros in its panels.

use crate::kernels::buffer::Buffer;
use crate::kernels::geometry::Conv;
use crate::kernels::simd::LINE;
use std::ops::Range;

/// Whether a convolution has no groups, or groups of equally many inputs and outputs that make whole bundles: 2, 4 or 8
/// channels each, or a multiple of 16.
pub fn applies(c: &Conv) -> bool {
    let own = c.c_in / c.groups;
    let whole = own.is_multiple_of(LINE) || (own > 1 && LINE.is_multiple_of(own));
    c.groups == 1 || (whole && c.c_in == c.c_out && c.c_in.is_multiple_of(LINE))
}

/// Which weights stand where in a bundle: a row of bundled weights `(KH*KW*16, O)`, the columns of one group, and the
/// row of the weights `(KH*KW*C/groups, O)` that these columns have there. For every tap, group and row of the group.
fn rows(c: &Conv) -> impl Iterator<Item = (usize, Range<usize>, usize)> + use<> {
    let (own, taps, groups) = (c.c_in / c.groups, c.taps(), c.groups);
    (0..taps * own * groups).map(move |i| {
        let (tap, group, row) = (i / (own * groups), i / own % groups, i % own);
        (tap * LINE + (group * own + row) % LINE, group * own..(group + 1) * own, tap * own + row)
    })
}

/// The weights bundled, `(KH*KW*16, O)`, when groups are smaller than a bundle.
pub fn spread(c: &Conv, w: &[f32]) -> Option<Buffer> {
    (c.c_in / c.groups < LINE && c.groups > 1).then(|| {
        let mut spread = Buffer::zeros(c.taps() * LINE * c.c_out);
        for (to, cols, from) in rows(c) {
            spread[to * c.c_out..][cols.clone()].copy_from_slice(&w[from * c.c_out..][cols]);
        }
        spread
    })
}

/// Adds the gradient of bundled weights `(KH*KW*16, O)` to `gw` `(KH*KW*C/groups, O)`.
pub fn add_spread(c: &Conv, spread: &[f32], gw: &mut [f32]) {
    for (from, cols, to) in rows(c) {
        let spread = &spread[from * c.c_out..][cols.clone()];
        gw[to * c.c_out..][cols].iter_mut().zip(spread).for_each(|(a, b)| *a += b);
    }
}
