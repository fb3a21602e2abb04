//! What is known of a suite while it is trained: pure, for the lines of progress and for the screen.

use super::{Course, Ran, Results, Run, Spread, Stage, Suite, Table};
use crate::runs::RunStatus;
use crate::train::{Event, Score, State};
use std::collections::BTreeSet;
use std::time::Duration;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Now {
    /// It is to be trained, or trained on.
    Waits,
    /// Its data are loaded and its net is built.
    Starts,
    /// It trains.
    Works,
    /// It stands still.
    Paused,
    /// All its epochs are done.
    Done,
    /// It failed, with these words.
    Failed(String),
    /// It is done, but somebody edited it: it no longer belongs to the suite.
    Edited,
    /// Others were better after its epochs.
    Out,
    /// Another program trains it.
    Elsewhere,
    /// A cluster has it in its queue: its task, and how that stands.
    Queued(String),
}

impl Now {
    /// Where a run stands that nobody trains here.
    fn of(results: &Results, place: usize) -> Now {
        match (results.ran[place].as_ref().map(|ran| &ran.stage), &results.queued[place]) {
            (Some(Stage::Done), _) => Now::Done,
            _ if matches!(results.courses[place], Course::Out(_)) => Now::Out,
            (_, Some(task)) => Now::Queued(task.clone()),
            (Some(Stage::AtWork), None) => Now::Elsewhere,
            _ => Now::Waits,
        }
    }
}

/// What is known of a run at this moment.
#[derive(Clone, Debug)]
pub struct Live {
    /// Where it stands.
    pub now: Now,
    /// Epochs done.
    pub epoch: f64,
    /// Images a second at its last step.
    pub img_s: f64,
    /// Whether somebody has edited it.
    pub edited: bool,
    /// When it was first seen at work here, and how far it was then.
    since: Option<(Duration, f64)>,
    /// Seconds an epoch, once known.
    pace: Option<f64>,
}

/// Counts what is done, and what is left.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The suite.
    pub suite: Suite,
    /// Its runs.
    pub runs: Vec<Run>,
    /// What each run has reached, kept up to date.
    pub results: Results,
    /// Where each run stands.
    pub live: Vec<Live>,
    /// Runs that are left out for now.
    pub away: BTreeSet<usize>,
    /// The results of the runs that are done.
    pub table: Table,
    at_once: usize,
}

impl Tally {
    /// Counts these runs: `results` is what is there of them, and `at_once` are trained at a time.
    pub fn new(suite: Suite, runs: Vec<Run>, results: Results, at_once: usize) -> Tally {
        let live = |(place, ran): (usize, &Option<Ran>)| Live {
            now: Now::of(&results, place),
            epoch: ran.as_ref().map_or(0.0, |ran| ran.scores.len() as f64),
            img_s: 0.0,
            edited: false,
            since: None,
            pace: None,
        };
        let table = Table::new(&suite, &runs, &results);
        let live = results.ran.iter().enumerate().map(live).collect();
        Tally { suite, runs, results, live, away: BTreeSet::new(), table, at_once: at_once.max(1) }
    }

    /// Takes an event of a run in; says whether it is worth a line.
    pub fn take(&mut self, place: usize, event: &Event, now: Duration) -> bool {
        let (run, live, ran) = (&self.runs[place], &mut self.live[place], &mut self.results.ran[place]);
        match event {
            Event::Started(info) => {
                let before = ran.take();
                *ran = Some(Ran {
                    dir: info.dir.clone().unwrap_or_default(),
                    stage: Stage::AtWork,
                    classes: info.classes.clone(),
                    scores: before.map_or(Vec::new(), |ran| ran.scores),
                    parameters: Some(info.parameters),
                    multiply_adds: Some(info.multiply_adds),
                    images: Some(info.train_images),
                    img_s: None,
                });
                false
            }
            Event::State(state) => {
                match state {
                    State::Starting => live.now = Now::Starts,
                    State::Paused => (live.now, live.since) = (Now::Paused, None),
                    State::Running | State::Evaluating | State::Finding => live.now = Now::Works,
                    State::Done | State::Stopped | State::Failed | State::Killed => {}
                }
                false
            }
            Event::Steps(steps) => {
                if let Some(last) = steps.last() {
                    (live.epoch, live.img_s) = (last.epoch, last.img_s);
                    live.see(now);
                }
                false
            }
            Event::Epoch(end) => {
                live.epoch = end.epoch as f64;
                live.see(now);
                if let Some(ran) = ran {
                    // One that goes on from a checkpoint may come through an epoch again.
                    ran.scores.truncate(end.epoch.saturating_sub(1) as usize);
                    ran.scores.push(end.evaluation.figures.scores().map(Score::percent).into());
                    ran.img_s = Some(end.img_s).filter(|speed| speed.is_finite()).or(ran.img_s);
                }
                true
            }
            Event::Applied { edit, .. } => {
                live.edited |= *edit > run.recipe.edits().len() as u64;
                false
            }
            Event::Ended(summary) => {
                let why = || summary.error.clone().unwrap_or_default();
                let stage;
                (live.now, stage) = match summary.state {
                    State::Done if live.edited => (Now::Edited, Stage::Done),
                    State::Done => (Now::Done, Stage::Done),
                    State::Failed => (Now::Failed(why()), Stage::Failed(why())),
                    _ => (Now::Waits, Stage::Part(RunStatus::Stopped)),
                };
                live.since = None;
                match ran {
                    // As it is when the runs are collected.
                    _ if live.edited => *ran = None,
                    Some(ran) => ran.stage = stage,
                    None => {}
                }
                self.table = Table::new(&self.suite, &self.runs, &self.results);
                true
            }
            _ => false,
        }
    }

