//! What a trained net is used for: `eval` and `predict`.

use super::args::{Eval, Predict};
use super::{Failure, find_run, lines_of, say, set_threads};
use crate::data::{Broken, DataSet, Picture, Reading, Skipped, decode};
use crate::recipe::mistakes::Place;
use crate::recipe::{Mistake, preset};
use crate::runs::at_work;
use crate::text::{columns, left, plain_terminal, shown};
use crate::train::{
    BEST, Classifier, Confusion, Evaluation, Guess, Images, Of, Seen, Tally, Tested, TrainError, best_weights,
    evaluate_checkpoint, evaluate_weights, newest_weights, softmax, top5_tells,
};
use atomic_write_file::AtomicWriteFile;
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
    /// Images that were evaluated.
    images: u32,
    /// What there is.
    of: &'a Of,
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

/// The net of a path for single images: of a run that is going on the newest checkpoint, else as for an evaluation. Says
/// what that is.
fn classifier(path: &Path) -> Result<(Classifier, String), Failure> {
    let dir = find_run(path);
    let going = dir.is_dir() && at_work(&dir);
    let file =
        if going { newest_weights(&dir) } else { Some(checkpoint(path)).filter(|file| file.exists() || !dir.is_dir()) };
    let none = || {
        let rest = if going { "yet; w on its screen writes one" } else { "" };
        Failure::Inspect(format!("{}: has no checkpoint {rest}", dir.display()).trim_end().to_string())
    };
    let file = file.ok_or_else(none)?;
    let read = match (Classifier::read(&file), newest_weights(&dir)) {
        // The run has put a newer one in its place meanwhile.
        (Err(_), Some(newer)) if going && newer != file => Classifier::read(&newer),
        (read, _) => read,
    };
    let classifier = read.map_err(Failure::Use)?;
    let what = if going { ", the newest of a run that goes on" } else { "" };
    let about = format!("weights of step {}{what}: {}", classifier.step(), name(&file));
    Ok((classifier, about))
}

/// `tricktop eval`.
pub(super) fn eval(args: &Eval) -> Result<String, Failure> {
    set_threads(&args.threads)?;
    let file = checkpoint(&args.checkpoint);
    let wrong = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Failure::Use(TrainError::Write { path, source })
    };
    let mut table = args.csv.as_deref().map(|path| Table::open(path).map_err(wrong(path))).transpose()?;
    let look = |set: &DataSet, seen: Seen<'_>| {
        if let Some(table) = &mut table {
            table.add(set, &seen);
        }
    };
    let moved = if args.preset.is_some() { None } else { place_of_images(&args.sets)? };
    let images = match &args.data {
        Some(path) => Images::At { path, split: args.split.as_deref(), by_place: args.by_place },
        None => Images::Own(moved.as_deref()),
    };
    let tested = match &args.preset {
        None => evaluate_checkpoint(&file, images, look),
        Some(path) => {
            let recipe = preset::load_with(path, &args.sets).map_err(Failure::Presets)?.recipe;
            evaluate_weights(&file, &recipe, images, look)
        }
    }
    .map_err(Failure::Use)?;
    if let (Some(path), Some(table)) = (&args.csv, table) {
        table.finish().map_err(wrong(path))?;
    }
    let report = Report::new(&file, &tested);
    if args.json {
        return Ok(serde_json::to_string(&report).map_err(|e| Failure::Print(e.into()))? + "\n");
    }
    Ok(report.text())
}

/// A line for every image as comma-separated values, in a file that appears when it is whole.
struct Table {
    rows: csv::Writer<AtomicWriteFile>,
    /// Lines so far, or what went wrong.
    written: csv::Result<usize>,
}

impl Table {
    fn open(path: &Path) -> std::io::Result<Table> {
        Ok(Table { rows: csv::Writer::from_writer(AtomicWriteFile::open(path)?), written: Ok(0) })
    }

    fn add(&mut self, set: &DataSet, seen: &Seen<'_>) {
        if let Ok(written) = self.written {
            self.written = self.row(set, seen, written == 0).map(|()| written + 1);
        }
    }

    fn row(&mut self, set: &DataSet, seen: &Seen<'_>, first: bool) -> csv::Result<()> {
        if first {
            let head = ["path", "label", "predicted"].into_iter();
            self.rows.write_record(head.chain(set.classes.iter().map(String::as_str)))?;
        }
        self.rows.write_field(set.test.name(seen.place))?;
        self.rows.write_field(&set.classes[seen.label])?;
        self.rows.write_field(&set.classes[seen.predicted])?;
        softmax(seen.logits).into_iter().try_for_each(|p| self.rows.write_field(p.to_string()))?;
        self.rows.write_record(None::<&[u8]>)
    }

    fn finish(self) -> std::io::Result<()> {
        self.written?;
        self.rows.into_inner().map_err(|e| e.into_error())?.commit()
    }
}

/// Where the images of a run are now: the one knob that is set for a run that is only read.
pub(super) fn place_of_images(sets: &[String]) -> Result<Option<String>, Failure> {
    let wrong =
        |message: String| Failure::Presets([Mistake { place: Place::whole("--set"), message }].into_iter().collect());
    let mut found = None;
    for set in sets {
        let (knob, value) = preset::parse_set(set).map_err(|e| wrong(e.to_string()))?;
        if knob.path != "data.path" {
            let path = knob.path;
            return Err(wrong(format!(
                "{path} is as the run has it; only data.path can be told, when images were moved"
            )));
        }
        found = Some(value.to_string());
    }
    Ok(found)
}

