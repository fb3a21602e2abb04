//! `tricktop inspect`: what is in a run or a checkpoint, and whether it is whole.

use super::{Failure, find_run};
use crate::runs::{self, Line, Notes, Record, Standing};
use crate::text::{left, shown};
use crate::train::{BEST, Checkpoint, Meta, steps};
use serde::Serialize;
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
    #[serde(flatten)]
    meta: Option<Meta>,
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
            Ok(c) => {
                let parameters = Some(c.parameters());
                File { path, verifies: true, problem: None, whole: c.is_whole(), parameters, meta: Some(c.meta) }
            }
            Err(e) => {
                let problem = Some(e.to_string());
                File { path, verifies: false, problem, whole: false, parameters: None, meta: None }
            }
        }
    }

    fn text(&self) -> String {
        let Some(meta) = &self.meta else { return format!("{}\n", self.problem.as_deref().unwrap_or_default()) };
        let at = &meta.at;
        let top1 = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{:.2} %", v * 100.0));
        let rows = [
            ("file", self.path.display().to_string()),
            ("verifies", "yes".into()),
            ("written by", format!("tricktop {}, kernels {}", meta.version, meta.kernels)),
            ("step", at.step.to_string()),
            ("epoch", format!("{} and {} batches", at.epoch, at.batch)),
            ("top-1", format!("{} here, best {}", top1(at.top1), top1(at.best_top1))),
            ("edits made", format!("{}, {} waiting", at.edits, meta.waiting.len())),
            ("parameters", self.parameters.unwrap_or_default().to_string()),
            ("weights", meta.digests.weights.clone()),
            ("statistics", meta.digests.statistics.clone()),
            ("velocity", if self.whole { meta.digests.velocity.clone() } else { "not kept".into() }),
        ];
        let rows = rows.iter().map(|(name, value)| format!("{name:<11} {}\n", shown(value)));
        let knobs = meta.recipe.iter().map(|(path, value)| format!("  {path:<26} {}\n", shown(&value.to_string())));
        rows.chain(["recipe\n".to_string()]).chain(knobs).collect()
    }
}

impl Run {
    fn read(dir: &Path) -> Result<Run, Failure> {
        let works = runs::at_work(dir);
        let record = Record::read(dir).map_err(Failure::Run)?;
        let (standing, error) = Standing::of(works, &record.log);
        let best = dir.join(BEST);
        let files = steps(dir).into_iter().map(|(_, path)| path);
        let Notes { note, tags, parent: moved } = Notes::read(dir).map_err(Failure::Run)?;
        Ok(Run {
            dir: dir.to_path_buf(),
            state: standing.word(),
            error,
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
            checkpoints: files.chain(best.is_file().then_some(best)).map(|path| File::read(&path)).collect(),
        })
    }

    fn text(&self) -> String {
        let why = self.error.as_ref().map_or(String::new(), |error| format!(": {}", shown(error)));
        let mut text = format!(
            "run         {}\nstate       {}{why}\njournal     {} edits\nchain       {} links\nagain       {}\n",
            shown(&self.dir.display().to_string()),
            self.state,
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
            let about = match &file.meta {
                Some(meta) => {
                    let best = meta.at.best_top1.map_or(String::new(), |v| format!(", best top-1 {:.2} %", v * 100.0));
                    format!("step {}, weights {}{best}, verifies", meta.at.step, &meta.digests.weights[..16])
                }
                None => format!("DAMAGED: {}", file.problem.as_deref().unwrap_or_default()),
            };
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            text += &format!("{} {about}\n", left(&shown(&name), 26));
        }
        text
    }
}
