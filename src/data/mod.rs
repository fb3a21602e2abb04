//! Image sets, augmentation and batches.
