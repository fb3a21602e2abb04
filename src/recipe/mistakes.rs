//! Mistakes of presets and of `--set`: where they stand, and how they are worded.

use std::fmt;

/// Where a mistake stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// File as it was opened, or `--set`.
    pub source: String,
    /// Line and column in characters, both from 1; none when the whole source is meant.
    pub position: Option<(usize, usize)>,
}

impl Place {
    /// The place of a whole source.
    pub fn whole(source: impl Into<String>) -> Place {
        Place { source: source.into(), position: None }
    }

    /// The place right after `before`, which is the text of `source` up to it.
    pub fn after(source: impl Into<String>, before: &str) -> Place {
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.chars().rev().take_while(|c| *c != '\n').count();
        Place { source: source.into(), position: Some((line, column)) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        match self.position {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for Mistake {
    /// Writes the mistake on one line; what a file holds never reaches a terminal as a control character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{}: {}", self.place, self.message).replace(char::is_control, "?"))
    }
}

/// Every mistake of a preset, its extended files and its `--set` options: never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// The mistakes: the opened file's first, then those of the files it extends, then `--set`.
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    /// Writes a line for each mistake and a last line with their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.0 {
            writeln!(f, "{mistake}")?;
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} mistake{plural}; nothing was started", self.0.len())
    }
}

impl std::error::Error for Mistakes {}

impl FromIterator<Mistake> for Mistakes {
    /// Gathers the mistakes of several presets; one that they share (of `--set`) stands once.
    fn from_iter<I: IntoIterator<Item = Mistake>>(mistakes: I) -> Mistakes {
        let mut list = Vec::new();
        for mistake in mistakes {
            if !list.contains(&mistake) {
                list.push(mistake);
            }
        }
        Mistakes(list)
    }
}

/// `text` on one line, cut to a length that a message can hold.
pub(super) fn excerpt(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(40) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        assert_eq!(Place::after("f", "").to_string(), "f:1:1");
        assert_eq!(Place::after("f", "ab\n\té").to_string(), "f:2:3");
        assert_eq!(Place::after("f", "a\r\nb").to_string(), "f:2:2");
        assert_eq!(Place::whole("--set").to_string(), "--set");
    }
}
