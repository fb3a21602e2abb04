//! Lines for a shell, as far as the documentation uses one.

use std::iter::Peekable;
use std::str::Chars;

/// Words before a command that are none of its own.
const BEFORE: [&str; 7] = ["do", "then", "else", "while", "time", "nice", "env"];

/// The simple commands of a text as words without quotes. Redirections, comments and assignments are left out;
/// substitutions stay as they are written.
pub fn commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => word.get_or_insert_default().push(c),
            },
            '\'' | '"' => word.get_or_insert_default().extend(up_to(&mut chars, c)),
            '$' if chars.peek() == Some(&'(') => {
                let inside: String = up_to(&mut chars, ')').collect();
                *word.get_or_insert_default() += &format!("${inside})");
            }
            '#' if word.is_none() => {
                up_to(&mut chars, '\n').for_each(drop);
                commands.push(Vec::new());
            }
            _ if c.is_whitespace() || "|;&<>()".contains(c) => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    command.push(word);
                }
                if "<>".contains(c) {
                    commands.last_mut().into_iter().for_each(|command| command.push(c.to_string()));
                } else if "|;&()\n".contains(c) {
                    commands.push(Vec::new());
                }
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands.into_iter().map(own).filter(|command| !command.is_empty()).collect()
}

/// What comes before a mark, which is taken too.
fn up_to<'a>(chars: &'a mut Peekable<Chars<'_>>, mark: char) -> impl Iterator<Item = char> + 'a {
    std::iter::from_fn(move || chars.next().filter(|c| *c != mark))
}

/// The words of a command alone.
fn own(words: Vec<String>) -> Vec<String> {
    let assigns = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        })
    };
    let mut kept = Vec::new();
    let mut words = words.into_iter().skip_while(|word| BEFORE.contains(&&**word) || assigns(word));
    while let Some(word) = words.next() {
        if word == "<" || word == ">" {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept
}

#[test]
fn a_text_is_taken_apart_as_a_shell_does() {
    let text = "for seed in 0 1; do\n  A=1 tricktop --set 'x=a b' \\\n    --json > \"$(basename $p)-0.jsonl\" # why\ndone\n\
                time cargo test | tail -1; tricktop runs";
    let expected = ["for|seed|in|0|1", "tricktop|--set|x=a b|--json", "done", "cargo|test", "tail|-1", "tricktop|runs"];
    assert_eq!(commands(text).iter().map(|words| words.join("|")).collect::<Vec<_>>(), expected);
}
