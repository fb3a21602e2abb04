//! How a screen looks, and what a person set before the start.

use super::keys::{BINDINGS, Binding};
use ratatui::style::Color;
use std::borrow::Cow;

/// The colours of a theme, by what they mean. The text itself has the terminal's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// What is said beside the values.
    pub dim: Color,
    /// Frames and axes.
    pub frame: Color,
    /// Single training losses, and curves that stand behind.
    pub faint: Color,
    /// Keys, switches, the first curve of a chart.
    pub accent: Color,
    /// The second curve of a chart.
    pub second: Color,
    /// It goes well.
    pub good: Color,
    /// It is on its way.
    pub pending: Color,
    /// It needs a person.
    pub alarm: Color,
    /// Runs on one chart.
    pub runs: [Color; 6],
}

impl Palette {
    /// Colours of the terminal's 256, in the order of the fields.
    const fn indexed(colours: [u8; 8], [a, b, c, d, e, f]: [u8; 6]) -> Palette {
        let [dim, frame, faint, accent, second, good, pending, alarm] = colours;
        Palette {
            dim: Color::Indexed(dim),
            frame: Color::Indexed(frame),
            faint: Color::Indexed(faint),
            accent: Color::Indexed(accent),
            second: Color::Indexed(second),
            good: Color::Indexed(good),
            pending: Color::Indexed(pending),
            alarm: Color::Indexed(alarm),
            runs: [
                Color::Indexed(a),
                Color::Indexed(b),
                Color::Indexed(c),
                Color::Indexed(d),
                Color::Indexed(e),
                Color::Indexed(f),
            ],
        }
    }
}

/// A theme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name on the command line.
    pub name: Cow<'static, str>,
    /// Its colours; none where bold and dim have to do.
    pub palette: Option<Palette>,
    /// Whether it is for a light background.
    pub light: bool,
}

const fn theme(name: &'static str, light: bool, palette: Option<Palette>) -> Theme {
    Theme { name: Cow::Borrowed(name), palette, light }
}

/// The themes of the program, the default first.
pub static THEMES: [Theme; 5] = [
    theme(
        "dark",
        false,
        Some(Palette::indexed([246, 239, 242, 80, 215, 114, 221, 203], [80, 215, 114, 177, 221, 203])),
    ),
    theme("light", true, Some(Palette::indexed([242, 250, 247, 24, 130, 28, 94, 124], [24, 130, 28, 90, 124, 66]))),
    // After Okabe and Ito: sky blue, orange, bluish green, yellow, vermillion.
    theme("safe", false, Some(Palette::indexed([246, 240, 243, 75, 214, 36, 227, 166], [75, 214, 36, 175, 227, 166]))),
    theme(
        "contrast",
        false,
        Some(Palette::indexed([255, 250, 252, 51, 226, 46, 226, 210], [51, 226, 46, 213, 208, 210])),
    ),
    theme("mono", false, None),
];

/// What happened that a person may want to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Occasion {
    /// The run is over.
    End,
    /// Something needs a person's eye.
    Alarm,
    /// An epoch ended better than all before.
    Best,
}

/// How a terminal is asked to show a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Desktop {
    /// Not at all.
    #[default]
    Off,
    /// `OSC 9`: iTerm2, WezTerm, Windows Terminal, kitty, ghostty.
    Osc9,
    /// `OSC 777`: urxvt, foot, WezTerm, ghostty.
    Osc777,
}

/// Whether and how the screen tells what happened while nobody looked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// Rings the terminal's bell.
    pub bell: bool,
    /// Notifications of the desktop, through the terminal.
    pub desktop: Desktop,
    /// What for.
    pub on: Vec<Occasion>,
}

impl Default for Notify {
    fn default() -> Notify {
        Notify { bell: true, desktop: Desktop::Off, on: vec![Occasion::End, Occasion::Alarm] }
    }
}

/// Whether images are drawn by kitty's graphics protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kitty {
    /// Nobody wants it.
    #[default]
    Off,
    /// A person wants it; the terminal was not asked yet.
    Wanted,
    /// The terminal says that it can.
    On,
    /// The terminal does not say that it can.
    Refused,
}

/// What a person chose before the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The themes that there are.
    pub themes: Vec<Theme>,
    /// The one in force.
    pub theme: usize,
    /// Whether colours are used at all (NO_COLOR).
    pub color: bool,
    /// Whether the terminal has more colours than a palette of 256 (COLORTERM).
    pub truecolor: bool,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
    /// Whether images are more than half blocks.
    pub kitty: Kitty,
    /// What is told, and how.
    pub notify: Notify,
    /// The keys of a run's screen.
    pub keys: &'static [Binding],
}

impl Default for Options {
    fn default() -> Options {
        Options {
            themes: THEMES.to_vec(),
            theme: 0,
            color: true,
            truecolor: true,
            ascii: false,
            kitty: Kitty::Off,
            notify: Notify::default(),
            keys: BINDINGS,
        }
    }
}

impl Options {
    /// The colours in force.
    pub fn palette(&self) -> Option<Palette> {
        self.themes.get(self.theme).and_then(|theme| theme.palette).filter(|_| self.color)
    }

    /// Takes other themes; that in force stays, by its name.
    pub(crate) fn take_themes(&mut self, themes: Vec<Theme>) {
        let name = self.themes.get(self.theme).map(|theme| theme.name.clone());
        self.theme = themes.iter().position(|theme| Some(&theme.name) == name.as_ref()).unwrap_or(0);
        self.themes = themes;
    }

    /// Whether the background is light.
    pub(crate) fn light(&self) -> bool {
        self.themes.get(self.theme).is_some_and(|theme| theme.light)
    }

    /// The names of the themes.
    pub(crate) fn theme_names(&self) -> Vec<&str> {
        self.themes.iter().map(|theme| &*theme.name).collect()
    }

    /// Takes the theme of a name, where there is one.
    pub(crate) fn take_theme(&mut self, name: &str) {
        self.theme = self.themes.iter().position(|theme| theme.name == name).unwrap_or(self.theme);
    }

    /// Goes to the next theme, after the last to the first; gives its name.
    pub(crate) fn next_theme(&mut self) -> &str {
        self.theme = (self.theme + 1) % self.themes.len().max(1);
        self.themes.get(self.theme).map_or("", |theme| &theme.name)
    }
}
