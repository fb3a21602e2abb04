//! How a suite goes, on standard error: on a terminal a line a row and a total, elsewhere a line an epoch.

use super::{Board, Now, Results, Run, Tally};
use crate::text::{columns, left, plain_terminal, printed, shown};
use crate::train::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Shows a suite at work.
pub struct Progress {
    tally: Mutex<Tally>,
    begun: Instant,
    /// Columns of the names.
    width: usize,
    /// A line for every row, and the total; none where there is no terminal that can.
    lines: Option<(MultiProgress, Vec<ProgressBar>)>,
}

impl Progress {
    /// For the suite of this tally.
    pub fn new(tally: Tally) -> Progress {
        let cells = &tally.suite.cells;
        let width = cells.iter().map(|cell| columns(&shown(&cell.name))).max().unwrap_or_default();
        let lines = (io::stderr().is_terminal() && plain_terminal().is_none()).then(|| {
            let multi = MultiProgress::new();
            let style = || ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = |_| multi.add(ProgressBar::new(1).with_style(style()));
            let lines: Vec<ProgressBar> = (0..=cells.len()).map(bar).collect();
            (0..cells.len()).for_each(|cell| lines[cell].set_message(line(&tally, cell, width)));
            (multi, lines)
        });
        Progress { tally: Mutex::new(tally), begun: Instant::now(), width, lines }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a line about a run begins with.
    fn name(tally: &Tally, place: usize) -> String {
        let Run { cell, seed, .. } = &tally.runs[place];
        format!("{}, seed {seed}", shown(&tally.suite.cells[*cell].name))
    }

    fn print(&self, text: &str) {
        // When standard error is closed, there is nowhere left to say so.
        let print = || drop(writeln!(io::stderr(), "{}", printed(text)));
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
        let mut tally = self.lock();
        let news = tally.take(place, event, self.begun.elapsed());
        if let Some((_, lines)) = &self.lines {
            let cell = tally.runs[place].cell;
            lines[cell].set_message(line(&tally, cell, self.width));
            if let Some(last) = lines.last() {
                last.set_message(total(&tally));
            }
        }
        if news && (self.lines.is_none() || matches!(tally.live[place].now, Now::Failed(_))) {
            let text = format!("{}: {}; {}", Self::name(&tally, place), state(&tally, place), total(&tally));
            drop(tally);
            self.print(&text);
        }
    }

    fn say(&self, place: usize, text: &str) {
        let name = Self::name(&self.lock(), place);
        self.print(&format!("{name}: {text}"));
    }

    fn compared(&self, results: Results) {
        let mut tally = self.lock();
        let out = tally.compared(results);
        let line =
            |place: &usize| format!("{}: {}; {}", Self::name(&tally, *place), state(&tally, *place), total(&tally));
        let lines: Vec<String> = out.iter().map(line).collect();
        drop(tally);
        lines.iter().for_each(|line| self.print(line));
    }
}

/// How a run goes.
fn state(tally: &Tally, place: usize) -> String {
    let title = tally.suite.figures()[0].title();
    let score = tally.score(place).map_or(String::new(), |score| format!(", {title} {score:.2} %"));
    let live = &tally.live[place];
    match &live.now {
        Now::Done => format!("done{score}"),
        Now::Failed(why) => format!("failed: {why}"),
        Now::Out => format!("out after {:.0} epochs{score}", live.epoch),
        Now::Edited => format!("left out: it was edited while it trained{score}"),
        _ => format!("epoch {:.0}/{}{score}", live.epoch, tally.runs[place].recipe.train.epochs),
    }
}

/// The line of a row: how many of its runs are done, what they reached, and the runs at work.
fn line(tally: &Tally, cell: usize, width: usize) -> String {
    let row = &tally.table.rows[cell];
    let mut line = format!("{}  {}/{}", left(&shown(&row.cell), width), row.runs, tally.of(cell).count());
    if let Some(score) = row.score() {
        line += &format!("  {score}");
    }
    for place in tally.at_work(cell) {
        let (run, live) = (&tally.runs[place], &tally.live[place]);
        let title = tally.suite.figures()[0].title();
        let score = tally.score(place).map_or(String::new(), |score| format!("  {title} {score:.2}"));
        let (seed, epoch, epochs) = (run.seed, live.epoch, run.recipe.train.epochs);
        line += &format!("  [seed {seed}  epoch {epoch:.1}/{epochs}{score}  {:.0} img/s]", live.img_s);
    }
    match tally.of(cell).filter(|place| matches!(tally.live[*place].now, Now::Failed(_))).count() {
        0 => line,
        n => line + &format!("  {n} failed"),
    }
}

fn total(tally: &Tally) -> String {
    let left = match tally.left() {
        Some(left) if left > Duration::ZERO => format!(", {} left", indicatif::HumanDuration(left)),
        _ => String::new(),
    };
    format!("{} of {} runs done{left}", tally.done(), tally.runs.len())
}
