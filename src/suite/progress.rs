//! How a suite goes, on standard error: on a terminal a line a row and a total, elsewhere a line an epoch.

use super::{Board, Results, Run, Spread, Stage, Suite};
use crate::train::{Event, State};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shows a suite at work.
pub struct Progress {
    tally: Mutex<Tally>,
    /// A line for every row, and the total; none where there is no terminal.
    lines: Option<(MultiProgress, Vec<ProgressBar>)>,
}

impl Progress {
    /// For these runs, of which `results` are there and `at_once` are trained at a time.
    pub fn new(suite: &Suite, runs: &[Run], results: &Results, at_once: usize) -> Progress {
        let tally = Tally::new(suite, runs, results, at_once);
        let lines = io::stderr().is_terminal().then(|| {
            let multi = MultiProgress::new();
            let style = || ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let line = |_| multi.add(ProgressBar::new(1).with_style(style()));
            let lines = (0..=suite.cells.len()).map(line).collect();
            (multi, lines)
        });
        let progress = Progress { tally: Mutex::new(tally), lines };
        if let Some((_, lines)) = &progress.lines {
            let tally = progress.tally.lock().unwrap_or_else(PoisonError::into_inner);
            (0..suite.cells.len()).for_each(|cell| lines[cell].set_message(tally.line(cell)));
        }
        progress
    }

    fn print(&self, text: &str) {
        // (when standard error is closed, there is nowhere left to say so)
        let print = || drop(writeln!(io::stderr(), "{text}"));
        match &self.lines {
            Some((multi, _)) => multi.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    /// Leaves the lines as they are.
    fn drop(&mut self) {
        if let Some((_, lines)) = &self.lines {
            lines.iter().for_each(ProgressBar::abandon);
        }
    }
}

impl Board for Progress {
    fn show(&self, place: usize, event: &Event) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let news = tally.take(place, event, Instant::now());
        let (cell, total) = (tally.runs[place].cell, tally.total());
        match &self.lines {
            Some((_, lines)) => {
                lines[cell].set_message(tally.line(cell));
                if let Some(last) = lines.last() {
                    last.set_message(total);
                }
            }
            None if news => {
                let Entry { seed, .. } = tally.runs[place];
                let text = format!("{}, seed {seed}: {}; {total}", tally.names[cell].trim_end(), tally.state(place));
                drop(tally);
                self.print(&text);
            }
            None => {}
        }
    }

    fn say(&self, place: usize, text: &str) {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry { cell, seed, .. } = tally.runs[place];
        let text = format!("{}, seed {seed}: {text}", tally.names[cell].trim_end());
        drop(tally);
        self.print(&text);
    }
}

/// What is known of a run.
#[derive(Clone, Debug)]
struct Entry {
    cell: usize,
    seed: u64,
    epochs: u64,
    state: Now,
    /// Epochs done.
    epoch: f64,
    /// Top-1 after the last epoch, in percent.
    top1: Option<f64>,
    /// When it was first seen at work here, and how far it was then.
    since: Option<(Instant, f64)>,
    /// Seconds an epoch, once known.
    pace: Option<f64>,
    img_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Now {
    Waits,
    Works,
    Done,
    Failed,
}

/// Counts what is done, and what is left.
struct Tally {
    /// Names of the rows, all of one width.
    names: Vec<String>,
    runs: Vec<Entry>,
    at_once: usize,
}

impl Tally {
    fn new(suite: &Suite, runs: &[Run], results: &Results, at_once: usize) -> Tally {
        let width = suite.cells.iter().map(|cell| cell.name.chars().count()).max().unwrap_or_default();
        let names = suite.cells.iter().map(|cell| format!("{:width$}", cell.name)).collect();
        let entry = |(run, ran): (&Run, &Option<super::Ran>)| {
            let done = ran.as_ref().is_some_and(|ran| ran.stage == Stage::Done);
            let scores = ran.iter().flat_map(|ran| &ran.scores);
            Entry {
                cell: run.cell,
                seed: run.seed,
                epochs: run.recipe.train.epochs,
                state: if done { Now::Done } else { Now::Waits },
                epoch: scores.clone().count() as f64,
                top1: scores.last().map(|(top1, _)| *top1),
                since: None,
                pace: None,
                img_s: 0.0,
            }
        };
        Tally { names, runs: runs.iter().zip(&results.ran).map(entry).collect(), at_once: at_once.max(1) }
    }

