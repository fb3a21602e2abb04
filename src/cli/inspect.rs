//! `tricktop inspect`: what is in a run or a checkpoint, and whether it is whole.

use super::{Failure, find_run};
use crate::recipe::knobs;
use crate::runs::{self, Line, Notes, Record, RunStatus};
use crate::text::{left, shown};
use crate::train::{BEST, Checkpoint, Evaluation, Event, Meta, Score, steps};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is known of one checkpoint file.
#[derive(Serialize)]
struct File {
    path: PathBuf,
    /// Whether every byte that counts is as it was written.
    verifies: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Whether a run can go on from it.
    whole: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<usize>,
    /// What the run measured with these very weights, where it did.
    #[serde(flatten)]
    measured: Option<Measured>,
    #[serde(flatten)]
    meta: Option<Meta>,
}

/// What a run measured of a state on its test images.
#[derive(Clone, Copy, Serialize)]
struct Measured {
    #[serde(flatten, with = "crate::train::score")]
    score: Option<Score>,
    /// Known where the metrics of the run are.
    #[serde(skip_serializing_if = "Option::is_none")]
    val_loss: Option<f64>,
}

impl Measured {
    fn text(&self) -> String {
        let loss = self.val_loss.map_or(String::new(), |loss| format!(", val loss {loss:.4}"));
        format!("{}{loss}", self.score.map_or("not evaluated".into(), scored))
    }
}

fn scored(score: Score) -> String {
    format!("{} {:.2} %", score.figure.title(), score.percent())
}

/// The best score and the epoch that ended with it.
fn best(score: Option<Score>, epoch: Option<u64>) -> String {
    let epoch = epoch.map_or(String::new(), |epoch| format!(" (epoch {epoch})"));
    score.map_or("none yet".into(), |score| format!("{}{epoch}", scored(score)))
}

/// What is known of a run.
#[derive(Serialize)]
struct Run {
    dir: PathBuf,
    /// `running`, or how it ended; `killed` when its log has no end and nobody is at work on it.
    state: &'static str,
    /// What went wrong, when it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Best score at the end of an epoch.
    #[serde(flatten, with = "crate::train::best")]
    best: Option<Score>,
    /// The epoch that ended with it.
    best_epoch: Option<u64>,
    /// Edits in the journal.
    edits: usize,
    /// Links of the chain.
    links: usize,
    reproduce: String,
    /// The run and the step that it was forked from.
    fork: Option<String>,
    /// What a person says of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    checkpoints: Vec<File>,
}

/// The report on a run directory or a checkpoint file.
pub(super) fn inspect(path: &Path, json: bool) -> Result<String, Failure> {
    if path.is_file() {
        let file = File::read(path);
        if let Some(problem) = file.problem {
            return Err(Failure::Inspect(problem));
        }
        return if json { document(&file) } else { Ok(file.text()) };
    }
    let run = Run::read(&find_run(path))?;
    if json { document(&run) } else { Ok(run.text()) }
}

fn document(of: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(of).map_err(|e| Failure::Print(e.into()))?;
    Ok(text + "\n")
}

impl File {
    fn read(path: &Path) -> File {
        let path = path.to_path_buf();
        match Checkpoint::read(&path) {
            Ok(c) => File {
                path,
                verifies: true,
                problem: None,
                whole: c.is_whole(),
                parameters: Some(c.parameters()),
                measured: c.meta.at.score.map(|score| Measured { score: Some(score), val_loss: None }),
                meta: Some(c.meta),
            },
            Err(e) => File {
                path,
                verifies: false,
                problem: Some(e.to_string()),
                whole: false,
                parameters: None,
                measured: None,
                meta: None,
            },
        }
    }

    /// With what the run measured after the same step.
    fn among(self, measured: &BTreeMap<u64, Measured>) -> File {
        let found = self.meta.as_ref().and_then(|meta| measured.get(&meta.at.step)).copied();
        File { measured: found.or(self.measured), ..self }
    }

    /// In a line of a list.
    fn line(&self) -> String {
        let Some(meta) = &self.meta else {
            return format!("DAMAGED: {}", self.problem.as_deref().unwrap_or_default());
        };
        let at = &meta.at;
        let batches = if at.batch > 0 { format!(" and {} batches", at.batch) } else { String::new() };
        let measured = self.measured.map_or("not evaluated".into(), |measured| measured.text());
        let whole = if self.whole { "whole" } else { "weights alone" };
        let weights = &meta.digests.weights[..16];
        format!("step {}, epoch {}{batches}, {measured}, {whole}, weights {weights}, verifies", at.step, at.epoch)
    }

