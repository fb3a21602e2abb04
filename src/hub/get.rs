//! Fetching a model from the hub into its cache.

use super::cache::{differs, is_word};
use super::name::MAIN;
use super::{CONFIG, Cached, Hub, HubError, Name, WEIGHTS};
use crate::http::{self, FetchError, Wanted};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use ureq::http::{HeaderMap, StatusCode};

/// Redirections within the hub that are followed.
const HOPS: usize = 5;

/// Hears of progress: a file, the bytes that are there, and all of them where they are known.
pub type Progress<'p> = &'p mut dyn FnMut(&str, u64, Option<u64>);

/// A model that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Where it is now.
    pub cached: Cached,
    /// Bytes that were fetched.
    pub fetched: u64,
    /// Why the hub was not asked, where the cache had to do.
    pub unasked: Option<String>,
}

/// What the hub says of a file.
struct Announced {
    /// Where it is within the hub, after redirections: the token goes there and no further.
    url: String,
    commit: String,
    etag: String,
    bytes: Option<u64>,
}

impl Hub {
    /// Fetches weights and configuration of a model, or finds them in the cache, and verifies them.
    ///
    /// # Errors
    /// A hub that cannot be reached or has no such model, a file that is not what was announced, a disk that is full.
    pub fn get(&self, name: &Name, tell: Progress<'_>) -> Result<Got, HubError> {
        let from_cache = |cached: Cached, why: String| {
            cached.verify()?;
            Ok(Got { cached, fetched: 0, unasked: Some(why) })
        };
        if let Some(why) = self.offline {
            let cached = self.find(name);
            let cached =
                cached.ok_or_else(|| HubError::Offline { name: name.clone(), cache: self.cache.clone(), why })?;
            return from_cache(cached, format!("{why} is set"));
        }
        let weights = match (self.announced(name, name.revision(), WEIGHTS), self.find(name)) {
            // Nobody can be asked: what is there has to do.
            (Err(HubError::Network { url, problem }), Some(cached)) => {
                return from_cache(cached, format!("{url}: {problem}"));
            }
            (weights, _) => weights?,
        };
        let (mut fetched, commit) = (0, weights.commit);
        // The branch may move on meanwhile.
        let weights = self.announced(name, &commit, WEIGHTS)?;
        // Weights of which nobody knows how images come to them are not left out: a recipe can say it.
        match self.announced(name, &commit, CONFIG) {
            Ok(config) => fetched += self.file(name, &config, CONFIG, tell)?,
            Err(HubError::Refused { .. }) => {}
            Err(e) => return Err(e),
        }
        fetched += self.file(name, &weights, WEIGHTS, tell)?;
        if name.revision() != commit {
            let to = self.folder(name).join("refs").join(name.revision());
            parent(&to)?;
            fs::write(&to, &commit).map_err(HubError::disk(&to))?;
        }
        Ok(Got { cached: self.cached(name)?, fetched, unasked: None })
    }

    fn url(&self, name: &Name, revision: &str, file: &str) -> String {
        format!("{}/{}", self.endpoint, name.url_path(revision, file))
    }

    /// Headers of a request. The files are wanted as they are, and the token goes to the hub alone.
    fn headers(&self) -> Vec<(&'static str, String)> {
        let token = self.token.iter().map(|token| ("Authorization", format!("Bearer {token}")));
        token.chain([("Accept-Encoding", "identity".to_string())]).collect()
    }

    /// What the hub says of a file.
    fn announced(&self, name: &Name, revision: &str, file: &str) -> Result<Announced, HubError> {
        let mut url = self.url(name, revision, file);
        for _ in 0..HOPS {
            let agent = http::agent().max_redirects(0).build().new_agent();
            let request = self.headers().into_iter().fold(agent.head(&url), |r, (name, value)| r.header(name, value));
            let answer = request.call().map_err(|e| HubError::Network { url: url.clone(), problem: e.to_string() })?;
            let (status, headers) = (answer.status(), answer.headers());
            // A model that was renamed; an address elsewhere is that of the file.
            let within = text(headers, "location").filter(|to| to.starts_with('/') && !to.starts_with("//"));
            if let Some(path) = within.filter(|_| status.is_redirection()) {
                url = format!("{}{path}", self.endpoint);
                continue;
            }
            if !status.is_success() && !status.is_redirection() {
                return Err(refused(url, name, file, status, &text(headers, "x-error-code").unwrap_or_default()));
            }
            let said = announced(url.clone(), headers, status);
            return said.map_err(|problem| HubError::Network { url, problem });
        }
        Err(HubError::Network { url, problem: "leads from one address to another".into() })
    }

