//! The command line: `:lr 0.1`, `:set tricks.mixup.alpha=0.3@500`, `:steps 10`, `:q`.

use super::editor::{self, ValueError};
use super::panes::{PANES, Pane};
use super::words::title;
use crate::recipe::{KNOBS, Knob, Recipe, Value};
use crate::text::nearest;
use crate::train::When;
use thiserror::Error;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Change a knob.
    Set(&'static Knob, Value, When),
    /// Run this many steps, then pause.
    Steps(u64),
    /// Predict the classes of an image.
    Predict(String),
    /// Go to a pane.
    Pane(Pane),
    /// Take the theme of this name.
    Theme(String),
    /// Something that a key does too.
    Do(Word),
}

/// A command without an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Pause.
    Pause,
    /// Go on.
    Resume,
    /// Evaluate now.
    Evaluate,
    /// Find a learning rate.
    FindRate,
    /// Write a checkpoint now.
    Save,
    /// Undo the last edit.
    Undo,
    /// Go back to the moment before the last edit.
    RollBack,
    /// New run with the gathered changes.
    Fork,
    /// Leave the screen and let the run go on.
    Detach,
    /// Ask how to stop, or leave.
    Quit,
    /// Save, stop and leave.
    SaveQuit,
    /// Next theme.
    Theme,
    /// Help.
    Help,
}