    fn text(&self) -> String {
        let Some(meta) = &self.meta else { return format!("{}\n", self.problem.as_deref().unwrap_or_default()) };
        let at = &meta.at;
        let own = self.measured.and_then(|measured| measured.score).map_or("not evaluated here".into(), scored);
        let whole = if self.whole { "yes: a run can go on from it" } else { "no: weights and statistics alone" };
        let rows = [
            ("file", self.path.display().to_string()),
            ("verifies", "yes".into()),
            ("written by", format!("tricktop {}, kernels {}", meta.version, meta.kernels)),
            ("step", at.step.to_string()),
            ("epoch", format!("{} and {} batches", at.epoch, at.batch)),
            ("evaluated", own),
            ("run's best", format!("{} up to here", best(at.best, at.best_epoch))),
            ("whole", whole.into()),
            ("edits made", format!("{}, {} waiting", at.edits, meta.waiting.len())),
            ("parameters", self.parameters.unwrap_or_default().to_string()),
        ];
        let average =
            at.averaged.map(|steps| ("average", format!("evaluated and exported, {steps} steps after it began")));
        let rows = rows.into_iter().chain(average);
        // The optimiser's slots of a file of weights are not kept, or hashed as nothing by earlier versions.
        let is_kept = |name: &str| self.whole || ["weights", "statistics"].contains(&name);
        let hashes = meta.digests.parts().into_iter().filter(|(name, _)| is_kept(name));
        let none = (!self.whole).then_some(("optimiser", "not kept"));
        let hashes = hashes.chain(none).map(|(name, hash)| (name, hash.to_string()));
        let rows = rows.chain(hashes).map(|(name, value)| format!("{name:<11} {}\n", shown(&value)));
        let today = |path: &'_ String| knobs::find(path).map_or_else(|| path.clone(), |knob| knob.path.to_string());
        let knobs = meta.recipe.iter().map(|(path, value)| (today(path), shown(&value.to_string()).to_string()));
        let knobs = knobs.map(|(path, value)| format!("  {path:<26} {value}\n"));
        rows.chain(["recipe\n".to_string()]).chain(knobs).collect()
    }
}

impl Run {
    fn read(dir: &Path) -> Result<Run, Failure> {
        let works = runs::at_work(dir);
        let record = Record::read(dir).map_err(Failure::Run)?;
        let (status, error) = RunStatus::of(works, &record.log);
        let (mut measured, mut best) = (BTreeMap::new(), (None, None));
        for event in runs::history(dir).map_err(Failure::Run)? {
            let (evaluation, epoch) = match &event {
                Event::Epoch(end) => (&end.evaluation, Some(end.epoch).filter(|_| end.best)),
                Event::Evaluated(evaluation) => (&**evaluation, None),
                _ => continue,
            };
            let Evaluation { step, figures, loss, .. } = *evaluation;
            let score = Some(figures.score());
            measured.insert(step, Measured { score, val_loss: Some(loss) });
            if epoch.is_some() {
                best = (score, epoch);
            }
        }
        let weights = dir.join(BEST);
        let files = steps(dir).into_iter().map(|(_, path)| path);
        let Notes { note, tags, parent: moved } = Notes::read(dir).map_err(Failure::Run)?;
        Ok(Run {
            dir: dir.to_path_buf(),
            state: status.word(),
            error,
            best: best.0,
            best_epoch: best.1,
            edits: record.edits.len(),
            links: record.chain.len(),
            reproduce: runs::reproduce(dir),
            fork: record.log.iter().find_map(|line| match line {
                Line::Fork { parent, step } => {
                    Some(format!("{} after step {step}", moved.as_deref().unwrap_or(parent)))
                }
                _ => None,
            }),
            note,
            tags,
            checkpoints: files
                .chain(weights.is_file().then_some(weights))
                .map(|p| File::read(&p).among(&measured))
                .collect(),
        })
    }

    fn text(&self) -> String {
        let why = self.error.as_ref().map_or(String::new(), |error| format!(": {}", shown(error)));
        let mut text = format!(
            "run         {}\nstate       {}{why}\nbest        {}\njournal     {} edits\nchain       {} links\n\
             again       {}\n",
            shown(&self.dir.display().to_string()),
            self.state,
            best(self.best, self.best_epoch),
            self.edits,
            self.links,
            self.reproduce
        );
        if let Some(fork) = &self.fork {
            text += &format!("fork of     {}\n", shown(fork));
        }
        if !self.note.is_empty() {
            text += &format!("note        {}\n", shown(&self.note));
        }
        if !self.tags.is_empty() {
            text += &format!("tags        {}\n", shown(&self.tags.join(" ")));
        }
        for file in &self.checkpoints {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            text += &format!("{} {}\n", left(&shown(&name), 26), file.line());
        }
        text
    }
}
