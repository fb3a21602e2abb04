//! Unpacking an archive: regular files and directories below its one top directory, and nothing that leaves it.

use super::GetError;
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use tar::Archive;

/// Most bytes that an archive may unpack to.
const MAX_BYTES: u64 = 400 << 30;

/// Whether a file is unpacked when it has arrived.
pub(super) fn is_archive(name: &str) -> bool {
    name.ends_with(".tar.gz") || name.ends_with(".tgz")
}

/// Unpacks `archive` to the directory `to`, which appears when it is whole.
pub(super) fn unpack(archive: &Path, to: &Path) -> Result<(), GetError> {
    let beside = to.with_extension("unpacking");
    let fresh = || match fs::remove_dir_all(&beside) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    };
    fresh().map_err(GetError::disk(&beside))?;
    let file = File::open(archive).map_err(GetError::disk(archive))?;
    if let Err(problem) = entries(BufReader::new(file), &beside) {
        // What is wrong with the archive says more than what is wrong with its rest.
        let _ = fresh();
        return Err(GetError::Archive { path: archive.into(), problem });
    }
    fs::rename(&beside, to).map_err(GetError::disk(to))
}

fn entries(input: impl Read, to: &Path) -> Result<(), String> {
    let text = |e: io::Error| format!("cannot be unpacked: {e}");
    let mut archive = Archive::new(MultiGzDecoder::new(input).take(MAX_BYTES));
    let mut files = 0;
    for entry in archive.entries().map_err(text)? {
        let mut entry = entry.map_err(text)?;
        let path = entry.path().map_err(text)?.into_owned();
        let Some(below) = inside(&path) else {
            return Err(format!("holds {}, which leads out of its directory", path.display()));
        };
        let (to, kind) = (to.join(below), entry.header().entry_type());
        if kind.is_dir() {
            fs::create_dir_all(&to).map_err(text)?;
        } else if kind.is_file() {
            to.parent().map_or(Ok(()), fs::create_dir_all).map_err(text)?;
            // Never through a link, and never over another file.
            let mut out = File::options().write(true).create_new(true).open(&to).map_err(text)?;
            io::copy(&mut entry, &mut out).map_err(text)?;
            files += 1;
        } else if !kind.is_pax_global_extensions() {
            return Err(format!("holds {}, which is neither a file nor a directory", path.display()));
        }
    }
    if files == 0 { Err("holds no files".into()) } else { Ok(()) }
}

/// A path without its first directory; none when it leads elsewhere.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut normal = path.components().filter(|c| *c != Component::CurDir);
    let parts: Option<Vec<_>> =
        normal.by_ref().map(|c| if let Component::Normal(n) = c { Some(n) } else { None }).collect();
    parts.map(|parts| parts.into_iter().skip(1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, EntryType, Header};

    /// Raw name, kind and content.
    type Entry = (&'static str, EntryType, &'static [u8]);

    /// An archive of these entries.
    fn archive(entries: &[Entry]) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            if *kind == EntryType::Symlink {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> (tempfile::TempDir, Result<(), GetError>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.tgz");
        fs::write(&file, bytes).unwrap();
        let result = unpack(&file, &dir.path().join("set"));
        (dir, result)
    }

    #[test]
    fn the_top_directory_is_left_out() {
        use EntryType::{Directory, Regular};
        let bytes = archive(&[("top/", Directory, b""), ("top/a", Regular, b"1"), ("./top/b/c", Regular, b"2")]);
        let (dir, result) = unpacked(&bytes);
        result.unwrap();
        assert_eq!(fs::read(dir.path().join("set/a")).unwrap(), b"1");
        assert_eq!(fs::read(dir.path().join("set/b/c")).unwrap(), b"2");
    }

    #[test]
    fn nothing_leaves_the_directory_and_nothing_of_a_bad_archive_stays() {
        use EntryType::{Regular, Symlink};
        let good = ("top/a", Regular, b"1".as_slice());
        let cases: [(&[Entry], &str); 6] = [
            (&[good, ("top/../../x", Regular, b"2")], "leads out"),
            (&[good, ("/x", Regular, b"2")], "leads out"),
            (&[good, ("top/l", Symlink, b"")], "neither a file nor a directory"),
            (&[good, good], "cannot be unpacked"),
            (&[good, ("top", Regular, b"2")], "cannot be unpacked"),
            (&[], "holds no files"),
        ];
        for (entries, expected) in cases {
            let (dir, result) = unpacked(&archive(entries));
            let error = result.unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
            let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["a.tgz"], "{expected}");
        }
        let mut cut = archive(&[("top/a", Regular, &[7; 5000])]);
        cut.truncate(cut.len() / 2);
        assert!(unpacked(&cut).1.unwrap_err().to_string().contains("cannot be unpacked"));
    }
}
