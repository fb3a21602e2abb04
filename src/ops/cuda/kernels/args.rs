//! What kernels are given: one structure each, of pointers and numbers, as `args.cuh` has them.

/// Where something lies on the GPU, in bytes; 0 is nowhere.
pub type Place = u64;

/// A matrix that is turned over, `(rows, cols)` into `(cols, rows)`, or a vector that is copied (one row).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnJob {
    pub from: Place,
    pub to: Place,
    pub rows: u32,
    pub cols: u32,
    /// The first of its tiles, counted over all jobs.
    pub first_tile: u32,
    /// Formats of both: 0 single, 1 half, 2 brain half; `from + 4 * to`.
    pub formats: u32,
}

/// Rows and columns of a tile of `turn`.
const TILE: u32 = 32;

impl TurnJob {
    /// Tiles that it is cut into.
    pub fn tiles(&self) -> u32 {
        self.rows.div_ceil(TILE) * self.cols.div_ceil(TILE)
    }
}

/// `turn`: a block of 32 x 8 threads a tile, which writes its sum of squares where there is a place for it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub jobs: Place,
    /// Sums of squares of the tiles, in double precision; or nowhere.
    pub squares: Place,
    pub count: u32,
    pub pad: u32,
}

/// `norm_sums`, `norm_apply`, `norm_back_sums`, `norm_back_apply`, `norm_running`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NormArgs {
    /// Input of the norm `(rows, c)`.
    pub x: Place,
    /// Output.
    pub y: Place,
    /// Added before the ReLU; or nowhere.
    pub residual: Place,
    /// After a sum: which values the ReLU let through, a byte a pack of channels, a bit a value; or nowhere.
    pub mask: Place,
    /// Gradients of output, input and residual (or nowhere).
    pub gy: Place,
    pub gx: Place,
    pub gr: Place,
    /// Sums of slices, `(slices, 2, c)`, single precision like all that follows.
    pub part: Place,
    /// Mean, inverse deviation, and the running mean and variance as they were before: `(4, c)`.
    pub kept: Place,
    pub gamma: Place,
    pub beta: Place,
    pub mean: Place,
    pub var: Place,
    /// Gradients of gamma and beta; they are overwritten.
    pub ggamma: Place,
    pub gbeta: Place,
    pub rows: u32,
    pub c: u32,
    pub slice: u32,
    pub eps: f32,
    pub momentum: f32,
    /// 1: ReLU follows.
    pub relu: u32,
    /// 1: statistics of the batch; 0: the running ones, which then stay as they are.
    pub batch: u32,
    /// 1: `gx` is added to; 2: `gr` is.
    pub add: u32,
}

/// `max_pool`, `max_pool_back`, `average_pool`, `average_pool_back`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PoolArgs {
    /// Input `(n, h, w, c)`, or its gradient.
    pub x: Place,
    /// Output `(n, oh, ow, c)`, or its gradient.
    pub y: Place,
    /// Which member of its window a maximum is, a byte each, `(n, oh, ow, c)`, 255 where it is not a number; or nowhere.
    pub chosen: Place,
    pub n: u32,
    pub h: u32,
    pub w: u32,
    pub c: u32,
    pub oh: u32,
    pub ow: u32,
    pub kernel: u32,
    pub stride: u32,
    pub padding: u32,
    /// 1: an average counts the padding.
    pub count_padding: u32,
    /// 1: the gradient of the input is added to.
    pub add: u32,
}

/// `mean`, `mean_back`: means of all pixels, `(n, hw, c)` to `(n, c)` in single precision.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MeanArgs {
    pub x: Place,
    pub y: Place,
    pub n: u32,
    pub hw: u32,
    pub c: u32,
    pub add: u32,
}

/// `channels_put` (a part into the whole), `channels_take` (a part out of it).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ChannelsArgs {
    pub part: Place,
    pub whole: Place,
    pub rows: u32,
    /// Channels of the part, of the whole, and before the part.
    pub c: u32,
    pub of: u32,
    pub first: u32,
    /// 1: what is taken is added.
    pub add: u32,
}

