//! The NVIDIA cards of the machine, asked before dfdx is: it panics where there is none.

use super::Error;
use crate::ops::Card;
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;
use dfdx::prelude::*;
use std::ffi::CStr;
use sys::CUdevice_attribute_enum as Attribute;

/// What a driver's error means, as a predicate of the driver or the card.
fn meaning(DriverError(code): DriverError) -> String {
    let known = match code as u32 {
        2 => "its memory is full",
        34 => "libcuda is a stand-in: NVIDIA's driver itself is not installed",
        46 | 101 => "it is in use or out of order",
        100 => "no NVIDIA card, or none that this process may see (CUDA_VISIBLE_DEVICES)",
        200 | 209 | 218 => "it is older than the cards that this program was built for (CUDA_COMPUTE_CAP)",
        222 => "its driver is older than the CUDA toolkit that this program was built with",
        803 | 804 => "the parts of NVIDIA's driver are of different versions",
        code => return format!("NVIDIA's driver answers with error {code}"),
    };
    known.to_string()
}

/// What an error means, as a predicate of a card.
fn reason(error: Error) -> String {
    match error {
        Error::Driver(e) => meaning(e),
        Error::Blas(e) => format!("cuBLAS does not start: error {}", e.0 as u32),
        Error::Cpu(_) => "the machine's memory is full".to_string(),
    }
}

/// The cards, in the order of their numbers.
///
/// # Errors
/// Why there are none, as a sentence.
pub fn cards() -> Result<Vec<Card>, String> {
    result::init().map_err(meaning)?;
    let count = result::device::get_count().map_err(meaning)?;
    (0..count).map(card).collect::<Result<_, DriverError>>().map_err(meaning)
}

fn card(number: i32) -> Result<Card, DriverError> {
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
    Ok(Card { number: number as usize, name, memory, capability: (major as u32, minor as u32) })
}

/// Opens a card that is there, and computes a sum on it.
///
/// # Errors
/// Why it cannot be used, as a predicate.
pub fn open(number: usize) -> Result<Cuda, String> {
    let trial = || -> Result<(Cuda, Vec<f32>), Error> {
        let dev = Cuda::try_build(number, 0)?;
        let x: Matrix = dev.try_ones_like(&(1, 2))?;
        let sum = x.clone().try_add(x)?;
        let mut values = vec![0.0; 2];
        sum.copy_into(&mut values);
        Ok((dev, values))
    };
    match trial() {
        Ok((dev, sum)) if sum == [2.0; 2] => Ok(dev),
        Ok((_, sum)) => Err(format!("it computes wrongly: 1 + 1 is {} there", sum[0])),
        Err(e) => Err(reason(e)),
    }
}

type Matrix = crate::ops::Matrix<f32, Cuda>;

/// Free memory of the card that this thread works on, in bytes.
pub fn free_memory() -> Option<u64> {
    result::mem_get_info().ok().map(|(free, _)| free as u64)
}
