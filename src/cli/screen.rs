//! Opens the screen on one preset, and joins what it shows: the run, the preset's files, the machine.

use super::Failure;
use super::args::Train;
use crate::app::{Msg, Options};
use crate::hardware::Sampler;
use crate::recipe::{Mistakes, Preset, Recipe};
use crate::runs;
use crate::train::{RunInfo, State};
use crate::tui::{self, Session};
use crate::watch::{Change, Watcher};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::channel;

/// Opens the screen, and comes back when the user leaves it.
pub(super) fn open(preset: Preset, args: &Train) -> Result<ExitCode, Failure> {
    let options = Options {
        theme: args.theme,
        color: tui::color_from_env(),
        ascii: args.ascii || tui::ascii_from_env(),
        reproduce,
    };
    let (_sampler, samples) =
        Sampler::start().map_err(|e| Failure::SetUp("starting the thread that looks at the machine", e.to_string()))?;
    let name = preset.path().display().to_string();
    let (sender, received) = channel();
    // A system that cannot watch is no reason not to train: the screen says so.
    let watcher = Watcher::start(&preset, Path::new("presets"), sender);
    let mut unseen = watcher.as_ref().err().map(|e| changed(&name, Err(format!("its changes are not seen: {e}"))));
    let changes = || unseen.take().into_iter().chain(received.try_iter().map(|c| message(&name, c))).collect();
    let start = |recipe| {
        let run = runs::start(recipe, &args.runs)?;
        Ok::<_, runs::RunError>(Session { commands: run.commands, events: run.events, guard: run.worker })
    };
    let end = tui::run(options, preset.recipe, start, changes, &samples).map_err(Failure::Screen)?;
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

/// The command that makes a run again: its recipe as started. Edits on the way are not in it, and that is said.
fn reproduce(info: &RunInfo, edits: usize) -> String {
    let Some(dir) = &info.dir else { return String::new() };
    let command = format!("tricktop --batch {}", dir.join("recipe.ron").display());
    let journal = dir.join("journal.jsonl");
    match edits {
        0 => command,
        1 => format!("{command}  # without its edit, see {}", journal.display()),
        n => format!("{command}  # without its {n} edits, see {}", journal.display()),
    }
}
