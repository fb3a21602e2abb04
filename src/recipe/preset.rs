//! Preset files: partial recipes that may extend one another, and the changes of `--set` on top of them.
//!
//! A path names a file or, when there is no such file, a preset inside the program ([`super::bundled`]). All mistakes
//! are gathered before anything is refused.

use super::mistakes::{Mistake, Mistakes, Place};
use super::parse::{self, Parsed, PlacedEdit, Setting, parse};
use super::source::Source;
use super::unknown::unknown_knob;
use super::{Changes, Invalid, Knob, Recipe, SetError, Value, knobs, older};
use crate::files::read_text;
use std::fs;
use std::path::{Path, PathBuf};

/// A valid preset.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The recipe it stands for; its name is the file's stem unless the file itself or `--set` names it.
    pub recipe: Recipe,
    pub(crate) opened: Opened,
    pub(crate) contents: Contents,
}

impl Preset {
    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.opened.path
    }

    /// The file and the files it extends; presets inside the program are not listed.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.contents.iter().filter(|(_, hash)| hash.is_some()).map(|(file, _)| file.as_path())
    }
}

/// What a preset was made from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opened {
    path: PathBuf,
    sets: Vec<String>,
}

/// The files that were looked for, with the hash of each; none for a file that is not there or cannot be read.
pub(crate) type Contents = Vec<(PathBuf, Option<blake3::Hash>)>;

/// Loads a preset by the path of a file or the name of a bundled one.
///
/// # Errors
/// Every mistake of the file and the files it extends.
pub fn load(path: &Path) -> Result<Preset, Mistakes> {
    load_with(path, &[])
}

/// Loads a preset and applies `--set` options (`train.epochs=30`) on top of it, a later one over an earlier.
///
/// # Errors
/// Every mistake of the file, the files it extends and the options.
pub fn load_with(path: &Path, sets: &[String]) -> Result<Preset, Mistakes> {
    Opened { path: path.to_path_buf(), sets: sets.to_vec() }.read().0
}

/// How a file is called in messages, and its text, for files beside presets that are read as they are.
///
/// # Errors
/// A file that cannot be read, is too large or is no UTF-8.
pub(crate) fn text(path: &Path) -> Result<(String, String), Mistake> {
    let source = Source::open(path);
    let text = source.text(source.bytes(), &Place::whole(source.shown()), "")?;
    Ok((source.shown(), text))
}

/// The path of the preset that the file at `from` calls `to`: it starts at that file's folder or is a bundled name.
pub(crate) fn beside(from: &Path, to: &Path) -> PathBuf {
    PathBuf::from(Source::open(from).relative(to).shown())
}

/// Reads a partial recipe: `part`, a slice of `text`, which is called `shown`.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn part(shown: &str, text: &str, part: &str) -> Result<Changes, Vec<Mistake>> {
    parse::part(shown, text, part)
}

/// The names of the presets under `folder`, sorted, e.g. `fashion/all`; none when it cannot be read. Suites, hidden
/// files and links to folders are passed over.
pub fn list(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(file) = file.to_str().filter(|file| !file.starts_with('.')) else { continue };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            names.extend(list(&entry.path()).into_iter().map(|name| format!("{file}/{name}")));
        } else if !read_text(&entry.path()).is_ok_and(|text| parse::is_suite(&text)) {
            names.extend(file.strip_suffix(".ron").map(String::from));
        }
    }
    names.sort();
    names
}

/// Reads what is written as `path=value`, e.g. `tricks.mixup.alpha=0.4`; words may be those of an earlier version.
///
/// # Errors
/// A text without a value, a knob that there is not, or a value that it cannot have.
pub fn parse_set(set: &str) -> Result<(&'static Knob, Value), SetError> {
    let (path, value) = set.split_once('=').ok_or_else(|| SetError::NoValue { set: set.to_string() })?;
    let path = path.trim();
    let knob = knobs::find(path).ok_or_else(|| unknown_knob(path))?;
    let word = Value::Word(value.trim().to_string());
    if older::is_word(knob, &word) {
        return Ok((knob, word));
    }
    match knob.kind.parse(value) {
        Ok(value) => Ok((knob, value)),
        Err(problem) => Err(SetError::Value { path: path.to_string(), problem }),
    }
}

