//! Colours by meaning. Without colours, bold and dim remain; a glyph or a word always says the same.

use crate::app::{Options, ThemeName, Tone};
use crate::train;
use ratatui::style::{Color, Modifier, Style};

/// Styles by meaning.
pub(crate) struct Theme {
    pub(crate) text: Style,
    pub(crate) dim: Style,
    pub(crate) frame: Style,
    pub(crate) accent: Style,
    pub(crate) good: Style,
    pub(crate) pending: Style,
    pub(crate) alarm: Style,
    /// The smoothed training loss, the rate, top-1: the curve of a chart.
    pub(crate) curve: Style,
    /// The validation loss, top-5: the second curve.
    pub(crate) second: Style,
    /// Single training losses.
    pub(crate) faint: Style,
    pub(crate) cursor: Style,
    /// Runs that are drawn over one another, by their slots.
    pub(crate) runs: [Style; 6],
    pub(crate) ascii: bool,
}

/// The colours of a theme as indices of the 256-colour palette.
struct Palette {
    dim: u8,
    frame: u8,
    faint: u8,
    accent: u8,
    second: u8,
    good: u8,
    pending: u8,
    alarm: u8,
    runs: [u8; 6],
}

const DARK: Palette = Palette {
    dim: 246,
    frame: 239,
    faint: 242,
    accent: 80,
    second: 215,
    good: 114,
    pending: 221,
    alarm: 203,
    runs: [80, 215, 114, 177, 221, 203],
};
const LIGHT: Palette = Palette {
    dim: 242,
    frame: 250,
    faint: 247,
    accent: 24,
    second: 130,
    good: 28,
    pending: 94,
    alarm: 124,
    runs: [24, 130, 28, 90, 124, 66],
};
/// After Okabe and Ito: sky blue, orange, bluish green, yellow, vermillion.
const SAFE: Palette = Palette {
    dim: 246,
    frame: 240,
    faint: 243,
    accent: 75,
    second: 214,
    good: 36,
    pending: 227,
    alarm: 166,
    runs: [75, 214, 36, 175, 227, 166],
};

impl Theme {
    pub(crate) fn new(options: &Options) -> Theme {
        let palette = match options.theme {
            ThemeName::Dark => DARK,
            ThemeName::Light => LIGHT,
            ThemeName::Safe => SAFE,
        };
        let color = |index: u8, without: Modifier| match options.color {
            true => Style::new().fg(Color::Indexed(index)),
            false => Style::new().add_modifier(without),
        };
        let bold = Modifier::BOLD;
        let none = Modifier::empty();
        Theme {
            // The terminal's own colour, also over something drawn before.
            text: Style::new().fg(Color::Reset),
            dim: color(palette.dim, Modifier::DIM),
            frame: color(palette.frame, Modifier::DIM),
            accent: color(palette.accent, bold),
            good: color(palette.good, bold).add_modifier(bold),
            pending: color(palette.pending, bold),
            alarm: color(palette.alarm, bold).add_modifier(bold),
            curve: color(palette.accent, none),
            second: color(palette.second, none),
            faint: color(palette.faint, Modifier::DIM),
            cursor: Style::new().add_modifier(Modifier::REVERSED),
            runs: palette.runs.map(|index| color(index, none)),
            ascii: options.ascii,
        }
    }

    pub(crate) fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => self.text,
            Tone::Edit => self.accent,
            Tone::Good => self.good,
            Tone::Warn => self.pending,
            Tone::Alarm => self.alarm,
        }
    }

    /// The glyph, the word and the style of a run's state.
    pub(crate) fn state(&self, state: train::State) -> (&'static str, &'static str, Style) {
        match state {
            train::State::Starting => ("◌", "STARTING", self.dim),
            train::State::Running => ("●", "RUN", self.good),
            train::State::Paused => ("‖", "PAUSED", self.pending),
            train::State::Evaluating => ("◆", "EVAL", self.good),
            train::State::Done => ("✓", "DONE", self.good),
            train::State::Stopped => ("■", "STOPPED", self.pending),
            train::State::Failed => ("✗", "FAILED", self.alarm),
        }
    }
}
