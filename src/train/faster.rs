//! Which device trains a recipe's net faster: a few steps on each, remembered for the next run of the like.

use super::bench::timed;
use super::{Chosen, TrainError};
use crate::data::{DataSet, Synthetic};
use crate::nn::NetSpec;
use crate::ops::{Ops, Precision};
use crate::recipe::Recipe;
use crate::recipe::settings::{Finetune, Settings};
use atomic_write_file::AtomicWriteFile;
use dfdx::prelude::{Cpu, Cuda};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::path::PathBuf;

/// Steps that are timed.
const STEPS: usize = 3;

/// Images a step on a CPU, at most: a large batch of photographs takes it half a minute.
const FEW: usize = 16;

/// Images a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Speeds {
    pub gpu: f64,
    pub cpu: f64,
}

/// How fast a GPU and the CPU train a recipe's net, measured or remembered.
///
/// # Errors
/// A device's.
pub(super) fn speeds(gpu: (&Cuda, &str), recipe: &Recipe, data: &DataSet) -> Result<Speeds, TrainError> {
    let key = key(gpu.1, recipe, data);
    let mut known: BTreeMap<String, Speeds> =
        path().and_then(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok()).unwrap_or_default();
    if let Some(speeds) = known.get(&key) {
        return Ok(*speeds);
    }
    let batch = recipe.train.batch as usize;
    let speeds = Speeds {
        gpu: time(gpu.0.clone(), recipe, data, batch)?,
        cpu: time(Cpu::default(), recipe, data, batch.min(FEW))?,
    };
    known.insert(key, speeds);
    // What cannot be kept is measured again.
    let _ = keep(&known);
    Ok(speeds)
}

/// What the speeds depend on.
fn key(gpu: &str, recipe: &Recipe, data: &DataSet) -> String {
    let net = NetSpec::of(recipe, data.train.channels, data.classes.len()).name;
    let (h, w) = (data.train.height, data.train.width);
    let format = if recipe.tricks.mixed.on { recipe.tricks.mixed.format.word() } else { Precision::Single.name() };
    format!("{gpu} | {} | {net} {h}x{w} batch {} {format}", Chosen::Cpu.name(), recipe.train.batch)
}

/// Where they are kept.
fn path() -> Option<PathBuf> {
    let whole = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = whole("XDG_CACHE_HOME").or_else(|| Some(whole("HOME")?.join(".cache")))?;
    Some(cache.join("tricktop/speeds.json"))
}

fn keep(known: &BTreeMap<String, Speeds>) -> std::io::Result<()> {
    let Some(path) = path() else { return Ok(()) };
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let mut file = AtomicWriteFile::open(path)?;
    file.write_all(&serde_json::to_vec_pretty(known)?)?;
    file.commit()
}

/// Images a second of the fastest of some steps, on made-up images.
fn time<D: Ops<f32>>(dev: D, recipe: &Recipe, data: &DataSet, batch: usize) -> Result<f64, TrainError> {
    let (train, classes) = (&data.train, data.classes.len());
    let (height, width, channels) = (train.height, train.width, train.channels);
    let made = Synthetic { height, width, channels, classes, train: batch.max(classes), test: classes }.build(0);
    let mut s: Settings = (**recipe).clone();
    s.tricks.distill.on = false;
    // What is frozen may be freed in the run: its whole step is what counts.
    s.finetune = Finetune::default();
    let (_, _, times) = timed(dev, &s, &made, batch, STEPS)?;
    Ok(batch as f64 / times.into_iter().fold(f64::INFINITY, f64::min))
}
