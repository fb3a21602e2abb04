//! Suites and their tables.

mod cluster;

use super::args::{At, Suite as Args, Table as TableArgs};
use super::headless;
use super::{Failure, pipe, print, say, screen, set_threads, settings};
use crate::app::Begin;
use crate::batch::{Batch, Format, Outcome};
use crate::recipe::mistakes::Place;
use crate::recipe::{Mistake, Mistakes};
use crate::runs::{RunError, RunStatus};
use crate::signals::AGAIN;
use crate::suite::screen::State;
use crate::suite::{self, Board, Control, Job, Plan, Progress, Results, Round, Run, Stage, Store, Suite, Table, Tally};
use crate::text;
use crate::train;
use crate::tui::{self, suite::Left};
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A suite with its runs and what there is of them.
pub(super) struct Opened {
    pub(super) suite: Suite,
    pub(super) dir: PathBuf,
    store: Store,
    pub(super) runs: Vec<Run>,
    /// Whether a cluster may have runs of it.
    queue: bool,
    pub(super) results: Results,
}

impl Opened {
    /// The suite that `file` names.
    pub(super) fn open(file: &Path, of: &At) -> Result<Opened, Failure> {
        Opened::with(file, of, false, false)
    }

    /// The same; `queue` asks a cluster what it has of the runs, and `alone` is one of several programs, none of which may
    /// work out for itself how long the runs are.
    fn with(file: &Path, of: &At, queue: bool, alone: bool) -> Result<Opened, Failure> {
        let mut suite = suite::load(file).map_err(Failure::Presets)?;
        suite.seeds = of.seeds.unwrap_or(suite.seeds);
        let dir = of.runs.clone().unwrap_or_else(|| Path::new("runs").join(&suite.name));
        let mut store = Store::open(&dir).map_err(Failure::Run)?;
        if let Some(lost) = of.collect.iter().find(|dir| !dir.is_dir()) {
            return Err(Failure::Inspect(format!("--collect: {} is no directory", lost.display())));
        }
        store.add(&of.collect).map_err(Failure::Run)?;
        if alone && store.is_open(&suite) {
            return Err(Failure::Inspect(
                "its budget is in minutes: tricktop suite with --list works out once how many epochs that is".into(),
            ));
        }
        let epochs = store.epochs(&suite, || {
            say("timing some steps of every row, to know how many epochs there is time for");
            suite::pace(&suite)
        });
        let runs = suite.runs(epochs.map_err(Failure::Run)?).map_err(|(cell, invalid)| {
            let name = &suite.cells[cell].name;
            mistakes(&suite, [format!("`{name}` is no recipe with so many epochs: {invalid}")])
        })?;
        let mut opened = Opened { suite, dir, store, runs, queue, results: Results::default() };
        opened.results = opened.round().results;
        Ok(opened)
    }

    fn table(&self) -> Table {
        Table::new(&self.suite, &self.runs, &self.results).ranked()
    }

    /// The runs that are to be trained.
    fn left(&self, results: &Results) -> Vec<Job> {
        (0..self.runs.len()).filter(|place| results.is_left(*place)).map(|place| self.job(place, results)).collect()
    }

    fn job(&self, place: usize, results: &Results) -> Job {
        let dir = results.ran[place].as_ref().map(|ran| ran.dir.clone());
        Job { place, run: self.runs[place].clone(), dir, rest: results.courses[place].rest() }
    }

    /// What there is of the runs now, and what is left of them.
    fn round(&self) -> Round {
        let mut results = suite::collect(&self.suite, &self.runs, &self.store.dirs());
        if self.queue {
            suite::slurm::ask(self.store.dir(), &mut results);
        }
        Round { jobs: self.left(&results), results }
    }

    fn stages(&self) -> impl Iterator<Item = (&Run, Option<&Stage>)> {
        self.runs.iter().zip(self.results.ran.iter().map(|ran| ran.as_ref().map(|ran| &ran.stage)))
    }
}

/// Trains what is left of a suite and prints its table, or the commands of its runs.
pub(super) fn suite(args: &Args) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    let shared = args.run.is_some() || args.slurm || args.kubernetes.is_some();
    let queue = !args.list && args.run.is_none() && args.kubernetes.is_none();
    let mut opened = Opened::with(&args.of.file, &args.of.at, queue, shared)?;
    if args.list {
        let command = |(run, stage): (&Run, Option<&Stage>)| {
            let done = if stage == Some(&Stage::Done) { "# done: " } else { "" };
            format!("{done}{}\n", opened.suite.command(run, &opened.dir))
        };
        return print(&opened.stages().map(command).collect::<String>());
    }
    if args.slurm || args.kubernetes.is_some() {
        return cluster::hand_over(&opened, args);
    }
    if let Some(place) = args.run {
        return one(&opened, place);
    }
    let _held = opened.store.lock().map_err(Failure::Run)?;
    let jobs = opened.left(&opened.results);
    lacking(&opened.suite, &jobs)?;
    let left = if args.plain || !io::stdout().is_terminal() || text::plain_terminal().is_some() {
        lines(&opened, jobs, args)?
    } else {
        on_screen(&opened, jobs, args)?
    };
    opened.results = opened.round().results;
    // A suite without a terminal ends in the same way.
    if left.attended {
        notes(&opened);
        print(&opened.table().text(suite::Format::Text))?;
        if left.outcome == Outcome::Interrupted {
            say("interrupted; the same command goes on with what is left");
        }
    }
    Ok(headless::code(headless::catch()?, left.outcome))
}

