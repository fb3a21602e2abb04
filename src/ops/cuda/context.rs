//! What the operations of one thread share on its GPU.

use super::cudnn::{Convolution, Cudnn, CudnnError, Plan};
use super::kernels::{CastArgs, Kernels};
use super::pinned::Copies;
use super::pool::{Block, Kind, Place, Pool};
use super::weights::Kept;
use crate::ops::{Matrix, Precision};
use cudarc::driver::DriverError;
use dfdx::prelude::*;
use dfdx::tensor::{CudaError as Error, Storage};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Debug, Write};
use std::rc::{Rc, Weak};

/// The most that a convolution may take beside its operands.
const WORKSPACE: u64 = 256 << 20;

/// Tables that are kept on the GPU: those of the nets, optimisers and passes of a training.
const TABLES: usize = 32;

/// A GPU and what is kept on it.
pub struct Context {
    pub kernels: Kernels,
    /// cuDNN, or why there is none.
    pub cudnn: Result<Cudnn, String>,
    pub pool: Pool,
    pub copies: Copies,
    tables: RefCell<Vec<(Vec<u8>, Rc<Block>)>>,
    /// The gradients of the step before, so that those of the next one have their places.
    pub store: RefCell<Option<Gradients<f32, Cuda>>>,
    /// Whether parameters have come since then, so that the gradients of those before are to go.
    stale: Cell<bool>,
    /// A number that the backward pass begins at.
    pub seed: Tensor<Rank0, f32, Cuda>,
    /// Loss of a step and what no net can take away of it; what became of an update.
    pub numbers: Block,
    /// Weights of nets that are ready, by where they lie.
    pub weights: RefCell<HashMap<Place, Weak<Kept>>>,
    /// Where the running statistics lie that a step has changed, with what they were before.
    pub statistics: RefCell<Vec<Statistic>>,
    /// What norms keep of their channels, by where their running means lie: at the same place in every step.
    kept: RefCell<HashMap<Place, Rc<Block>>>,
    /// Sums of squares of gradients that were made as they were gathered.
    pub squares: RefCell<Option<Squares>>,
    /// What is still to be told of convolutions that cuDNN has no plan for, and why those were that have been told.
    pub remarks: RefCell<Vec<String>>,
    told: RefCell<HashSet<String>>,
    /// What cuDNN said when it failed: dfdx's errors have no words.
    pub failure: RefCell<Option<String>>,
    /// Keeps the driver's context alive until all the blocks above are freed: fields go in their order.
    _device: std::sync::Arc<cudarc::driver::CudaDevice>,
}

/// cuDNN and a plan; or why there is none, where there is a cuDNN.
pub type Planned<'c> = Result<(&'c Cudnn, Rc<Plan>), Option<Rc<CudnnError>>>;

/// Sums of squares of the gradients of some weights.
pub struct Squares {
    pub block: Block,
    pub count: u32,
    /// Where the weights lie.
    pub of: HashSet<Place>,
}

/// A running mean and variance that a norm has changed.
pub struct Statistic {
    pub running: [Place; 2],
    /// Where the values before are, from the given byte on.
    pub before: (Rc<Block>, u64),
    pub channels: usize,
}

thread_local! {
    static CONTEXT: OnceCell<Rc<Context>> = const { OnceCell::new() };
}

impl Context {
    /// That of this thread, which works on one GPU, the one that it asks for first.
    ///
    /// # Errors
    /// The driver's.
    pub fn of(dev: &Cuda) -> Result<Rc<Context>, Error> {
        CONTEXT.with(|context| {
            if let Some(context) = context.get() {
                return Ok(context.clone());
            }
            let made = Rc::new(Context::new(dev)?);
            Ok(context.get_or_init(|| made).clone())
        })
    }

    /// That of this thread, if it has asked for a GPU.
    pub fn current() -> Option<Rc<Context>> {
        CONTEXT.with(|context| context.get().cloned())
    }

    fn new(dev: &Cuda) -> Result<Context, Error> {
        let device = Storage::<f32>::try_alloc_len(dev, 1)?.device();
        let pool = Pool::default();
        Ok(Context {
            kernels: Kernels::load()?,
            cudnn: Cudnn::open(*device.cu_stream()).map_err(|e| e.to_string()),
            numbers: pool.take(6 * 4, Kind::Workspace)?,
            pool,
            copies: Copies::default(),
            tables: RefCell::default(),
            store: RefCell::default(),
            stale: Cell::default(),
            seed: dev.try_zeros()?,
            weights: RefCell::default(),
            statistics: RefCell::default(),
            kept: RefCell::default(),
            squares: RefCell::default(),
            remarks: RefCell::default(),
            told: RefCell::default(),
            failure: RefCell::default(),
            _device: device,
        })
    }

    /// A block for values of a format.
    ///
    /// # Errors
    /// The driver's, when the memory is full.
    pub fn map(&self, values: usize, precision: Precision) -> Result<Block, Error> {
        Ok(self.pool.take(values as u64 * precision.bytes(), Kind::Maps)?)
    }

