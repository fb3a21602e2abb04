//! The one source of randomness. Every draw comes from ChaCha8 seeded by (run seed, purpose, epoch, index): no draw
//! depends on threads or on what was drawn before, and a resumed run needs no generator state.

use rand::SeedableRng;
pub use rand_chacha::ChaCha8Rng;

/// What the numbers are for: streams of different purposes never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Initial weights; the index is the parameter's place in the net.
    Init = 1,
    /// Order of the training images in an epoch.
    Shuffle = 2,
    /// Augmentation of one image; the index is the image's place in the training set.
    Augment = 3,
    /// Mixup of one batch; the index is the batch's place in the epoch.
    Mixup = 4,
    /// Choice of a subset of the training images.
    Subset = 5,
    /// Synthetic data of the benchmark and the tests.
    Synthetic = 6,
    /// Random resized crop of one image; the index is the image's place in the training set.
    Resized = 7,
    /// Hue, saturation and brightness of one image; the index is the image's place in the training set.
    Colour = 8,
    /// PCA noise of one image; the index is the image's place in the training set.
    Noise = 9,
    /// Split of a folder without `val/`; the index is the class.
    Split = 10,
    /// Random erasing of one image; the index is the image's place in the training set.
    Erase = 11,
    /// Draws of a class in an epoch that is balanced; the index is 1 and the class, or 0 for the order of the classes.
    Balance = 12,
    /// Values of a search; the index is the place of the axis, and the epoch that of the draw.
    Search = 13,
    /// One of the embedded scenes; the index is its place in its split.
    Scene = 20,
    /// Random scale of one image; the index is the image's place in the training set.
    Scale = 21,
    /// Random rotation of one image; the index is the image's place in the training set.
    Rotate = 22,
    /// Gaussian blur of one image; the index is the image's place in the training set.
    Blur = 23,
    /// Dropout of one head in one step; the index is twice the batch's place in the epoch, and one more for an auxiliary
    /// head.
    Dropout = 24,
}

/// The generator for one purpose in one place of a run.
pub fn rng(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = purpose as u8;
    key[16..24].copy_from_slice(&epoch.to_le_bytes());
    key[24..].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}
