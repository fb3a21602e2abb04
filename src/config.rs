//! What a person sets once for all runs: `config.ron` and `themes/` in the folder of the configuration.

use crate::app::keys::{BINDINGS, Binding};
use crate::app::{self, Keys, Notify, Palette, THEMES, Theme};
use crate::browse::keys as browse;
use crate::files::read_text;
use crate::suite::screen::keys as suite;
use ratatui::style::Color;
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io};
use thiserror::Error;

/// The file in the folder.
pub const FILE: &str = "config.ron";
/// The folder of themes in the folder.
const FOLDER: &str = "themes";
/// Pause between two looks at the themes.
const LOOK: Duration = Duration::from_millis(500);

/// What is wrong with a file of the configuration.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct ConfigError {
    path: PathBuf,
    problem: String,
}

/// What a person sets once for all runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the theme.
    pub theme: String,
    /// Whether images are drawn by kitty's graphics protocol, where the terminal has it.
    pub kitty: bool,
    /// What is told to a person who may look elsewhere, and how.
    pub notify: Notify,
    /// A command of the shell that is run when something happens in a run.
    pub hook: String,
    /// Keys of a run's screen.
    pub keys: Keys,
    /// Keys of the browser of runs.
    pub runs_keys: Keys<browse::Action>,
    /// Keys of the screen of a suite.
    pub suite_keys: Keys<suite::Action>,
    /// The key tables with these keys.
    #[serde(skip)]
    pub bindings: Bindings,
}

/// The key tables of the screens.
#[derive(Debug)]
pub struct Bindings {
    /// Of a run's.
    pub run: &'static [Binding],
    /// Of the browser's of runs.
    pub runs: &'static [Binding<browse::Context, browse::Action>],
    /// Of a suite's.
    pub suite: &'static [Binding<suite::Context, suite::Action>],
}

impl Default for Bindings {
    fn default() -> Bindings {
        Bindings { run: BINDINGS, runs: browse::BINDINGS, suite: suite::BINDINGS }
    }
}

impl Default for Config {
    fn default() -> Config {
        let theme = THEMES[0].name.to_string();
        Config {
            theme,
            kitty: false,
            notify: Notify::default(),
            hook: String::new(),
            keys: Keys::new(),
            runs_keys: Keys::new(),
            suite_keys: Keys::new(),
            bindings: Bindings::default(),
        }
    }
}

/// Where the configuration is: `TRICKTOP_CONFIG`, else `tricktop` where the system keeps such folders; nowhere without
/// `HOME`, because what lies in the present directory is nobody's configuration.
pub fn folder() -> Option<PathBuf> {
    chosen(|name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from))
}

fn chosen(of: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let whole = |name| of(name).filter(|path| path.is_absolute());
    let kept = || whole("XDG_CONFIG_HOME").or_else(|| Some(whole("HOME")?.join(".config")));
    of("TRICKTOP_CONFIG").or_else(|| Some(kept()?.join("tricktop")))
}

/// The configuration in a folder; what is not set there is as ever, and so is all when there is no file or no folder.
///
/// # Errors
/// A mistake, with its place.
pub fn load(folder: Option<&Path>) -> Result<Config, ConfigError> {
    let Some(folder) = folder else { return Ok(Config::default()) };
    let path = folder.join(FILE);
    let mut config: Config = read(&path)?.unwrap_or_default();
    config.bindings = Bindings {
        run: bindings(&path, "keys", BINDINGS, &config.keys)?,
        runs: bindings(&path, "runs_keys", browse::BINDINGS, &config.runs_keys)?,
        suite: bindings(&path, "suite_keys", suite::BINDINGS, &config.suite_keys)?,
    };
    Ok(config)
}

fn bindings<C: Copy + PartialEq, A: Ord + Copy + std::fmt::Debug>(
    path: &Path,
    field: &str,
    table: &'static [Binding<C, A>],
    keys: &Keys<A>,
) -> Result<&'static [Binding<C, A>], ConfigError> {
    let wrong = |wrong: Vec<String>| ConfigError {
        path: path.to_path_buf(),
        problem: format!("{field}: {}", wrong.join("; ")),
    };
    app::with_keys(table, keys).map_err(wrong)
}

/// The configuration as text that can be written to the file and edited, with every key that may be set.
///
/// # Errors
/// None that is known of.
pub fn text(config: Config) -> Result<String, ron::Error> {
    let Bindings { run, runs, suite } = config.bindings;
    let (keys, runs_keys, suite_keys) = (app::settable_keys(run), app::settable_keys(runs), app::settable_keys(suite));
    let config = Config { keys, runs_keys, suite_keys, ..config };
    ron::ser::to_string_pretty(&config, ron::ser::PrettyConfig::new().depth_limit(2))
}

/// Reads a file; none when there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ConfigError> {
    let wrong = |problem| ConfigError { path: path.to_path_buf(), problem };
    match read_text(path) {
        Ok(text) => {
            let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
            options.from_str(&text).map(Some).map_err(|e| wrong(e.to_string()))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(wrong(e.to_string())),
    }
}

