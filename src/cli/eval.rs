//! `tricktop eval`.

use super::args::Eval;
use super::using::{checkpoint, name};
use super::{Failure, lines_of, set_threads};
use crate::data::{DataSet, IGNORED, Skipped};
use crate::recipe::mistakes::Place;
use crate::recipe::{Mistake, preset};
use crate::text::{columns, left, shown};
use crate::train::{
    Answer, Confusion, Evaluation, Figures, Images, Of, Seen, Tally, Tested, TrainError, Views, evaluate_checkpoint,
    evaluate_weights, softmax,
};
use atomic_write_file::AtomicWriteFile;
use serde::{Serialize, Serializer};
use std::path::Path;

/// How a class was recognised.
#[derive(Serialize)]
struct Class<'a> {
    name: &'a str,
    /// Or pixels.
    images: u64,
    correct: u64,
    /// Share of its images that were recognised; none without images.
    recall: Option<f64>,
    /// Share of the images called so that are of it; none when none was called so.
    precision: Option<f64>,
    /// Intersection over union, of pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    iou: Option<f64>,
}

/// An evaluation as a document.
#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
    step: u64,
    /// Images that were evaluated.
    images: usize,
    /// What there is.
    of: &'a Of,
    loss: f64,
    #[serde(serialize_with = "named", flatten)]
    figures: Figures,
    classes: Vec<Class<'a>>,
    /// Which classes were taken for which.
    confusion: &'a Confusion,
    /// Images that could not be used.
    skipped: &'a [Skipped],
}

/// The figures under their names.
fn named<S: Serializer>(figures: &Figures, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(figures.scores().map(|score| (score.figure.key(), score.value)))
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
    let views = if args.multi_scale { Views::Many } else { Views::One };
    let tested = match &args.preset {
        None => evaluate_checkpoint(&file, images, views, look),
        Some(path) => {
            let recipe = preset::load_with(path, &args.sets).map_err(Failure::Presets)?.recipe;
            evaluate_weights(&file, &recipe, images, views, look)
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
        match seen.answer {
            Answer::Class { label, predicted, logits } => {
                if first {
                    let head = ["path", "label", "predicted"].into_iter();
                    self.rows.write_record(head.chain(set.classes.iter().map(String::as_str)))?;
                }
                self.rows.write_field(set.test.name(seen.place))?;
                self.rows.write_field(&set.classes[label])?;
                self.rows.write_field(&set.classes[predicted])?;
                softmax(logits).into_iter().try_for_each(|p| self.rows.write_field(p.to_string()))?;
            }
            Answer::Mask { mask, accuracy, .. } => {
                if first {
                    self.rows.write_record(["path", "pixels", "pixacc", "loss"])?;
                }
                let pixels = mask.iter().filter(|class| **class != IGNORED).count();
                self.rows.write_field(set.test.name(seen.place))?;
                self.rows.write_field(pixels.to_string())?;
                self.rows.write_field(accuracy.map(|share| share.to_string()).unwrap_or_default())?;
                self.rows.write_field(seen.loss.to_string())?;
            }
        }
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
        let Tested {
            evaluation: Evaluation { step, loss, figures, confusion, .. },
            classes: names,
            of,
            images,
            skipped,
        } = tested;
        let tallies = confusion.tallies();
        let class = |(name, tally): (&'a String, &Tally)| Class {
            name,
            images: tally.images,
            correct: tally.correct,
            recall: tally.recall(),
            precision: tally.precision(),
            iou: matches!(figures, Figures::Pixels { .. }).then(|| tally.iou()).flatten(),
        };
        Report {
            file,
            step: *step,
            images: *images,
            of,
            loss: *loss,
            figures: *figures,
            classes: names.iter().zip(&tallies).map(class).collect(),
            confusion,
            skipped,
        }
    }

    fn text(&self) -> String {
        let Report { file, step, images, of, loss, figures, classes, .. } = self;
        let mut text = format!(
            "{images} images of {} classes evaluated, of {} that {} has; the net knows {} classes\n",
            of.classes,
            of.images,
            shown(&of.set),
            classes.len()
        );
        text += &lines_of(of.notes.iter().map(|note| format!("  {}", shown(note))));
        let second = figures.second(classes.len());
        let scores: Vec<String> = [figures.score()]
            .into_iter()
            .chain(second)
            .map(|score| format!("{} {:.2} %", score.figure.title(), score.percent()))
            .collect();
        text += &format!("{} (step {step})\n{}  loss {loss:.4}\n\n", name(file), scores.join("  "));
        let width = self.classes.iter().map(|c| columns(&shown(c.name))).max().unwrap_or(0).max(5);
        let pixels = matches!(figures, Figures::Pixels { .. });
        let (counted, room) = if pixels { ("pixels", 11) } else { ("images", 6) };
        let head = if pixels { "      IoU" } else { "" };
        text += &format!(
            "{:width$}  {counted:>room$}  {:>w$}{head}   recall  precision\n",
            "class",
            "correct",
            w = room.max(7)
        );
        let percent = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{:.2} %", v * 100.0));
        for Class { name, images, correct, recall, precision, iou } in &self.classes {
            let iou = if pixels { format!("  {:>7}", percent(*iou)) } else { String::new() };
            text += &format!(
                "{}  {images:room$}  {correct:w$}{iou}  {:>7}  {:>9}\n",
                left(&shown(name), width),
                percent(*recall),
                percent(*precision),
                w = room.max(7)
            );
        }
        text += &self.matrix(width);
        text + &lines_of(self.skipped.iter().map(|s| format!("left out: {} {}", shown(&s.image), s.problem)))
    }

    /// The confusion matrix, or the most frequent confusions when there are too many classes for a table.
    fn matrix(&self, width: usize) -> String {
        const COLUMNS: usize = 20;
        if let Some(rows) = self.confusion.rows(COLUMNS) {
            // Pixels are many.
            let widest = rows.iter().flatten().max().map_or(0, |n| n.to_string().len()).max(5);
            let head: String = (0..self.classes.len()).map(|label| format!(" {label:>widest$}")).collect();
            let row = |(class, row): (&Class, &Vec<u64>)| {
                let counts: String = row.iter().map(|n| format!(" {n:>widest$}")).collect();
                format!("{} {counts}\n", left(&shown(class.name), width))
            };
            let rows: String = self.classes.iter().zip(&rows).map(row).collect();
            return format!(
                "\nconfusion: a row for each label, a column for each prediction\n{:width$} {head}\n{rows}",
                ""
            );
        }
        let wrong = self.confusion.mistaken();
        let name = |label: u64| shown(self.classes[label as usize].name);
        let line =
            |[label, predicted, n]: &[u64; 3]| format!("{n:5}  {} predicted as {}\n", name(*label), name(*predicted));
        format!("\nmost frequent confusions\n{}", wrong.iter().take(COLUMNS).map(line).collect::<String>())
    }
}
