//! Runs a person's command when something happens in a run that this program trains.

use super::{Line, Lines};
use crate::recipe::Recipe;
use crate::train::Event;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The command, the same for all runs of the program.
static COMMAND: OnceLock<String> = OnceLock::new();
/// Commands at work at once; more events than these can take are not told.
const AT_ONCE: usize = 4;
/// A run's end waits so long for its commands.
const LAST: Duration = Duration::from_secs(10);
/// How often it looks whether they have ended.
const LOOK: Duration = Duration::from_millis(20);

/// Sets the command of a shell that gets the lines of alarms, of epochs that ended best and of the end, as `--json` prints
/// them, on its standard input; `TRICKTOP_EVENT` has the word of the line and `TRICKTOP_RUN` the directory of the run.
/// The first call counts.
pub fn set_hook(command: &str) {
    if !command.is_empty() {
        drop(COMMAND.set(command.to_string()));
    }
}

/// The commands of one run.
#[derive(Debug, Default)]
pub(super) struct Hook {
    at_work: Vec<Child>,
    failed: bool,
}

impl Hook {
    /// Tells of an event, when a command is set and wants to know. Says what went wrong, once a run.
    pub(super) fn tell(&mut self, event: &Event, dir: &Path) -> Option<String> {
        let command = COMMAND.get()?;
        let wanted = match event {
            Event::Alarm { .. } | Event::Ended(_) => true,
            Event::Epoch(end) => end.best,
            _ => false,
        };
        if !wanted {
            return None;
        }
        let mut wrong = self.reap();
        for line in Lines::new(&Recipe::default(), dir).of(event) {
            if !matches!(line, Line::Confusion { .. }) && self.at_work.len() < AT_ONCE {
                match start(command, &line, dir) {
                    Ok(child) => self.at_work.push(child),
                    Err(e) => wrong = Some(format!("cannot be started: {e}")),
                }
            }
        }
        if matches!(event, Event::Ended(_)) {
            let until = Instant::now() + LAST;
            while !self.at_work.is_empty() && Instant::now() < until {
                std::thread::sleep(LOOK);
                wrong = self.reap().or(wrong);
            }
        }
        wrong.filter(|_| !std::mem::replace(&mut self.failed, true)).map(|why| format!("the hook `{command}` {why}"))
    }

    /// Forgets the commands that have ended; what went wrong with one.
    fn reap(&mut self) -> Option<String> {
        let mut wrong = None;
        self.at_work.retain_mut(|child| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                if !status.success() {
                    wrong = Some(format!("ended with {status}"));
                }
                false
            }
            Err(e) => {
                wrong = Some(format!("is lost: {e}"));
                false
            }
        });
        wrong
    }
}

fn start(command: &str, line: &Line, dir: &Path) -> io::Result<Child> {
    let (text, value) = (serde_json::to_string(line)?, serde_json::to_value(line)?);
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("TRICKTOP_EVENT", value["event"].as_str().unwrap_or_default())
        .env("TRICKTOP_RUN", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut to) = child.stdin.take() {
        // A line is shorter than a pipe holds; one that does not read it may have ended already.
        drop(to.write_all(format!("{text}\n").as_bytes()));
    }
    Ok(child)
}
