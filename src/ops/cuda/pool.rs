//! Memory of a GPU that is used again: after the first step of a training nothing is allocated or freed.
//!
//! All work goes onto one stream, so that a block may be given to the next operation while the last one is still to run.

use cudarc::driver::{DriverError, result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where something lies on the GPU, in bytes; 0 is nowhere.
pub type Place = u64;

/// Blocks are multiples of this, so that their ends are where vectors of 16 bytes may begin.
const STEP: u64 = 512;

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What is kept from step to step: weights in the layout of the convolutions, their gradients, tables.
    Kept,
    /// Feature maps and their gradients.
    Maps,
    /// What an operation takes while it runs.
    Workspace,
}

#[derive(Default)]
struct State {
    /// Blocks that are free, by what they were for and by size. What is kept from step to step is thus never taken from
    /// what comes and goes, so that the second step finds what the first one had.
    free: BTreeMap<(Kind, u64), Vec<Place>>,
    /// Bytes in use, and the most that were at once.
    used: u64,
    most: u64,
}

/// Memory of one GPU.
#[derive(Clone, Default)]
pub struct Pool(Rc<RefCell<State>>);

impl Pool {
    /// A block of `bytes` at least, whose values are what the last one left there.
    ///
    /// # Errors
    /// The driver's, when the memory is full even without the blocks that are free.
    pub fn take(&self, bytes: u64, kind: Kind) -> Result<Block, DriverError> {
        let wanted = bytes.max(1).next_multiple_of(STEP);
        let (place, size) = self.reuse(wanted, kind).map_or_else(|| Ok((self.allocate(wanted)?, wanted)), Ok)?;
        let state = &mut *self.0.borrow_mut();
        state.used += size;
        state.most = state.most.max(state.used);
        Ok(Block { place, size, kind, pool: self.clone() })
    }

    /// The smallest free block that is large enough and by no more than a quarter larger.
    fn reuse(&self, wanted: u64, kind: Kind) -> Option<(Place, u64)> {
        let free = &mut self.0.borrow_mut().free;
        let (key, places) = free.range_mut((kind, wanted)..=(kind, wanted + wanted / 4)).next()?;
        let (key, place) = (*key, places.pop());
        if places.is_empty() {
            free.remove(&key);
        }
        Some((place?, key.1))
    }

    fn allocate(&self, bytes: u64) -> Result<Place, DriverError> {
        // SAFETY: memory that was never written is read by nobody: whoever takes a block writes it first
        let allocate = || unsafe { result::malloc_sync(bytes as usize) };
        let place = allocate().or_else(|_| {
            self.release();
            allocate()
        })?;
        Ok(place)
    }

    /// Gives the free blocks back to the driver.
    fn release(&self) {
        let state = &mut *self.0.borrow_mut();
        for places in std::mem::take(&mut state.free).into_values() {
            for place in places {
                // SAFETY: the block is free, and the driver waits for what still runs on it. An error is one of an earlier
                // operation, which the next call tells.
                let _ = unsafe { result::free_sync(place) };
            }
        }
    }

    /// The most bytes that were in use at once.
    pub fn most(&self) -> u64 {
        self.0.borrow().most
    }
}

impl Drop for State {
    fn drop(&mut self) {
        for place in std::mem::take(&mut self.free).into_values().flatten() {
            // SAFETY: as in `release`; nothing is left to be told
            let _ = unsafe { result::free_sync(place) };
        }
    }
}

/// A piece of a pool's memory, given back when it is dropped.
pub struct Block {
    place: Place,
    size: u64,
    kind: Kind,
    pool: Pool,
}

impl Block {
    /// Where it lies.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let state = &mut *self.pool.0.borrow_mut();
        state.used -= self.size;
        state.free.entry((self.kind, self.size)).or_default().push(self.place);
    }
}