/// Why a line means nothing.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CommandError {
    /// A command is not written like that.
    #[error("expected {0}")]
    Usage(&'static str),
    /// Something else than a number of steps.
    #[error("{found:?} is no number of steps; expected {usage}")]
    Steps {
        /// What was found.
        found: String,
        /// How the command is written.
        usage: &'static str,
    },
    /// A name that nothing of its kind has.
    #[error("there is no {kind} {name:?}; the {kind}s are {known}")]
    Unknown {
        /// What was named.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// Something after a command that takes nothing.
    #[error("{command} takes no argument, found {found:?}")]
    Argument {
        /// The command.
        command: &'static str,
        /// What was found.
        found: String,
    },
    /// A knob without a value to give it.
    #[error("{title} is {value}; to change it: {typed} VALUE")]
    NoValue {
        /// The knob's title.
        title: String,
        /// Its value.
        value: Value,
        /// Its name as it was typed.
        typed: String,
    },
    /// A word that is neither a command nor a knob, and what it is like.
    #[error("there is no knob or command {word:?}; {}", way_out(like.as_deref()))]
    NoKnob {
        /// The word.
        word: String,
        /// The name most like it, when one is like it.
        like: Option<String>,
    },
    /// A name that several knobs have.
    #[error("{name:?} could be {}", paths.join(" or "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The paths of these knobs.
        paths: Vec<&'static str>,
    },
    /// The value is none that the knob can take.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// A command: its name, how it is written, what it does.
pub struct CommandRow {
    /// Name.
    pub name: &'static str,
    /// Short form, or empty.
    pub short: &'static str,
    /// With its argument.
    pub usage: &'static str,
    /// For the help.
    pub help: &'static str,
    word: Option<Word>,
}

/// The command that takes the path of a file.
pub(crate) const PREDICT: &str = "predict";

const fn row(name: &'static str, usage: &'static str, help: &'static str, word: Option<Word>) -> CommandRow {
    CommandRow { name, short: "", usage, help, word }
}

/// Every command; a line that starts with none of them names a knob.
pub static COMMANDS: &[CommandRow] = &[
    row("set", ":set path=value", "change a knob by its path", None),
    row("steps", ":steps n", "run n steps, then pause", None),
    row("pause", ":pause", "pause", Some(Word::Pause)),
    row("resume", ":resume", "go on, also with a run that has ended", Some(Word::Resume)),
    row("eval", ":eval", "evaluate now", Some(Word::Evaluate)),
    row("lr-find", ":lr-find", "find a learning rate on a copy of the run's state", Some(Word::FindRate)),
    CommandRow { short: "w", ..row("save", ":save  :w", "write a checkpoint now", Some(Word::Save)) },
    row(PREDICT, ":predict FILE", "predict the classes of an image of yours", None),
    row("undo", ":undo", "undo the last edit", Some(Word::Undo)),
    row("rollback", ":rollback", "go back to the moment before the last edit", Some(Word::RollBack)),
    row("fork", ":fork", "a new run: from here, or from scratch with the values marked fork", Some(Word::Fork)),
    row("pane", ":pane NAME", "go to the pane of that name", None),
    row("theme", ":theme NAME", "the theme of that name; without a name the next one", Some(Word::Theme)),
    row("help", ":help", "help", Some(Word::Help)),
    row("detach", ":detach", "leave the screen and let the run go on", Some(Word::Detach)),
    CommandRow { short: "q", ..row("quit", ":quit  :q", "stop the run: choose how", Some(Word::Quit)) },
    row("wq", ":wq", "save a checkpoint, stop and leave", Some(Word::SaveQuit)),
];

/// Understands a line under the planned recipe, where there are these themes.
///
/// # Errors
/// What was found and what is allowed.
pub fn parse(line: &str, planned: &Recipe, themes: &[&str]) -> Result<Order, CommandError> {
    let line = line.trim().trim_start_matches(':');
    let end = line.find([' ', '=']).unwrap_or(line.len());
    let (head, rest) = (line[..end].trim(), line[end..].trim_start_matches([' ', '=']).trim());
    let command = COMMANDS.iter().find(|c| !head.is_empty() && (c.name == head || c.short == head));
    match command {
        Some(CommandRow { name: "set", usage, .. }) => {
            let at = rest.find(['=', ' ']).ok_or(CommandError::Usage(usage))?;
            set(&rest[..at], rest[at + 1..].trim_start_matches(['=', ' ']), planned)
        }
        Some(CommandRow { name: "steps", usage, .. }) => match rest.parse() {
            Ok(n) if n > 0 => Ok(Order::Steps(n)),
            _ => Err(CommandError::Steps { found: rest.to_string(), usage }),
        },
        Some(CommandRow { name: PREDICT, usage, .. }) => match rest {
            "" => Err(CommandError::Usage(usage)),
            file => Ok(Order::Predict(file.to_string())),
        },
        Some(CommandRow { name: "theme", .. }) if !rest.is_empty() => {
            let found = themes.iter().find(|name| name.eq_ignore_ascii_case(rest));
            found.map(|name| Order::Theme(name.to_string())).ok_or_else(|| unknown("theme", rest, themes.join(", ")))
        }
        Some(CommandRow { name: "pane", .. }) => Pane::find(rest).map(Order::Pane).ok_or_else(|| {
            let names: Vec<String> = PANES.iter().map(|row| row.name()).collect();
            unknown("pane", rest, names.join(", "))
        }),
        Some(CommandRow { word: Some(word), .. }) if rest.is_empty() => Ok(Order::Do(*word)),
        Some(CommandRow { name, .. }) => Err(CommandError::Argument { command: name, found: rest.to_string() }),
        None if rest.is_empty() => Err(match knob(head) {
            Ok(knob) => CommandError::NoValue { title: title(knob), value: planned.get(knob), typed: head.to_string() },
            Err(unknown) => like_a_command(head).unwrap_or(unknown),
        }),
        None => set(head, rest, planned),
    }
}

/// What helps with a word that is neither a command nor a knob.
fn way_out(like: Option<&str>) -> String {
    like.map_or_else(|| "? lists the commands".into(), |like| format!("did you mean {like}?"))
}

fn unknown(kind: &'static str, name: &str, known: String) -> CommandError {
    CommandError::Unknown { kind, name: name.to_string(), known }
}

fn set(name: &str, value: &str, planned: &Recipe) -> Result<Order, CommandError> {
    let knob = knob(name)?;
    let (value, when) = editor::meaning(knob, value, planned)?;
    Ok(Order::Set(knob, value, when))
}

/// What a knob is and may be.
pub(crate) fn shown(knob: &Knob, planned: &Recipe) -> String {
    format!("{} is {}; it may be {}", title(knob), planned.get(knob), knob.kind)
}

/// How alike a word and a name must be for a guess.
const ALIKE: f64 = 0.6;

/// What is to be said of a word that is like a command more than like any knob.
fn like_a_command(word: &str) -> Option<CommandError> {
    let commands = COMMANDS.iter().map(|command| (command.name.to_string(), Some(command.name)));
    let knobs = KNOBS.iter().flat_map(names).map(|name| (name, None));
    let command = nearest(word, commands.chain(knobs), ALIKE)??;
    Some(CommandError::NoKnob { word: word.to_string(), like: Some(command.to_string()) })
}

/// Names that mean a knob: its path, its end (`mixup.alpha`), its short name (`weight-decay`, `lr`), its initials.
pub(crate) fn names(knob: &Knob) -> Vec<String> {
    let short = |s: &str| s.replace(' ', "-");
    let tail = knob.path.split_once('.').map_or(knob.path, |(_, tail)| tail);
    let last = knob.path.rsplit('.').next().unwrap_or(knob.path);
    let titles = [title(knob), knob.name.to_string()].map(|name| short(&name).to_lowercase());
    let mut names: Vec<String> = titles.into_iter().chain([tail.to_string(), last.to_string()]).collect();
    if let Some(trick) = tail.strip_suffix(".on") {
        names.push(trick.to_string());
    }
    names
}

/// The knob that a name means.
///
/// # Errors
/// What may have been meant.
pub(crate) fn knob(name: &str) -> Result<&'static Knob, CommandError> {
    if let Some(knob) = crate::recipe::knobs::find(name) {
        return Ok(knob);
    }
    let lower = name.to_lowercase();
    let depth = |k: &&Knob| names(k).iter().position(|n| *n == lower);
    let Some(best) = KNOBS.iter().filter_map(|k| depth(&k)).min() else {
        let like = nearest(name, KNOBS.iter().flat_map(names).map(|near| (near.clone(), near)), ALIKE);
        return Err(CommandError::NoKnob { word: name.to_string(), like });
    };
    let found: Vec<&Knob> = KNOBS.iter().filter(|k| depth(k) == Some(best)).collect();
    match found[..] {
        [one] => Ok(one),
        _ => Err(CommandError::Ambiguous { name: name.to_string(), paths: found.iter().map(|k| k.path).collect() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    #[test]
    fn lines_mean_what_they_say() {
        let set = |path: &str, value, when| Order::Set(find(path).unwrap(), value, when);
        let cases = [
            ("lr 0.2", set("schedule.base_lr", Value::Float(0.2), When::Now)),
            (":lr=0.2@500", set("schedule.base_lr", Value::Float(0.2), When::Step(500))),
            ("set schedule.base_lr=0.2e", set("schedule.base_lr", Value::Float(0.2), When::NextEpoch)),
            ("set lr 0.2", set("schedule.base_lr", Value::Float(0.2), When::Now)),
            ("weight-decay 1e-4", set("optim.weight_decay", Value::Float(1e-4), When::Now)),
            ("mixup on", set("tricks.mixup.on", Value::Bool(true), When::Now)),
            ("alpha 0.3", set("tricks.mixup.alpha", Value::Float(0.3), When::Now)),
            ("epsilon 0.2", set("tricks.smoothing.epsilon", Value::Float(0.2), When::Now)),
            ("mixup.alpha 0.3", set("tricks.mixup.alpha", Value::Float(0.3), When::Now)),
            ("mixup-alpha 0.3", set("tricks.mixup.alpha", Value::Float(0.3), When::Now)),
            ("warmup off", set("schedule.warmup.on", Value::Bool(false), When::Now)),
            ("milestones 5, 10", set("schedule.milestones", Value::List(vec![5, 10]), When::Now)),
            ("steps 10", Order::Steps(10)),
            (":predict my photo.jpg ", Order::Predict("my photo.jpg".into())),
            ("predict=a", Order::Predict("a".into())),
            ("q", Order::Do(Word::Quit)),
            (":w", Order::Do(Word::Save)),
            (" save ", Order::Do(Word::Save)),
            ("theme", Order::Do(Word::Theme)),
            ("pane Learning-rate", Order::Pane(Pane::Rate)),
            ("theme Light", Order::Theme("light".into())),
            ("PCA-noise on", set("augment.pca.on", Value::Bool(true), When::Now)),
        ];
        for (line, want) in cases {
            assert_eq!(parse(line, &Recipe::default(), &["dark", "light"]), Ok(want), "{line}");
        }
    }

    #[test]
    fn a_mistake_says_what_would_be_right() {
        let cases = [
            ("", "there is no knob or command \"\""),
            ("lr", "lr is 0.1; to change it: lr VALUE"),
            ("lr fast", "lr is fast; it must be a number in (0, 100]"),
            ("form Paper", "could be"),
            ("mixpu on", "did you mean mixup"),
            ("lr 0,2", "with a decimal point: 0.2?"),
            ("lr 0,2@500", "with a decimal point: 0.2?"),
            ("pasue", "there is no knob or command \"pasue\"; did you mean pause?"),
            ("pane 3", "there is no pane \"3\"; the panes are knobs, tricks, loss, learning-rate"),
            ("theme drak", "there is no theme \"drak\"; the themes are dark, light"),
            // A command is no knob.
            ("set save=1", "there is no knob or command \"save\"; did you mean scale?"),
            ("steps many", "\"many\" is no number of steps; expected :steps n"),
            ("save now", "save takes no argument, found \"now\""),
            ("set lr", "expected :set path=value"),
            ("predict ", "expected :predict FILE"),
            ("é=1", "there is no knob or command"),
        ];
        for (line, want) in cases {
            let got = parse(line, &Recipe::default(), &["dark", "light"]).unwrap_err().to_string();
            assert!(got.contains(want), "{line}: {got}");
        }
    }
}
