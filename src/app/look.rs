//! How a screen looks.

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeName {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// Safe for colour-blind eyes, on a dark background.
    Safe,
}

impl ThemeName {
    /// Every theme, in the order of the key.
    pub const ALL: [ThemeName; 3] = [ThemeName::Dark, ThemeName::Light, ThemeName::Safe];

    /// The one after it, and after the last the first.
    pub(crate) fn next(self) -> ThemeName {
        let at = ThemeName::ALL.iter().position(|theme| *theme == self).unwrap_or(0);
        ThemeName::ALL[(at + 1) % ThemeName::ALL.len()]
    }

    /// The name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            ThemeName::Dark => "dark",
            ThemeName::Light => "light",
            ThemeName::Safe => "safe",
        }
    }
}

/// What a person chose before the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Colours.
    pub theme: ThemeName,
    /// Whether colours are used at all (NO_COLOR).
    pub color: bool,
    /// Whether the terminal has more colours than a palette of 256 (COLORTERM).
    pub truecolor: bool,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
}