    /// Takes an event in; says whether it is worth a line.
    fn take(&mut self, place: usize, event: &Event, now: Instant) -> bool {
        let run = &mut self.runs[place];
        match event {
            Event::Steps(steps) => {
                if let Some(last) = steps.last() {
                    (run.state, run.epoch, run.img_s) = (Now::Works, last.epoch, last.img_s);
                    run.see(now);
                }
                false
            }
            Event::Epoch(end) => {
                (run.epoch, run.top1) = (end.epoch as f64, Some(100.0 * end.evaluation.top1));
                run.see(now);
                true
            }
            Event::Ended(summary) => {
                run.state = match summary.state {
                    State::Done => Now::Done,
                    State::Failed => Now::Failed,
                    _ => Now::Waits,
                };
                true
            }
            _ => false,
        }
    }

    fn state(&self, place: usize) -> String {
        let Entry { state, epoch, epochs, top1, .. } = &self.runs[place];
        let top1 = top1.map_or(String::new(), |top1| format!(", top-1 {top1:.2} %"));
        match state {
            Now::Waits | Now::Works => format!("epoch {epoch:.0}/{epochs}{top1}"),
            Now::Done => format!("done{top1}"),
            Now::Failed => "failed".into(),
        }
    }

    /// The line of a row: how many of its runs are done, what they reached, and the run at work.
    fn line(&self, cell: usize) -> String {
        let runs = || self.runs.iter().filter(move |run| run.cell == cell);
        let count = |state| runs().filter(|run| run.state == state).count();
        let done: Vec<f64> = runs().filter(|run| run.state == Now::Done).filter_map(|run| run.top1).collect();
        let mut line = format!("{}  {}/{}", self.names[cell], count(Now::Done), runs().count());
        if let Some(Spread { mean, deviation, .. }) = Spread::of(&done) {
            line += &format!("  {mean:.2}{}", deviation.map_or(String::new(), |d| format!(" ± {d:.2}")));
        }
        for Entry { seed, epoch, epochs, top1, img_s, .. } in runs().filter(|run| run.state == Now::Works) {
            let top1 = top1.map_or(String::new(), |top1| format!("  top-1 {top1:.2}"));
            line += &format!("  [seed {seed}  epoch {epoch:.1}/{epochs}{top1}  {img_s:.0} img/s]");
        }
        match count(Now::Failed) {
            0 => line,
            n => line + &format!("  {n} failed"),
        }
    }

    fn total(&self) -> String {
        let done = self.runs.iter().filter(|run| run.state == Now::Done).count();
        let left = match self.left() {
            Some(left) if left > Duration::ZERO => format!(", {} left", indicatif::HumanDuration(left)),
            _ => String::new(),
        };
        format!("{done} of {} runs done{left}", self.runs.len())
    }

    /// Time until all runs are done, by the pace of runs of the same row, else of all.
    fn left(&self) -> Option<Duration> {
        let mean = |cell: Option<usize>| {
            let paces = self.runs.iter().filter(|run| cell.is_none_or(|cell| run.cell == cell));
            Spread::of(&paces.filter_map(|run| run.pace).collect::<Vec<_>>()).map(|pace| pace.mean)
        };
        let all = mean(None)?;
        let left = self.runs.iter().filter(|run| matches!(run.state, Now::Waits | Now::Works));
        let seconds = left.map(|run| {
            let epochs = (run.epochs as f64 - run.epoch).max(0.0);
            epochs * run.pace.or_else(|| mean(Some(run.cell))).unwrap_or(all)
        });
        Duration::try_from_secs_f64(seconds.sum::<f64>() / self.at_once as f64).ok()
    }
}

impl Entry {
    /// Times its pace.
    fn see(&mut self, now: Instant) {
        let (since, from) = *self.since.get_or_insert((now, self.epoch));
        if self.epoch > from {
            self.pace = Some((now - since).as_secs_f64() / (self.epoch - from));
        }
    }
}
