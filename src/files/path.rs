//! Paths as a shell would have them: `~` and `$HOME` stand for the home directory.
//!
//! A recipe keeps a path as it was written, so that `~/photos` is right on any machine: it is resolved when it is opened.

use std::env;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a path cannot be resolved.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PathError {
    /// No home directory is known.
    #[error("{path}: {part} is the home directory, and HOME does not name one here; write the whole path")]
    NoHome {
        /// The path as written.
        path: String,
        /// What stands for the home directory in it.
        part: String,
    },
    /// Another's home directory, or another variable.
    #[error("{path}: {part} is not resolved (only ~ and $HOME at the start of a path are); write the whole path")]
    NotResolved {
        /// The path as written.
        path: String,
        /// What a shell would resolve in it.
        part: String,
    },
}

/// The path to open for one that a person wrote in a knob or a file: `~`, `$HOME` and `${HOME}` at its start are the home
/// directory. Every other path is taken as it is.
///
/// # Errors
/// A home directory that is not known; `~user` and other variables, where nothing is there under that very name.
pub fn resolved(path: impl AsRef<Path>) -> Result<PathBuf, PathError> {
    let home = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    resolved_in(path.as_ref(), home.as_deref())
}

fn resolved_in(path: &Path, home: Option<&Path>) -> Result<PathBuf, PathError> {
    let Some(text) = path.to_str() else { return Ok(path.to_path_buf()) };
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    if ["~", "$HOME", "${HOME}"].contains(&first) {
        let (path, part) = (text.to_string(), first.to_string());
        let home = home.ok_or(PathError::NoHome { path, part })?;
        // Joining `/photos` of `~//photos` would give a path from the root.
        return Ok(home.join(rest.trim_start_matches('/')));
    }
    match for_a_shell(text) {
        Some(part) if !path.exists() => Err(PathError::NotResolved { path: text.to_string(), part: part.to_string() }),
        _ => Ok(path.to_path_buf()),
    }
}

/// The first part of a path that a shell would put something else for: `~user` at its start, `$NAME`, `${NAME}`.
fn for_a_shell(text: &str) -> Option<&str> {
    if text.starts_with('~') {
        return text.split('/').next();
    }
    text.match_indices('$').find_map(|(at, _)| {
        let (open, from) = if text[at + 1..].starts_with('{') { (true, at + 2) } else { (false, at + 1) };
        let length = text[from..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len() - from);
        let end = from + length;
        let is_name = length > 0 && !text[from..].starts_with(|c: char| c.is_ascii_digit());
        match open {
            false => is_name.then(|| &text[at..end]),
            true => (is_name && text[end..].starts_with('}')).then(|| &text[at..=end]),
        }
    })
}

/// A path as a shell reads it.
pub fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_directory_is_put_in() {
        let cases = [
            ("~", "/h/me"),
            ("~/photos", "/h/me/photos"),
            ("~//photos", "/h/me/photos"),
            ("$HOME/a b/c", "/h/me/a b/c"),
            ("${HOME}/x.pack", "/h/me/x.pack"),
            ("", ""),
            ("photos", "photos"),
            ("/data/a~b/~", "/data/a~b/~"),
            ("./~/x", "./~/x"),
            ("costs 5$", "costs 5$"),
            ("$5/${", "$5/${"),
        ];
        for (written, opened) in cases {
            assert_eq!(resolved_in(Path::new(written), Some(Path::new("/h/me"))), Ok(opened.into()), "{written}");
        }
    }

    #[test]
    fn what_is_not_resolved_is_told() {
        let home = Some(Path::new("/h/me"));
        for (written, part) in [
            ("~anna/photos", "~anna"),
            ("$DATA/photos", "$DATA"),
            ("/x/${USER}/photos", "${USER}"),
            ("/x/$HOME", "$HOME"),
            ("$HOMES/x", "$HOMES"),
        ] {
            let why = resolved_in(Path::new(written), home).unwrap_err().to_string();
            assert!(why.starts_with(&format!("{written}: {part} is not resolved")), "{why}");
        }
        let why = resolved_in(Path::new("~/photos"), None).unwrap_err().to_string();
        assert!(why.starts_with("~/photos: ~ is the home directory, and HOME does not name one"), "{why}");
    }

    #[test]
    fn a_name_that_is_there_is_no_variable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("$price");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(resolved_in(&path, None), Ok(path));
    }
}
