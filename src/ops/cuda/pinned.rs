//! Page-locked memory of the host, which the GPU reads and writes while the program goes on.

use super::pool::Place;
use cudarc::driver::{DriverError, result, sys};
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::null_mut;

/// A piece of page-locked memory.
struct Pinned {
    at: *mut c_void,
    bytes: usize,
}

impl Pinned {
    fn new(bytes: usize) -> Result<Pinned, DriverError> {
        let mut at = null_mut();
        // SAFETY: the driver writes the address before it returns
        unsafe { sys::cuMemAllocHost_v2(&mut at, bytes) }.result()?;
        Ok(Pinned { at, bytes })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: it was allocated above, and nothing is copied from or to it any more. An error is an earlier one.
        let _ = unsafe { sys::cuMemFreeHost(self.at) };
    }
}

/// Copies between host and GPU by way of page-locked memory.
#[derive(Default)]
pub struct Copies {
    free: RefCell<Vec<Pinned>>,
    /// Those whose copies were not waited for yet.
    busy: RefCell<Vec<Pinned>>,
}

impl Drop for Copies {
    fn drop(&mut self) {
        // SAFETY: nothing but a wait; the memory goes behind it. An error is one of an earlier operation.
        let _ = unsafe { result::stream::synchronize(null_mut()) };
    }
}

impl Copies {
    fn take(&self, bytes: usize) -> Result<Pinned, DriverError> {
        let free = &mut *self.free.borrow_mut();
        let fits = |p: &Pinned| p.bytes >= bytes && p.bytes <= 2 * bytes.max(4096);
        match free.iter().position(fits) {
            Some(i) => Ok(free.swap_remove(i)),
            None => Pinned::new(bytes.max(4096)),
        }
    }

    /// Copies values onto the GPU, after what the stream has to do before.
    ///
    /// # Errors
    /// The driver's.
    pub fn upload<V: Copy>(&self, values: &[V], to: Place) -> Result<(), DriverError> {
        let bytes = size_of_val(values);
        if bytes == 0 {
            return Ok(());
        }
        let pinned = self.take(bytes)?;
        // SAFETY: both are `bytes` long and apart; the copy onto the GPU reads the page-locked memory, which is kept until the
        // stream was waited for
        let done = unsafe {
            std::ptr::copy_nonoverlapping(values.as_ptr().cast::<u8>(), pinned.at.cast(), bytes);
            let staged = std::slice::from_raw_parts(pinned.at.cast::<u8>(), bytes);
            result::memcpy_htod_async(to, staged, null_mut())
        };
        self.busy.borrow_mut().push(pinned);
        done
    }

    /// Copies `len` values from the GPU and waits for them, and so for all that was asked of the GPU before.
    ///
    /// # Errors
    /// The driver's.
    pub fn download<V: Copy + Default>(&self, from: Place, len: usize) -> Result<Vec<V>, DriverError> {
        let mut values = vec![V::default(); len];
        if len == 0 {
            return Ok(values);
        }
        let pinned = self.take(size_of_val(&values[..]))?;
        // SAFETY: both are as long as `values`, and they are read after the stream was waited for
        unsafe {
            let staged = std::slice::from_raw_parts_mut(pinned.at.cast::<u8>(), size_of_val(&values[..]));
            result::memcpy_dtoh_async(staged, from, null_mut())?;
            result::stream::synchronize(null_mut())?;
            std::ptr::copy_nonoverlapping(pinned.at.cast::<V>(), values.as_mut_ptr(), len);
        }
        let free = &mut *self.free.borrow_mut();
        free.append(&mut self.busy.borrow_mut());
        free.push(pinned);
        Ok(values)
    }
}
