//! Where the lines go: data to `out`, the progress bar and messages to standard error.

use super::{Audience, text};
use crate::runs::{Line, Lines, Session};
use crate::text::{plain_terminal, printed};
use crate::train::{Event, State, StepRecord};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, ErrorKind, IsTerminal, Write};

/// What a batch prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Plain,
    /// Lines for people on a terminal, below them a progress bar instead of a line a step.
    Terminal,
}

impl Format {
    /// The format of lines for people on this standard output and standard error.
    pub fn for_people() -> Format {
        let terminal = io::stdout().is_terminal() && !ProgressDrawTarget::stderr().is_hidden();
        if terminal && plain_terminal().is_none() { Format::Terminal } else { Format::Plain }
    }
}

/// Prints the runs of a batch.
pub(super) struct Output<W> {
    /// `None` once it could not be written any more.
    out: Option<W>,
    format: Format,
    bar: ProgressBar,
    /// Classes of the run that is printed; 0 where they are not known.
    classes: usize,
    lost: bool,
}

/// Prints one run.
pub(super) struct Run<'a, W: Write> {
    output: &'a mut Output<W>,
    session: &'a Session,
    lines: Lines<'a>,
    epochs: u64,
    /// The last alarm, which may be the reason of the end: said once.
    alarm: String,
}

impl<W: Write> Output<W> {
    pub(super) fn new(out: W, format: Format) -> Self {
        Self { out: Some(out), format, bar: ProgressBar::hidden(), classes: 0, lost: false }
    }

    /// Prints that a run has begun.
    pub(super) fn begin<'a>(&'a mut self, session: &'a Session) -> Run<'a, W> {
        let recipe = &session.recipe;
        if self.format == Format::Terminal {
            self.bar = bar(recipe.train.epochs);
        }
        self.line(&session.first);
        let lines = Lines::new(recipe, session.dir.as_path());
        Run { output: self, session, lines, epochs: recipe.train.epochs, alarm: String::new() }
    }

    /// Prints a message for people.
    pub(super) fn say(&self, message: &str) {
        // When standard error is closed, there is nowhere left to say so.
        self.bar.suspend(|| drop(writeln!(io::stderr(), "{}", printed(message))));
    }

    /// Whether lines were lost for another reason than a reader who has gone (`| head`).
    pub(super) fn lost(&self) -> bool {
        self.lost
    }

    /// Prints a line at once. When that fails, nothing more is printed and the runs go on: they are recorded anyway.
    fn line(&mut self, line: &Line) {
        if let Line::Ready { classes, .. } = line {
            self.classes = classes.len();
        }
        let text = match self.format {
            Format::Json => text::json(line),
            Format::Terminal if matches!(line, Line::Step { .. }) => None,
            Format::Plain | Format::Terminal => text::plain(line, self.classes),
        };
        let (Some(text), Some(out)) = (text, &mut self.out) else { return };
        let written = self.bar.suspend(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        if let Err(e) = written {
            self.out = None;
            self.lost = e.kind() != ErrorKind::BrokenPipe;
            self.say(&format!("standard output: {e}; nothing more is printed there, training goes on"));
        }
    }
}

impl<W: Write> Audience for Run<'_, W> {
    fn say(&mut self, message: &str) {
        self.output.say(&format!("{}: {message}", self.session.name));
    }

    fn show(&mut self, event: &Event) {
        for line in self.lines.of(event) {
            self.output.line(&line);
        }
        match event {
            Event::Steps(steps) => self.progress(steps),
            Event::Alarm { step, message, .. } => {
                self.say(&format!("step {step}: {message}"));
                self.alarm.clone_from(message);
            }
            Event::State(State::Paused) => {
                let by = self.session.paused_by().map_or(String::new(), |who| format!(" by {who}"));
                self.output.bar.set_message(format!("paused{by}"));
            }
            Event::Ended(summary) => {
                self.output.bar.finish_and_clear();
                if let Some(error) = summary.error.as_ref().filter(|e| **e != self.alarm) {
                    self.say(&format!("failed at step {}: {error}", summary.step));
                }
            }
            _ => {}
        }
    }
}

impl<W: Write> Run<'_, W> {
    fn progress(&self, steps: &[StepRecord]) {
        if let Some(s) = steps.last() {
            let bar = &self.output.bar;
            bar.set_position((s.epoch * TICKS) as u64);
            let (epoch, epochs) = (s.epoch, self.epochs);
            bar.set_message(format!(
                "epoch {epoch:.2}/{epochs}  loss {:.4}  lr {:.4}  {:.0} img/s",
                s.loss, s.lr, s.img_s
            ));
        }
    }
}

/// Ticks of the bar an epoch.
const TICKS: f64 = 1000.0;

fn bar(epochs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}  left {eta:4} {wide_bar}");
    let bar = ProgressBar::new((epochs as f64 * TICKS) as u64);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
