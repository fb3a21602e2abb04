//! The program's own kernels: CUDA C++ beside this file, which the build makes PTX of.
//!
//! Feature maps are `(rows, c)` with the channels innermost, in one of three formats; sums are in single precision, in an
//! order that depends on the sizes alone. No kernel adds atomically, so that the same input gives the same bits.
//!
//! The places in a kernel's arguments are those of blocks and tensors that hold as much as the sizes say: the operations of
//! this folder take them from there and keep both until the work is on the stream.

mod args;
#[cfg(test)]
mod tests;

pub use args::*;

use super::driver::{Function, Module};
use crate::ops::Precision;
use cudarc::driver::DriverError;
use std::collections::HashMap;

/// The sources in PTX, with the names of their kernels in every format and in single precision.
const SOURCES: [(&str, &[&str], &[&str]); 5] = [
    (
        include_str!(concat!(env!("OUT_DIR"), "/norm.ptx")),
        &["norm_sums", "norm_apply", "norm_running", "norm_back_sums", "norm_back_apply"],
        &[],
    ),
    (
        include_str!(concat!(env!("OUT_DIR"), "/pool.ptx")),
        &["max_pool", "max_pool_back", "average_pool", "average_pool_back", "mean", "mean_back"],
        &[],
    ),
    (
        include_str!(concat!(env!("OUT_DIR"), "/join.ptx")),
        &["channels_put", "channels_take", "gate", "gate_back"],
        &["cast"],
    ),
    (include_str!(concat!(env!("OUT_DIR"), "/head.ptx")), &[], &["bias", "bias_back", "loss_rows", "loss_total"]),
    (include_str!(concat!(env!("OUT_DIR"), "/weights.ptx")), &[], &["turn", "squares", "sgd", "adamw", "average"]),
];

/// Threads of a block that goes through maps, and of one that goes through a row of logits.
const THREADS: u32 = 256;
const ROW: u32 = 128;

/// Packs of channels that a block has side by side.
const WIDTH: usize = 32;

/// All kernels, on one GPU.
pub struct Kernels {
    functions: HashMap<String, Function>,
    /// They go when these go.
    _modules: Vec<Module>,
}

type Done = Result<(), DriverError>;
type Grid = (u32, u32, u32);

impl Kernels {
    /// Loads them all.
    ///
    /// # Errors
    /// The driver's, which may be older than the toolkit of the build.
    pub fn load() -> Result<Kernels, DriverError> {
        let (mut functions, mut modules) = (HashMap::new(), Vec::new());
        for (ptx, in_every_format, single) in SOURCES {
            let module = Module::load(ptx)?;
            let formats = [Precision::Single, Precision::Half, Precision::BrainHalf];
            let named = |name: &&str| formats.map(|of| format!("{name}_{}", of.name()));
            for name in in_every_format.iter().flat_map(named).chain(single.iter().map(|name| name.to_string())) {
                functions.insert(name.clone(), module.function(&name)?);
            }
            modules.push(module);
        }
        Ok(Kernels { functions, _modules: modules })
    }

    fn launch<A: Copy>(&self, name: &str, grid: Grid, block: Grid, args: &A) -> Done {
        if grid.0 == 0 || grid.1 == 0 {
            return Ok(());
        }
        // SAFETY: the structure is that of the kernel of this name (`args.cuh`), and its places hold as much as its sizes say
        unsafe { self.functions[name].launch(grid, block, args) }
    }

    /// One that has its own instance for every format.
    fn on_maps<A: Copy>(&self, name: &str, of: Precision, grid: Grid, args: &A) -> Done {
        self.launch(&format!("{name}_{}", of.name()), grid, (THREADS, 1, 1), args)
    }

    /// One thread a pack of the channels.
    fn each<A: Copy>(&self, name: &str, of: Precision, rows: usize, c: u32, args: &A) -> Done {
        // Where vectors are not possible a thread has one value: this many threads are enough either way.
        self.on_maps(name, of, blocks(rows * packs(of, c as usize)), args)
    }

    /// Rows of a slice that a block goes through, and the number of slices, for a map in a format.
    pub fn slices(of: Precision, rows: usize, c: usize) -> (usize, usize) {
        let packs = packs(of, c);
        let (lanes, tiles) = (THREADS as usize / packs.min(WIDTH), packs.div_ceil(WIDTH));
        // Some rows for every lane, and no more blocks than a large GPU has at once.
        let most = (1024 / tiles).max(1);
        let slice = rows.div_ceil(rows.div_ceil(4 * lanes).clamp(1, most)).max(1);
        (slice, rows.div_ceil(slice))
    }

    fn norm(&self, name: &str, of: Precision, a: &NormArgs) -> Done {
        let grid = (tiles(of, a.c), a.rows.div_ceil(a.slice), 1);
        self.on_maps(name, of, grid, a)
    }

    /// Norm with the batch's statistics.
    pub fn norm_forward(&self, of: Precision, a: &NormArgs) -> Done {
        self.norm("norm_sums", of, a)?;
        self.norm("norm_apply", of, a)
    }

    /// Norm with the running statistics.
    pub fn norm_running(&self, of: Precision, a: &NormArgs) -> Done {
        self.norm("norm_running", of, a)
    }

