//! Which runs of a suite are there, and what they came to.

use super::classes::{self, Learnt};
use super::halving::sort_out;
use super::{Run, Suite};
use crate::recipe::{Knob, Recipe, preset};
use crate::runs::{self, Line, RECIPE, Record, RunError, RunStatus, at_work};
use crate::train::{Event, Figure, Score, steps};
use std::fs;
use std::path::{Path, PathBuf};

/// Knobs in which a run may differ from what a suite asks for: they change nothing that is learnt, but by roundings.
const BESIDE: &[&str] = &[
    "name",
    "device",
    "data.broken_share",
    "train.log_every",
    "train.checkpoint_epochs",
    "train.checkpoint_steps",
    "train.checkpoint_minutes",
    "train.keep_last",
    "train.keep_best",
    "train.rollback_mb",
];

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// All its epochs are done.
    Done,
    /// Some are, and nobody is at work on it: it was stopped or killed.
    Part(RunStatus),
    /// Others of its suite were better after so many epochs: it stays as it is.
    Out(u64),
    /// A process is at work on it.
    AtWork,
    /// It failed, with these words.
    Failed(String),
}

impl Stage {
    /// In a few words, the same as everywhere.
    pub fn words(&self) -> String {
        match self {
            Stage::Done => RunStatus::Done.word().into(),
            Stage::Part(status) => status.word().into(),
            Stage::Out(epochs) => format!("out after {epochs} epochs"),
            Stage::AtWork => RunStatus::AtWork.word().into(),
            Stage::Failed(why) => format!("{}: {why}", RunStatus::Failed.word()),
        }
    }
}

/// A run that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// Its directory.
    pub dir: PathBuf,
    /// How far it is.
    pub stage: Stage,
    /// Class names in label order; none when it has never come so far.
    pub classes: Vec<String>,
    /// Top-1 and top-5 on the test images after every epoch, in percent.
    pub scores: Vec<(f64, f64)>,
    /// Trained parameters.
    pub parameters: Option<usize>,
    /// Multiply-adds of an image.
    pub multiply_adds: Option<u64>,
    /// Training images.
    pub images: Option<usize>,
    /// Images a second, the median of its steps.
    pub img_s: Option<f64>,
}

impl Ran {
    /// Whether its figures count: all its epochs are done, or all that it is to have.
    pub fn counts(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Out(_))
    }

    /// Whether the second figure tells anything of its classes.
    pub fn second_tells(&self, figures: [Figure; 2]) -> bool {
        figures[1] != Figure::Top5 || !(1..=5).contains(&self.classes.len())
    }
}

/// What there is of the runs of a suite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Of every run what is there.
    pub ran: Vec<Option<Ran>>,
    /// How far every run is to go.
    pub courses: Vec<Course>,
    /// Of every run its task in the queue of a cluster, and how that stands.
    pub queued: Vec<Option<String>>,
    /// What was left out, a sentence each.
    pub notes: Vec<String>,
}

/// How far a run is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// To its end.
    Whole,
    /// So many epochs; then it is compared with the others.
    Until(u64),
    /// Nowhere: others were better after so many epochs.
    Out(u64),
}

impl Course {
    /// The epochs after which it is compared.
    pub fn rest(self) -> Option<u64> {
        if let Course::Until(epochs) = self { Some(epochs) } else { None }
    }
}

impl Results {
    /// Whether a run is to be trained here: nobody else is to, and it is not done, or waits to be compared.
    pub fn is_left(&self, place: usize) -> bool {
        self.queued[place].is_none() && self.is_open(place)
    }

    /// The same, of a run that a task of the queue is to train.
    pub fn is_open(&self, place: usize) -> bool {
        !self.rests(place) && self.is_unfinished(place)
    }

    /// Whether a run has come as far as it is to go before it is compared.
    pub fn rests(&self, place: usize) -> bool {
        let epochs = self.ran[place].as_ref().map_or(0, |ran| ran.scores.len() as u64);
        self.courses[place].rest().is_some_and(|rest| epochs >= rest)
    }

    /// Whether it is neither done nor out, nor at work elsewhere.
    pub fn is_unfinished(&self, place: usize) -> bool {
        let stage = self.ran[place].as_ref().map(|ran| &ran.stage);
        let is_out = matches!(self.courses[place], Course::Out(_));
        !is_out && matches!(stage, None | Some(Stage::Part(_) | Stage::Failed(_)))
    }
}

