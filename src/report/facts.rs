//! What a run directory says of its run.

use super::Samples;
use super::curve::Point;
use super::page::percent;
use crate::files::shell_word;
use crate::recipe::{Knob, Recipe};
use crate::runs::{self, Course, Edits, Line, Record, RunError, RunStatus, at_work, history, last_confusion};
use crate::train::{Change, Confusion, EpochEnd, Evaluation, Event, Figure, Score};
use std::path::{Path, PathBuf};

/// An edit, and where it was made.
#[derive(Clone, Debug)]
pub struct Marked {
    /// Steps done before it.
    pub step: u64,
    /// Epochs done before it.
    pub epoch: f64,
    /// Its knobs.
    pub changes: Vec<Change>,
}

/// A net and its images, as a run found them.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Net.
    pub net: String,
    /// Trained parameters.
    pub parameters: usize,
    /// Multiply-adds of an image.
    pub multiply_adds: u64,
    /// Data.
    pub data: String,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
}

/// An evaluation with what was taken for what.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Steps done before it.
    pub step: u64,
    /// Epochs done before it.
    pub epoch: f64,
    /// Its counts.
    pub confusion: Confusion,
}

/// A run as it is told of.
#[derive(Clone, Debug)]
pub struct Run {
    /// Name of its directory.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Its recipe as started.
    pub recipe: Recipe,
    /// What became of it, in a few words.
    pub state: String,
    /// Net and images; none when it has never come so far.
    pub ready: Option<Ready>,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// What computed, in the order of its starts.
    pub devices: Vec<String>,
    /// Versions of the program, in the order of its starts.
    pub versions: Vec<String>,
    /// The command lines that started it and took it up.
    pub commands: Vec<String>,
    /// Images a second, the median of its logged steps.
    pub img_s: Option<f64>,
    /// Time of the first and of the last logged step, in seconds since 1970.
    pub time: Option<(f64, f64)>,
    /// Training loss by epochs done, at the logged steps.
    pub losses: Vec<Point>,
    /// Learning rate by epochs done, at the logged steps.
    pub rates: Vec<Point>,
    /// Its epochs.
    pub epochs: Vec<EpochEnd>,
    /// Its edits.
    pub edits: Vec<Marked>,
    /// They by their steps, as courses of knobs read them.
    made: Edits,
    /// The last evaluation.
    pub judged: Option<Judged>,
    /// The newest of its alarms.
    pub alarm: Option<String>,
    /// Images with what its net says of them, or why there are none; nothing when nobody asked.
    pub samples: Option<Result<Samples, String>>,
}

impl Run {
    /// Reads the files of a run directory.
    ///
    /// # Errors
    /// A directory that is none of a run, or a file that cannot be read.
    pub fn read(dir: &Path) -> Result<Run, RunError> {
        let works = at_work(dir);
        let Record { recipe, log, .. } = Record::read(dir)?;
        let whole = std::fs::canonicalize(dir).ok();
        let name = whole.as_deref().unwrap_or(dir).file_name().map(|name| name.to_string_lossy().into_owned());
        let (status, error) = RunStatus::of(works, &log);
        let word = status.word();
        let state = error.map_or(word.to_string(), |error| format!("{word}: {error}"));
        let mut run = Run {
            name: name.unwrap_or_else(|| recipe.name.clone()),
            dir: dir.to_path_buf(),
            recipe,
            state,
            ready: None,
            classes: Vec::new(),
            devices: Vec::new(),
            versions: Vec::new(),
            commands: Vec::new(),
            img_s: None,
            time: None,
            losses: Vec::new(),
            rates: Vec::new(),
            epochs: Vec::new(),
            edits: Vec::new(),
            made: Edits::new(),
            judged: last_confusion(dir)?.map(|(step, confusion)| Judged { step, epoch: 0.0, confusion }),
            alarm: None,
            samples: None,
        };
        run.take_log(log);
        run.take_history(history(dir)?);
        Ok(run)
    }

    fn take_log(&mut self, log: Vec<Line>) {
        let mut speeds = Vec::new();
        for line in log {
            match line {
                Line::RunStart { version, command, .. } | Line::RunResume { version, command, .. } => {
                    push(&mut self.versions, version);
                    push(&mut self.commands, command_line(&command));
                }
                Line::Ready {
                    net,
                    parameters,
                    multiply_adds,
                    data,
                    train_images,
                    test_images,
                    classes,
                    device,
                    ..
                } => {
                    push(&mut self.devices, device);
                    self.classes = classes;
                    self.ready = Some(Ready { net, parameters, multiply_adds, data, train_images, test_images });
                }
                Line::Speed { img_s, time, .. } => {
                    speeds.push(img_s);
                    self.time = Some((self.time.map_or(time, |(first, _)| first), time));
                }
                Line::Alarm { message, .. } => self.alarm = Some(message),
                _ => {}
            }
        }
        speeds.sort_by(f64::total_cmp);
        self.img_s = speeds.get(speeds.len() / 2).copied();
    }

