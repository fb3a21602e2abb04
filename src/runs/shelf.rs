//! Moves run directories: another name, the trash, and back. Nothing is ever removed.

use super::dir::{RunDir, claim};
use super::fork::{name_from, parent};
use super::{Notes, RunError};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The directory of deleted runs, in that of the runs.
pub const TRASH: &str = ".trash";

/// Longest name of a run in bytes, as in a recipe.
const LONGEST: usize = 100;

/// A run directory that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Where it was.
    pub from: PathBuf,
    /// Where it is.
    pub to: PathBuf,
    /// The runs that were forked from it, which know where it is now.
    pub children: Vec<PathBuf>,
    /// What went wrong with one of those, after the move.
    pub trouble: Option<String>,
}

/// Why a run cannot have a name, as the end of a sentence; nothing when it can.
pub fn misnamed(name: &str) -> Option<&'static str> {
    let wrong = |c: char| c.is_control() || matches!(c, '/' | '\\');
    match name {
        "" => Some("is empty"),
        _ if name.starts_with(['.', '-']) => Some("begins with a dot or a dash"),
        _ if name.contains(wrong) => Some("has a slash or a control character; it names a directory"),
        _ if name.trim() != name => Some("begins or ends with a space"),
        _ if name.len() > LONGEST => Some("is longer than 100 bytes"),
        _ => None,
    }
}

impl Move {
    /// Gives the run in `dir` another name. `children` are the runs that were forked from it.
    ///
    /// # Errors
    /// A run that somebody trains, a name that cannot be or is taken, the system's; nothing has changed then.
    pub fn rename(dir: &Path, name: &str, children: &[PathBuf]) -> Result<Move, RunError> {
        match misnamed(name) {
            Some(why) => Err(RunError::stuck(dir)(format!("cannot be called `{name}`, which {why}"))),
            None => moved(dir, |_| take(&dir.with_file_name(name)), children),
        }
    }

    /// Moves the run in `dir` into the trash of the directory `root`, under a name that is free there.
    ///
    /// # Errors
    /// As [`Move::rename`].
    pub fn trash(dir: &Path, root: &Path, children: &[PathBuf]) -> Result<Move, RunError> {
        let trash = root.join(TRASH);
        fs::create_dir_all(&trash).map_err(RunError::create(&trash))?;
        moved(dir, |name| claim(name, &trash).map(|(_, to)| to), children)
    }

    /// Moves it back to where it was.
    ///
    /// # Errors
    /// As [`Move::rename`].
    pub fn back(&self) -> Result<Move, RunError> {
        moved(&self.to, |_| take(&self.from), &self.children)
    }
}

/// Makes the directory that another one is to be moved to: so nobody else can take its name.
fn take(to: &Path) -> Result<PathBuf, RunError> {
    match fs::create_dir(to) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            Err(RunError::stuck(to)("is there already; choose another name"))
        }
        made => made.map(|()| to.to_path_buf()).map_err(RunError::create(to)),
    }
}