    /// Has a file in the cache as it was announced; gives the bytes that were fetched.
    fn file(&self, name: &Name, announced: &Announced, file: &str, tell: Progress<'_>) -> Result<u64, HubError> {
        let Announced { commit, etag, bytes, .. } = announced;
        let folder = self.folder(name);
        let blob = folder.join("blobs").join(etag);
        let link = folder.join("snapshots").join(commit).join(file);
        parent(&blob)?;
        parent(&link)?;
        // Python's client takes the same lock.
        let lock = self.cache.join(".locks").join(name.folder()).join(format!("{etag}.lock"));
        parent(&lock)?;
        let held = File::options().create(true).append(true).open(&lock).map_err(HubError::disk(&lock))?;
        held.lock().map_err(HubError::disk(&lock))?;
        let mut fetched = 0;
        if blob.exists() && !is_whole(&blob, announced)? {
            fs::remove_file(&blob).map_err(HubError::disk(&blob))?;
        }
        if !blob.exists() {
            fetched = self.blob(announced, file, &blob, tell)?;
        }
        if !fs::canonicalize(&link).is_ok_and(|there| there.ends_with(etag)) {
            let gone = fs::remove_file(&link);
            gone.or_else(|e| if e.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
                .map_err(HubError::disk(&link))?;
            let to = Path::new("../../blobs").join(etag);
            // A file system without links gets a copy, as in Python's client.
            symlink(to, &link).or_else(|_| fs::copy(&blob, &link).map(drop)).map_err(HubError::disk(&link))?;
        }
        tell(file, bytes.unwrap_or(0), *bytes);
        Ok(fetched)
    }

    fn blob(&self, announced: &Announced, file: &str, blob: &Path, tell: Progress<'_>) -> Result<u64, HubError> {
        let Announced { url, etag, bytes, .. } = announced;
        let part = PathBuf::from(format!("{}.incomplete", blob.display()));
        let before = fs::metadata(&part).map_or(0, |m| m.len());
        let wanted = Wanted { url, headers: &self.headers(), bytes: *bytes };
        http::fetch(wanted, &part, &mut |have, all| tell(file, have, all)).map_err(|e| match e {
            FetchError::Network(problem) => HubError::Network { url: url.clone(), problem },
            FetchError::Disk(cause) => HubError::disk(&part)(cause),
        })?;
        let found = fs::metadata(&part).map_err(HubError::disk(&part))?.len();
        let size = bytes.filter(|bytes| *bytes != found).map(|bytes| format!("has {found} bytes, expected {bytes}"));
        let problem = match size {
            Some(problem) => Some(problem),
            None => differs(&part, etag).map_err(HubError::disk(&part))?,
        };
        if let Some(problem) = problem {
            fs::remove_file(&part).map_err(HubError::disk(&part))?;
            return Err(HubError::Other { url: url.clone(), problem });
        }
        fs::rename(&part, blob).map_err(HubError::disk(blob))?;
        Ok(found.saturating_sub(before))
    }
}

/// Whether a blob is what was announced.
fn is_whole(blob: &Path, announced: &Announced) -> Result<bool, HubError> {
    let found = fs::metadata(blob).map_err(HubError::disk(blob))?.len();
    let size = announced.bytes.is_none_or(|bytes| bytes == found);
    Ok(size && differs(blob, &announced.etag).map_err(HubError::disk(blob))?.is_none())
}

/// Makes the directory that a file goes to.
fn parent(path: &Path) -> Result<(), HubError> {
    path.parent().map_or(Ok(()), |dir| fs::create_dir_all(dir).map_err(HubError::disk(dir)))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.trim().to_string())
}

/// Reads what the headers of an answer say: of a large file those that begin with X-Linked.
fn announced(url: String, headers: &HeaderMap, status: StatusCode) -> Result<Announced, String> {
    let lacks = |what: &str| format!("answers without {what}, so it is no hub");
    let commit = text(headers, "x-repo-commit").ok_or_else(|| lacks("X-Repo-Commit"))?;
    let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag")).ok_or_else(|| lacks("an ETag"))?;
    let etag = etag.trim_start_matches("W/").trim_matches('"').to_string();
    if !is_word(&commit) || !is_word(&etag) {
        return Err(format!(
            "answers with the commit {commit:?} and the ETag {etag:?}, which cannot be names of files"
        ));
    }
    // The length of a redirection is its own.
    let length = || text(headers, "content-length").filter(|_| !status.is_redirection());
    let bytes = text(headers, "x-linked-size").or_else(length).and_then(|n| n.parse().ok());
    Ok(Announced { url, commit, etag, bytes })
}

/// What a status that is none of success means.
fn refused(url: String, name: &Name, file: &str, status: StatusCode, code: &str) -> HubError {
    let (model, revision) = (name.at(MAIN).unwrap_or_else(|| name.clone()), name.revision());
    let problem = match (status.as_u16(), code) {
        (_, "RevisionNotFound") => format!("{model} has no revision {revision:?}"),
        (_, "EntryNotFound") => {
            format!("{model} has no {file} at revision {revision:?}; only safetensors files are read")
        }
        (_, "GatedRepo") | (403, _) => {
            format!("{model} may be had by some people alone: ask for it on its page, then set HF_TOKEN")
        }
        (401, _) => format!("there is no model {model}, or not everybody may have it: HF_TOKEN proves who asks"),
        (404, _) => format!("there is no model {model}, or it has no {file} at revision {revision:?}"),
        (status, _) => return HubError::Network { url, problem: format!("answers with status {status}") },
    };
    HubError::Refused { url, problem }
}