/// A colour as a file has it: a number of the 256, `"#rrggbb"`, or a name of the sixteen.
struct Tint(Color);

impl<'de> Deserialize<'de> for Tint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tint, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = |_| {
            let says =
                format!("{text:?} is no colour; expected \"0\" to \"255\", \"#rrggbb\" or a name such as \"cyan\"");
            serde::de::Error::custom(says)
        };
        text.parse().map(Tint).map_err(wrong)
    }
}

/// A theme as its file has it: another one with some colours changed.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Changed {
    extends: String,
    dim: Option<Tint>,
    frame: Option<Tint>,
    faint: Option<Tint>,
    accent: Option<Tint>,
    second: Option<Tint>,
    good: Option<Tint>,
    pending: Option<Tint>,
    alarm: Option<Tint>,
}

impl Default for Changed {
    fn default() -> Changed {
        let extends = THEMES[0].name.to_string();
        let [dim, frame, faint, accent, second, good, pending, alarm] = [const { None }; 8];
        Changed { extends, dim, frame, faint, accent, second, good, pending, alarm }
    }
}

impl Changed {
    fn theme(self, name: String) -> Result<Theme, String> {
        let extended = THEMES.iter().find(|theme| theme.name == self.extends);
        let Some((light, base)) = extended.and_then(|theme| Some((theme.light, theme.palette?))) else {
            let with = THEMES.iter().filter(|theme| theme.palette.is_some()).map(|theme| &*theme.name);
            let with = with.collect::<Vec<_>>().join(", ");
            return Err(format!("extends is {:?}; it must be one of {with}", self.extends));
        };
        let or = |tint: Option<Tint>, base| tint.map_or(base, |tint| tint.0);
        let palette = Palette {
            dim: or(self.dim, base.dim),
            frame: or(self.frame, base.frame),
            faint: or(self.faint, base.faint),
            accent: or(self.accent, base.accent),
            second: or(self.second, base.second),
            good: or(self.good, base.good),
            pending: or(self.pending, base.pending),
            alarm: or(self.alarm, base.alarm),
            runs: base.runs,
        };
        Ok(Theme { name: name.into(), palette: Some(palette), light })
    }
}

/// The themes of the program, then those of a folder; one of the same name takes the other's place.
///
/// # Errors
/// The first mistake, with its place.
pub fn themes(folder: Option<&Path>) -> Result<Vec<Theme>, ConfigError> {
    let mut themes = THEMES.to_vec();
    for (path, _) in files(folder) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // A file that was listed may be gone by now.
        let Some(changed) = read::<Changed>(&path)? else { continue };
        let theme = changed.theme(name).map_err(|problem| ConfigError { path, problem })?;
        themes.retain(|other| other.name != theme.name);
        themes.push(theme);
    }
    Ok(themes)
}

/// The files of themes and when they changed, in the order of their names.
fn files(folder: Option<&Path>) -> Vec<(PathBuf, Option<SystemTime>)> {
    let Some(Ok(entries)) = folder.map(|folder| fs::read_dir(folder.join(FOLDER))) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "ron"))
        .map(|path| (path.clone(), fs::metadata(&path).and_then(|m| m.modified()).ok()))
        .collect();
    files.sort();
    files
}

/// Sees when themes change.
pub struct ThemeWatch {
    folder: Option<PathBuf>,
    seen: Vec<(PathBuf, Option<SystemTime>)>,
    looked: Instant,
}

impl ThemeWatch {
    /// Watches the themes of a folder from now on.
    pub fn new(folder: Option<PathBuf>) -> ThemeWatch {
        ThemeWatch { seen: files(folder.as_deref()), folder, looked: Instant::now() }
    }

    /// The themes as they are now, when they have changed since the last look.
    pub fn look(&mut self) -> Option<Result<Vec<Theme>, ConfigError>> {
        if self.looked.elapsed() < LOOK {
            return None;
        }
        self.looked = Instant::now();
        let now = files(self.folder.as_deref());
        (std::mem::replace(&mut self.seen, now) != self.seen).then(|| themes(self.folder.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_never_in_the_present_directory_by_itself() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, PathBuf)> = set.iter().map(|(k, v)| (k.to_string(), v.into())).collect();
            chosen(move |name| set.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("HOME", "here")]), None);
        assert_eq!(of(&[("XDG_CONFIG_HOME", ".config")]), None);
        assert_eq!(of(&[("HOME", "/home/ann")]), Some("/home/ann/.config/tricktop".into()));
        assert_eq!(of(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/home/ann")]), Some("/x/tricktop".into()));
        assert_eq!(of(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/home/ann")]), Some("/home/ann/.config/tricktop".into()));
        // A theme that was named must be there.
        assert_eq!(of(&[("TRICKTOP_CONFIG", "mine"), ("HOME", "/home/ann")]), Some("mine".into()));
        assert_eq!(load(None).unwrap().hook, "");
        assert_eq!(themes(None).unwrap().len(), THEMES.len());
    }
}
