//! Colours by meaning. Without colours, bold and dim remain; a glyph or a word always says the same.

use crate::app::{Options, Palette, Tone};
use crate::train;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
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

impl Theme {
    pub(crate) fn new(options: &Options) -> Theme {
        let palette = options.palette();
        let color = |of: fn(&Palette) -> Color, without: Modifier| match &palette {
            Some(palette) => Style::new().fg(of(palette)),
            None => Style::new().add_modifier(without),
        };
        let bold = Modifier::BOLD;
        let none = Modifier::empty();
        Theme {
            // The terminal's own colour, also over something drawn before.
            text: Style::new().fg(Color::Reset),
            dim: color(|p| p.dim, Modifier::DIM),
            frame: color(|p| p.frame, Modifier::DIM),
            accent: color(|p| p.accent, bold),
            good: color(|p| p.good, bold).add_modifier(bold),
            pending: color(|p| p.pending, bold),
            alarm: color(|p| p.alarm, bold).add_modifier(bold),
            curve: color(|p| p.accent, none),
            second: color(|p| p.second, none),
            faint: color(|p| p.faint, Modifier::DIM),
            cursor: Style::new().add_modifier(Modifier::REVERSED),
            runs: palette.map_or([Style::new(); 6], |p| p.runs.map(|color| Style::new().fg(color))),
            ascii: options.ascii,
        }
    }

    /// Prepares what a screen draws on; nothing where there is none.
    pub(crate) fn ground(options: &Options, buf: &mut Buffer, area: Rect) -> Option<(Theme, Rect)> {
        let area = area.intersection(*buf.area());
        let theme = Theme::new(options);
        buf.set_style(area, theme.text);
        (!area.is_empty()).then_some((theme, area))
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
            train::State::Finding => ("◇", "LR-FIND", self.good),
            train::State::Done => ("✓", "DONE", self.good),
            train::State::Stopped => ("■", "STOPPED", self.pending),
            train::State::Failed => ("✗", "FAILED", self.alarm),
            train::State::Killed => ("✗", "KILLED", self.pending),
        }
    }
}
