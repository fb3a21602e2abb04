//! What plans are made for.

use super::descriptor::{Descriptor, Kind, Value};
use super::error::CudnnError;
use super::library::{Object, Table};
use cudarc::driver::sys::CUstream;
use std::ptr::null_mut;

/// The GPU that plans are made for.
pub enum Target {
    /// One that is there.
    Gpu(Handle),
    /// One that is described: cuDNN plans for it, but nothing runs.
    #[cfg(test)]
    Described(Descriptor, &'static Table),
}

impl Target {
    pub fn table(&self) -> &'static Table {
        match self {
            Target::Gpu(handle) => handle.table,
            #[cfg(test)]
            Target::Described(_, table) => table,
        }
    }

    /// A descriptor with these attributes and with the one that tells the GPU, where its kind has one: a handle or a
    /// description.
    pub fn with(
        &self,
        kind: Kind,
        handle: Option<i32>,
        _description: Option<i32>,
        attributes: &[(i32, Value)],
    ) -> Result<Descriptor, CudnnError> {
        let own = match self {
            Target::Gpu(gpu) => handle.map(|attribute| (attribute, Value::Handle(&gpu.at))),
            #[cfg(test)]
            Target::Described(gpu, _) => _description.map(|attribute| (attribute, Value::Descriptor(gpu))),
        };
        let all: Vec<_> = own.into_iter().chain(attributes.iter().copied()).collect();
        Descriptor::new(self.table(), kind, &all)
    }
}

/// cuDNN on a GPU and a stream.
pub struct Handle {
    at: Object,
    table: &'static Table,
}

impl Handle {
    /// One on the GPU whose context is current on this thread.
    pub fn new(table: &'static Table, stream: CUstream) -> Result<Handle, CudnnError> {
        let mut at = null_mut();
        // SAFETY: there is room for the pointer
        table.check(unsafe { (table.create)(&mut at) }, "start on this GPU")?;
        let handle = Handle { at, table };
        // SAFETY: the handle is there, and the stream is one of the context, which is the caller's word
        table.check(unsafe { (table.set_stream)(handle.at, stream.cast()) }, "use the stream")?;
        Ok(handle)
    }

    /// Puts a plan's kernels onto the stream.
    ///
    /// # Safety
    /// The tensors of `pack` are on the GPU, and as large as the plan says, until the stream has come past.
    pub unsafe fn execute(&self, plan: &Descriptor, pack: &Descriptor) -> Result<(), CudnnError> {
        // SAFETY: the three are there; the rest is the caller's word
        let status = unsafe { (self.table.execute)(self.at, plan.object(), pack.object()) };
        self.table.check(status, "run a convolution")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it was created once and is destroyed once; nobody can do anything about a failure
        unsafe { (self.table.destroy)(self.at) };
    }
}
