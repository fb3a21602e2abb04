//! Commands that read what a run has recorded: replay and export.

use super::args::{Export, Replay};
use super::eval::place_of_images;
use super::{Failure, find_run, headless, print, set_threads};
use crate::data::MANIFEST;
use crate::report::{self, Carried, Run};
use crate::runs::{self, Record, RunError, Verdict};
use crate::train::{BEST, Checkpoint, Options, TrainError, best_weights, write_whole};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes a run again: as a new run, or only to compare.
pub(super) fn replay(args: &Replay) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    let dir = find_run(&args.run);
    let images_at = place_of_images(&args.sets)?;
    if args.verify {
        return verify(&dir, args.until, images_at.as_deref());
    }
    let record = Record::read(&dir).map_err(Failure::Run)?;
    let until = args.until.or(record.chain.last().map(|link| link.step));
    let recipe = record.as_recipe().map_err(RunError::stuck(&dir)).map_err(Failure::Run)?;
    runs::find_images(&dir, &record, &recipe, images_at.as_deref()).map_err(Failure::Run)?;
    let (edits, manifest) = (Some(record.waiting(0)), Some(dir.join(MANIFEST)));
    let options = Options { edits, until, again: true, unattended: true, manifest, images_at, ..Options::default() };
    headless::batch([|| runs::start_with(recipe, options, &args.runs, runs::spawn)], args.json)
}

fn verify(dir: &Path, until: Option<u64>, images_at: Option<&str>) -> Result<ExitCode, Failure> {
    let Verdict { step, links, steps, apart, difference } =
        runs::verify_at(dir, until, images_at).map_err(Failure::Run)?;
    let dir = dir.display();
    match (difference, apart) {
        (Some(difference), _) => Err(Failure::Differs(format!("{dir}: not the same: {difference}"))),
        (None, None) => {
            print(&format!("{dir}: the same to the bit up to step {step}: {links} checkpoints, {steps} logged steps\n"))
        }
        (None, Some(apart)) => print(&format!(
            "{dir}: near the same up to step {step}: {steps} logged losses, {apart:.1e} apart at most (a GPU computed, \
             and no two such runs are the same to the bit)\n"
        )),
    }
}

/// What a run has recorded, as text; or files of it, and which ones.
pub(super) fn export(dir: &Path, format: &Export) -> Result<String, Failure> {
    let record = Record::read(dir).map_err(Failure::Run)?;
    match format {
        Export { preset: true, .. } => {
            Ok(record.as_recipe().map_err(RunError::stuck(dir)).map_err(Failure::Run)?.to_ron())
        }
        Export { csv: true, .. } => runs::csv(dir).map_err(Failure::Run),
        Export { json: true, .. } => runs::json(dir).map_err(Failure::Run),
        files => written(dir, files),
    }
}

/// Writes files of a run; of its weights the best, or the newest when none are the best yet.
fn written(dir: &Path, files: &Export) -> Result<String, Failure> {
    let Export { tensorboard, weights, onnx, card, .. } = files;
    let mut text = String::new();
    if let Some(out) = tensorboard {
        text += &format!("{}\n", runs::tensorboard(dir, out).map_err(Failure::Run)?.display());
    }
    if weights.is_none() && onnx.is_none() && card.is_none() {
        return Ok(text);
    }
    let from = best_weights(dir).ok_or("has no checkpoint yet").map_err(RunError::stuck(dir)).map_err(Failure::Run)?;
    let checkpoint = Checkpoint::read(&from).map_err(Failure::Use)?;
    let note = checkpoint.note().map_or(String::new(), |note| format!(": {note}"));
    let mut write = |out: &Option<PathBuf>, bytes: &dyn Fn() -> Result<Vec<u8>, Failure>| {
        let Some(out) = out else { return Ok(()) };
        let wrong = |source| Failure::Use(TrainError::Write { path: out.clone(), source });
        write_whole(out, &bytes()?).map_err(wrong)?;
        text += &format!("{} from {}{note}\n", out.display(), from.display());
        Ok(())
    };
    let named = |out: &Option<PathBuf>, default: &str| {
        let name = out.as_ref().and_then(|out| out.file_name()).map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| default.into())
    };
    write(weights, &|| checkpoint.export().map_err(Failure::Use))?;
    write(onnx, &|| checkpoint.onnx().map_err(Failure::Use))?;
    write(card, &|| {
        let run = Run::read(dir).map_err(Failure::Run)?;
        let (weights, onnx) = (named(weights, "model.safetensors"), named(onnx, "model.onnx"));
        let carried = Carried {
            step: checkpoint.meta.at.step,
            best: from.file_name().is_some_and(|name| name == BEST),
            signature: checkpoint.meta.signature.as_ref(),
            weights: &weights,
            onnx: &onnx,
        };
        Ok(report::card(&run, &carried).into_bytes())
    })?;
    Ok(text)
}