impl<'a> Report<'a> {
    fn new(file: &'a Path, tested: &'a Tested) -> Report<'a> {
        let Tested { evaluation: Evaluation { step, loss, top1, top5, confusion, .. }, classes: names, of, skipped } =
            tested;
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
            of,
            loss: *loss,
            top1: *top1,
            top5: *top5,
            classes: names.iter().zip(&tallies).map(class).collect(),
            confusion,
            skipped,
        }
    }

    fn text(&self) -> String {
        let Report { file, step, images, of, loss, top1, top5, classes, .. } = self;
        let mut text = format!(
            "{images} images of {} classes evaluated, of {} that {} has; the net knows {} classes\n",
            of.classes,
            of.images,
            shown(&of.set),
            classes.len()
        );
        text += &lines_of(of.notes.iter().map(|note| format!("  {}", shown(note))));
        text += &format!("{} (step {step})\ntop-1 {:.2} %", name(file), top1 * 100.0);
        if top5_tells(classes.len()) {
            text += &format!("  top-5 {:.2} %", top5 * 100.0);
        }
        text += &format!("  loss {loss:.4}\n\n");
        let width = self.classes.iter().map(|c| columns(&shown(c.name))).max().unwrap_or(0).max(5);
        text += &format!("{:width$}  images  correct   recall  precision\n", "class");
        let percent = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{:.2} %", v * 100.0));
        for Class { name, images, correct, recall, precision } in &self.classes {
            text += &format!(
                "{}  {images:6}  {correct:7}  {:>7}  {:>9}\n",
                left(&shown(name), width),
                percent(*recall),
                percent(*precision)
            );
        }
        text += &self.matrix(width);
        text + &lines_of(self.skipped.iter().map(|s| format!("left out: {} {}", shown(&s.image), s.problem)))
    }

    /// The confusion matrix, or the most frequent confusions when there are too many classes for a table.
    fn matrix(&self, width: usize) -> String {
        const COLUMNS: usize = 20;
        if let Some(rows) = self.confusion.rows(COLUMNS) {
            let head: String = (0..self.classes.len()).map(|label| format!(" {label:>5}")).collect();
            let row = |(class, row): (&Class, &Vec<u32>)| {
                let counts: String = row.iter().map(|n| format!(" {n:>5}")).collect();
                format!("{} {counts}\n", left(&shown(class.name), width))
            };
            let rows: String = self.classes.iter().zip(&rows).map(row).collect();
            return format!(
                "\nconfusion: a row for each label, a column for each prediction\n{:width$} {head}\n{rows}",
                ""
            );
        }
        let wrong = self.confusion.mistaken();
        let name = |label: u32| shown(self.classes[label as usize].name);
        let line =
            |[label, predicted, n]: &[u32; 3]| format!("{n:5}  {} predicted as {}\n", name(*label), name(*predicted));
        format!("\nmost frequent confusions\n{}", wrong.iter().take(COLUMNS).map(line).collect::<String>())
    }
}

/// What is said of an image, as a line.
#[derive(Serialize)]
struct Said<'a> {
    image: &'a Path,
    /// Steps that the net has seen.
    step: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Guess>,
}

/// A path as a line of text has it.
fn name(path: &Path) -> String {
    shown(&path.display().to_string()).into_owned()
}

/// `tricktop predict`: what is said of each image, ready for the terminal, and how many could not be read.
pub(super) fn predict(args: &Predict) -> Result<(String, usize), Failure> {
    set_threads(&args.threads)?;
    let (mut classifier, about) = classifier(&args.checkpoint)?;
    say(&about);
    let step = classifier.step();
    let show = args.show && std::io::stdout().is_terminal() && plain_terminal().is_none();
    let (mut text, mut unread) = (String::new(), 0);
    for image in &args.images {
        let guessed = read(image, classifier.reading()).map_err(|e| e.to_string()).and_then(|picture| {
            let guesses = classifier.classify(&picture, args.top.get()).map_err(|e| e.to_string())?;
            Ok((picture, guesses))
        });
        unread += usize::from(guessed.is_err());
        if args.json {
            let (error, guesses) = match guessed {
                Ok((_, guesses)) => (None, guesses),
                Err(why) => (Some(why), Vec::new()),
            };
            let line = Said { image, step, error, classes: guesses };
            text += &(serde_json::to_string(&line).map_err(|e| Failure::Print(e.into()))? + "\n");
            continue;
        }
        match guessed {
            Err(why) => text += &format!("{}  {}\n", name(image), shown(&why)),
            Ok((picture, guesses)) => {
                text += &format!("{}\n", name(image));
                if show {
                    text += &half_blocks(&picture)?;
                }
                text +=
                    &lines_of(guesses.iter().map(|g| format!("{:7.2} %  {}", g.probability * 100.0, shown(&g.class))));
            }
        }
    }
    Ok((text, unread))
}

fn read(image: &Path, reading: Reading) -> Result<Picture, Broken> {
    decode(&std::fs::read(image)?, reading)
}

/// A picture in true colours, two rows of pixels a line.
fn half_blocks(picture: &Picture) -> Result<String, Failure> {
    const COLUMNS: usize = 48;
    let width = COLUMNS.min(picture.width.max(1));
    let rows = (picture.height * width / picture.width.max(1)).clamp(2, 2 * COLUMNS) / 2 * 2;
    let small = picture.resized(rows, width).map_err(|e| Failure::Inspect(e.to_string()))?;
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
