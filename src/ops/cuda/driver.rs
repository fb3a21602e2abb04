//! The driver's calls that cudarc has no safe form of: modules from PTX, launches with one structure of arguments.

use cudarc::driver::{DriverError, result, sys};
use std::ffi::{CString, c_void};

/// Kernels that were loaded together.
pub struct Module(sys::CUmodule);

impl Module {
    /// Loads PTX.
    ///
    /// # Errors
    /// The driver's, which may be too old for this PTX.
    pub fn load(ptx: &str) -> Result<Module, DriverError> {
        // PTX has no zeros inside; without one behind it the driver would read on.
        let text = CString::new(ptx).unwrap_or_default();
        // SAFETY: the text ends with a zero and lives until the call returns
        unsafe { result::module::load_data(text.as_ptr().cast()) }.map(Module)
    }

    /// A kernel by its name.
    ///
    /// # Errors
    /// The driver's, when there is none of this name.
    pub fn function(&self, name: &str) -> Result<Function, DriverError> {
        let name = CString::new(name).unwrap_or_default();
        // SAFETY: the module is loaded for as long as it lives, which is as long as the program
        unsafe { result::module::get_function(self.0, name) }.map(Function)
    }
}

/// A kernel.
#[derive(Clone, Copy)]
pub struct Function(sys::CUfunction);

impl Function {
    /// Puts a launch onto the stream that dfdx computes on.
    ///
    /// # Safety
    /// `args` is what the kernel takes, and all that it points to lies on the GPU and is as large as the kernel goes.
    ///
    /// # Errors
    /// The driver's.
    pub unsafe fn launch<A: Copy>(
        &self,
        grid: (u32, u32, u32),
        block: (u32, u32, u32),
        args: &A,
    ) -> Result<(), DriverError> {
        let mut params = [args as *const A as *mut c_void];
        // SAFETY: the driver reads the one argument before it returns; the rest is the caller's word
        unsafe { result::launch_kernel(self.0, grid, block, 0, std::ptr::null_mut(), &mut params) }
    }
}
