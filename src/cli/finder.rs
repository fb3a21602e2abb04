//! `tricktop lr-find`: a learning rate for a preset, of which nothing is trained or written.

use super::args::LrFind;
use super::print::{print, say};
use super::{Failure, load, set_threads};
use crate::train::{Command, Event, Options, RateSearch, spawn};
use crate::tricks::finder::{RatePoint, Suggestion};
use serde::Serialize;
use std::process::ExitCode;
use std::sync::mpsc::channel;

/// What was found, as a document.
#[derive(Serialize)]
struct Report {
    /// The suggested rate, and where the loss falls fastest.
    suggestion: Option<Suggestion>,
    /// The `schedule.base_lr` that has the suggested rate at the peak of the schedule.
    base_lr: Option<f64>,
    /// Why the search ended.
    why: String,
    points: Vec<RatePoint>,
}

impl Report {
    fn text(&self) -> String {
        let mut text = String::from("step      rate     loss  smoothed\n");
        for (RatePoint { lr, loss, smooth }, step) in self.points.iter().zip(1..) {
            text += &format!("{step:>4}  {lr:>8.1e} {loss:>8.4}  {smooth:>8.4}\n");
        }
        text += &format!("{}\n", self.why);
        text += &match (self.suggestion, self.base_lr) {
            (Some(Suggestion { lr, steepest }), Some(base_lr)) => format!(
                "suggested: a rate of {lr:.1e} (the loss falls fastest at {steepest:.1e})\n--set schedule.base_lr={base_lr:?} \
                 has it at the peak of the schedule\n"
            ),
            _ => "no rate is suggested: the loss does not fall, or too few steps were made\n".into(),
        };
        text
    }
}

/// Searches, and prints every step and the suggestion.
pub(super) fn find(args: &LrFind) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    let mut presets = load(std::slice::from_ref(&args.preset), &args.sets).map_err(Failure::Presets)?;
    let Some((preset, found)) = presets.pop() else { return Ok(ExitCode::SUCCESS) };
    let (sender, events) = channel();
    let options =
        Options { name: preset.recipe.name.clone(), unattended: true, found: Some(found), ..Options::default() };
    // The receiver is there until the run has ended.
    let worker = spawn(preset.recipe, options, move |event| drop(sender.send(event)));
    let worker = worker.map_err(|e| Failure::SetUp("starting the trainer", e.to_string()))?;
    let lost = |e: String| Failure::Inspect(e);
    // Both are taken before the first step, and no step is made after the search.
    for command in [Command::Pause, Command::FindRate] {
        worker.commands().send(command).map_err(|e| lost(e.to_string()))?;
    }
    let mut report = None;
    let mut points = Vec::new();
    for event in events {
        match event {
            Event::Alarm { message, .. } => say(&message),
            Event::Started(info) => info.notes.iter().for_each(|note| say(note)),
            Event::Rate(RateSearch::Point(point)) => points.push(point),
            Event::Rate(RateSearch::Found { suggestion, base_lr, why }) => {
                report = Some((suggestion, base_lr, why));
                // A run that is over takes no commands.
                drop(worker.commands().send(Command::Stop { save: false }));
            }
            Event::Ended(end) if end.error.is_some() => return Err(lost(end.error.unwrap_or_default())),
            _ => {}
        }
    }
    let (suggestion, base_lr, why) = report.ok_or_else(|| lost("the search for a rate has no result".into()))?;
    let report = Report { suggestion, base_lr, why, points };
    if args.json {
        return print(&(serde_json::to_string(&report).map_err(|e| Failure::Print(e.into()))? + "\n"));
    }
    print(&report.text())
}