    fn take_history(&mut self, events: Vec<Event>) {
        // The step of an edit lies between two whose epochs are known.
        let mut known: Vec<(u64, f64)> = vec![(0, 0.0)];
        for event in events {
            match event {
                Event::Steps(steps) => {
                    for step in steps {
                        known.push((step.step, step.epoch));
                        self.losses.push((step.epoch, f64::from(step.loss)));
                        self.rates.push((step.epoch, step.lr));
                    }
                }
                Event::Epoch(end) => {
                    known.push((end.evaluation.step, end.epoch as f64));
                    self.epochs.push(*end);
                }
                Event::Applied { step, changes, .. } => {
                    self.made.push((step, changes.iter().map(|c| (c.knob, c.to.clone())).collect()));
                    self.edits.push(Marked { step, epoch: 0.0, changes });
                }
                _ => {}
            }
        }
        for edit in &mut self.edits {
            edit.epoch = epoch_of(&known, edit.step);
        }
        if let Some(judged) = &mut self.judged {
            let ended = self.epochs.iter().find(|end| end.evaluation.step == judged.step);
            judged.epoch = ended.map_or_else(|| epoch_of(&known, judged.step), |end| end.epoch as f64);
        }
    }

    /// The epoch that ended best.
    pub fn best(&self) -> Option<&EpochEnd> {
        self.epochs.iter().rfind(|end| end.best)
    }

    /// Its best score with the epoch that ended with it.
    pub fn best_score(&self) -> Option<String> {
        self.best().map(|end| format!("{} (epoch {})", percent(end.evaluation.figures.score().value), end.epoch))
    }

    /// The figures of its task, the one that decides first.
    pub fn figures(&self) -> [Figure; 2] {
        Figure::of(self.recipe.task)
    }

    /// The second figure of an evaluation, where it tells anything of its classes.
    pub fn second(&self, evaluation: &Evaluation) -> Option<Score> {
        evaluation.figures.second(self.classes.len())
    }

    /// What a knob was, from the start on.
    pub fn course(&self, knob: &Knob) -> Course {
        Course::of(knob, &self.recipe, &self.made)
    }

    /// Steps that are recorded.
    pub fn steps(&self) -> Option<u64> {
        self.epochs.last().map(|end| end.evaluation.step)
    }

    /// What a person calls a class.
    pub fn class(&self, label: usize) -> String {
        self.classes.get(label).cloned().unwrap_or_else(|| format!("class {label}"))
    }

    /// A value of every epoch, by epochs done.
    pub(super) fn by_epoch(&self, of: impl Fn(&EpochEnd) -> f64) -> Vec<Point> {
        self.epochs.iter().map(|end| (end.epoch as f64, of(end))).collect()
    }

    /// The command that makes it again.
    pub(super) fn reproduce(&self) -> String {
        runs::reproduce(&self.dir)
    }
}

/// Adds what is not the last one already.
fn push(list: &mut Vec<String>, item: String) {
    if list.last() != Some(&item) {
        list.push(item);
    }
}

/// A command line as a shell reads it.
fn command_line(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| shell_word(Path::new(word))).collect();
    words.join(" ")
}

/// The epochs done after `step` steps, between those that are known, which rise.
fn epoch_of(known: &[(u64, f64)], step: u64) -> f64 {
    let after = known.iter().position(|(at, _)| *at >= step);
    match after {
        Some(0) => known[0].1,
        None => known.last().map_or(0.0, |(_, epoch)| *epoch),
        Some(i) => {
            let ((low, from), (high, to)) = (known[i - 1], known[i]);
            from + (to - from) * (step - low) as f64 / (high - low).max(1) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::fake::{epoch, session, step};
    use crate::train::{State, Summary};

    #[test]
    fn an_edit_lies_between_the_steps_around_it() {
        let known = [(0, 0.0), (10, 1.0), (20, 1.5)];
        for (step, epoch) in [(0, 0.0), (5, 0.5), (10, 1.0), (16, 1.3), (99, 1.5)] {
            assert!((epoch_of(&known, step) - epoch).abs() < 1e-9, "{step}");
        }
    }

    #[test]
    fn a_run_is_read_as_it_was_recorded() {
        let runs = tempfile::tempdir().unwrap();
        let session = session(Recipe::default(), runs.path(), |mut stage| {
            stage.started();
            stage.steps(1..=20);
            stage.send(epoch(1, 0.5));
            stage.send(epoch(2, 0.75));
            stage.send(Event::Ended(Box::new(Summary {
                state: State::Stopped,
                step: 8,
                best: Some(Score { figure: Figure::Top1, value: 0.75 }),
                best_epoch: Some(2),
                seconds: 1.0,
                dir: None,
                broken: 0,
                early: None,
                error: None,
            })));
        });
        while session.events.recv().is_ok() {}
        let dir = session.dir.clone();
        assert_eq!(Run::read(&dir).unwrap().state, "stopped");
        drop(session);
        let run = Run::read(&dir).unwrap();
        assert_eq!((run.name.as_str(), run.epochs.len(), run.steps()), ("run", 2, Some(8)));
        assert_eq!(run.losses, [10, 20].map(|n| (step(n).epoch, f64::from(step(n).loss))));
        assert_eq!(run.best_score().as_deref(), Some("75.00 % (epoch 2)"));
        assert!(run.second(&run.epochs[0].evaluation).is_none(), "it has two classes");
        assert_eq!(run.judged.clone().map(|j| (j.step, j.epoch, j.confusion.counts.len())), Some((8, 2.0, 3)));
        assert_eq!((run.class(1), run.class(7)), ("bag".to_string(), "class 7".to_string()));
        assert!(Run::read(runs.path()).is_err());
    }
}
