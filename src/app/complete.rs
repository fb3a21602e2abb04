//! What Tab does in the command line: it completes a word as far as it is clear, and shows what may stand there.

use super::commands::{COMMANDS, knob, names, shown};
use super::modal::Line;
use super::panes::PANES;
use super::words::title;
use crate::recipe::{KNOBS, Kind, Recipe};

/// What may stand in the place of a word.
enum May {
    /// The words of one of these lists: the first list in which a word begins like what is typed.
    Words(Vec<Vec<String>>),
    /// Something that no list holds; a sentence tells what.
    Told(String),
}

/// Completes the last word of a line as far as it is clear.
pub(crate) fn complete(line: &mut Line, planned: &Recipe, themes: &[&str]) {
    let text = line.text().to_string();
    let start = text.rfind([' ', '=']).map_or(0, |at| at + 1);
    let (before, word) = text.split_at(start);
    let lists = match may(before, planned, themes) {
        May::Words(lists) => lists,
        May::Told(what) => return line.offer(Vec::new(), Some(what)),
    };
    let lower = word.to_lowercase();
    let begins = |name: &String| name.to_lowercase().starts_with(&lower);
    let found = lists.into_iter().map(|mut list| {
        list.retain(begins);
        list.dedup();
        list
    });
    let Some(found) = found.into_iter().find(|list| !list.is_empty()) else {
        return line.offer(Vec::new(), Some(format!("nothing begins with {word:?}")));
    };
    let common = found.iter().skip(1).fold(found[0].clone(), |common, name| {
        let both = common.chars().zip(name.chars());
        both.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).map(|(a, _)| a).collect()
    });
    *line = Line::new(&format!("{before}{common}"));
    match &found[..] {
        [one] => line.offer(Vec::new(), before.trim().is_empty().then(|| about(one, planned)).flatten()),
        _ => line.offer(found, None),
    }
}

/// What may stand after the words before.
fn may(before: &str, planned: &Recipe, themes: &[&str]) -> May {
    let words = |list: &[&str]| vec![list.iter().map(ToString::to_string).collect()];
    let before = before.trim_start().trim_start_matches(':');
    let (head, rest) = before.split_once([' ', '=']).unwrap_or((before, ""));
    let name = if head == "set" { rest.trim_matches([' ', '=']) } else { head };
    match (head, name) {
        ("", _) => {
            let first = COMMANDS.iter().map(|c| c.name.to_string());
            let titles = KNOBS.iter().map(|knob| title(knob).replace(' ', "-").to_lowercase());
            let mut others: Vec<String> = KNOBS.iter().flat_map(names).collect();
            others.sort();
            May::Words(vec![first.chain(titles).collect(), others, paths()])
        }
        ("set", "") => May::Words(vec![paths()]),
        ("theme", _) => May::Words(words(themes)),
        ("pane", _) => May::Words(vec![PANES.iter().map(|row| row.name()).collect()]),
        _ => match knob(name) {
            Ok(knob) => match knob.kind {
                Kind::Switch => May::Words(words(&["on", "off"])),
                Kind::Choice(choices) => May::Words(words(choices)),
                _ => May::Told(shown(knob, planned)),
            },
            Err(unknown) => May::Told(unknown.to_string()),
        },
    }
}

fn paths() -> Vec<String> {
    KNOBS.iter().map(|knob| knob.path.to_string()).collect()
}

/// What is to be said of a word that is whole.
fn about(word: &str, planned: &Recipe) -> Option<String> {
    match COMMANDS.iter().find(|command| command.name == word) {
        Some(command) => Some(format!("{}: {}", command.usage, command.help)),
        None => knob(word).ok().map(|knob| shown(knob, planned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(text: &str) -> (String, Vec<String>, String) {
        let mut line = Line::new(text);
        complete(&mut line, &Recipe::default(), &["dark", "light", "safe"]);
        (line.text().to_string(), line.offers.clone(), line.hint.clone().unwrap_or_default())
    }

    #[test]
    fn a_word_is_completed_as_far_as_it_is_clear_and_what_may_follow_is_shown() {
        let (line, offers, _) = tab("ste");
        assert_eq!((line.as_str(), &offers[..]), ("step", &["steps", "step-factor"].map(String::from)[..]));
        let (line, offers, hint) = tab("set tricks.mixup.al");
        assert_eq!((line.as_str(), offers.len(), hint.as_str()), ("set tricks.mixup.alpha", 0, ""));
        let (line, offers, hint) = tab("paus");
        assert_eq!((line.as_str(), offers.len(), hint.as_str()), ("pause", 0, ":pause: pause"));
        assert_eq!(tab("").1.first().map(String::as_str), Some("set"));
        assert_eq!(tab("zzz"), ("zzz".into(), vec![], "nothing begins with \"zzz\"".into()));
    }

    #[test]
    fn values_and_themes_are_completed_and_numbers_are_said() {
        assert_eq!(tab("mixup "), ("mixup o".into(), vec!["on".into(), "off".into()], String::new()));
        assert_eq!(tab("decay c").1, ["Cosine", "Constant"]);
        assert_eq!(tab("set schedule.decay=Cos").0, "set schedule.decay=Cosine");
        assert_eq!(tab("theme ").1, ["dark", "light", "safe"]);
        assert_eq!(tab("theme l").0, "theme light");
        assert_eq!(tab("lr ").2, "lr is 0.1; it may be a number in (0, 100]");
        assert_eq!(tab("lr 0.").0, "lr 0.", "what is typed stays");
        assert!(tab("lrr ").2.contains("there is no knob"));
    }
}
