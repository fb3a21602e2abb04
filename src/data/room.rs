//! The memory that large pictures may take together, however many threads decode them.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes for all large pictures together, and for the largest one alone.
pub(super) const MOST: usize = 384 << 20;

static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

/// A part of that memory, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
}

impl Room {
    /// Waits until there is room for `bytes`, or until nobody else has any. A thread takes one at a time.
    pub fn take(bytes: usize) -> Room {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut usize| *taken > 0 && *taken + bytes > MOST;
        let mut taken = FREED.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Room { bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[test]
    fn no_more_is_taken_than_there_is_and_everybody_gets_a_turn() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for bytes in [MOST / 3, MOST, 2 * MOST] {
                        let room = Room::take(bytes);
                        most.fetch_max(now.fetch_add(bytes.min(MOST), SeqCst) + bytes.min(MOST), SeqCst);
                        now.fetch_sub(bytes.min(MOST), SeqCst);
                        drop(room);
                    }
                });
            }
        });
        assert!(most.load(SeqCst) <= MOST);
    }
}