    /// Gradients of a norm.
    pub fn norm_backward(&self, of: Precision, a: &NormArgs) -> Done {
        self.norm("norm_back_sums", of, a)?;
        self.norm("norm_back_apply", of, a)
    }

    /// Max-pool.
    pub fn max_pool(&self, of: Precision, a: &PoolArgs) -> Done {
        self.each("max_pool", of, pixels(a.n, a.oh, a.ow), a.c, a)
    }

    /// Gradient of a max-pool.
    pub fn max_pool_back(&self, of: Precision, a: &PoolArgs) -> Done {
        self.each("max_pool_back", of, pixels(a.n, a.h, a.w), a.c, a)
    }

    /// Average pool.
    pub fn average_pool(&self, of: Precision, a: &PoolArgs) -> Done {
        self.each("average_pool", of, pixels(a.n, a.oh, a.ow), a.c, a)
    }

    /// Gradient of an average pool.
    pub fn average_pool_back(&self, of: Precision, a: &PoolArgs) -> Done {
        self.each("average_pool_back", of, pixels(a.n, a.h, a.w), a.c, a)
    }

    /// Means of all pixels.
    pub fn mean(&self, of: Precision, a: &MeanArgs) -> Done {
        self.on_maps("mean", of, (tiles(of, a.c), a.n, 1), a)
    }

    /// Gradient of the means.
    pub fn mean_back(&self, of: Precision, a: &MeanArgs) -> Done {
        self.each("mean_back", of, pixels(a.n, a.hw, 1), a.c, a)
    }

    /// Channels of a part to their place in the whole. (Vectors depend on all three counts of channels.)
    pub fn channels_put(&self, of: Precision, a: &ChannelsArgs) -> Done {
        self.on_maps("channels_put", of, blocks(a.rows as usize * a.c as usize), a)
    }

    /// And back.
    pub fn channels_take(&self, of: Precision, a: &ChannelsArgs) -> Done {
        self.on_maps("channels_take", of, blocks(a.rows as usize * a.c as usize), a)
    }

    /// Gate, sum and ReLU.
    pub fn gate(&self, of: Precision, a: &GateArgs) -> Done {
        self.each("gate", of, pixels(a.n, a.hw, 1), a.c, a)
    }

    /// Gradients of a gate.
    pub fn gate_back(&self, of: Precision, a: &GateArgs) -> Done {
        self.on_maps("gate_back", of, (tiles(of, a.c), a.n, 1), a)
    }

    /// Values in another format.
    pub fn cast(&self, a: &CastArgs) -> Done {
        self.launch("cast", blocks(a.len as usize), (THREADS, 1, 1), a)
    }

    /// Bias and activation.
    pub fn bias(&self, a: &BiasArgs) -> Done {
        self.launch("bias", blocks(a.n as usize * a.k as usize), (THREADS, 1, 1), a)
    }

    /// Gradients of bias and activation.
    pub fn bias_back(&self, a: &BiasArgs) -> Done {
        self.launch("bias_back", (a.k.div_ceil(ROW), 1, 1), (ROW, 1, 1), a)
    }

    /// Losses of the rows and the gradient of the logits.
    pub fn loss_rows(&self, a: &LossArgs) -> Done {
        self.launch("loss_rows", (a.n, 1, 1), (ROW, 1, 1), a)
    }

    /// The mean of the rows' losses.
    pub fn loss_total(&self, a: &LossArgs) -> Done {
        self.launch("loss_total", (1, 1, 1), (ROW, 1, 1), a)
    }

    /// Turns matrices over, which have so many tiles together.
    pub fn turn(&self, a: &Turn, tiles: u32) -> Done {
        self.launch("turn", (tiles, 1, 1), (32, 8, 1), a)
    }

    /// Sums of squares of the gradients.
    pub fn squares(&self, a: &UpdateArgs) -> Done {
        self.launch("squares", (a.chunks, 1, 1), (THREADS, 1, 1), a)
    }

    /// An update of SGD.
    pub fn sgd(&self, a: &UpdateArgs) -> Done {
        self.launch("sgd", (a.chunks, 1, 1), (THREADS, 1, 1), a)
    }

    /// An update of AdamW.
    pub fn adamw(&self, a: &UpdateArgs) -> Done {
        self.launch("adamw", (a.chunks, 1, 1), (THREADS, 1, 1), a)
    }

    /// A step of running averages (`w`) of tensors (`g`).
    pub fn average(&self, a: &UpdateArgs) -> Done {
        self.launch("average", (a.chunks, 1, 1), (THREADS, 1, 1), a)
    }
}

/// Vectors of 16 bytes that a pixel's channels make, or values where they do not.
pub fn packs(of: Precision, c: usize) -> usize {
    let vector = 16 / of.bytes() as usize;
    if c.is_multiple_of(vector) { c / vector } else { c }
}

/// Blocks that a row of channels takes side by side.
fn tiles(of: Precision, c: u32) -> u32 {
    packs(of, c as usize).div_ceil(WIDTH) as u32
}

fn pixels(n: u32, h: u32, w: u32) -> usize {
    n as usize * h as usize * w as usize
}

/// Blocks with a thread for each of so many.
fn blocks(threads: usize) -> Grid {
    (threads.div_ceil(THREADS as usize) as u32, 1, 1)
}
