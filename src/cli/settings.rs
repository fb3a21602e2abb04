//! What `config.ron`, the themes, the options and the environment say together.

use super::Failure;
use super::args::Look;
use crate::app::{Kitty, Msg, Options, Theme};
use crate::config::{self, Bindings, Config, ConfigError};
use crate::{runs, tui};

/// The configuration; from here on its hook is told of what happens in runs.
pub(super) fn load() -> Result<Config, Failure> {
    let config = config::load(config::folder().as_deref()).map_err(Failure::Config)?;
    runs::set_hook(&config.hook);
    Ok(config)
}

/// What the configuration, a person and the environment chose for the screens, and the key tables of those that are not
/// a run's.
pub(super) fn chosen(look: &Look) -> Result<(Options, Bindings), Failure> {
    let config = load()?;
    let themes = config::themes(config::folder().as_deref()).map_err(Failure::Config)?;
    let wanted = look.theme.as_ref().unwrap_or(&config.theme);
    let theme = themes.iter().position(|theme| theme.name == *wanted);
    let theme = theme.ok_or_else(|| {
        let names = themes.iter().map(|theme| &*theme.name).collect::<Vec<_>>().join(", ");
        Failure::Theme {
            wanted: wanted.clone(),
            names,
            folder: config::folder().unwrap_or_else(|| "$TRICKTOP_CONFIG".into()),
        }
    })?;
    let options = Options {
        themes,
        theme,
        color: tui::color_from_env(),
        truecolor: tui::truecolor_from_env(),
        ascii: look.ascii || tui::ascii_from_env(),
        kitty: if look.kitty || config.kitty { Kitty::Wanted } else { Kitty::Off },
        notify: config.notify,
        keys: config.bindings.run,
    };
    Ok((options, config.bindings))
}

/// What was chosen for the screen of a run.
pub(super) fn options(look: &Look) -> Result<Options, Failure> {
    chosen(look).map(|(options, _)| options)
}

/// The configuration as text, with every key, below the name of its file.
pub(super) fn text() -> Result<String, Failure> {
    let config = load()?;
    let text = config::text(config).map_err(|e| Failure::Print(std::io::Error::other(e)))?;
    let file = match config::folder() {
        Some(folder) => folder.join(config::FILE).display().to_string(),
        None => format!("HOME is not set: TRICKTOP_CONFIG names the folder of {}", config::FILE),
    };
    Ok(format!("// {file}\n{text}\n"))
}

/// What the screen is told when themes have changed.
pub(super) fn themes(found: Result<Vec<Theme>, ConfigError>) -> Msg {
    Msg::Themes(found.map_err(|e| e.to_string()))
}
