//! Where the text of a preset comes from: a file, or the program itself.

use super::bundled::{self, Bundled};
use super::mistakes::{Mistake, Place};
use crate::files::{self, TextError};
use crate::text::nearest;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// Size that no preset may exceed.
const MAX_BYTES: u64 = 1 << 20;

/// Where the text of a preset comes from.
pub(super) enum Source {
    File(PathBuf),
    /// A bundled preset, and the file that would be read if it were there.
    Bundled(&'static Bundled, Option<PathBuf>),
}

impl Source {
    /// The file at `path`, or the bundled preset of that name when there is no such file: its file in the repository
    /// when that is here, so that an edit of it is seen, else the text inside the program.
    pub(super) fn open(path: &Path) -> Source {
        match bundled::find(path) {
            Some(bundled) if !path.is_file() && Path::new(bundled.path).is_file() => Source::File(bundled.path.into()),
            Some(bundled) if !path.is_file() => Source::Bundled(bundled, Some(path.to_path_buf())),
            _ => Source::File(path.to_path_buf()),
        }
    }

    /// The preset that this one extends: `to` starts at this one's folder or is a bundled name.
    pub(super) fn relative(&self, to: &Path) -> Source {
        // A path that is not resolved is told when it cannot be read.
        let to = &files::resolved(to).unwrap_or_else(|_| to.to_path_buf());
        let beside = |here: &Path| tidy(&here.parent().unwrap_or(Path::new("")).join(to));
        match self {
            Source::File(file) => {
                let path = beside(file);
                match bundled::find(to) {
                    Some(bundled) if !path.is_file() => Source::Bundled(bundled, Some(path)),
                    _ => Source::File(path),
                }
            }
            Source::Bundled(bundled, _) => {
                let path = beside(Path::new(bundled.path));
                bundled::find(&path).map_or(Source::File(path), |bundled| Source::Bundled(bundled, None))
            }
        }
    }

    /// The file that is read, or would be.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Source::File(file) => Some(file),
            Source::Bundled(_, file) => file.as_deref(),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Source::File(file) => file.display().to_string(),
            Source::Bundled(bundled, _) => bundled.path.to_string(),
        }
    }

    /// The same for every spelling of a path to the same text.
    pub(super) fn identity(&self) -> PathBuf {
        match self {
            Source::File(file) => fs::canonicalize(file).unwrap_or_else(|_| file.clone()),
            Source::Bundled(bundled, _) => PathBuf::from(bundled.path),
        }
    }

    /// The text out of what [`Source::bytes`] read; `role` says what it is when it is not the file that was opened.
    pub(super) fn text(&self, read: io::Result<Vec<u8>>, at: &Place, role: &str) -> Result<String, Mistake> {
        let unreadable = |e| Mistake { place: at.clone(), message: format!("{role}{}", self.unreadable(e)) };
        decode(&self.shown(), read.map_err(unreadable)?)
    }

    /// The bytes of the text, cut one above the limit.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        match self {
            Source::Bundled(bundled, _) => Ok(bundled.text.into()),
            Source::File(file) => {
                // A pipe could keep the reader waiting for ever.
                if !fs::metadata(file)?.is_file() {
                    return Err(io::Error::other("it is not a regular file"));
                }
                let mut bytes = Vec::new();
                File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    fn unreadable(&self, problem: io::Error) -> String {
        if problem.kind() != io::ErrorKind::NotFound {
            return format!("cannot be read: {problem}");
        }
        if let Source::File(file) = self
            && let Err(problem) = file.components().try_for_each(|part| files::resolved(part).map(drop))
        {
            return format!("does not exist; {problem}");
        }
        let shown = self.shown();
        let words = bundled::BUNDLED.iter().flat_map(|b| [(b.path, b.name), (b.name, b.name)]);
        match nearest(&shown, words, 0.6).filter(|name| *name != shown) {
            Some(name) => format!("does not exist; did you mean the bundled preset `{name}`?"),
            None => "does not exist; `tricktop presets` lists the bundled presets".to_string(),
        }
    }
}

/// The text of a preset file.
fn decode(shown: &str, bytes: Vec<u8>) -> Result<String, Mistake> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Mistake { place: Place::whole(shown), message: "is larger than 1 MB: not a preset".to_string() });
    }
    files::text(bytes).map_err(|error| match error {
        TextError::NotUtf8 { line, column } => {
            let place = Place { source: shown.to_string(), position: Some((line, column)) };
            Mistake { place, message: "is not UTF-8 from here on; save it as UTF-8".to_string() }
        }
        TextError::Wide(_) => Mistake { place: Place::whole(shown), message: error.to_string() },
    })
}

/// `path` without `.` and with each `..` taken back, as it is written.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}
