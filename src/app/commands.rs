//! The command line: `:lr 0.1`, `:set tricks.mixup.alpha=0.3@500`, `:steps 10`, `:q`.

use super::editor;
use super::rows::title;
use crate::recipe::{KNOBS, Knob, Recipe, Value};
use crate::text::nearest;
use crate::train::When;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Change a knob.
    Set(&'static Knob, Value, When),
    /// Run this many steps, then pause.
    Steps(u64),
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
    CommandRow { short: "w", ..row("save", ":save  :w", "write a checkpoint now", Some(Word::Save)) },
    row("undo", ":undo", "undo the last edit", Some(Word::Undo)),
    row("rollback", ":rollback", "go back to the moment before the last edit", Some(Word::RollBack)),
    row("fork", ":fork", "a new run: from here, or from scratch with the values marked fork", Some(Word::Fork)),
    row("theme", ":theme NAME", "the theme of that name; without a name the next one", Some(Word::Theme)),
    row("help", ":help", "help", Some(Word::Help)),
    row("detach", ":detach", "leave the screen and let the run go on", Some(Word::Detach)),
    CommandRow { short: "q", ..row("quit", ":quit  :q", "stop the run: choose how", Some(Word::Quit)) },
    row("wq", ":wq", "save a checkpoint, stop and leave", Some(Word::SaveQuit)),
];

/// Understands a line under the planned recipe, where there are these themes.
///
/// # Errors
/// A sentence saying what was found and what is allowed.
pub fn parse(line: &str, planned: &Recipe, themes: &[&str]) -> Result<Order, String> {
    let line = line.trim().trim_start_matches(':');
    let end = line.find([' ', '=']).unwrap_or(line.len());
    let (head, rest) = (line[..end].trim(), line[end..].trim_start_matches([' ', '=']).trim());
    let command = COMMANDS.iter().find(|c| !head.is_empty() && (c.name == head || c.short == head));
    match command {
        Some(CommandRow { name: "set", usage, .. }) => {
            let at = rest.find(['=', ' ']).ok_or_else(|| format!("expected {usage}"))?;
            set(&rest[..at], rest[at + 1..].trim_start_matches(['=', ' ']), planned)
        }
        Some(CommandRow { name: "steps", usage, .. }) => match rest.parse() {
            Ok(n) if n > 0 => Ok(Order::Steps(n)),
            _ => Err(format!("{rest:?} is no number of steps; expected {usage}")),
        },
        Some(CommandRow { name: "theme", .. }) if !rest.is_empty() => {
            let found = themes.iter().find(|name| name.eq_ignore_ascii_case(rest));
            let unknown = || format!("there is no theme {rest:?}; the themes are {}", themes.join(", "));
            found.map(|name| Order::Theme(name.to_string())).ok_or_else(unknown)
        }
        Some(CommandRow { word: Some(word), .. }) if rest.is_empty() => Ok(Order::Do(*word)),
        Some(CommandRow { name, .. }) => Err(format!("{name} takes no argument, found {rest:?}")),
        None if rest.is_empty() => Err(match knob(head) {
            Ok(knob) => format!("{} is {}; to change it: {head} VALUE", title(knob), planned.get(knob)),
            Err(unknown) => like_a_command(head).unwrap_or(unknown),
        }),
        None => set(head, rest, planned),
    }
}

fn set(name: &str, value: &str, planned: &Recipe) -> Result<Order, String> {
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
fn like_a_command(word: &str) -> Option<String> {
    let commands = COMMANDS.iter().map(|command| (command.name.to_string(), Some(command.name)));
    let knobs = KNOBS.iter().flat_map(names).map(|name| (name, None));
    let command = nearest(word, commands.chain(knobs), ALIKE)??;
    Some(format!("there is no knob or command {word:?}; did you mean {command}?"))
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
pub(crate) fn knob(name: &str) -> Result<&'static Knob, String> {
    if let Some(knob) = crate::recipe::knobs::find(name) {
        return Ok(knob);
    }
    let lower = name.to_lowercase();
    let depth = |k: &&Knob| names(k).iter().position(|n| *n == lower);
    let Some(best) = KNOBS.iter().filter_map(|k| depth(&k)).min() else {
        return Err(match nearest(name, KNOBS.iter().flat_map(names).map(|near| (near.clone(), near)), ALIKE) {
            Some(near) => format!("there is no knob or command {name:?}; did you mean {near}?"),
            None => format!("there is no knob or command {name:?}; ? lists the commands"),
        });
    };
    let found: Vec<&Knob> = KNOBS.iter().filter(|k| depth(k) == Some(best)).collect();
    match found[..] {
        [one] => Ok(one),
        _ => {
            let paths: Vec<&str> = found.iter().map(|k| k.path).collect();
            Err(format!("{name:?} could be {}", paths.join(" or ")))
        }
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
            ("mixup.alpha 0.3", set("tricks.mixup.alpha", Value::Float(0.3), When::Now)),
            ("mixup-alpha 0.3", set("tricks.mixup.alpha", Value::Float(0.3), When::Now)),
            ("warmup off", set("schedule.warmup.on", Value::Bool(false), When::Now)),
            ("milestones 5, 10", set("schedule.milestones", Value::List(vec![5, 10]), When::Now)),
            ("steps 10", Order::Steps(10)),
            ("q", Order::Do(Word::Quit)),
            (":w", Order::Do(Word::Save)),
            (" save ", Order::Do(Word::Save)),
            ("theme", Order::Do(Word::Theme)),
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
            ("theme drak", "there is no theme \"drak\"; the themes are dark, light"),
            // (a command is no knob)
            ("set save=1", "there is no knob or command \"save\"; did you mean share?"),
            ("steps many", "\"many\" is no number of steps; expected :steps n"),
            ("save now", "save takes no argument, found \"now\""),
            ("set lr", "expected :set path=value"),
            ("é=1", "there is no knob or command"),
        ];
        for (line, want) in cases {
            let got = parse(line, &Recipe::default(), &["dark", "light"]).unwrap_err();
            assert!(got.contains(want), "{line}: {got}");
        }
    }
}
