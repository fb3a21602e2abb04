//! Loops over all threads. This is the only place where kernels meet rayon, and where the order of sums over tasks is
//! kept: results come back in the order of the items, and are added in it, whichever thread made them.
//!
//! What is done with an item is called through a pointer, so that rayon is compiled once for a kind of item and not
//! once for every kernel, form and instruction set. An item is thousands of multiply-adds, so that the call costs
//! nothing to speak of.

use super::value::Value;
use rayon::prelude::*;
use std::ops::Deref;

/// Values of a sum that a task adds up: 16 KiB, which stay in the first-level cache while the terms go by.
const CHUNK: usize = 1 << 12;

/// Calls `work` with every item and its number.
pub fn each<T: Send>(items: impl IntoIterator<Item = T>, work: &(dyn Fn(usize, T) + Sync)) {
    run(items.into_iter().collect(), work);
}

fn run<T: Send>(items: Vec<T>, work: &(dyn Fn(usize, T) + Sync)) {
    items.into_par_iter().enumerate().for_each(|(i, item)| work(i, item));
}

/// The results of `work` on every item, in the order of the items.
pub fn map<T: Send, R: Send>(items: impl IntoIterator<Item = T>, work: &(dyn Fn(T) -> R + Sync)) -> Vec<R> {
    results(items.into_iter().collect(), work)
}

fn results<T: Send, R: Send>(items: Vec<T>, work: &(dyn Fn(T) -> R + Sync)) -> Vec<R> {
    items.into_par_iter().map(work).collect()
}

/// Adds `terms` to `sum`: every value is summed in the order of the terms.
pub fn add<T: Value>(sum: &mut [T], terms: &[impl Deref<Target = [T]> + Sync]) {
    each(sum.chunks_mut(CHUNK), &|i, sum| {
        for term in terms {
            sum.iter_mut().zip(&term[i * CHUNK..]).for_each(|(a, b)| a.add(*b));
        }
    });
}
