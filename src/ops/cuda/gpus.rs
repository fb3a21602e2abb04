//! The NVIDIA GPUs of the machine, asked before dfdx is: it panics where there is none.

use super::context::Context;
use crate::kernels::geometry::Conv;
use crate::ops::fault::{apart, meant};
use crate::ops::{Filter, Gpu, Ops, Precision};
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;
use cudarc::nvrtc::sys::nvrtcVersion;
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;
use std::ffi::CStr;
use sys::CUdevice_attribute_enum as Attribute;

/// What a driver's error means, as a predicate of the driver or the GPU.
fn meaning(DriverError(code): &DriverError) -> String {
    let known = match *code as u32 {
        2 => "its memory is full",
        34 => "libcuda is a stand-in: NVIDIA's driver itself is not installed",
        46 | 101 => "it is in use or out of order",
        100 => "no NVIDIA GPU, or none that this process may see (CUDA_VISIBLE_DEVICES)",
        200 | 209 | 218 => "it is older than the GPUs that this program was built for (CUDA_COMPUTE_CAP)",
        222 => "its driver is older than the CUDA toolkit that this program was built with",
        700 | 716 | 717 | 719 => "a kernel failed on it; only a new start of the program can use it again",
        802 => "it is not ready yet: NVIDIA's fabric manager has to run on this machine",
        803 | 804 => "the parts of NVIDIA's driver are of different versions",
        code => return format!("NVIDIA's driver answers with error {code}"),
    };
    known.to_string()
}

/// What an error means, as a predicate of a GPU.
pub fn reason(error: &Error) -> String {
    if let Some(failure) = Context::current().and_then(|context| context.failure.take()) {
        return failure;
    }
    match error {
        Error::Driver(e) => meaning(e),
        Error::Blas(e) => format!("cuBLAS does not start: error {}", e.0 as u32),
        Error::Cpu(_) => "the machine's memory is full".to_string(),
    }
}

/// The GPUs, in the order of their numbers.
///
/// # Errors
/// Why there are none, as a sentence.
pub fn gpus() -> Result<Vec<Gpu>, String> {
    result::init().map_err(|e| meaning(&e))?;
    let count = result::device::get_count().map_err(|e| meaning(&e))?;
    (0..count).map(gpu).collect::<Result<_, DriverError>>().map_err(|e| meaning(&e))
}

fn gpu(number: i32) -> Result<Gpu, DriverError> {
    let device = result::device::get(number)?;
    let mut name = [0; 128];
    // SAFETY: the driver is initialised, `device` is one of its own, and the name is written into `name`, with its end
    let (name, memory, [major, minor]) = unsafe {
        sys::cuDeviceGetName(name.as_mut_ptr(), name.len() as i32, device).result()?;
        let of = |attribute| result::device::get_attribute(device, attribute);
        let capability = [
            of(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            of(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ];
        let name = CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned();
        (name, result::device::total_mem(device)? as u64, capability)
    };
    Ok(Gpu { number: number as usize, name, memory, capability: (major as u32, minor as u32) })
}

/// Opens a GPU that is there, when a trial of it ends well.
///
/// # Errors
/// Why it cannot be used, as a predicate.
pub fn open(number: usize) -> Result<Cuda, String> {
    apart(move || trial(number)).map_err(|panic| meant(&panic))??;
    Cuda::try_build(number, 0).map_err(|e| reason(&e))
}

/// Computes a little on a GPU: a convolution, by cuDNN or composed as those of a net will be, of weights in a tensor of
/// dfdx's, and a change of format by a kernel of the program's own.
fn trial(number: usize) -> Result<(), String> {
    let sums = || -> Result<Vec<f32>, Error> {
        let dev = Cuda::try_build(number, 0)?;
        let (conv, weight) = (Conv::same(1, 1, 3, 1), dev.try_ones_like(&(9, 1))?);
        let images = dev.upload(vec![1.0, 2.0, 3.0, 4.0], (1, 2, 2, 1))?;
        let filter = Filter { weight: &weight, conv: &conv, input_grad: false };
        let sums = Cuda::to_precision(Cuda::conv2d(images, filter)?, Precision::Half)?;
        Cuda::values(&sums)
    };
    match sums() {
        Ok(values) if values == [10.0; 4] => Ok(()),
        Ok(values) => Err(format!("it computes wrongly: 1 + 2 + 3 + 4 is {} there", values[0])),
        Err(e) => Err(reason(&e)),
    }
}

/// Version of the CUDA toolkit whose compiler makes kernels at run time: major and minor.
pub fn toolkit() -> Option<(i32, i32)> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the two numbers are written before the call returns
    unsafe { nvrtcVersion(&mut major, &mut minor) }.result().ok()?;
    Some((major, minor))
}

/// Free memory of the GPU that this thread works on, in bytes.
pub fn free_memory() -> Option<u64> {
    result::mem_get_info().ok().map(|(free, _)| free as u64)
}

/// What computes convolutions on a GPU, e.g. `cuDNN 9.17.1`.
///
/// # Errors
/// Why it is not cuDNN, as a sentence.
pub fn convolutions(dev: &Cuda) -> Result<String, String> {
    let context = Context::of(dev).map_err(|e| reason(&e))?;
    context.cudnn.as_ref().map(|cudnn| cudnn.name()).map_err(String::clone)
}

/// The most bytes of maps, kept weights and workspace that were in use at once on the GPU of this thread.
pub fn most_memory() -> Option<u64> {
    Context::current().map(|context| context.pool.most())
}

/// What is to be told of convolutions on the GPU of this thread since it was last asked.
pub fn remarks() -> Vec<String> {
    Context::current().map_or(Vec::new(), |context| context.remarks.take())
}
