//! Convolutions through NVIDIA's cuDNN 9, by its backend API: a convolution is described as a graph, the heuristics offer
//! engines for it, and one of these is made a plan, which then runs as often as is wanted. The older functions are a
//! wrapper around this that cuDNN's authors advise against.

mod descriptor;
mod error;
mod handle;
mod library;
mod offers;
mod plan;
#[cfg(test)]
mod planner;
#[cfg(test)]
mod tests;

pub use error::CudnnError;
pub use library::Library;
pub use plan::{Convolution, Pass, Plan};

use cudarc::driver::sys::CUstream;
use descriptor::{Descriptor, Kind, Value};
use handle::{Handle, Target};
use plan::{ALIGNMENT, TENSORS};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The version and the file of the cuDNN that is found.
///
/// # Errors
/// Why none is.
pub fn found() -> Result<String, String> {
    let library = Library::get().map_err(|e| e.to_string())?;
    Ok(format!("{}, {}", library.name().trim_start_matches("cuDNN "), library.path))
}

/// A plan, or why there is none.
type Planned = Result<Rc<Plan>, Rc<CudnnError>>;

/// cuDNN on a GPU and a stream.
pub struct Cudnn {
    library: &'static Library,
    target: Rc<Target>,
    plans: RefCell<HashMap<(Convolution, u64), Planned>>,
}

impl Cudnn {
    /// cuDNN on the GPU whose context is current on this thread, with a stream of this context.
    ///
    /// # Errors
    /// Why cuDNN cannot be used.
    pub fn open(stream: CUstream) -> Result<Cudnn, CudnnError> {
        let library = Library::get()?;
        Ok(Cudnn::on(library, Target::Gpu(Handle::new(&library.table, stream)?)))
    }

    fn on(library: &'static Library, target: Target) -> Cudnn {
        Cudnn { library, target: Rc::new(target), plans: RefCell::default() }
    }

    /// Name and version, such as "cuDNN 9.17.1".
    pub fn name(&self) -> String {
        self.library.name()
    }

    /// How a convolution is computed with at most `limit` bytes of workspace. It is thought of once, and so is that there
    /// is no way: heuristics take milliseconds.
    ///
    /// # Errors
    /// Why cuDNN has no plan. It may have one that does not `accumulate`.
    pub fn plan(&self, of: &Convolution, limit: u64) -> Result<Rc<Plan>, Rc<CudnnError>> {
        let make = || Plan::new(&self.target, of, limit).map(Rc::new).map_err(Rc::new);
        self.plans.borrow_mut().entry((*of, limit)).or_insert_with(make).clone()
    }

    /// Puts a convolution onto the stream: images, filter and output, or the gradients of these, by their places on the GPU.
    /// All are at multiples of 16 bytes; `workspace` may be 0 where none is needed. The caller answers for it that the plan
    /// is this object's, and that tensors and workspace are as large as the plan says, do not overlap, and stay until the
    /// stream has come past.
    ///
    /// # Errors
    /// cuDNN's, or that a place is not at such a multiple.
    pub fn run(&self, plan: &Plan, [x, w, y]: [u64; 3], workspace: u64) -> Result<(), CudnnError> {
        if let Some(address) = [x, w, y, workspace].into_iter().find(|address| address % ALIGNMENT != 0) {
            return Err(CudnnError::Misaligned { alignment: ALIGNMENT, address });
        }
        // A finalised pack cannot be changed, hence one a run: memory of the host, and less than a microsecond.
        let pack = Descriptor::new(
            self.target.table(),
            Kind::Pack,
            &[(1000, Value::Ints(&TENSORS)), (1001, Value::Places(&[x, w, y])), (1003, Value::Places(&[workspace]))],
        )?;
        match &*self.target {
            // SAFETY: the caller's word
            Target::Gpu(handle) => unsafe { handle.execute(plan.descriptor(), &pack) },
            #[cfg(test)]
            Target::Described(..) => Ok(()),
        }
    }
}
