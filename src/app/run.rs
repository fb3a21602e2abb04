//! What is known of the run on the screen.

use super::history::Curve;
use super::number;
use crate::data::steps_per_epoch;
use crate::recipe::Recipe;
use crate::recipe::settings::Task;
use crate::train::{self, Evaluation, Event, Figure, RolledBack, RunInfo, Scaling, Score, StepRecord, Summary, Target};
use std::collections::VecDeque;
use std::time::Duration;

/// Marks kept on the curves.
const MARKS: usize = 400;

/// An edit as a mark on the curves.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Epochs done.
    pub epoch: f64,
    /// The number of the edit in the run.
    pub edit: u64,
    /// What changed, in few words.
    pub label: String,
}

/// The best score at the end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Best {
    pub(crate) score: Score,
    /// The epoch, from 1, where it is known.
    pub(crate) epoch: Option<u64>,
}

impl Best {
    fn new(score: Option<Score>, epoch: Option<u64>) -> Option<Best> {
        score.map(|score| Best { score, epoch })
    }

    /// `90.6 % (epoch 11)`.
    pub(crate) fn words(self) -> String {
        let epoch = self.epoch.map_or_else(String::new, |epoch| format!(" (epoch {epoch})"));
        number::percent(self.score.value) + &epoch
    }
}

/// A mean that forgets, without the pull to zero at the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Smooth {
    sum: f64,
    weight: f64,
}

impl Smooth {
    const KEEP: f64 = 0.95;

    pub(crate) fn push(&mut self, v: f64) -> f64 {
        if v.is_finite() {
            self.sum = Self::KEEP * self.sum + (1.0 - Self::KEEP) * v;
            self.weight = Self::KEEP * self.weight + (1.0 - Self::KEEP);
        }
        self.value()
    }

    /// One that stands at a value.
    fn at(v: f64) -> Smooth {
        if v.is_finite() { Smooth { sum: v, weight: 1.0 } } else { Smooth::default() }
    }

    pub(crate) fn value(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { f64::NAN }
    }
}

/// Curves that are drawn behind those of the run: of a part that was rolled back, or of the run from which it was
/// forked.
#[derive(Clone, Debug)]
pub struct Ghost {
    pub(crate) smooth: Curve,
    pub(crate) val_loss: Curve,
    pub(crate) rate: Curve,
    pub(crate) score: Curve,
}

impl Ghost {
    /// The curves of a run in which these events happened; none when it has not made a step.
    pub fn of(events: &[Event]) -> Option<Ghost> {
        let mut run = Run::new();
        for event in events {
            match event {
                Event::Steps(records) => run.steps(records),
                Event::Epoch(end) => run.evaluated(&end.evaluation),
                _ => {}
            }
        }
        (run.step > 0).then(|| run.ghost())
    }
}

/// What is known of the run on the screen.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) info: Option<RunInfo>,
    pub(crate) state: train::State,
    pub(crate) step: u64,
    pub(crate) epoch: f64,
    /// Epochs and steps done when an epoch began to have another number of steps.
    anchors: Vec<(f64, u64)>,
    pub(crate) lr: f64,
    pub(crate) wait: Smooth,
    /// Loss scaling, in mixed precision.
    pub(crate) scaling: Option<Scaling>,
    pub(crate) speed: Smooth,
    pub(crate) loss: Smooth,
    pub(crate) raw: Curve,
    pub(crate) smooth: Curve,
    pub(crate) rate: Curve,
    pub(crate) val_loss: Curve,
    /// The figures of its task, and the curves of both.
    pub(crate) figures: [Figure; 2],
    pub(crate) score: Curve,
    pub(crate) second: Curve,
    pub(crate) best: Option<Best>,
    pub(crate) ghost: Option<Ghost>,
    /// Step of the last checkpoint.
    pub(crate) checkpoint: Option<u64>,
    pub(crate) marks: VecDeque<Mark>,
    /// Where the curves are read, in epochs.
    pub(crate) crosshair: Option<f64>,
    /// What the trainer was told that this screen looks at.
    pub(crate) looks: Option<Target>,
    /// The last state that was not an evaluation.
    pub(crate) settled: train::State,
    pub(crate) evaluating_since: Option<Duration>,
    pub(crate) evaluation: Duration,
    pub(crate) summary: Option<Summary>,
}

impl Run {
    pub(crate) fn new() -> Run {
        Run {
            info: None,
            state: train::State::Starting,
            step: 0,
            epoch: 0.0,
            anchors: vec![(0.0, 0)],
            lr: f64::NAN,
            wait: Smooth::default(),
            scaling: None,
            speed: Smooth::default(),
            loss: Smooth::default(),
            raw: Curve::default(),
            smooth: Curve::default(),
            rate: Curve::default(),
            val_loss: Curve::default(),
            figures: Figure::of(Task::Classify),
            score: Curve::default(),
            second: Curve::default(),
            best: None,
            ghost: None,
            checkpoint: None,
            marks: VecDeque::new(),
            crosshair: None,
            looks: None,
            settled: train::State::Starting,
            evaluating_since: None,
            evaluation: Duration::ZERO,
            summary: None,
        }
    }

    /// Steps of an epoch with the batch size in force; 0 before the start.
    pub(crate) fn steps_per_epoch(&self, recipe: &Recipe) -> u64 {
        let Some(info) = &self.info else { return 0 };
        steps_per_epoch(info.train_images, recipe.train.batch as usize) as u64
    }