impl Opened {
    /// Reads it anew, with what its files contained.
    pub(crate) fn read(&self) -> (Result<Preset, Mistakes>, Contents) {
        let chain = Chain::read(&self.path);
        let recipe = chain.recipe(&self.sets);
        let contents = chain.contents;
        let preset = recipe.map(|recipe| Preset { recipe, opened: self.clone(), contents: contents.clone() });
        (preset, contents)
    }
}

/// A preset and those it extends, the opened one first.
#[derive(Default)]
struct Chain {
    opened: Place,
    stem: String,
    /// The settings of each file.
    settings: Vec<Vec<Setting>>,
    /// The schedule of edits of the first file that has one.
    edits: Option<Vec<PlacedEdit>>,
    mistakes: Vec<Mistake>,
    contents: Contents,
    /// Whether the opened file has every knob that the version that wrote it knew.
    complete: bool,
}

impl Chain {
    fn read(path: &Path) -> Chain {
        let mut source = Source::open(path);
        let mut at = Place::whole(source.shown());
        let mut chain = Chain { opened: at.clone(), stem: stem(path), ..Chain::default() };
        let mut visited = vec![source.identity()];
        loop {
            let read = source.bytes();
            if let Some(file) = source.file() {
                let bytes = read.as_ref().ok().filter(|_| matches!(source, Source::File(_)));
                chain.contents.push((file.to_path_buf(), bytes.map(|bytes| blake3::hash(bytes))));
            }
            let shown = source.shown();
            let role = if visited.len() > 1 { format!("extends {shown}, which ") } else { String::new() };
            let parsed = match source.text(read, &at, &role) {
                Ok(text) => {
                    chain.complete |= visited.len() == 1 && super::write::is_complete(&text);
                    parse(&shown, &text)
                }
                Err(mistake) => Parsed { mistakes: vec![mistake], ..Parsed::default() },
            };
            chain.settings.push(parsed.settings);
            chain.edits = chain.edits.or(parsed.edits);
            chain.mistakes.extend(parsed.mistakes);
            let Some((to, place)) = parsed.extends else { return chain };
            source = source.relative(Path::new(&to));
            at = place;
            let identity = source.identity();
            if visited.contains(&identity) {
                let message = format!("extends {}, which leads back to itself", source.shown());
                chain.mistakes.push(Mistake { place: at, message });
                return chain;
            }
            visited.push(identity);
        }
    }

    /// The recipe of the chain with `sets` on top: clashes between settings are looked for when each is right.
    fn recipe(&self, sets: &[String]) -> Result<Recipe, Mistakes> {
        let mut mistakes = self.mistakes.clone();
        let mut settings = Vec::new();
        settings.extend(knobs::find("name").map(|knob| Setting {
            knob,
            value: Value::Word(self.stem.clone()),
            place: self.opened.clone(),
        }));
        for (depth, file) in self.settings.iter().enumerate().rev() {
            settings.extend(file.iter().filter(|s| depth == 0 || s.knob.path != "name").cloned());
        }
        for set in sets {
            let place = Place::whole("--set");
            match parse_set(set) {
                Ok((knob, value)) => settings.push(Setting { knob, value, place }),
                Err(e) => mistakes.push(Mistake { place, message: e.to_string() }),
            }
        }
        if !mistakes.is_empty() {
            return Err(Mistakes(mistakes));
        }
        let older = self.complete.then(|| {
            super::older(|path| {
                settings.iter().rfind(|setting| setting.knob.path == path).map(|setting| &setting.value)
            })
        });
        // Only the last value of a knob counts: an old word before it may stand for more than that knob.
        let is_last = |i: usize, s: &Setting| settings[i + 1..].iter().all(|later| later.knob != s.knob);
        let last = settings.iter().enumerate().filter(|(i, s)| is_last(*i, s)).map(|(_, s)| (s.knob, s.value.clone()));
        let changes = last.chain(older.into_iter().flatten());
        let recipe = Recipe::default().with(changes).map_err(|invalid| {
            let place = |path| settings.iter().rfind(|s| s.knob.path == path).map_or(&self.opened, |s| &s.place);
            let mistake = |clash: &Invalid| Mistake { place: place(clash.path).clone(), message: clash.to_string() };
            Mistakes(invalid.list().iter().map(mistake).collect())
        })?;
        let edits = self.edits.as_deref().unwrap_or_default();
        recipe.settled().with_edits(edits.iter().map(|e| e.edit.clone()).collect()).map_err(|(i, problem)| {
            Mistakes(vec![Mistake {
                place: edits[i].place.clone(),
                message: format!("this edit cannot be made: {problem}"),
            }])
        })
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
