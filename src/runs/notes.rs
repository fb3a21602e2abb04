//! What a person says of a run: a note and tags, in a file of the run's directory that goes along when that is copied.

use super::RunError;
use crate::files::read_text;
use crate::train::write_whole;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The file in the run directory.
pub(super) const NOTES: &str = "notes.json";
/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a person says of a run. Nothing that is trained depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notes {
    /// Free text.
    pub note: String,
    /// Words that runs are found by.
    pub tags: Vec<String>,
    /// Where the run that this one was forked from is since it was moved: a path from the directory of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

impl Notes {
    /// Reads those of the run in `dir`; empty ones when there are none.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn read(dir: &Path) -> Result<Notes, RunError> {
        let path = dir.join(NOTES);
        let wrong = RunError::read(&path);
        match fs::metadata(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Notes::default()),
            Err(e) => Err(wrong(e)),
            Ok(file) if !file.is_file() || file.len() > LARGEST => Err(wrong(io::Error::other("it holds no notes"))),
            Ok(_) => read_text(&path).and_then(|text| Ok(serde_json::from_str(&text)?)).map_err(wrong),
        }
    }

    /// Changes those of the run in `dir`; whoever trains it does not notice.
    ///
    /// # Errors
    /// A file that cannot be read, or written: then it stays as it was.
    pub fn change(dir: &Path, change: impl FnOnce(&mut Notes)) -> Result<(), RunError> {
        let path = dir.join(NOTES);
        let mut notes = Notes::read(dir)?;
        change(&mut notes);
        let text = serde_json::to_string_pretty(&notes).map_err(|e| RunError::write(&path)(e.into()))?;
        write_whole(&path, (text + "\n").as_bytes()).map_err(RunError::write(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_kept_and_a_file_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Notes::read(dir.path()).unwrap(), Notes::default());
        Notes::change(dir.path(), |notes| notes.note = "the loss \"jumps\"".into()).unwrap();
        Notes::change(dir.path(), |notes| notes.tags = vec!["paper".into()]).unwrap();
        let notes = Notes::read(dir.path()).unwrap();
        assert_eq!((notes.note.as_str(), &notes.tags[..]), ("the loss \"jumps\"", &["paper".to_string()][..]));

        let file = dir.path().join(NOTES);
        fs::write(&file, "mine").unwrap();
        let error = Notes::change(dir.path(), |notes| notes.note.clear()).unwrap_err().to_string();
        assert!(error.contains("notes.json: cannot be read"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
