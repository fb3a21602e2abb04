//! Sizes of convolutions and pools. They are computed here and nowhere else.

/// A convolution without the size of its input. Weights are HWIO, a matrix `(KH*KW*C_in/groups, C_out)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Kernel height and width.
    pub kernel: (usize, usize),
    /// Stride of both axes.
    pub stride: usize,
    /// Zero padding above and below, left and right.
    pub padding: (usize, usize),
    /// Dilation of both axes.
    pub dilation: usize,
    /// Groups.
    pub groups: usize,
    /// Input channels.
    pub c_in: usize,
    /// Output channels.
    pub c_out: usize,
}

impl Conv {
    /// A convolution without groups with a square kernel, padded to keep the size at stride 1.
    pub const fn same(c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Self {
        let padding = (kernel / 2, kernel / 2);
        Conv { kernel: (kernel, kernel), stride, padding, dilation: 1, groups: 1, c_in, c_out }
    }

    /// The same with its taps so many pixels apart, padded to keep the size at stride 1.
    pub const fn dilated(self, dilation: usize) -> Self {
        let padding = (self.kernel.0 / 2 * dilation, self.kernel.1 / 2 * dilation);
        Conv { dilation, padding, ..self }
    }

    /// Number of taps, KH * KW.
    pub fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Whether every output pixel reads one input pixel, and all are read: one product of matrices.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == (1, 1) && self.stride == 1 && self.padding == (0, 0)
    }

    /// Shape of the weight matrix.
    pub fn weight_shape(&self) -> (usize, usize) {
        (self.taps() * self.c_in / self.groups, self.c_out)
    }

    /// Multiply-adds of one image of `h` x `w`.
    pub fn multiply_adds(&self, h: usize, w: usize) -> u64 {
        let g = ConvGeometry::new(*self, 1, h, w);
        (g.oh * g.ow) as u64 * (self.weight_shape().0 * self.c_out) as u64
    }
}

/// A convolution on `n` images of `h` x `w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// The convolution.
    pub conv: Conv,
    /// Images.
    pub n: usize,
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Output height.
    pub oh: usize,
    /// Output width.
    pub ow: usize,
}

impl ConvGeometry {
    /// Computes the output size.
    pub fn new(conv: Conv, n: usize, h: usize, w: usize) -> Self {
        let out = |size: usize, kernel: usize, padding: usize| {
            (size + 2 * padding).saturating_sub(conv.dilation * (kernel - 1) + 1) / conv.stride + 1
        };
        let (oh, ow) = (out(h, conv.kernel.0, conv.padding.0), out(w, conv.kernel.1, conv.padding.1));
        ConvGeometry { conv, n, h, w, oh, ow }
    }

    /// Values of the input.
    pub fn x_len(&self) -> usize {
        self.n * self.h * self.w * self.conv.c_in
    }

    /// Values of the output.
    pub fn y_len(&self) -> usize {
        self.n * self.oh * self.ow * self.conv.c_out
    }
}

/// The square window of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Window height and width.
    pub kernel: usize,
    /// Stride of both axes.
    pub stride: usize,
    /// Padding on every side.
    pub padding: usize,
    /// Whether a last window that the border cuts off counts: PyTorch's `ceil_mode`.
    pub ceil: bool,
    /// Whether an average counts the padding: PyTorch's `count_include_pad`.
    pub count_padding: bool,
}

impl Pool {
    /// The stem's 3x3 max-pool with stride 2.
    pub const STEM: Pool = Pool { kernel: 3, stride: 2, padding: 1, ceil: false, count_padding: true };
    /// The 2x2 average pool of a ResNet-D shortcut.
    pub const SHORTCUT: Pool = Pool { kernel: 2, stride: 2, padding: 0, ceil: true, count_padding: false };

    /// Output size along an axis of `size`.
    pub fn out(&self, size: usize) -> usize {
        let span = (size + 2 * self.padding).saturating_sub(self.kernel);
        let out = if self.ceil { span.div_ceil(self.stride) } else { span / self.stride } + 1;
        // PyTorch's rule: the last window must start inside the input or the left padding.
        if self.ceil && (out - 1) * self.stride >= size + self.padding { out - 1 } else { out }
    }

    /// The input rows (or columns) of output `o`, clipped to the input.
    pub fn window(&self, o: usize, size: usize) -> std::ops::Range<usize> {
        let start = o * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(size)
    }

    /// The number that an average over the window `(oy, ox)` of an `h` x `w` map divides by.
    pub fn divisor(&self, oy: usize, ox: usize, h: usize, w: usize) -> f32 {
        let side = |o: usize, size: usize| match self.count_padding {
            true => (o * self.stride + self.kernel).min(size + 2 * self.padding) - o * self.stride,
            false => self.window(o, size).len(),
        };
        (side(oy, h) * side(ox, w)) as f32
    }
}
