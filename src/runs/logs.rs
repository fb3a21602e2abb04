//! Reads logs back, and brings them into a state that a run can go on from.

use super::RunError;
use crate::files::without_mark;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// Longest line that is read, in bytes: the confusion matrix of some thousand classes.
const LONGEST: u64 = 64 << 20;
/// Bytes at the end of a log in which its last line is looked for.
const END: u64 = 64 << 10;

/// The lines of a log in their order; none when there is no log. A line that was torn off at the end is no line.
///
/// # Errors
/// A log that cannot be read, or a line that is no `T`.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    let mut found = Vec::new();
    visit(path, |line| found.push(line))?;
    Ok(found)
}

/// Hands the lines of a log on as [`read`] gives them, one after the other.
///
/// # Errors
/// As [`read`].
pub(super) fn visit<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(T)) -> Result<(), RunError> {
    let (mut count, mut wrong) = (0, None);
    each(path, |line| {
        count += 1;
        match serde_json::from_slice(without_mark(line)) {
            Ok(line) => take(line),
            Err(e) => wrong = Some(format!("line {count} cannot be read: {e}")),
        }
        wrong.is_none()
    })?;
    wrong.map_or(Ok(()), |why| Err(RunError::stuck(path)(why)))
}

/// The step that a line is about.
#[derive(Deserialize)]
struct Step {
    step: u64,
}

/// Bytes of a log before the first line of a later step than `last`, and before a line that was torn off at its end.
fn whole(path: &Path, last: u64) -> Result<u64, RunError> {
    let mut whole = 0;
    each(path, |line| {
        let stays = serde_json::from_slice::<Step>(line).map_or(true, |at| at.step <= last);
        whole += if stays { line.len() as u64 } else { 0 };
        stays
    })?;
    Ok(whole)
}

/// Copies what [`trim`] would cut off to the end of another file, then cuts it off.
pub(super) fn set_aside(path: &Path, last: u64, to: &Path) -> Result<(), RunError> {
    let whole = whole(path, last)?;
    let copy = || -> io::Result<()> {
        let mut from = File::open(path)?;
        from.seek(SeekFrom::Start(whole))?;
        let mut aside = OpenOptions::new().append(true).create(true).open(to)?;
        io::copy(&mut from, &mut aside)?;
        aside.sync_all()
    };
    copy().map_err(RunError::write(to))?;
    trim(path, last)
}

/// Cuts a log off before the first line of a later step than `last`, and before a line that was torn off at its end.
pub(super) fn trim(path: &Path, last: u64) -> Result<(), RunError> {
    let whole = whole(path, last)?;
    let cut = OpenOptions::new().write(true).open(path).and_then(|file| {
        if file.metadata()?.len() > whole {
            file.set_len(whole)?;
            file.sync_all()?;
        }
        Ok(())
    });
    match cut {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(RunError::write(path)(e)),
        _ => Ok(()),
    }
}

/// The last line of a log that has its line end and is a `T`, looked for in the end of the log alone.
///
/// # Errors
/// A log that cannot be read.
pub(super) fn last<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RunError> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let from = file.metadata()?.len().saturating_sub(END);
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        file.take(END).read_to_end(&mut end)?;
        Ok(end)
    };
    let end = match read() {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        end => end.map_err(RunError::read(path))?,
    };
    // What follows the last line end was torn off.
    let line = end.split(|byte| *byte == b'\n').rev().nth(1);
    Ok(line.and_then(|line| serde_json::from_slice(line).ok()))
}

/// Calls `take` with every line that has its line end, until it says no.
pub(super) fn each(path: &Path, mut take: impl FnMut(&[u8]) -> bool) -> Result<(), RunError> {
    let open = || -> io::Result<Option<BufReader<File>>> {
        match File::open(path) {
            Ok(file) if file.metadata()?.is_file() => Ok(Some(BufReader::new(file))),
            Ok(_) => Err(io::Error::other("it is not a regular file")),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    };
    let Some(mut file) = open().map_err(RunError::read(path))? else { return Ok(()) };
    let mut line = Vec::new();
    loop {
        line.clear();
        file.by_ref().take(LONGEST).read_until(b'\n', &mut line).map_err(RunError::read(path))?;
        if line.last() != Some(&b'\n') || !take(&line) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_log_is_cut_at_a_later_step_and_at_a_torn_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let text = "{\"step\":1}\n{\"other\":1}\nnonsense\n{\"step\":3}\n{\"step\":4}\n{\"step\":3}\n{\"st";
        for (last, lines) in [(0, 0), (1, 3), (3, 4), (9, 6)] {
            std::fs::write(&path, text).unwrap();
            trim(&path, last).unwrap();
            let left = std::fs::read_to_string(&path).unwrap();
            assert_eq!(left, text.split_inclusive('\n').take(lines).collect::<String>(), "step {last}");
        }
        let wrong = read::<Value>(&path).unwrap_err().to_string();
        assert!(wrong.contains("log: line 3 cannot be read"), "{wrong}");
        trim(&dir.path().join("nothing"), 1).unwrap();
        assert!(read::<Value>(&dir.path().join("nothing")).unwrap().is_empty());
        assert!(read::<Value>(dir.path()).is_err());
    }

    #[test]
    fn the_last_line_is_the_last_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let long = format!("{{\"filler\":\"{}\"}}\n", "x".repeat(100_000));
        let step = |text: &str| {
            std::fs::write(&path, text).unwrap();
            last::<Step>(&path).unwrap().map(|line| line.step)
        };
        assert_eq!(step(&format!("{long}{{\"step\":1}}\n{{\"step\":2}}\n{{\"st")), Some(2));
        assert_eq!(step("{\"step\":7}\n"), Some(7));
        assert_eq!(step("{\"step\":7}"), None);
        assert_eq!(step(&format!("{{\"step\":1}}\n{long}")), None);
        assert!(last::<Step>(&dir.path().join("nothing")).unwrap().is_none());
    }

    /// Every byte of the last three records is where the writer may be torn off.
    #[test]
    fn a_torn_tail_costs_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let lines: Vec<String> =
            (1..=6).map(|n| format!("{{\"event\":\"speed\",\"step\":{n},\"img_s\":1.5}}\n")).collect();
        let text = lines.concat();
        let start = lines[..3].concat().len();
        for end in start..=text.len() {
            std::fs::write(&path, &text[..end]).unwrap();
            trim(&path, u64::MAX).unwrap();
            let whole = text[..end].matches('\n').count();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), lines[..whole].concat(), "torn after {end} bytes");
        }
    }
}
