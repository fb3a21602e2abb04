//! Opens the screen on one preset, and joins what it shows: the run, the preset's files, the machine.

use super::{Failure, headless, settings};
use crate::app::{Begin, Msg, Options};
use crate::config::{self, ThemeWatch};
use crate::data::Found;
use crate::hardware::{self, Sampler};
use crate::recipe::{Changes, Mistakes, Preset, Recipe, preset};
use crate::runs::{self, Line, RunError};
use crate::train::{self, AlarmKind, Event, State};
use crate::tui::{self, Session, Visit};
use crate::watch::{Change, Watcher};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::channel;

/// Opens the screen on a new run of a preset, whose images were found, and comes back when the user leaves it.
pub(super) fn open(preset: Preset, found: Found, runs: &Path, options: Options) -> Result<ExitCode, Failure> {
    let first = Begin::New(Box::new(preset.recipe.clone()));
    show(&preset, first, Some(found), runs, options)
}

/// Opens the screen on a run that goes on; new ones are made beside it.
pub(super) fn resume(dir: &Path, sets: Changes, options: Options) -> Result<ExitCode, Failure> {
    let preset = preset::load(&dir.join(runs::RECIPE)).map_err(Failure::Presets)?;
    show(&preset, Begin::TakeUp(dir.to_path_buf(), sets), None, beside(dir), options)
}

/// Opens the screen on a run that another process trains, or at which nobody is at work; new ones are made beside it.
pub(super) fn attach(dir: &Path, options: Options) -> Result<ExitCode, Failure> {
    let preset = preset::load(&dir.join(runs::RECIPE)).map_err(Failure::Presets)?;
    show(&preset, Begin::Attach(dir.to_path_buf()), None, beside(dir), options)
}

/// The directory that a run is in.
pub(super) fn beside(dir: &Path) -> &Path {
    dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Starts a run; a new one gets its directory below `runs`, and may have its images found already.
pub(super) fn start(begin: Begin, found: Option<Found>, runs: &Path) -> Result<Session, RunError> {
    let (run, mut past) = match begin {
        Begin::New(recipe) => {
            let options = train::Options { found, ..train::Options::default() };
            (runs::start_with(*recipe, options, runs, runs::spawn)?, Vec::new())
        }
        Begin::TakeUp(dir, sets) => (runs::resume(&dir, sets)?, runs::history(&dir)?),
        Begin::Fork(dir, sets) => {
            let dir = runs::fork_with(&dir, None, &sets, runs)?;
            (runs::resume(&dir, sets)?, runs::history(&dir)?)
        }
        Begin::Attach(dir) => return attached(&dir),
    };
    let run = run.serve();
    let step = if let Line::RunResume { step, .. } = run.first { step } else { 0 };
    let note = |message: &String| Event::Alarm { step, kind: AlarmKind::Other, message: message.clone() };
    past.extend(run.notes.iter().map(note));
    hardware::follow(Some(std::process::id()));
    let behind = runs::behind(&run.dir);
    Ok(Session { commands: run.commands, behind, past, events: run.events, guard: run.worker })
}

/// A hold of a run that somebody else trains; or of one that nobody does, which takes no commands and says no more.
fn attached(dir: &Path) -> Result<Session, RunError> {
    let behind = runs::behind(dir);
    match runs::attach(dir) {
        Ok(runs::Attached { commands, past, events, connection, process }) => {
            hardware::follow(process);
            Ok(Session { commands, behind, past, events, guard: Box::new(connection) })
        }
        Err(RunError::Attach { .. }) if !runs::at_work(dir) => {
            hardware::follow(None);
            let (commands, events, past) = (channel().0, channel().1, runs::life(dir)?);
            Ok(Session { commands, behind, past, events, guard: Box::new(()) })
        }
        Err(e) => Err(e),
    }
}

/// Gets a hold of the run in `dir` for its screen: one that is trained elsewhere, is over, or is taken up.
pub(super) fn visit(dir: &Path, begin: Begin) -> Result<Visit, String> {
    let preset = preset::load(&dir.join(runs::RECIPE)).map_err(|mistakes| in_one_line(&mistakes))?;
    let session = start(begin, None, beside(dir)).map_err(|e| e.to_string())?;
    let (sampler, hardware) = Sampler::start().map_err(|e| e.to_string())?;
    Ok(Visit { recipe: preset.recipe, session, hardware, guard: Box::new(sampler) })
}

/// Opens the screen on the run `first`.
fn show(
    preset: &Preset,
    first: Begin,
    mut found: Option<Found>,
    runs: &Path,
    options: Options,
) -> Result<ExitCode, Failure> {
    let (_sampler, samples) =
        Sampler::start().map_err(|e| Failure::SetUp("starting the thread that looks at the machine", e.to_string()))?;
    let name = preset.path().display().to_string();
    let (sender, received) = channel();
    // A system that cannot watch is no reason not to train: the screen says so.
    let watcher = Watcher::start(preset, Path::new("presets"), sender);
    let mut unseen = watcher.as_ref().err().map(|e| changed(&name, Err(format!("its changes are not seen: {e}"))));
    let mut themes = ThemeWatch::new(config::folder());
    let changes = || {
        let presets = received.try_iter().map(|c| message(&name, c));
        unseen.take().into_iter().chain(presets).chain(themes.look().map(settings::themes)).collect()
    };
    let recipe = preset.recipe.clone();
    // From here on there is a run to stop, though its screen is still to open.
    headless::catch()?.begin();
    let start = |begin| start(begin, found.take(), runs);
    let end = tui::run(options, recipe, first, start, changes, &samples).map_err(Failure::Screen)?;
    Ok(if end.state == State::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn message(name: &str, change: Change) -> Msg {
    match change {
        Change::Preset(preset) => changed(name, preset.map(|p| p.recipe).map_err(|m| in_one_line(&m))),
        Change::Folder(names) => Msg::PresetFolder(names),
    }
}

fn changed(name: &str, recipe: Result<Recipe, String>) -> Msg {
    Msg::PresetChanged(name.to_string(), Box::new(recipe))
}

fn in_one_line(mistakes: &Mistakes) -> String {
    mistakes.list().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