    /// A block for an operation's own sums, in single precision.
    ///
    /// # Errors
    /// The driver's, when the memory is full.
    pub fn floats(&self, values: usize) -> Result<Block, Error> {
        Ok(self.pool.take(values as u64 * 4, Kind::Workspace)?)
    }

    /// A block for what the norm with its running mean at a place keeps of a step: the one of the step before, once nobody
    /// has it any more.
    ///
    /// # Errors
    /// The driver's, when the memory is full.
    pub fn kept(&self, mean: Place, values: usize) -> Result<Rc<Block>, Error> {
        let known = &mut *self.kept.borrow_mut();
        let free = known.get(&mean).filter(|block| Rc::strong_count(block) == 1 && block.size() >= values as u64 * 4);
        if let Some(block) = free {
            return Ok(block.clone());
        }
        let block = Rc::new(self.pool.take(values as u64 * 4, Kind::Kept)?);
        known.insert(mean, block.clone());
        Ok(block)
    }

    /// Forgets what nets that are gone have kept, and the gradients of their parameters once they come back.
    pub fn forget(&self) {
        self.kept.borrow_mut().retain(|_, block| Rc::strong_count(block) > 1);
        self.stale.set(true);
    }

    /// Takes the gradients of a step back.
    pub fn recycle(&self, grads: Gradients<f32, Cuda>) {
        self.store.replace(Some(grads).filter(|_| !self.stale.take()));
    }

    /// Casts values, or adds them to those that are there.
    ///
    /// # Errors
    /// The driver's.
    pub fn cast(
        &self,
        (from, of): (Place, Precision),
        (to, to_of): (Place, Precision),
        len: usize,
        add: bool,
    ) -> Result<(), Error> {
        let formats = code(of) + 4 * code(to_of);
        Ok(self.kernels.cast(&CastArgs { from, to, len: len as u64, formats, add: add.into() })?)
    }

    /// A table on the GPU with these rows; one that is there already is not copied again.
    ///
    /// # Errors
    /// The driver's.
    pub fn table<J: Copy>(&self, rows: &[J]) -> Result<Rc<Block>, Error> {
        // SAFETY: the rows are plain numbers without gaps between them
        let bytes = unsafe { std::slice::from_raw_parts(rows.as_ptr().cast::<u8>(), size_of_val(rows)) };
        let tables = &mut *self.tables.borrow_mut();
        if let Some(i) = tables.iter().position(|(of, _)| of == bytes) {
            tables[..=i].rotate_right(1);
            return Ok(tables[0].1.clone());
        }
        let block = Rc::new(self.pool.take(bytes.len() as u64, Kind::Kept)?);
        self.copies.upload(bytes, block.place())?;
        tables.insert(0, (bytes.to_vec(), block.clone()));
        tables.truncate(TABLES);
        Ok(block)
    }

    /// cuDNN and its plan for a convolution; or why it has none, where there is a cuDNN.
    pub fn plan(&self, convolution: &Convolution) -> Planned<'_> {
        let cudnn = self.cudnn.as_ref().map_err(|_| None)?;
        cudnn.plan(convolution, WORKSPACE).map(|plan| (cudnn, plan)).map_err(Some)
    }

    /// Has a person be told, once, why a convolution is slow.
    pub fn remark(&self, why: Option<Rc<CudnnError>>) {
        let Some(why) = why.map(|why| why.to_string()) else { return };
        if self.told.borrow_mut().insert(why.clone()) {
            let slow = "it is composed of dfdx's operations, which is many times slower";
            self.remarks.borrow_mut().push(format!("{why}: {slow}"));
        }
    }

    /// An error of dfdx's kind for one that has words of its own.
    pub fn fail(&self, words: impl ToString) -> Error {
        self.failure.replace(Some(words.to_string()));
        Error::Driver(DriverError(cudarc::driver::sys::CUresult::CUDA_ERROR_UNKNOWN))
    }
}

/// The number by which kernels know a format.
pub fn code(precision: Precision) -> u32 {
    match precision {
        Precision::Single => 0,
        Precision::Half => 1,
        Precision::BrainHalf => 2,
    }
}

/// Where the values of a tensor lie: dfdx keeps that to itself, but its text for debugging tells it.
///
/// # Errors
/// When the text is another one than that of the version of dfdx and cudarc that this was written for.
pub fn place(m: &Matrix<f32, Cuda>) -> Result<Place, Error> {
    #[derive(Default)]
    struct Sniff {
        armed: bool,
        found: Option<Place>,
    }
    impl Write for Sniff {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if text == "cu_device_ptr" {
                self.armed = true;
            } else if self.armed && text.bytes().all(|b| b.is_ascii_digit()) {
                self.found = text.parse().ok();
                // An error ends the writing: what follows is of no interest.
                return Err(fmt::Error);
            }
            Ok(())
        }
    }
    let mut sniff = Sniff::default();
    let _ = write!(sniff, "{:?}", m as &dyn Debug);
    sniff.found.ok_or(Error::Driver(DriverError(cudarc::driver::sys::CUresult::CUDA_ERROR_INVALID_VALUE)))
}
