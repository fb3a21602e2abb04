//! Suites and their tables.

use super::args::{At, Suite as Args, Table as TableArgs};
use super::headless;
use super::{Failure, pipe, print, say, screen, set_threads, settings};
use crate::app::Begin;
use crate::batch::{Batch, Format, Outcome};
use crate::recipe::mistakes::Place;
use crate::recipe::{Mistake, Mistakes};
use crate::runs::RunStatus;
use crate::suite::screen::State;
use crate::suite::{self, Board, Control, Job, Plan, Progress, Results, Run, Stage, Store, Suite, Table, Tally};
use crate::text;
use crate::train;
use crate::tui::{self, suite::Left};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A suite with its runs and what there is of them.
pub(super) struct Opened {
    pub(super) suite: Suite,
    pub(super) dir: PathBuf,
    store: Store,
    pub(super) runs: Vec<Run>,
    pub(super) results: Results,
}

impl Opened {
    /// The suite that `file` names.
    pub(super) fn open(file: &Path, of: &At) -> Result<Opened, Failure> {
        let mut suite = suite::load(file).map_err(Failure::Presets)?;
        suite.seeds = of.seeds.unwrap_or(suite.seeds);
        let dir = of.runs.clone().unwrap_or_else(|| Path::new("runs").join(&suite.name));
        let mut store = Store::open(&dir).map_err(Failure::Run)?;
        if let Some(lost) = of.collect.iter().find(|dir| !dir.is_dir()) {
            return Err(Failure::Inspect(format!("--collect: {} is no directory", lost.display())));
        }
        store.add(&of.collect).map_err(Failure::Run)?;
        let epochs = store.epochs(&suite, || {
            say("timing some steps of every row, to know how many epochs there is time for");
            suite::pace(&suite)
        });
        let runs = suite.runs(epochs.map_err(Failure::Run)?).map_err(|(cell, invalid)| {
            let name = &suite.cells[cell].name;
            mistakes(&suite, [format!("`{name}` is no recipe with so many epochs: {invalid}")])
        })?;
        let results = suite::collect(&runs, &store.dirs());
        Ok(Opened { suite, dir, store, runs, results })
    }

    fn table(&self) -> Table {
        Table::new(&self.suite, &self.runs, &self.results)
    }

    /// The runs that are neither done nor at work elsewhere.
    fn left(&self) -> Vec<Job> {
        let jobs = self.runs.iter().zip(&self.results.ran).enumerate().filter_map(|(place, (run, ran))| {
            let ran = ran.as_ref();
            let left = ran.is_none_or(|ran| matches!(ran.stage, Stage::Part(_) | Stage::Failed(_)));
            left.then(|| Job { place, run: run.clone(), dir: ran.map(|ran| ran.dir.clone()) })
        });
        jobs.collect()
    }

    fn stages(&self) -> impl Iterator<Item = (&Run, Option<&Stage>)> {
        self.runs.iter().zip(self.results.ran.iter().map(|ran| ran.as_ref().map(|ran| &ran.stage)))
    }
}

/// Trains what is left of a suite and prints its table, or the commands of its runs.
pub(super) fn suite(args: &Args) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    let mut opened = Opened::open(&args.of.file, &args.of.at)?;
    if args.list {
        let command = |(run, stage): (&Run, Option<&Stage>)| {
            let done = if stage == Some(&Stage::Done) { "# done: " } else { "" };
            format!("{done}{}\n", opened.suite.command(run, &opened.dir))
        };
        return print(&opened.stages().map(command).collect::<String>());
    }
    let _held = opened.store.lock().map_err(Failure::Run)?;
    let jobs = opened.left();
    lacking(&opened.suite, &jobs)?;
    let left = if args.plain || !io::stdout().is_terminal() || text::plain_terminal().is_some() {
        lines(&opened, jobs, args)?
    } else {
        on_screen(&opened, jobs, args)?
    };
    opened.results = suite::collect(&opened.runs, &opened.store.dirs());
    // A suite without a terminal ends in the same way.
    if left.attended {
        notes(&opened);
        print(&opened.table().text(suite::Format::Text))?;
        if left.outcome == Outcome::Interrupted {
            say("interrupted; the same command goes on with what is left");
        }
    }
    Ok(ExitCode::from(left.outcome.code()))
}