/// Moves a run that nobody trains over an empty directory, which `take` makes for its name.
fn moved(
    dir: &Path,
    take: impl FnOnce(&str) -> Result<PathBuf, RunError>,
    children: &[PathBuf],
) -> Result<Move, RunError> {
    let run = RunDir::open(dir)?;
    let forked_from = parent(dir).and_then(|parent| fs::canonicalize(dir.join(parent)).ok());
    let to = take(&run.name)?;
    if let Err(e) = fs::rename(dir, &to) {
        // The directory is empty and was made a moment ago.
        drop(fs::remove_dir(&to));
        return Err(RunError::stuck(dir)(format!("cannot be moved to {}: {e}", to.display())));
    }
    let own = forked_from.filter(|_| dir.parent() != to.parent()).map(|parent| (to.clone(), parent));
    let others = children.iter().map(|child| (child.clone(), to.clone()));
    let tell = |(run, parent): (PathBuf, PathBuf)| {
        let told = Notes::change(&run, |notes| notes.parent = Some(name_from(&run, &parent)));
        told.err().map(|e| e.to_string())
    };
    let troubles: Vec<String> = own.into_iter().chain(others).filter_map(tell).collect();
    let trouble = troubles.into_iter().next();
    Ok(Move { from: dir.to_path_buf(), to, children: children.to_vec(), trouble })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use crate::runs::{Line, RECIPE};

    /// Runs with these names, each forked from the one before it.
    fn runs(names: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let root = tempfile::tempdir().unwrap();
        let mut dirs: Vec<PathBuf> = Vec::new();
        for name in names {
            let dir = root.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join(RECIPE), Recipe::default().to_ron()).unwrap();
            if let Some(parent) = dirs.last() {
                let line = Line::Fork { parent: name_from(&dir, parent), step: 4 };
                fs::write(dir.join("log.jsonl"), serde_json::to_string(&line).unwrap() + "\n").unwrap();
            }
            dirs.push(dir);
        }
        (root, dirs)
    }

    #[test]
    fn children_stay_connected_when_their_parent_moves_and_comes_back() {
        let (root, dirs) = runs(&["a", "b", "c"]);
        let called = |dir: &Path| parent(dir).unwrap();
        let to_c = std::slice::from_ref(&dirs[2]);
        assert_eq!(called(&dirs[2]), "../b");

        let renamed = Move::rename(&dirs[1], "better", to_c).unwrap();
        assert_eq!((called(&dirs[2]), called(&renamed.to)), ("../better".into(), "../a".into()));
        let trashed = Move::trash(&renamed.to, root.path(), to_c).unwrap();
        assert_eq!(trashed.to, root.path().join(".trash/better"));
        for (child, want) in [(&dirs[2], &trashed.to), (&trashed.to, &dirs[0])] {
            let found = fs::canonicalize(child.join(called(child))).unwrap();
            assert_eq!(found, fs::canonicalize(want).unwrap());
        }
        let back = trashed.back().unwrap().to;
        assert_eq!((called(&dirs[2]), called(&back)), ("../better".into(), "../a".into()));
        renamed.back().unwrap();
        assert_eq!(called(&dirs[2]), "../b");
    }

    #[test]
    fn what_must_not_be_moved_stays() {
        let (root, dirs) = runs(&["a", "b"]);
        let refused = |name: &str| Move::rename(&dirs[0], name, &[]).unwrap_err().to_string();
        for (name, why) in [
            ("", "is empty"),
            ("..", "begins with a dot"),
            (".trash", "begins with a dot"),
            ("-x", "or a dash"),
            ("x/y", "has a slash"),
            ("a\n", "a control character"),
            (" a", "with a space"),
            ("b", "is there already"),
            (&"x".repeat(101), "longer than 100 bytes"),
        ] {
            assert!(refused(name).contains(why), "{name}: {}", refused(name));
        }
        let held = RunDir::open(&dirs[0]).unwrap();
        assert!(refused("c").contains("another tricktop is at work"));
        assert!(Move::trash(&dirs[0], root.path(), &[]).unwrap_err().to_string().contains("at work"));
        drop(held);
        assert!(dirs[0].is_dir() && !root.path().join("c").exists());
        assert!(fs::read_dir(root.path().join(TRASH)).unwrap().next().is_none());
    }

    #[test]
    fn the_trash_keeps_runs_of_one_name_apart() {
        let (root, dirs) = runs(&["a"]);
        let first = Move::trash(&dirs[0], root.path(), &[]).unwrap();
        fs::create_dir(&dirs[0]).unwrap();
        fs::write(dirs[0].join(RECIPE), Recipe::default().to_ron()).unwrap();
        let second = Move::trash(&dirs[0], root.path(), &[]).unwrap();
        assert_eq!((first.to, second.to), (root.path().join(".trash/a"), root.path().join(".trash/a-2")));
    }
}