/// `gate`, `gate_back`: y = relu(x * gate + residual), with a gate `(n, c)` in single precision.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GateArgs {
    pub x: Place,
    pub gate: Place,
    /// Or nowhere, as each of the gradients.
    pub residual: Place,
    pub y: Place,
    pub gy: Place,
    pub gx: Place,
    pub ggate: Place,
    pub gr: Place,
    pub n: u32,
    pub hw: u32,
    pub c: u32,
    /// 1: `gx` is added to; 2: `gr` is; 4: `ggate` is.
    pub add: u32,
}

/// `bias`, `bias_back`: y = activation(x + b), in place; x is `(n, k)` in single precision.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BiasArgs {
    pub y: Place,
    pub b: Place,
    pub gy: Place,
    /// Gradient of what stood before bias and activation; or nowhere.
    pub gx: Place,
    /// Overwritten.
    pub gb: Place,
    pub n: u32,
    pub k: u32,
    /// 0 none, 1 ReLU, 2 sigmoid.
    pub activation: u32,
}

/// `loss_rows`: a block a row of logits; `loss_total`: one block.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LossArgs {
    /// Logits `(n, k)`, all in single precision.
    pub z: Place,
    /// Target probabilities `(n, k)`.
    pub q: Place,
    /// Logits of a teacher; or nowhere.
    pub teacher: Place,
    /// Gradient of the logits; overwritten; or nowhere.
    pub gz: Place,
    /// Losses of the rows and what no net can take away of them, `(2, n)`.
    pub rows: Place,
    /// Their means, `(2,)`.
    pub total: Place,
    pub n: u32,
    pub k: u32,
    /// Shares of the hard and the soft loss.
    pub hard: f32,
    pub soft: f32,
    pub temperature: f32,
    /// Factor of the gradient (over n).
    pub scale: f32,
    /// 1: the rows' losses are added to those that are there.
    pub add: u32,
}

/// A parameter, in single precision.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ParamJob {
    pub w: Place,
    /// Its gradient; of a statistic the values to put back.
    pub g: Place,
    /// What the optimiser keeps of it.
    pub slots: [Place; 2],
    pub len: u32,
    /// The first of its chunks, counted over all jobs.
    pub first_chunk: u32,
    /// Sum of: 1 for weight decay, 2 for a statistic, 4 where the squares of the gradient are known already.
    pub kind: u32,
    /// Updates that it was left out of.
    pub missed: u32,
    /// Factor of the learning rate.
    pub rate: f32,
    pub pad: u32,
}

/// Values of a parameter that a block goes through.
const CHUNK: u32 = 16384;

impl ParamJob {
    /// Chunks that it is cut into.
    pub fn chunks(&self) -> u32 {
        self.len.div_ceil(CHUNK)
    }
}

/// `squares` (a block a chunk writes its sum of squares), `sgd`, `adamw`, `average` (a block a chunk).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct UpdateArgs {
    pub jobs: Place,
    /// Sums of squares of chunks, in double precision.
    pub squares: Place,
    /// Sums of squares that are known already; and how many.
    pub known: Place,
    /// Loss (mean, floor) of the step; or nowhere.
    pub loss: Place,
    /// What became of it, written by the first block: loss less floor, norm of the gradient (unscaled), 1 or 0 for
    /// updated or not, 0: `(4,)`.
    pub done: Place,
    pub count: u32,
    pub chunks: u32,
    pub known_count: u32,
    /// AdamW: number of the update, from 1.
    pub number: u32,
    /// The gradients are so many times too large.
    pub scale: f32,
    /// Norm to which they are clipped; 0: never.
    pub clip: f32,
    pub lr: f32,
    pub decay: f32,
    /// SGD.
    pub momentum: f32,
    pub nesterov: u32,
    /// AdamW, and the first one of averages: shares kept, one less them, learning rate over the first's correction, one over
    /// the root of the second's (both of a parameter that was left out of no update).
    pub betas: [f32; 2],
    pub rests: [f32; 2],
    pub rate: f32,
    pub root: f32,
    pub epsilon: f32,
    pub keep: f32,
}

/// `cast`: a map in another format; `add`: `to += from` (the same formats).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CastArgs {
    pub from: Place,
    pub to: Place,
    pub len: u64,
    /// `from + 4 * to`, as in [`TurnJob`].
    pub formats: u32,
    /// 1: `to` is added to.
    pub add: u32,
}