/// Looks for runs in directories: runs, or directories of runs. A run is known by its recipe, whatever it is called; of
/// several the one that is furthest counts. One that learnt other classes than the others is left out.
pub fn collect(suite: &Suite, runs: &[Run], dirs: &[PathBuf]) -> Results {
    let (ran, queued) = (vec![None; runs.len()], vec![None; runs.len()]);
    let mut found = Results { ran, queued, ..Results::default() };
    let mut there: Vec<(usize, Ran)> = Vec::new();
    for dir in dirs.iter().flat_map(|dir| candidates(dir)) {
        let recipe = match preset::load(&dir.join(RECIPE)) {
            Ok(preset) => preset.recipe,
            Err(_) => {
                found.notes.push(format!("{}: left out: its recipe cannot be read", dir.display()));
                continue;
            }
        };
        let Some(place) = runs.iter().position(|run| same(&run.recipe, &recipe)) else { continue };
        match look(&dir, &recipe) {
            Ok(Some(ran)) => there.push((place, ran)),
            Ok(None) => found.notes.push(format!("{}: left out: it was edited while it trained", dir.display())),
            Err(e) => found.notes.push(format!("left out: {e}")),
        }
    }
    let learnt = there.iter().map(|(place, ran)| {
        let data = &runs[*place].recipe.data;
        Learnt { data: (&data.path, data.kind.word()), classes: &ran.classes }
    });
    let others = classes::others(&learnt.collect::<Vec<_>>());
    for (i, (place, ran)) in there.into_iter().enumerate() {
        let before = &mut found.ran[place];
        match others.get(&i) {
            Some(why) => found.notes.push(format!("{}: left out: {why}", ran.dir.display())),
            None if before.as_ref().is_none_or(|before| rank(before) < rank(&ran)) => *before = Some(ran),
            None => {}
        }
    }
    found.courses = sort_out(suite, runs, &mut found);
    found
}

/// Run directories at or in `dir`, sorted.
fn candidates(dir: &Path) -> Vec<PathBuf> {
    if dir.join(RECIPE).is_file() {
        return vec![dir.to_path_buf()];
    }
    let inside = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = inside.filter(|path| path.join(RECIPE).is_file()).collect();
    found.sort();
    found
}

/// Whether two recipes train the same, whatever they are called.
pub(super) fn same(wanted: &Recipe, found: &Recipe) -> bool {
    let counts = |knob: &Knob| !BESIDE.contains(&knob.path);
    !wanted.changes_to(found).iter().any(|(knob, _)| counts(knob)) && found.edits() == wanted.edits()
}

fn rank(ran: &Ran) -> (bool, bool, usize) {
    (ran.stage == Stage::Done, ran.stage == Stage::AtWork, ran.scores.len())
}

/// What a run came to; nothing when it has edits that its recipe does not have.
fn look(dir: &Path, recipe: &Recipe) -> Result<Option<Ran>, RunError> {
    let works = at_work(dir);
    let record = Record::read(dir)?;
    if record.edits.len() > recipe.edits().len() {
        return Ok(None);
    }
    let mut scores = Vec::new();
    let mut last_step = None;
    for event in runs::history(dir)? {
        if let Event::Epoch(end) = event {
            last_step = Some(end.evaluation.step);
            scores.push(end.evaluation.figures.scores().map(Score::percent).into());
        }
    }
    // A run that was killed after its last checkpoint has nothing left to do.
    let saved = steps(dir).last().map(|(step, _)| *step);
    let whole = scores.len() as u64 >= recipe.train.epochs && saved == last_step;
    let stage = match RunStatus::of(works, &record.log) {
        (RunStatus::AtWork, _) => Stage::AtWork,
        _ if whole => Stage::Done,
        (RunStatus::Failed, error) => Stage::Failed(error.unwrap_or_default()),
        (status, _) => Stage::Part(status),
    };
    let ready = record.log.iter().rev().find_map(|line| match line {
        Line::Ready { parameters, multiply_adds, train_images, classes, .. } => {
            Some((*parameters, *multiply_adds, *train_images, classes.clone()))
        }
        _ => None,
    });
    let mut speeds: Vec<f64> = record.log.iter().filter_map(speed).collect();
    speeds.sort_by(f64::total_cmp);
    Ok(Some(Ran {
        dir: dir.to_path_buf(),
        stage,
        scores,
        parameters: ready.as_ref().map(|(parameters, ..)| *parameters),
        multiply_adds: ready.as_ref().map(|(_, multiply_adds, ..)| *multiply_adds),
        images: ready.as_ref().map(|(_, _, images, _)| *images),
        classes: ready.map(|(.., classes)| classes).unwrap_or_default(),
        img_s: speeds.get(speeds.len() / 2).copied(),
    }))
}

fn speed(line: &Line) -> Option<f64> {
    if let Line::Speed { img_s, .. } = line { Some(*img_s) } else { None }
}
