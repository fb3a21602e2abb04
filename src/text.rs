//! Text that people read: nothing in it moves the cursor of a terminal or changes its state, and columns are counted as
//! a terminal counts them.
//!
//! Names come from anywhere (files of a downloaded set, classes, runs, notes), so what is printed for people goes through
//! [`printed`] as a whole, and a name that stands in a line or a column through [`shown`].

use std::borrow::Cow;
use std::env;
use unicode_width::UnicodeWidthStr;

/// A name as it is shown within a line: control characters and those that turn the direction of writing stand as JSON
/// writes them, e.g. `\u001b`.
pub fn shown(name: &str) -> Cow<'_, str> {
    escaped(name, acts)
}

/// Text of several lines as it may be written to a terminal: as [`shown`], but lines and tabs stay. JSON stays the same
/// JSON.
pub fn printed(text: &str) -> Cow<'_, str> {
    escaped(text, |c| acts(c) && c != '\n' && c != '\t')
}

/// Whether a character does something to a terminal, or to the order in which it shows others.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return text.into();
    }
    let one = |c: char| match c {
        '\n' => "\\n".to_string(),
        '\r' => "\\r".to_string(),
        '\t' => "\\t".to_string(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    text.chars().map(|c| if acts(c) { one(c) } else { c.to_string() }).collect::<String>().into()
}

/// Columns that a text takes on a terminal: two for a character of East Asia or an emoji, none for an accent that is
/// composed with the letter before it.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text with spaces after it up to a width in columns.
pub fn left(text: &str, width: usize) -> String {
    format!("{text}{}", spaces(text, width))
}

/// The text with spaces before it up to a width in columns.
pub fn right(text: &str, width: usize) -> String {
    format!("{}{text}", spaces(text, width))
}

fn spaces(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(columns(text)))
}

/// Why this terminal gets plain lines, and no screen or bar: it can neither move its cursor nor take a line back, or says
/// nothing of itself. Nothing where it can.
pub fn plain_terminal() -> Option<String> {
    plain(env::var("TERM").ok().as_deref())
}

fn plain(term: Option<&str>) -> Option<String> {
    match term {
        None | Some("") => Some("TERM is not set, so nothing is known of this terminal".into()),
        Some(dumb @ ("dumb" | "unknown")) => Some(format!("TERM={dumb}: this terminal cannot show a screen")),
        Some(_) => None,
    }
}

/// A text in LaTeX that is set as it stands here; line ends and tabs become spaces.
pub fn latex(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '%' | '&' | '_' | '#' | '$' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out += "\\textbackslash{}",
            '^' => out += "\\textasciicircum{}",
            '~' => out += "\\textasciitilde{}",
            '<' => out += "\\textless{}",
            '>' => out += "\\textgreater{}",
            '|' => out += "\\textbar{}",
            // (a shorthand in some languages of babel)
            '"' => out += "\\char34{}",
            // (not the ligature of two)
            '-' if out.ends_with('-') => out += "{}-",
            // (the end of a row would take them for its own)
            '[' | '*' if out.is_empty() => out.extend(['{', c, '}']),
            '±' => out += "$\\pm$",
            'Δ' => out += "$\\Delta$",
            c if acts(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Length in bytes above which a name is like no other.
const LONGEST: usize = 200;

/// What somebody may have meant who wrote `name`: the answer of the word most like it, when one is at least `least` alike
/// (0 to 1); the first of equals.
pub fn nearest<T>(name: &str, words: impl IntoIterator<Item = (impl AsRef<str>, T)>, least: f64) -> Option<T> {
    let plain = |word: &str| word.to_lowercase().replace([' ', '-'], "_");
    let name = plain(name);
    if name.len() > LONGEST {
        return None;
    }
    let mut best: Option<(f64, T)> = None;
    for (word, answer) in words {
        let alike = strsim::normalized_damerau_levenshtein(&name, &plain(word.as_ref()));
        if best.as_ref().map_or(alike >= least, |(most, _)| alike > *most) {
            best = Some((alike, answer));
        }
    }
    best.map(|(_, answer)| answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_and_all_else_stays() {
        assert_eq!(shown("c\u{1b}]0;x\u{7}\u{9b}2J\u{7f}a\nb\r\tt"), r"c\u001b]0;x\u0007\u009b2J\u007fa\nb\r\tt");
        assert_eq!(shown("gpj.\u{202e}exe\u{2069}"), r"gpj.\u202eexe\u2069");
        assert!(matches!(shown("Muñoz 猫 🐈 e\u{301} \\"), Cow::Borrowed("Muñoz 猫 🐈 e\u{301} \\")));
        assert_eq!(printed("two\n\tlines\u{1b}[31m\r"), "two\n\tlines\\u001b[31m\\r");
    }

    #[test]
    fn json_stays_the_same_json() {
        let name = "c\u{1b}\u{7f}\u{9b}\u{202e}\n猫";
        let json = serde_json::to_string(name).unwrap() + "\n";
        let safe = printed(&json);
        assert_ne!(safe, json);
        assert!(!safe.contains(|c: char| acts(c) && c != '\n'));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), name);
    }

    #[test]
    fn columns_are_those_of_a_terminal() {
        for (text, wide) in [("cat", 3), ("猫", 2), ("🐈", 2), ("e\u{301}", 1), ("한국", 4), ("ﾈｺ", 2), ("", 0)]
        {
            assert_eq!(columns(text), wide, "{text:?}");
            assert_eq!(left(text, 5), format!("{text}{}", " ".repeat(5 - wide)));
            assert_eq!(right(text, 5), format!("{}{text}", " ".repeat(5 - wide)));
        }
        assert_eq!(left("too long", 3), "too long");
    }

    #[test]
    fn a_terminal_that_is_dumb_or_unknown_gets_plain_lines() {
        assert!(plain(None).is_some_and(|why| why.contains("not set")));
        assert!(plain(Some("")).is_some() && plain(Some("unknown")).is_some());
        assert!(plain(Some("dumb")).is_some_and(|why| why.starts_with("TERM=dumb")));
        assert_eq!([plain(Some("xterm-256color")), plain(Some("linux")), plain(Some("vt100"))], [None, None, None]);
    }

    #[test]
    fn every_special_character_of_latex_is_escaped() {
        let all = r"\ ^ ~ & % $ # _ { }";
        let set = r"\textbackslash{} \textasciicircum{} \textasciitilde{} \& \% \$ \# \_ \{ \}";
        assert_eq!(latex(all), set);
        assert_eq!(latex("lr < 1 > 2 | \"x\""), r"lr \textless{} 1 \textgreater{} 2 \textbar{} \char34{}x\char34{}");
        assert_eq!(latex("--set a---b -1"), "-{}-set a-{}-{}-b -1");
        assert_eq!(latex("[1] *[2]"), "{[}1] *[2]");
        assert_eq!(latex("*\ntwo\r\nlines"), "{*} two  lines");
        assert_eq!(latex("1.0 ± 0.1 Δ"), r"1.0 $\pm$ 0.1 $\Delta$");
    }
}
