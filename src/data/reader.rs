//! The thread that makes batches ahead of the trainer, with a pool of threads of its own.
//!
//! A [`Pass`] says which batches follow each other. The trainer asks for each by pass and number; while they come in
//! order, a few are always ready. Another pass or number, an edit of the augmentation too, throws away what was made
//! ahead: each pass has a channel of its own, and the thread moves on when nobody listens any more.

use super::batch::{self, Batch};
use super::sampler::draws;
use super::{DataError, DataSet, batch_indices};
use crate::recipe::settings::{Augment, Balance};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Batches that lie ready.
const AHEAD: usize = 2;

/// Batches that follow each other.
// There are two at a time, and each is asked for by what it holds.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Pass {
    /// Training images of one epoch in their order.
    Train {
        /// Seed of the run.
        seed: u64,
        /// Epoch from 0.
        epoch: u64,
        /// Images a batch.
        batch: usize,
        /// Augmentation.
        augment: Augment,
        /// How images are drawn.
        balance: Balance,
    },
    /// All test images.
    Test {
        /// Images a batch.
        batch: usize,
    },
}

/// What the thread is to make.
struct Order {
    pass: Pass,
    /// Number of the first batch.
    first: usize,
    to: SyncSender<Batch>,
    cancelled: Arc<AtomicBool>,
}

/// What is being made.
struct Current {
    pass: Pass,
    /// Number of the batch that comes next.
    next: usize,
    batches: Receiver<Batch>,
    cancelled: Arc<AtomicBool>,
}

impl Drop for Current {
    fn drop(&mut self) {
        self.cancelled.store(true, Relaxed);
    }
}

/// Makes batches ahead of whoever asks for them.
pub struct Reader {
    set: Arc<DataSet>,
    orders: Option<Sender<Order>>,
    current: Option<Current>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts `threads` threads that read, and one that gathers.
    ///
    /// # Errors
    /// The system's.
    pub fn new(set: Arc<DataSet>, threads: usize) -> Result<Reader, DataError> {
        let pool = ThreadPoolBuilder::new().num_threads(threads.max(1)).thread_name(|i| format!("reader-{i}")).build();
        let pool = pool.map_err(|e| DataError::Threads(e.to_string()))?;
        let (orders, received) = channel::<Order>();
        let images = Arc::clone(&set);
        let work = move || received.iter().for_each(|order| make(&images, &pool, &order));
        let thread = Builder::new().name("loader".into()).spawn(work).map_err(|e| DataError::Threads(e.to_string()))?;
        Ok(Reader { set, orders: Some(orders), current: None, thread: Some(thread) })
    }

    /// The images.
    pub fn set(&self) -> &DataSet {
        &self.set
    }

    /// Batch `number` of a pass, from 0; waits until it is there.
    ///
    /// # Errors
    /// The pass has no such batch.
    pub fn batch(&mut self, pass: &Pass, number: usize) -> Result<Batch, DataError> {
        if self.current.as_ref().is_none_or(|c| c.next != number || c.pass != *pass) {
            // The old work is cancelled first, to make room for the new.
            self.current = None;
            let (to, batches) = sync_channel(AHEAD);
            let cancelled = Arc::new(AtomicBool::new(false));
            let order = Order { pass: pass.clone(), first: number, to, cancelled: Arc::clone(&cancelled) };
            if let Some(orders) = &self.orders {
                // A thread that is gone is noticed below.
                let _ = orders.send(order);
            }
            self.current = Some(Current { pass: pass.clone(), next: number, batches, cancelled });
        }
        let batch = self.current.as_mut().and_then(|current| {
            current.next += 1;
            current.batches.recv().ok()
        });
        batch.ok_or_else(|| DataError::Threads(format!("nobody makes batch {number} of {pass:?}")))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.current = None;
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic there is told as an error of the run.
            let _ = thread.join();
        }
    }
}

/// Makes the batches of a pass until nobody wants them.
fn make(set: &DataSet, pool: &ThreadPool, Order { pass, first, to, cancelled }: &Order) {
    let send = |batch: Batch| !cancelled.load(Relaxed) && to.send(batch).is_ok();
    match pass {
        Pass::Train { seed, epoch, batch, augment, balance } => {
            let order = draws(&set.train, *balance, *seed, *epoch);
            for number in *first..super::steps_per_epoch(order.len(), *batch) {
                let indices = batch_indices(&order, *batch, number);
                if !send(pool.install(|| batch::train(set, indices, *seed, *epoch, augment, cancelled))) {
                    return;
                }
            }
        }
        Pass::Test { batch } => {
            let len = set.test.len();
            for start in (0..len).step_by(*batch).skip(*first) {
                let range = start..(start + batch).min(len);
                if !send(pool.install(|| batch::test(set, range, cancelled))) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Synthetic, epoch_order, test_batch, train_batch};

    fn set() -> Arc<DataSet> {
        Arc::new(Synthetic { height: 6, width: 5, channels: 3, classes: 4, train: 640, test: 103 }.build(3))
    }

    fn pass(epoch: u64, augment: &Augment) -> Pass {
        Pass::Train { seed: 7, epoch, batch: 16, augment: augment.clone(), balance: Balance::None }
    }

    #[test]
    fn batches_are_those_that_are_made_one_by_one_whatever_is_asked_for_in_between() {
        let set = set();
        let order = epoch_order(640, 7, 3);
        let (usual, plain) = (Augment::default(), Augment { flip: false, ..Augment::default() });
        let expected = |n: usize, augment| train_batch(&set, batch_indices(&order, 16, n), 7, 3, augment);
        for threads in [1, 3] {
            let mut reader = Reader::new(Arc::clone(&set), threads).unwrap();
            for n in 0..20 {
                assert_eq!(reader.batch(&pass(3, &usual), n).unwrap(), expected(n, &usual));
            }
            // An edit, an evaluation of more batches than lie ready, a step back, the last one.
            assert_eq!(reader.batch(&pass(3, &plain), 20).unwrap(), expected(20, &plain));
            for n in 0..11 {
                let range = n * 10..(n * 10 + 10).min(103);
                assert_eq!(reader.batch(&Pass::Test { batch: 10 }, n).unwrap(), test_batch(&set, range));
            }
            assert_eq!(reader.batch(&pass(3, &plain), 5).unwrap(), expected(5, &plain));
            assert_eq!(reader.batch(&pass(3, &plain), 39).unwrap(), expected(39, &plain));
            assert!(reader.batch(&pass(3, &plain), 40).is_err());
            assert_eq!(reader.batch(&pass(3, &plain), 0).unwrap(), expected(0, &plain));
        }
    }

    #[test]
    fn a_reader_that_is_not_asked_any_more_ends() {
        for asked in 0..4 {
            let mut reader = Reader::new(set(), 2).unwrap();
            for n in 0..asked {
                reader.batch(&pass(0, &Augment::default()), n).unwrap();
            }
        }
    }
}