/// Trains one run of a suite, as far as it is to go.
fn one(opened: &Opened, place: usize) -> Result<ExitCode, Failure> {
    let Some(run) = opened.runs.get(place) else {
        let last = opened.runs.len() - 1;
        return Err(Failure::Inspect(format!("--run {place}: the runs of this suite are 0 to {last}")));
    };
    match opened.store.lock_run(&run.recipe.name) {
        Err(e @ RunError::Locked { .. }) => {
            say(&format!("{e}; begun again later, this goes on with it"));
            return Ok(ExitCode::from(AGAIN));
        }
        held => held.map(drop).map_err(Failure::Run)?,
    };
    let only = |results: &Results| -> Vec<Job> {
        results.is_open(place).then(|| opened.job(place, results)).into_iter().collect()
    };
    let jobs = only(&opened.results);
    if jobs.is_empty() {
        let stage = opened.results.ran[place].as_ref().map_or(String::new(), |ran| ran.stage.words());
        say(&format!("{}, seed {}: nothing to do: {stage}", opened.suite.cells[run.cell].name, run.seed));
        return Ok(ExitCode::SUCCESS);
    }
    lacking(&opened.suite, &jobs)?;
    settings::load()?;
    let look = || {
        let Round { results, .. } = opened.round();
        Round { jobs: only(&results), results }
    };
    let signals = headless::catch()?;
    let batch = headless::steered(signals, Format::Plain);
    let (board, control) = (Progress::new(tally(opened, 1)), Control::default());
    let outcome = plan(opened, jobs, 1, (batch, &control), &look).train(&board);
    Ok(headless::code(signals, outcome))
}

/// Runs that are trained at a time. More than there are now may come out of a queue.
fn at_once(opened: &Opened, jobs: &[Job], args: &Args) -> usize {
    let most = args.jobs.map_or(1, NonZeroUsize::get).min(rayon::current_num_threads());
    if opened.results.queued.iter().any(Option::is_some) { most } else { most.min(jobs.len().max(1)) }
}

fn tally(opened: &Opened, at_once: usize) -> Tally {
    Tally::new(opened.suite.clone(), opened.runs.clone(), opened.results.clone(), at_once)
}

fn plan<'a>(
    opened: &'a Opened,
    jobs: Vec<Job>,
    at_once: usize,
    (batch, control): (Batch<'a>, &'a Control),
    look: &'a (dyn Fn() -> Round + Sync),
) -> Plan<'a> {
    let (threads, queued) = (rayon::current_num_threads(), opened.results.queued.iter().any(Option::is_some));
    Plan { jobs, store: &opened.store, at_once, threads, batch, control, look, queued }
}

/// Trains with lines of progress.
fn lines(opened: &Opened, jobs: Vec<Job>, args: &Args) -> Result<Left, Failure> {
    settings::load()?;
    let batch = headless::steered(headless::catch()?, Format::Plain);
    let at_once = at_once(opened, &jobs, args);
    let board = Progress::new(tally(opened, at_once));
    for (place, (_, stage)) in opened.stages().enumerate() {
        match &opened.results.queued[place] {
            Some(task) => board.say(place, &format!("left out: Slurm has it: {task}")),
            None if stage == Some(&Stage::AtWork) => board.say(place, "left out: another program is at work on it"),
            None => {}
        }
    }
    let (control, look) = (Control::default(), || opened.round());
    let plan = plan(opened, jobs, at_once, (batch, &control), &look);
    Ok(Left { outcome: plan.train(&board), attended: true })
}

/// Trains on the screen.
fn on_screen(opened: &Opened, jobs: Vec<Job>, args: &Args) -> Result<Left, Failure> {
    let (interrupt, again, save) = Default::default();
    let batch = Batch { format: Format::Plain, interrupt: &interrupt, again: &again, save: &save };
    let at_once = at_once(opened, &jobs, args);
    let (options, bindings) = settings::chosen(&args.look)?;
    let mut state = State::new(options, tally(opened, at_once));
    state.keys = bindings.suite;
    let (control, look) = (Control::attended(), || opened.round());
    let plan = plan(opened, jobs, at_once, (batch, &control), &look);
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