    /// Takes in what there is of the runs; says which fell out.
    pub fn compared(&mut self, results: Results) -> Vec<usize> {
        let mut out = Vec::new();
        for (place, live) in self.live.iter_mut().enumerate().filter(|(_, live)| live.now != Now::Edited) {
            let now = match (&live.now, Now::of(&results, place)) {
                (failed @ Now::Failed(_), Now::Waits) => failed.clone(),
                (_, now) => now,
            };
            out.extend((now == Now::Out && live.now != Now::Out).then_some(place));
            live.now = now;
            live.epoch = results.ran[place].as_ref().map_or(0.0, |ran| ran.scores.len() as f64);
        }
        self.results = results;
        self.table = Table::new(&self.suite, &self.runs, &self.results);
        out
    }

    /// The places of a row's runs, seed by seed.
    pub fn of(&self, cell: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.runs.len()).filter(move |place| self.runs[*place].cell == cell)
    }

    /// Those of them that are trained now.
    pub fn at_work(&self, cell: usize) -> impl Iterator<Item = usize> + '_ {
        self.of(cell).filter(|place| self.live[*place].works())
    }

    /// Those of them that are still to be trained to their end.
    pub fn open(&self, cell: usize) -> impl Iterator<Item = usize> + '_ {
        self.of(cell).filter(|place| self.live[*place].now == Now::Waits || self.live[*place].works())
    }

    /// The run of a row to open: one at work, else the best of those that are done, else one that was begun.
    pub fn foremost(&self, cell: usize) -> Option<usize> {
        let done = self.of(cell).filter(|place| self.live[*place].now == Now::Done);
        let best =
            done.max_by(|a, b| self.score(*a).unwrap_or(f64::MIN).total_cmp(&self.score(*b).unwrap_or(f64::MIN)));
        let part = || self.of(cell).filter(|place| self.results.ran[*place].is_some()).last();
        self.at_work(cell).next().or(best).or_else(part)
    }

    /// The score of a run after its last epoch, in percent.
    pub fn score(&self, place: usize) -> Option<f64> {
        self.results.ran[place].as_ref()?.scores.last().map(|(score, _)| *score)
    }

    /// Runs that are done, or out.
    pub fn done(&self) -> usize {
        self.live.iter().filter(|run| matches!(run.now, Now::Done | Now::Out)).count()
    }

    /// Images a second of all that is trained.
    pub fn img_s(&self) -> f64 {
        self.live.iter().filter(|run| run.now == Now::Works).map(|run| run.img_s).sum()
    }

    /// Time until all runs are done that are not left out, by the pace of runs of the same row, else of all.
    pub fn left(&self) -> Option<Duration> {
        let mean = |cell: Option<usize>| {
            let paces = self.live.iter().zip(&self.runs).filter(|(_, run)| cell.is_none_or(|cell| run.cell == cell));
            Spread::of(&paces.filter_map(|(live, _)| live.pace).collect::<Vec<_>>()).map(|pace| pace.mean)
        };
        let all = mean(None)?;
        let counts = |place: &usize| self.live[*place].works() || self.live[*place].now == Now::Waits;
        let left = (0..self.runs.len()).filter(|place| counts(place) && !self.away.contains(place));
        let seconds = left.map(|place| {
            let (run, live) = (&self.runs[place], &self.live[place]);
            let end = self.results.courses[place].rest().unwrap_or(run.recipe.train.epochs);
            let epochs = (end as f64 - live.epoch).max(0.0);
            epochs * live.pace.or_else(|| mean(Some(run.cell))).unwrap_or(all)
        });
        let seconds = seconds.sum::<f64>() + all * self.after_comparing() as f64;
        Duration::try_from_secs_f64(seconds / self.at_once as f64).ok()
    }

    /// Epochs that are trained once the runs were compared.
    fn after_comparing(&self) -> u64 {
        let compared =
            || self.results.courses.iter().zip(&self.runs).filter_map(|(course, run)| Some((course.rest()?, run)));
        let (Some(halving), Some((at, run))) = (self.suite.halving, compared().next()) else { return 0 };
        let rows: BTreeSet<usize> = compared().map(|(_, run)| run.cell).collect();
        self.suite.seeds * halving.later(rows.len() as u64, at, run.recipe.train.epochs)
    }
}

impl Live {
    /// Whether it is trained here at this moment, or stands still.
    pub fn works(&self) -> bool {
        matches!(self.now, Now::Starts | Now::Works | Now::Paused)
    }

    /// Times its pace.
    fn see(&mut self, now: Duration) {
        let (since, from) = *self.since.get_or_insert((now, self.epoch));
        if self.epoch > from {
            self.pace = Some((now.saturating_sub(since)).as_secs_f64() / (self.epoch - from));
        }
    }
}
