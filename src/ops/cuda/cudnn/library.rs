//! NVIDIA's library, found and opened while the program runs: a program that is built with CUDA starts without cuDNN,
//! too. Nothing is linked, so that one build goes with every cuDNN 9.

use super::error::CudnnError;
use libloading::Symbol;
use std::env;
use std::ffi::{CStr, OsString, c_char, c_void};
use std::path::{Path, PathBuf, absolute};
use std::sync::OnceLock;

/// What cuDNN gives pointers to: handles and descriptors.
pub type Object = *mut c_void;

/// The name of cuDNN 9's library.
const NAME: &str = "libcudnn.so.9";

/// A variable of the environment that names the library, or the folder that it is in.
pub const VARIABLE: &str = "TRICKTOP_CUDNN";

macro_rules! table {
    ($($(#[$doc:meta])* $field:ident = $name:literal: fn($($argument:ty),*) -> $answer:ty;)*) => {
        /// cuDNN's functions, with the types of `cudnn_graph.h`. Statuses are numbers and no enumeration: a later
        /// version may answer with ones that this program has not heard of.
        pub struct Table {
            $($(#[$doc])* pub $field: unsafe extern "C" fn($($argument),*) -> $answer,)*
        }

        impl Table {
            fn of(library: &libloading::Library) -> Result<Table, libloading::Error> {
                // SAFETY: functions of these names have these types in every cuDNN 9
                unsafe { Ok(Table { $($field: *library.get($name)?,)* }) }
            }
        }
    };
}

table! {
    create = b"cudnnCreate\0": fn(*mut Object) -> i32;
    destroy = b"cudnnDestroy\0": fn(Object) -> i32;
    set_stream = b"cudnnSetStream\0": fn(Object, *mut c_void) -> i32;
    /// The name of a status.
    status_name = b"cudnnGetErrorString\0": fn(i32) -> *const c_char;
    /// What the last call that failed on this thread says: buffer, bytes of it.
    last_words = b"cudnnGetLastErrorString\0": fn(*mut c_char, usize) -> ();
    create_descriptor = b"cudnnBackendCreateDescriptor\0": fn(i32, *mut Object) -> i32;
    destroy_descriptor = b"cudnnBackendDestroyDescriptor\0": fn(Object) -> i32;
    /// Descriptor, attribute, type of the values, number of values, values.
    set_attribute = b"cudnnBackendSetAttribute\0": fn(Object, i32, i32, i64, *const c_void) -> i32;
    /// Descriptor, attribute, type of the values, values that there is room for, values that there are, values.
    get_attribute = b"cudnnBackendGetAttribute\0": fn(Object, i32, i32, i64, *mut i64, *mut c_void) -> i32;
    finalize = b"cudnnBackendFinalize\0": fn(Object) -> i32;
    /// Handle, plan, variant pack.
    execute = b"cudnnBackendExecute\0": fn(Object, Object, Object) -> i32;
}

impl Table {
    /// An error unless `status` is that of success. What was being done follows "cuDNN cannot".
    pub fn check(&self, status: i32, doing: &'static str) -> Result<(), CudnnError> {
        if status == 0 {
            return Ok(());
        }
        let mut words = [0 as c_char; 1024];
        // SAFETY: there is room for that many bytes, with a zero behind them in any case
        unsafe { (self.last_words)(words.as_mut_ptr(), words.len() - 1) };
        // SAFETY: any number may be asked for
        let name = unsafe { (self.status_name)(status) };
        let text = |at: *const c_char| match at.is_null() {
            true => String::new(),
            // SAFETY: both texts end with a zero; the names are constants of the library
            false => unsafe { CStr::from_ptr(at) }.to_string_lossy().trim().to_owned(),
        };
        Err(CudnnError::Status { doing, status, name: text(name), words: text(words.as_ptr()) })
    }
}

/// cuDNN, opened.
pub struct Library {
    /// Its functions.
    pub table: Table,
    /// Where it is.
    pub path: String,
    version: usize,
}

impl Library {
    /// cuDNN as the program uses it: looked for once, and never closed, because GPUs may be at work with it up to the end.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get() -> Result<&'static Library, CudnnError> {
        static FOUND: OnceLock<Result<Library, CudnnError>> = OnceLock::new();
        FOUND.get_or_init(|| Library::find(|name| env::var_os(name))).as_ref().map_err(Clone::clone)
    }

    /// Looks for it: where [`VARIABLE`] says and nowhere else, or where the system's loader looks, then in the active
    /// Python environment, because `pip install` is how most people get cuDNN.
    pub(super) fn find(variable: impl Fn(&str) -> Option<OsString>) -> Result<Library, CudnnError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(named) = variable(VARIABLE) {
            return match Library::open(&in_folder(&named)) {
                Err(CudnnError::Unusable { place, why }) => Err(CudnnError::Named { place, why }),
                found => found,
            };
        }
        let mut tried = Vec::new();
        let mut places = vec![PathBuf::from(NAME)];
        for root in ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(variable) {
            let found = in_environment(&root);
            if found.is_empty() {
                tried.push(format!("{}: no nvidia/cudnn in its packages", root.display()));
            }
            places.extend(found);
        }
        for place in places {
            match Library::open(&place) {
                Ok(library) => return Ok(library),
                // (the loader's words name the file)
                Err(CudnnError::Unusable { why, .. }) => tried.push(why),
                Err(error) => tried.push(error.to_string()),
            }
        }
        Err(CudnnError::NotFound { tried: tried.join("; ") })
    }

    /// Opens the library at a path, or the one that the loader finds by a name without folders.
    fn open(place: &Path) -> Result<Library, CudnnError> {
        let unusable = |e: libloading::Error| CudnnError::Unusable { place: place.to_owned(), why: e.to_string() };
        // SAFETY: what runs when a cuDNN is loaded is NVIDIA's; whoever sets the variable means a cuDNN
        let library = unsafe { libloading::Library::new(place) }.map_err(unusable)?;
        // SAFETY: the function has this type in every version
        let ask: Symbol<unsafe extern "C" fn() -> usize> =
            unsafe { library.get(b"cudnnGetVersion\0") }.map_err(unusable)?;
        // SAFETY: it takes nothing and may be called at any time
        let version = unsafe { ask() };
        let path = file_of(*ask as usize).unwrap_or_else(|| place.display().to_string());
        // (asked before the other functions, which an older one lacks)
        if !(90_000..100_000).contains(&version) {
            return Err(CudnnError::Version { path, found: written(version) });
        }
        let table = Table::of(&library).map_err(unusable)?;
        // The functions are used for as long as the program runs.
        std::mem::forget(library);
        Ok(Library { table, path, version })
    }

    /// Such as "cuDNN 9.17.1".
    pub fn name(&self) -> String {
        format!("cuDNN {}", written(self.version))
    }
}

/// The file that is meant by a path to it or to its folder. It is absolute: the loader looks elsewhere for a bare name,
/// and cuDNN's library looks for its parts beside itself.
fn in_folder(named: &Path) -> PathBuf {
    let file = if named.is_dir() { named.join(NAME) } else { named.to_owned() };
    absolute(&file).unwrap_or(file)
}

/// Where a Python or Conda environment has cuDNN.
fn in_environment(root: &Path) -> Vec<PathBuf> {
    let lib = root.join("lib");
    let pythons = lib.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let of_pip = pythons
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3")))
        .map(|path| path.join("site-packages/nvidia/cudnn/lib").join(NAME));
    let mut places: Vec<PathBuf> = of_pip.chain([lib.join(NAME)]).filter(|path| path.is_file()).collect();
    places.sort();
    places.iter().filter_map(|path| absolute(path).ok()).collect()
}

/// A version as people write it. Up to 8 its first number was in the thousands.
fn written(version: usize) -> String {
    let major = if version < 10_000 { 1000 } else { 10_000 };
    format!("{}.{}.{}", version / major, version % major / 100, version % 100)
}

/// The file that a function was loaded from, as the kernel tells: the loader's path can lead anywhere.
fn file_of(address: usize) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let here = maps.lines().find(|line| {
        let bounds = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        let number = |digits| usize::from_str_radix(digits, 16).ok();
        bounds.and_then(|(from, to)| Some((number(from)?..number(to)?).contains(&address))) == Some(true)
    })?;
    here.find('/').map(|at| here[at..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_people_write_them() {
        assert_eq!([8_907, 90_000, 91_701, 100_203].map(written), ["8.9.7", "9.0.0", "9.17.1", "10.2.3"]);
    }

    #[test]
    fn the_variable_allows_no_way_around() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| (name == VARIABLE).then(|| folder.path().into());
        let error = Library::find(of).err().unwrap().to_string();
        assert!(error.starts_with("TRICKTOP_CUDNN names") && error.contains(NAME), "{error}");
        std::fs::write(folder.path().join(NAME), "no library").unwrap();
        let error = Library::find(of).err().unwrap().to_string();
        assert!(error.contains("cannot be loaded"), "{error}");
    }

    #[test]
    fn environments_are_searched() {
        let root = tempfile::tempdir().unwrap();
        assert!(in_environment(root.path()).is_empty());
        let folder = root.path().join("lib/python3.12/site-packages/nvidia/cudnn/lib");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(NAME), "").unwrap();
        assert_eq!(in_environment(root.path()), [folder.join(NAME)]);
    }
}
