//! How fast images are read for the paper's training: `tricktop bench input`.

use super::augment::Stages;
use super::decode::{Picture, decode_part};
use super::source::{Split, Stored};
use super::turn::Turn;
use super::{DataError, DataSet, Pass, Reader, open, steps_per_epoch, task_of};
use crate::recipe::settings::{Augment, Balance, Crop, Data, Erase, Jitter, Pca, Resized};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Images whose parts are timed one after the other.
const TIMED: usize = 200;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputSpeed {
    /// Training images of the set.
    pub images: usize,
    /// Images a batch.
    pub batch: usize,
    /// Threads that read.
    pub threads: usize,
    /// Images a second of the fastest pass over the set, from the order to the last batch.
    pub img_s: f64,
    /// Milliseconds an image takes on one thread.
    pub image_ms: f64,
    /// Share of that for reading the file.
    pub read: f64,
    /// Share for decoding.
    pub decode: f64,
    /// Share for cutting out and resizing.
    pub resize: f64,
    /// Share for colours, flip and normalisation.
    pub augment: f64,
}

/// Every stage of section 2.1, and random erasing.
fn everything() -> Augment {
    let on = Jitter { on: true, strength: 0.4 };
    Augment {
        resized: Resized { on: true, ..Resized::default() },
        crop: Crop { on: false, pad: 0 },
        flip: true,
        hue: on.clone(),
        saturation: on.clone(),
        brightness: on,
        pca: Pca { on: true, std: 0.1 },
        erase: Erase { on: true, ..Erase::default() },
        ..Augment::default()
    }
}

/// Reads the training images of a set `passes` times, augmented as in the paper.
///
/// # Errors
/// As [`open`], and the system's.
pub fn input_speed(data: &Data, batch: usize, threads: usize, passes: usize) -> Result<InputSpeed, DataError> {
    let set = Arc::new(open(data, task_of(data), 0)?);
    let augment = everything();
    let batches = steps_per_epoch(set.train.len(), batch);
    let mut reader = Reader::new(Arc::clone(&set), threads)?;
    let mut img_s = 0f64;
    for epoch in 0..passes.max(1) as u64 {
        let pass = Pass::Train { seed: 0, epoch, batch, augment: augment.clone(), balance: Balance::None };
        let begun = Instant::now();
        let mut images = 0;
        for number in 0..batches {
            images += reader.batch(&pass, number)?.n;
        }
        img_s = img_s.max(images as f64 / begun.elapsed().as_secs_f64());
    }
    drop(reader);
    let [read, decode, resize, all] = parts(&set, &augment);
    let round = |v: f64, places: f64| (v * places).round() / places;
    let share = |part: Duration| round(part.as_secs_f64() / all.as_secs_f64(), 1e3);
    let timed = TIMED.min(set.train.len()) as f64;
    Ok(InputSpeed {
        images: set.train.len(),
        batch,
        threads,
        img_s: round(img_s, 10.0),
        image_ms: round(all.as_secs_f64() * 1e3 / timed, 1e3),
        read: share(read),
        decode: share(decode.saturating_sub(read)),
        resize: share(resize.saturating_sub(decode)),
        augment: share(all.saturating_sub(resize)),
    })
}

/// The time that some images take on this thread: to read; and to decode; and to resize; and all.
fn parts(set: &DataSet, augment: &Augment) -> [Duration; 4] {
    let split = &set.train;
    let (mut picture, mut out) = (Picture::default(), vec![0.0; split.height * split.width * split.channels]);
    let stored = split.stored_shape();
    let time = |work: &mut dyn FnMut(&Split, Stored<'_>, &Stages<'_>)| {
        let begun = Instant::now();
        for i in 0..TIMED.min(split.len()) {
            let stages = Stages::Train { augment, seed: 0, epoch: 0, image: i as u64 };
            // A broken image takes no time worth measuring.
            if let Ok(image) = split.read(i) {
                work(split, image, &stages);
            }
        }
        begun.elapsed()
    };
    let read = time(&mut |_, _, _| {});
    let decode = time(&mut |_, image, stages| {
        if let Stored::Encoded(bytes) = image {
            let wanted = |size, turn: Turn| {
                let cut = set.preprocessor.stored_cut(stages, size, turn);
                set.preprocessor.wanted(cut, size)
            };
            let _ = decode_part(&bytes, set.preprocessor.reading, &mut picture, wanted);
            picture.free();
        }
    });
    let resize = time(&mut |_, image, stages| {
        let _ = set.preprocessor.bytes(&image, stored, stages, |_, _| ());
    });
    let all = time(&mut |_, image, stages| {
        let _ = set.preprocessor.write(&image, stored, stages, &mut out);
    });
    [read, decode, resize, all]
}