    /// Steps done after so many epochs.
    pub(crate) fn step_at(&self, epoch: f64) -> u64 {
        let now = (self.epoch, self.step);
        let before = self.anchors.iter().rev().find(|(e, _)| *e <= epoch).copied().unwrap_or((0.0, 0));
        let after = self.anchors.iter().find(|(e, _)| *e > epoch).copied().unwrap_or(now);
        let share = ((epoch - before.0) / (after.0 - before.0)).clamp(0.0, 1.0);
        before.1 + if share.is_nan() { 0 } else { (share * (after.1 - before.1) as f64).round() as u64 }
    }

    /// Epochs have another number of steps from here on.
    pub(crate) fn anchor(&mut self, epoch: f64, step: u64) {
        self.anchors.push((epoch, step));
    }

    /// Steps of the whole run as planned.
    pub(crate) fn total_steps(&self, recipe: &Recipe) -> u64 {
        let left = (recipe.train.epochs as f64 - self.epoch).max(0.0);
        self.step + (left * self.steps_per_epoch(recipe) as f64).round() as u64
    }

    /// Epochs done since the best one, when the run stops after some without a better figure.
    pub(crate) fn waited(&self, recipe: &Recipe) -> Option<u64> {
        let best = self.best.filter(|_| recipe.train.patience > 0)?.epoch?;
        Some((self.epoch.floor() as u64).saturating_sub(best))
    }

    /// Time to the planned end.
    pub(crate) fn left(&self, recipe: &Recipe) -> Option<Duration> {
        let speed = self.speed.value();
        let info = self.info.as_ref()?;
        if self.state.ended() || speed.is_nan() || speed <= 0.0 {
            return None;
        }
        let epochs = (recipe.train.epochs as f64 - self.epoch).max(0.0);
        let training = epochs * info.train_images as f64 / speed;
        let evaluations = epochs.ceil() * self.evaluation.as_secs_f64();
        Duration::try_from_secs_f64(training + evaluations).ok()
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
    }

    /// Takes steps in.
    pub(crate) fn steps(&mut self, records: &[StepRecord]) {
        for r in records {
            let smooth = self.loss.push(f64::from(r.loss));
            self.raw.push(r.epoch, f64::from(r.loss));
            self.smooth.push(r.epoch, smooth);
            self.rate.push(r.epoch, r.lr);
            self.speed.push(r.img_s);
            self.wait.push(f64::from(r.wait));
            (self.step, self.epoch, self.lr, self.scaling) = (r.step, r.epoch, r.lr, r.scaling);
        }
        for curve in [&mut self.raw, &mut self.smooth, &mut self.rate] {
            curve.settle();
        }
    }

    /// Takes an evaluation in.
    pub(crate) fn evaluated(&mut self, e: &Evaluation) {
        self.figures = e.figures.scores().map(|score| score.figure);
        let second = self.second(e).map_or(f64::NAN, |second| second.value);
        let curves =
            [(&mut self.val_loss, e.loss), (&mut self.score, e.figures.score().value), (&mut self.second, second)];
        for (curve, y) in curves {
            curve.push(e.epoch, y);
            curve.settle();
        }
    }

    /// The second figure of an evaluation, where it tells anything.
    pub(crate) fn second(&self, e: &Evaluation) -> Option<Score> {
        let counted = (e.confusion.classes > 0).then_some(e.confusion.classes as usize);
        let classes = counted.or(self.info.as_ref().map(|info| info.classes.len()));
        e.figures.second(classes.unwrap_or(0))
    }

    /// The names of its figures.
    pub(crate) fn titles(&self) -> [&'static str; 2] {
        self.figures.map(Figure::title)
    }

    /// The run is over.
    pub(crate) fn ended(&mut self, summary: Summary) {
        self.state = summary.state;
        self.step = self.step.max(summary.step);
        self.best = Best::new(summary.best, summary.best_epoch).or(self.best);
        self.summary = Some(summary);
    }

    /// The curves as they are, to stay behind others.
    pub(crate) fn ghost(&self) -> Ghost {
        let Run { smooth, val_loss, rate, score, .. } = self.clone();
        Ghost { smooth, val_loss, rate, score }
    }

    /// Goes back to where a rollback has brought the run; what is taken back stays as a ghost.
    pub(crate) fn roll_back(&mut self, back: &RolledBack) {
        self.ghost = Some(self.ghost());
        let curves =
            [&mut self.raw, &mut self.smooth, &mut self.rate, &mut self.val_loss, &mut self.score, &mut self.second];
        curves.into_iter().for_each(|curve| curve.cut(back.epoch));
        self.loss = Smooth::at(self.smooth.last().map_or(f64::NAN, |p| p.y));
        self.lr = self.rate.last().map_or(f64::NAN, |p| p.y);
        (self.step, self.epoch) = (back.step, back.epoch);
        self.best = Best::new(back.best, back.best_epoch);
        self.marks.retain(|mark| !back.edits.contains(&mark.edit));
        self.crosshair = self.crosshair.filter(|epoch| *epoch <= back.epoch);
        self.anchors.retain(|(epoch, _)| *epoch < back.epoch || *epoch == 0.0);
    }
}
