//! The hub's cache on this machine, as Python's `huggingface_hub` lays it out.

use super::{CONFIG, Config, HubError, Name, WEIGHTS};
use sha2::{Digest, Sha256};
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The hub that is asked where nothing else is said.
const ENDPOINT: &str = "https://huggingface.co";

/// A hub and its cache here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// The directory of the cache.
    pub cache: PathBuf,
    /// The address of the hub, without a slash at its end.
    pub endpoint: String,
    /// What proves who asks, for models that not everybody may have.
    pub token: Option<String>,
    /// What keeps from asking the hub.
    pub offline: Option<&'static str>,
}

/// A model in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// Its name.
    pub name: Name,
    /// The commit.
    pub commit: String,
    /// The file of its weights.
    pub weights: PathBuf,
}

impl Hub {
    /// The hub that the environment names, by the variables that Python's `huggingface_hub` knows.
    pub fn from_env() -> Hub {
        let text = |name: &str| env::var(name).ok().filter(|text| !text.trim().is_empty());
        let path = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let home = || path("HOME").unwrap_or_default();
        let hugging = path("HF_HOME")
            .map(|dir| from_home(dir, &home()))
            .unwrap_or_else(|| path("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache")).join("huggingface"));
        let own = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let cache = own.map_or_else(|| hugging.join("hub"), |dir| from_home(dir, &home()));
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into());
        let yes = |value: String| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str());
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| hugging.join("token"));
        let token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN"));
        let token = token.or_else(|| fs::read_to_string(token_file).ok()).map(|token| token.trim().to_string());
        Hub {
            cache,
            endpoint: endpoint.trim_end_matches('/').into(),
            token: token.filter(|token| !token.is_empty()),
            offline: text("HF_HUB_OFFLINE").is_some_and(yes).then_some("HF_HUB_OFFLINE"),
        }
    }

    /// The folder of a model.
    pub(super) fn folder(&self, name: &Name) -> PathBuf {
        self.cache.join(name.folder())
    }

    /// The model of a name, where its weights are in the cache.
    pub fn find(&self, name: &Name) -> Option<Cached> {
        let folder = self.folder(name);
        let by_ref = || fs::read_to_string(folder.join("refs").join(name.revision())).ok();
        let commit = if name.is_commit() { name.revision().to_string() } else { by_ref()?.trim().to_string() };
        let weights = folder.join("snapshots").join(&commit).join(WEIGHTS);
        (is_word(&commit) && weights.is_file()).then(|| Cached { name: name.clone(), commit, weights })
    }

    /// The model of a name.
    ///
    /// # Errors
    /// One that is not in the cache, with the command that gets it.
    pub fn cached(&self, name: &Name) -> Result<Cached, HubError> {
        self.find(name).ok_or_else(|| HubError::NotCached { name: name.clone(), cache: self.cache.clone() })
    }

    /// Every model whose weights are in the cache, by name and revision.
    pub fn list(&self) -> Vec<Cached> {
        let names = |dir: &Path| {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
            names.sort();
            names
        };
        let mut found: Vec<Cached> = Vec::new();
        for folder in names(&self.cache) {
            let dir = self.cache.join(&folder);
            let known = revisions(&dir.join("refs"), "");
            let commits = names(&dir.join("snapshots"));
            let of_folder = known.iter().chain(&commits).filter_map(|revision| Name::of_folder(&folder, revision));
            for cached in of_folder.filter_map(|name| self.find(&name)) {
                // A commit that a branch is at has a name already.
                if !found.iter().any(|other| other.weights == cached.weights) {
                    found.push(cached);
                }
            }
        }
        found
    }
}

/// The names of branches and tags below a directory, as their files are called.
fn revisions(dir: &Path, before: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{before}{name}");
        match entry.path() {
            path if path.is_dir() => found.extend(revisions(&path, &format!("{name}/"))),
            _ => found.push(name),
        }
    }
    found.sort();
    found
}

impl Cached {
    /// What its configuration says.
    ///
    /// # Errors
    /// One that is missing, cannot be read, or lacks what is needed.
    pub fn config(&self) -> Result<Config, HubError> {
        let wrong = |problem: String| HubError::Config { name: self.name.clone(), problem };
        let path = self.weights.with_file_name(CONFIG);
        match fs::read_to_string(&path) {
            Ok(text) => Config::parse(&text).map_err(wrong),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(wrong("its config.json is not in the cache".into())),
            Err(e) => Err(wrong(format!("{}: {e}", path.display()))),
        }
    }

    /// Compares its weights with the SHA-256 that their blob is named by.
    ///
    /// # Errors
    /// Other weights, or ones that cannot be read.
    pub fn verify(&self) -> Result<(), HubError> {
        let blob = self.weights.canonicalize().map_err(HubError::disk(&self.weights))?;
        let expected = blob.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match differs(&blob, expected).map_err(HubError::disk(&blob))? {
            None => Ok(()),
            Some(problem) => Err(HubError::Damaged { name: self.name.clone(), path: blob, problem }),
        }
    }
}

/// How a file differs from the one with an ETag: that of a large file is its SHA-256, others are not compared.
pub(super) fn differs(path: &Path, etag: &str) -> io::Result<Option<String>> {
    if etag.len() != 64 || !etag.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    let found: String = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok((!found.eq_ignore_ascii_case(etag)).then(|| format!("has the SHA-256 {found}, expected {etag}")))
}

/// Whether a text from outside may be the name of a file.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A path of the environment, where `~` is the home directory.
fn from_home(path: PathBuf, home: &Path) -> PathBuf {
    path.strip_prefix("~").map_or(path.clone(), |rest| home.join(rest))
}
