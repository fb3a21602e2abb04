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
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

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
    let (_watcher, changes) = watch(&preset);
    let start = |recipe| {
        let run = runs::start(recipe, &args.runs)?;
        Ok::<_, runs::RunError>(Session { commands: run.commands, events: run.events, guard: run.worker })
    };
    let end = tui::run(options, preset.recipe, start, &changes, &samples).map_err(Failure::Screen)?;
    Ok(if end.state == State::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Watches the preset's files. A system that cannot watch is no reason not to train: the screen says so.
fn watch(preset: &Preset) -> (Option<Watcher>, Receiver<Msg>) {
    let (to_screen, changes) = channel();
    let name = preset.path().display().to_string();
    let (sender, received) = channel();
    let watcher = Watcher::start(preset, Path::new("presets"), sender).map_err(|e| e.to_string()).and_then(|watcher| {
        let (name, to_screen) = (name.clone(), to_screen.clone());
        let worker = thread::Builder::new().name("preset-changes".into());
        worker.spawn(move || hand_on(&name, &received, &to_screen)).map_err(|e| e.to_string())?;
        Ok(watcher)
    });
    let watcher =
        watcher.map_err(|e| drop(to_screen.send(changed(&name, Err(format!("its changes are not seen: {e}"))))));
    (watcher.ok(), changes)
}

/// Until either end is gone.
fn hand_on(name: &str, received: &Receiver<Change>, to_screen: &Sender<Msg>) {
    for change in received {
        let msg = match change {
            Change::Preset(preset) => changed(name, preset.map(|p| p.recipe).map_err(|m| in_one_line(&m))),
            Change::Folder(names) => Msg::PresetFolder(names),
        };
        if to_screen.send(msg).is_err() {
            return;
        }
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
