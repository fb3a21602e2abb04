//! The command line: reads it, checks everything it names, then starts what it asks for.

mod args;
mod browse;
mod data;
mod eval;
mod finder;
mod headless;
mod inspect;
mod list;
mod machine;
mod nets;
mod print;
mod progress;
mod records;
pub mod reference;
mod report;
mod screen;
mod settings;
mod suites;
mod using;
mod weights;

use crate::config::ConfigError;
use crate::data::{DataError, Found};
use crate::kernels::{Level, UnknownLevel};
use crate::recipe::knobs::markdown_table;
use crate::recipe::mistakes::Place;
use crate::recipe::{Changes, Knob, Mistake, Mistakes, Preset, SetError, Value, preset};
use crate::runs::{self, RunError};
use crate::text;
use crate::train::bench::CASES;
use crate::train::{self, Options, TrainError};
use crate::tui::{self, TuiError};
use args::{Bench, Cli, Command, Fork, Look, Resume, Threads, Train};
use clap::{CommandFactory, Parser};
use print::{lines_of, pipe, print, say, write};
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use thiserror::Error;

/// Why the program ends without doing what it was asked for.
#[derive(Debug, Error)]
pub enum Failure {
    /// A preset or `--set` is wrong.
    #[error("{0}")]
    Presets(Mistakes),
    /// The screen has room for one preset.
    #[error("error: the screen trains one preset, and {0} are named; --batch trains several in turn")]
    SeveralPresets(usize),
    /// There is no terminal for the screen.
    #[error("error: standard output is not a terminal, so there is no screen; --batch PRESET trains without one")]
    NoTerminal,
    /// The terminal cannot show a screen.
    #[error("error: {0}; TERM=xterm-256color, or what yours is, opens one where it can; tricktop inspect RUN prints")]
    PlainTerminal(String),
    /// There is no run to attach to.
    #[error("error: no program is at work on a run in runs/; name its directory: tricktop attach DIR")]
    NoRunAtWork,
    /// Something could not be set up.
    #[error("error: {0} failed: {1}")]
    SetUp(&'static str, String),
    /// The screen could not be opened or did not go on.
    #[error("error: {0}")]
    Screen(TuiError),
    /// A run could not be read or taken up.
    #[error("error: {0}")]
    Run(RunError),
    /// A file that was to be looked at could not be read.
    #[error("error: {0}")]
    Inspect(String),
    /// A run is not the same when it is made again.
    #[error("{0}")]
    Differs(String),
    /// The kernels that are asked for cannot be had.
    #[error("error: {0}")]
    Level(UnknownLevel),
    /// Images could not be read or written.
    #[error("error: {0}")]
    Data(DataError),
    /// A file of the configuration has a mistake.
    #[error("error: {0}")]
    Config(ConfigError),
    /// A theme that is not there.
    #[error("error: there is no theme {wanted:?}; there are {names}, and what is put in {}/themes", folder.display())]
    Theme {
        /// What was asked for.
        wanted: String,
        /// What is there.
        names: String,
        /// The folder of the configuration.
        folder: PathBuf,
    },
    /// A net could not be used.
    #[error("error: {0}")]
    Use(TrainError),
    /// A net could not be timed.
    #[error("error: {0}")]
    Bench(TrainError),
    /// The output could not be written.
    #[error("error: standard output cannot be written: {0}")]
    Print(io::Error),
}

impl Failure {
    /// The exit code: 2 for wrong usage or a wrong preset, else 1.
    pub fn code(&self) -> ExitCode {
        match self {
            Failure::Presets(_)
            | Failure::Config(_)
            | Failure::Theme { .. }
            | Failure::SeveralPresets(_)
            | Failure::NoTerminal
            | Failure::PlainTerminal(_)
            | Failure::Level(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Runs the program with the arguments of the process; wrong ones end it here, with exit code 2.
///
/// # Errors
/// Whatever keeps the command from being carried out.
pub fn run() -> Result<ExitCode, Failure> {
    if let [_, wake, group] = &std::env::args_os().collect::<Vec<_>>()[..]
        && wake == tui::background::WAKE
    {
        // This program started it, and nobody reads its output.
        let woken = tui::background::wake(&group.to_string_lossy());
        return Ok(if woken.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    // Signals come first: presets, images and weights may take minutes to read.
    let signals = headless::catch()?;
    let cli = Cli::parse();
    Level::chosen().map_err(Failure::Level)?;
    if !cli.command.as_ref().is_none_or(Command::trains) {
        signals.release().map_err(|e| Failure::SetUp("letting signals go", e.to_string()))?;
    }
    match cli.command {
        None => train(cli.train),
        Some(Command::Config) => print(&settings::text()?),
        Some(Command::Presets) => print(&list::presets()),
        Some(Command::Knobs { markdown: false }) => print(&list::knobs()),
        Some(Command::Knobs { markdown: true }) => print(&markdown_table()),
        Some(Command::Nets { batch, json }) => print(&nets::list(batch.get(), json)?),
        Some(Command::Runs(args)) => browse::runs(&args),
        Some(Command::Suite(args)) => suites::suite(&args),
        Some(Command::Table(args)) => suites::table(&args),
        Some(Command::Report(args)) => report::report(&args),
        Some(Command::Resume(args)) => resume(&args),
        Some(Command::Fork(args)) => fork(&args),
        Some(Command::Attach { run, look }) => attach(run.as_deref(), &look),
        Some(Command::Replay(args)) => records::replay(&args),
        Some(Command::LrFind(args)) => finder::find(&args),
        Some(Command::Eval(args)) => print(&eval::eval(&args)?),
        Some(Command::Predict(args)) => {
            let (text, unread) = using::predict(&args)?;
            let code = write(&text)?;
            Ok(if unread > 0 { ExitCode::FAILURE } else { code })
        }
        Some(Command::Inspect { path, json }) => print(&inspect::inspect(&path, json)?),
        Some(Command::Export { run, format }) => pipe(&records::export(&find_run(&run), &format)?),
        Some(Command::Bench { input: Some(Bench::Input(args)), .. }) => data::bench_input(&args),
        Some(Command::Bench { net, steps, batch, mixed, frozen, json, profile, device, threads, input: None }) => {
            set_threads(&threads)?;
            let nets = CASES.iter().filter(|case| net.as_deref().is_none_or(|net| net == case.name));
            let cases = nets.map(|case| case.of(batch.map(NonZeroUsize::get), mixed, frozen));
            machine::bench(cases, steps, json, profile, device)
        }
        Some(Command::Doctor { self_test, device, untimed, json }) => {
            machine::doctor(self_test, device, !untimed, json)
        }
        Some(Command::Weights { command }) => weights::run(command),
        Some(Command::Data { command }) => data::run(command),
        Some(Command::Man { dir }) => reference::man(dir.as_deref()),
        Some(Command::Completions { shell }) => {
            // Into memory first: the generator panics when it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tricktop", &mut script);
            pipe(&String::from_utf8_lossy(&script))
        }
    }
}

fn train(mut args: Train) -> Result<ExitCode, Failure> {
    if args.presets.is_empty() {
        args.presets.push(PathBuf::from("quick"));
    }
    set_threads(&args.threads)?;
    let mut presets = load(&args.presets, &args.sets).map_err(Failure::Presets)?;
    let several = presets.len() > 1;
    if args.batch || (!several && plain_instead()) {
        let options = |found| Options { unattended: true, found: Some(found), ..Options::default() };
        let starts = presets
            .into_iter()
            .map(|(preset, found)| || runs::start_with(preset.recipe, options(found), &args.runs, runs::spawn));
        return headless::batch(starts, args.json);
    }
    let options = settings::options(&args.look)?;
    match presets.pop() {
        _ if several => Err(Failure::SeveralPresets(presets.len() + 1)),
        Some((preset, found)) if io::stdout().is_terminal() => screen::open(preset, found, &args.runs, options),
        _ => Err(Failure::NoTerminal),
    }
}

/// Whether there is a terminal, and it gets lines instead of the screen that was asked for: then that is said.
fn plain_instead() -> bool {
    let why = text::plain_terminal().filter(|_| io::stdout().is_terminal());
    if let Some(why) = &why {
        say(&format!("{why}: lines instead, as with --batch"));
    }
    why.is_some()
}

/// Loads every preset and looks for the images and the teacher it names, before anything starts.
fn load(paths: &[PathBuf], sets: &[String]) -> Result<Vec<(Preset, Found)>, Mistakes> {
    let mut presets: Vec<(Preset, Found)> = Vec::new();
    let mut mistakes = Vec::new();
    for path in paths {
        match preset::load_with(path, sets) {
            Ok(preset) => match train::check(&preset.recipe, presets.iter().map(|(_, found)| found)) {
                Ok(found) => presets.push((preset, found)),
                Err(error) => {
                    let place = Place::whole(preset.path().display().to_string());
                    mistakes.push(Mistake { place, message: error.to_string() });
                }
            },
            Err(found) => mistakes.extend_from_slice(found.list()),
        }
    }
    if mistakes.is_empty() { Ok(presets) } else { Err(mistakes.into_iter().collect()) }
}

/// Goes on with a run, on the screen or without.
fn resume(args: &Resume) -> Result<ExitCode, Failure> {
    go_on(args, |_| Ok(find_run(&args.run)))
}

/// Goes on from a checkpoint of a run in another one.
fn fork(args: &Fork) -> Result<ExitCode, Failure> {
    let parent = find_run(&args.resume.run);
    let runs = args.runs.as_deref().unwrap_or(screen::beside(&parent));
    go_on(&args.resume, |sets| runs::fork_with(&parent, args.step, sets, runs))
}

/// Goes on with the run whose directory `dir` gives for the edits, once all else is known to be right.
fn go_on(args: &Resume, dir: impl FnOnce(&Changes) -> Result<PathBuf, RunError>) -> Result<ExitCode, Failure> {
    let mistake = |e: SetError| Mistake { place: Place::whole("--set"), message: e.to_string() };
    let sets: Result<Changes, SetError> = args.sets.iter().map(|set| preset::parse_set(set).map(from_here)).collect();
    let sets = sets.map_err(|e| Failure::Presets([mistake(e)].into_iter().collect()))?;
    set_threads(&args.threads)?;
    if args.batch || plain_instead() {
        let options = Options { unattended: true, ..Options::default() };
        return headless::batch([|| runs::resume_with(&dir(&sets)?, sets, options)], args.json);
    }
    if !io::stdout().is_terminal() {
        return Err(Failure::NoTerminal);
    }
    let options = settings::options(&args.look)?;
    let dir = dir(&sets).map_err(Failure::Run)?;
    screen::resume(&dir, sets, options)
}

/// A file that is there under a relative path is meant by it, wherever the run was begun.
fn from_here((knob, value): (&'static Knob, Value)) -> (&'static Knob, Value) {
    let is_file = ["tricks.distill.teacher", "net.weights"].contains(&knob.path);
    let file = PathBuf::from(value.to_string());
    match file.canonicalize() {
        Ok(whole) if is_file && file.is_relative() => (knob, Value::Word(whole.display().to_string())),
        _ => (knob, value),
    }
}

/// Opens the screen on a run that is at work.
fn attach(run: Option<&Path>, look: &Look) -> Result<ExitCode, Failure> {
    let dir = match run {
        Some(run) => find_run(run),
        None => runs::newest_at_work(Path::new("runs")).ok_or(Failure::NoRunAtWork)?,
    };
    if !io::stdout().is_terminal() {
        return Err(Failure::NoTerminal);
    }
    if let Some(why) = text::plain_terminal() {
        return Err(Failure::PlainTerminal(why));
    }
    screen::attach(&dir, settings::options(look)?)
}

/// The directory of a run that is named by its path, or by its name in `runs/`. A directory of that name beside it that is
/// no run is not meant: the photographs of the run `photos` are often in `photos`.
fn find_run(run: &Path) -> PathBuf {
    let named = Path::new("runs").join(run);
    let is_run = |dir: &Path| dir.join(runs::RECIPE).is_file();
    let meant = !run.exists() || (run.is_dir() && !is_run(run) && is_run(&named));
    if meant && named.exists() { named } else { run.to_path_buf() }
}

fn set_threads(args: &Threads) -> Result<(), Failure> {
    let Some(threads) = args.threads else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    pool.map_err(|e| Failure::SetUp("starting the threads that compute", e.to_string()))
}
