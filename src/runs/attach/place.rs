//! Where the socket of a run is: in its directory, or, where that can hold none, elsewhere under a short name.

use super::SOCKET;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{env, ffi, io, process};

/// The file of the run directory that says where the socket is, when it is elsewhere.
const ELSEWHERE: &str = "socket.path";
/// What the folder of a socket elsewhere is called, before the number of the process.
const FOLDER: &str = "tricktop-";
/// Names that are tried for it.
const NAMES: u32 = 100;

/// A socket that is listened at; it goes when this is dropped.
pub(super) struct Place {
    /// The run directory.
    dir: PathBuf,
    /// Why the socket is not in it, where it is not.
    pub(super) moved: Option<io::Error>,
    /// The socket.
    pub(super) socket: PathBuf,
}

/// Listens for screens on the run in `dir`, which this process has locked: in the directory, else in
/// `$XDG_RUNTIME_DIR`, else in the folder for temporary files. This user alone may connect.
///
/// # Errors
/// Why there can be no socket in the directory, when there can be none elsewhere either.
pub(super) fn listen(dir: &Path) -> io::Result<(UnixListener, Place)> {
    // A killed process left it.
    remove(dir);
    let dir = dir.to_path_buf();
    let socket = dir.join(SOCKET);
    let why = match bind(&socket) {
        Ok(listener) => return Ok((listener, Place { dir, moved: None, socket })),
        Err(why) => why,
    };
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let bases = runtime.into_iter().chain([env::temp_dir(), PathBuf::from("/tmp")]);
    for base in bases.filter(|base| base.is_absolute()) {
        let Ok(folder) = folder(&base) else { continue };
        let socket = folder.join(SOCKET);
        let record = || fs::write(dir.join(ELSEWHERE), socket.as_os_str().as_bytes());
        match bind(&socket).and_then(|listener| record().map(|()| listener)) {
            Ok(listener) => return Ok((listener, Place { dir, moved: Some(why), socket })),
            // What remains is an empty directory, or a socket that nobody will look for.
            Err(_) => remove_with_folder(&socket),
        }
    }
    Err(why)
}

fn bind(socket: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Makes a folder that nobody else can have made, and nobody else can enter.
fn folder(base: &Path) -> io::Result<PathBuf> {
    let mut made = Err(io::ErrorKind::AlreadyExists.into());
    for number in 0..NAMES {
        let folder = base.join(format!("{FOLDER}{}-{number}", process::id()));
        made = DirBuilder::new().mode(0o700).create(&folder).map(|()| folder);
        if !made.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::AlreadyExists) {
            break;
        }
    }
    made
}

/// The socket elsewhere of the run in `dir`, if it has one.
fn elsewhere(dir: &Path) -> Option<PathBuf> {
    let path = fs::read(dir.join(ELSEWHERE)).ok()?;
    Some(PathBuf::from(ffi::OsString::from_vec(path))).filter(|path| path.is_absolute())
}

/// Connects to whoever listens for screens on the run in `dir`.
///
/// # Errors
/// Nobody does, or somebody else than the owner of the run.
pub(super) fn connect(dir: &Path) -> io::Result<UnixStream> {
    let Some(socket) = elsewhere(dir) else { return UnixStream::connect(dir.join(SOCKET)) };
    let named = |e: io::Error| {
        io::Error::new(e.kind(), format!("its socket is {} on the machine that trains it: {e}", socket.display()))
    };
    let owner = |path: &Path| fs::metadata(path).map(|file| file.uid());
    if owner(&socket).map_err(named)? != owner(dir)? {
        return Err(io::Error::other(format!("its socket {} is another user's", socket.display())));
    }
    UnixStream::connect(&socket).map_err(named)
}

/// Removes the socket of the run in `dir`, wherever it is.
fn remove(dir: &Path) {
    // What is not there, or not ours, stays as it is.
    let _ = fs::remove_file(dir.join(SOCKET));
    if let Some(socket) = elsewhere(dir) {
        remove_with_folder(&socket);
        let _ = fs::remove_file(dir.join(ELSEWHERE));
    }
}

/// Removes a socket and the folder that was made for it; nothing but what this program makes.
fn remove_with_folder(socket: &Path) {
    let ours = |folder: &&Path| folder.file_name().is_some_and(|name| name.as_bytes().starts_with(FOLDER.as_bytes()));
    let Some(folder) = socket.parent().filter(ours) else { return };
    if socket.file_name() == Some(ffi::OsStr::new(SOCKET)) {
        let _ = fs::remove_file(socket);
        let _ = fs::remove_dir(folder);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        remove(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory whose path is too long for a socket.
    fn deep(root: &Path) -> PathBuf {
        let dir = root.join("a_directory_with_a_rather_long_name_as_clusters_have_them/").join("x".repeat(100));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_path_that_is_too_long_has_its_socket_elsewhere_for_this_user_alone_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = deep(root.path());
        let (listener, place) = listen(&dir).unwrap();
        let (socket, folder) = (place.socket.clone(), place.socket.parent().unwrap().to_path_buf());
        assert!(place.moved.is_some() && !socket.starts_with(root.path()), "{}", socket.display());
        assert!(socket.as_os_str().len() < 100);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&socket)), (0o700, 0o600));
        drop(connect(&dir).unwrap());
        // A second one has a place of its own.
        let other = deep(&root.path().join("other"));
        let (_other, second) = listen(&other).unwrap();
        assert_ne!(second.socket, socket);
        drop((listener, place));
        assert!(!folder.exists() && !dir.join(ELSEWHERE).exists());
        assert!(connect(&dir).is_err() && connect(&other).is_ok());
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = deep(root.path());
        let (listener, place) = listen(&dir).unwrap();
        let left = place.socket.clone();
        drop(listener);
        std::mem::forget(place);
        assert!(left.exists() && connect(&dir).is_err());
        let (_listener, place) = listen(&dir).unwrap();
        assert!(connect(&dir).is_ok());
        drop(place);
        assert!(!left.parent().unwrap().exists());
    }

    #[test]
    fn a_record_that_somebody_changed_removes_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let precious = root.path().join("socket");
        fs::write(&precious, "precious").unwrap();
        let dir = deep(root.path());
        fs::write(dir.join(ELSEWHERE), precious.as_os_str().as_bytes()).unwrap();
        drop(listen(&dir).unwrap());
        assert!(precious.exists());
    }
}
