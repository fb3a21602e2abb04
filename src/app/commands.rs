//! The command line: `:lr 0.1`, `:set tricks.mixup.alpha=0.3@500`, `:steps 10`, `:q`.

use super::editor;
use super::rows::title;
use crate::recipe::{KNOBS, Knob, Recipe, Value};
use crate::train::When;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Change a knob.
    Set(&'static Knob, Value, When),
    /// Run this many steps, then pause.
    Steps(u64),
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
    row("theme", ":theme", "next theme", Some(Word::Theme)),
    row("help", ":help", "help", Some(Word::Help)),
    row("detach", ":detach", "leave the screen and let the run go on", Some(Word::Detach)),
    CommandRow { short: "q", ..row("quit", ":quit  :q", "stop the run: choose how", Some(Word::Quit)) },
    row("wq", ":wq", "save a checkpoint, stop and leave", Some(Word::SaveQuit)),
];

/// Understands a line under the planned recipe.
///
/// # Errors
/// A sentence saying what was found and what is allowed.
pub fn parse(line: &str, planned: &Recipe) -> Result<Order, String> {
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
        Some(CommandRow { word: Some(word), .. }) if rest.is_empty() => Ok(Order::Do(*word)),
        Some(CommandRow { name, .. }) => Err(format!("{name} takes no argument, found {rest:?}")),
        None if rest.is_empty() => Err(match knob(head) {
            Ok(knob) => format!("{} is {}; to change it: {head} VALUE", title(knob), planned.get(knob)),
            Err(unknown) => unknown,
        }),
        None => set(head, rest, planned),
    }
}

fn set(name: &str, value: &str, planned: &Recipe) -> Result<Order, String> {
    let knob = knob(name)?;
    let (value, when) = editor::meaning(knob, value, planned)?;
    Ok(Order::Set(knob, value, when))
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

fn knob(name: &str) -> Result<&'static Knob, String> {
    if let Some(knob) = crate::recipe::knobs::find(name) {
        return Ok(knob);
    }
    let lower = name.to_lowercase();
    let depth = |k: &&Knob| names(k).iter().position(|n| *n == lower);
    let Some(best) = KNOBS.iter().filter_map(|k| depth(&k)).min() else {
        let all = KNOBS.iter().flat_map(names).chain(COMMANDS.iter().map(|c| c.name.to_string()));
        let near = all.max_by(|a, b| strsim::jaro_winkler(a, &lower).total_cmp(&strsim::jaro_winkler(b, &lower)));
        let hint = near.filter(|n| strsim::jaro_winkler(n, &lower) > 0.75);
        return Err(match hint {
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

/// The line with its last word completed as far as it is clear.
pub(crate) fn complete(line: &str) -> Option<String> {
    let start = line.rfind([' ', '=']).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    let paths = KNOBS.iter().map(|k| k.path.to_string());
    let mut all: Vec<String> = match before.trim() {
        "" => COMMANDS.iter().map(|c| c.name.to_string()).chain(KNOBS.iter().flat_map(names)).chain(paths).collect(),
        "set" => paths.collect(),
        _ => return None,
    };
    all.retain(|n| n.starts_with(word));
    let first = all.first()?.clone();
    let common = all
        .iter()
        .fold(first.len(), |len, n| first.bytes().zip(n.bytes()).take(len).take_while(|(a, b)| a == b).count());
    Some(format!("{before}{}", &first[..common])).filter(|done| done != line)
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
        ];
        for (line, want) in cases {
            assert_eq!(parse(line, &Recipe::default()), Ok(want), "{line}");
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
            ("steps many", "\"many\" is no number of steps; expected :steps n"),
            ("save now", "save takes no argument, found \"now\""),
            ("set lr", "expected :set path=value"),
            ("é=1", "there is no knob or command"),
        ];
        for (line, want) in cases {
            let got = parse(line, &Recipe::default()).unwrap_err();
            assert!(got.contains(want), "{line}: {got}");
        }
    }

    #[test]
    fn tab_completes_as_far_as_it_is_clear() {
        assert_eq!(complete("ste"), Some("step".into()));
        assert_eq!(complete("set tricks.mixup.al"), Some("set tricks.mixup.alpha".into()));
        assert_eq!(complete("lr 0."), None);
        assert_eq!(complete("zzz"), None);
    }
}
