//! What a trained net is used for: `eval` and `predict`.

use super::args::{Eval, Predict};
use super::{Failure, find_run, lines_of, set_threads};
use crate::data::{Picture, Skipped, decode};
use crate::recipe::preset;
use crate::train::{
    BEST, Classifier, Confusion, Evaluation, Guess, Tally, Tested, best_weights, evaluate_checkpoint, evaluate_weights,
};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// How a class was recognised.
#[derive(Serialize)]
struct Class<'a> {
    name: &'a str,
    images: u32,
    correct: u32,
    /// Share of its images that were recognised; none without images.
    recall: Option<f64>,
    /// Share of the images called so that are of it; none when none was called so.
    precision: Option<f64>,
}

/// An evaluation as a document.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
    step: u64,
    images: u32,
    loss: f64,
    top1: f64,
    top5: f64,
    classes: Vec<Class<'a>>,
    /// Which classes were taken for which.
    confusion: &'a Confusion,
    /// Images that could not be used.
    skipped: &'a [Skipped],
}

/// The checkpoint that a path names: a file, or the best or else the newest one of a run.
fn checkpoint(path: &Path) -> PathBuf {
    let dir = find_run(path);
    if dir.is_dir() { best_weights(&dir).unwrap_or_else(|| dir.join(BEST)) } else { path.to_path_buf() }
}

/// `tricktop eval`.
pub(super) fn eval(args: &Eval) -> Result<String, Failure> {
    set_threads(&args.threads)?;
    let file = checkpoint(&args.checkpoint);
    let tested = match &args.preset {
        None => evaluate_checkpoint(&file, args.data.as_deref()),
        Some(path) => {
            let recipe = preset::load_with(path, &args.sets).map_err(Failure::Presets)?.recipe;
            evaluate_weights(&file, &recipe, args.data.as_deref())
        }
    }
    .map_err(Failure::Use)?;
    if let Some(note) = &tested.note {
        eprintln!("{} {note}", file.display());
    }
    let report = Report::new(&file, &tested);
    if args.json {
        return Ok(serde_json::to_string(&report).map_err(|e| Failure::Print(e.into()))? + "\n");
    }
    Ok(report.text())
}

impl<'a> Report<'a> {
    fn new(file: &'a Path, tested: &'a Tested) -> Report<'a> {
        let Tested {
            evaluation: Evaluation { step, loss, top1, top5, confusion, .. }, classes: names, skipped, ..
        } = tested;
        let tallies = confusion.tallies();
        let class = |(name, tally): (&'a String, &Tally)| Class {
            name,
            images: tally.images,
            correct: tally.correct,
            recall: tally.recall(),
            precision: tally.precision(),
        };
        Report {
            file,
            step: *step,
            images: tallies.iter().map(|tally| tally.images).sum(),
            loss: *loss,
            top1: *top1,
            top5: *top5,
            classes: names.iter().zip(&tallies).map(class).collect(),
            confusion,
            skipped,
        }
    }

    fn text(&self) -> String {
        let Report { file, step, images, loss, top1, top5, .. } = self;
        let mut text = format!(
            "{} (step {step}), {images} images\ntop-1 {:.2} %  top-5 {:.2} %  loss {loss:.4}\n\n",
            file.display(),
            top1 * 100.0,
            top5 * 100.0
        );
        let width = self.classes.iter().map(|c| c.name.chars().count()).max().unwrap_or(0).max(5);
        text += &format!("{:width$}  images  correct   recall  precision\n", "class");
        let percent = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{:.2} %", v * 100.0));
        for Class { name, images, correct, recall, precision } in &self.classes {
            text += &format!(
                "{name:width$}  {images:6}  {correct:7}  {:>7}  {:>9}\n",
                percent(*recall),
                percent(*precision)
            );
        }
        text += &self.matrix(width);
        text + &lines_of(self.skipped.iter().map(|s| format!("left out: {} {}", s.image, s.problem)))
    }

    /// The confusion matrix, or the most frequent confusions when there are too many classes for a table.
    fn matrix(&self, width: usize) -> String {
        const COLUMNS: usize = 20;
        if let Some(rows) = self.confusion.rows(COLUMNS) {
            let head: String = (0..self.classes.len()).map(|label| format!(" {label:>5}")).collect();
            let row = |(class, row): (&Class, &Vec<u32>)| {
                format!("{:width$} {}\n", class.name, row.iter().map(|n| format!(" {n:>5}")).collect::<String>())
            };
            let rows: String = self.classes.iter().zip(&rows).map(row).collect();
            return format!(
                "\nconfusion: a row for each label, a column for what was said\n{:width$} {head}\n{rows}",
                ""
            );
        }
        let wrong = self.confusion.mistaken();
        let name = |label: u32| self.classes[label as usize].name;
        let line = |[label, said, n]: &[u32; 3]| format!("{n:5}  {} called {}\n", name(*label), name(*said));
        format!("\nmost frequent confusions\n{}", wrong.iter().take(COLUMNS).map(line).collect::<String>())
    }
}

/// What is said of an image, as a line.
#[derive(Serialize)]
struct Said<'a> {
    image: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Guess>,
}

/// `tricktop predict`: what is said of each image, and how many could not be read.
pub(super) fn predict(args: &Predict) -> Result<(String, usize), Failure> {
    set_threads(&args.threads)?;
    let mut classifier = Classifier::read(&checkpoint(&args.checkpoint)).map_err(Failure::Use)?;
    let show = args.show && std::io::stdout().is_terminal();
    let (mut text, mut unread) = (String::new(), 0);
    for image in &args.images {
        let said = read(image).and_then(|picture| {
            let guesses = classifier.classify(&picture, args.top.get()).map_err(|e| e.to_string())?;
            Ok((picture, guesses))
        });
        unread += usize::from(said.is_err());
        if args.json {
            let (error, guesses) = match said {
                Ok((_, guesses)) => (None, guesses),
                Err(why) => (Some(why), Vec::new()),
            };
            let line = Said { image, error, classes: guesses };
            text += &(serde_json::to_string(&line).map_err(|e| Failure::Print(e.into()))? + "\n");
            continue;
        }
        match said {
            Err(why) => text += &format!("{}  {why}\n", image.display()),
            Ok((picture, guesses)) => {
                text += &format!("{}\n", image.display());
                if show {
                    text += &half_blocks(&picture)?;
                }
                text += &lines_of(guesses.iter().map(|g| format!("{:7.2} %  {}", g.probability * 100.0, g.class)));
            }
        }
    }
    Ok((text, unread))
}

fn read(image: &Path) -> Result<Picture, String> {
    let bytes = std::fs::read(image).map_err(|e| format!("cannot be read: {e}"))?;
    decode(&bytes)
}

/// A picture in true colours, two rows of pixels a line.
fn half_blocks(picture: &Picture) -> Result<String, Failure> {
    const COLUMNS: usize = 48;
    let width = COLUMNS.min(picture.width.max(1));
    let rows = (picture.height * width / picture.width.max(1)).clamp(2, 2 * COLUMNS) / 2 * 2;
    let small = picture.resized(rows, width).map_err(Failure::Inspect)?;
    let mut text = String::new();
    for pair in small.pixels.chunks_exact(2 * width * 3) {
        let (upper, lower) = pair.split_at(width * 3);
        for (a, b) in upper.chunks_exact(3).zip(lower.chunks_exact(3)) {
            text += &format!("\x1b[38;2;{};{};{};48;2;{};{};{}m▀", a[0], a[1], a[2], b[0], b[1], b[2]);
        }
        text += "\x1b[0m\n";
    }
    Ok(text)
}