/// Runs that are trained at a time.
fn at_once(jobs: &[Job], args: &Args) -> usize {
    args.jobs.get().min(rayon::current_num_threads()).min(jobs.len().max(1))
}

fn tally(opened: &Opened, at_once: usize) -> Tally {
    Tally::new(opened.suite.clone(), opened.runs.clone(), opened.results.clone(), at_once)
}

/// Trains with lines of progress.
fn lines(opened: &Opened, jobs: Vec<Job>, args: &Args) -> Result<Left, Failure> {
    settings::load()?;
    let batch = headless::steered(headless::catch()?, Format::Plain);
    let at_once = at_once(&jobs, args);
    let board = Progress::new(tally(opened, at_once));
    for (place, (_, stage)) in opened.stages().enumerate() {
        if stage == Some(&Stage::AtWork) {
            board.say(place, "left out: another program is at work on it");
        }
    }
    let control = Control::default();
    let plan =
        Plan { jobs, dir: &opened.dir, at_once, threads: rayon::current_num_threads(), batch, control: &control };
    Ok(Left { outcome: plan.train(&board), attended: true })
}

/// Trains on the screen.
fn on_screen(opened: &Opened, jobs: Vec<Job>, args: &Args) -> Result<Left, Failure> {
    let (interrupt, again, save) = Default::default();
    let batch = Batch { format: Format::Plain, interrupt: &interrupt, again: &again, save: &save };
    let at_once = at_once(&jobs, args);
    let (options, bindings) = settings::chosen(&args.look)?;
    let mut state = State::new(options, tally(opened, at_once));
    state.keys = bindings.suite;
    let control = Control::attended();
    let plan =
        Plan { jobs, dir: &opened.dir, at_once, threads: rayon::current_num_threads(), batch, control: &control };
    let visit = |dir: &Path| screen::visit(dir, Begin::Attach(dir.to_path_buf()));
    tui::suite::suite(state, plan, &interrupt, visit).map_err(Failure::Screen)
}

/// Prints the table of a suite.
pub(super) fn table(args: &TableArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::open(&args.of.file, &args.of.at)?;
    notes(&opened);
    pipe(&opened.table().text(args.format))
}

/// Says what was left out, and which runs failed or were killed.
pub(super) fn notes(opened: &Opened) {
    for note in &opened.results.notes {
        say(note);
    }
    for (run, stage) in opened.stages() {
        let name = || format!("{}, seed {}", opened.suite.cells[run.cell].name, run.seed);
        match stage {
            Some(Stage::Failed(why)) => say(&format!("{}: failed: {why}", name())),
            Some(Stage::Part(RunStatus::Killed)) => {
                say(&format!("{}: killed; `tricktop suite` goes on with it", name()))
            }
            _ => {}
        }
    }
}

/// Looks for the images and the teachers that are needed, before anything starts.
fn lacking(suite: &Suite, jobs: &[Job]) -> Result<(), Failure> {
    let (mut images, mut lacks) = (Vec::new(), Vec::<(String, &str)>::new());
    for cell in jobs.iter().map(|job| &suite.cells[job.run.cell]) {
        match train::check(&cell.recipe, &images).map_err(|e| e.to_string()) {
            // All on the same images find them once.
            Ok(found) => images = vec![found],
            Err(why) if lacks.iter().any(|(other, _)| *other == why) => {}
            Err(why) => lacks.push((why, &cell.name)),
        }
    }
    if lacks.is_empty() {
        return Ok(());
    }
    Err(mistakes(suite, lacks.into_iter().map(|(why, name)| format!("`{name}`: {why}"))))
}

fn mistakes(suite: &Suite, messages: impl IntoIterator<Item = String>) -> Failure {
    let place = || Place::whole(suite.file.display().to_string());
    let list: Mistakes = messages.into_iter().map(|message| Mistake { place: place(), message }).collect();
    Failure::Presets(list)
}
