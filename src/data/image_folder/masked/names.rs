//! The names of the classes of pixels.

use super::MaskedError;
use super::layout::Form;
use crate::files::read_text;
use std::collections::HashSet;
use std::path::Path;

/// Those of PASCAL VOC.
const VOC: [&str; 21] = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// Classes of ADE20K, where no file names them.
const ADE: usize = 150;

/// The names of the classes of a folder, and whether they are numbers because no file names them.
///
/// # Errors
/// A file that cannot be read, or names that no classes can have.
pub(super) fn of(root: &Path, form: Form) -> Result<(Vec<String>, bool), MaskedError> {
    let (own, ade) = (root.join("classes.txt"), root.join("objectInfo150.txt"));
    let most = 255 - usize::from(form.first());
    if own.exists() {
        let names = lines(&own)?.into_iter().map(|line| line.trim().to_string()).collect();
        return checked(&own, names, most).map(|names| (names, false));
    }
    match form {
        Form::Plain => Err(MaskedError::NoNames { dir: root.into() }),
        Form::Voc => Ok((VOC.map(String::from).to_vec(), false)),
        Form::Ade if ade.exists() => {
            // A line of headings, then a line a class in whose last column its names stand.
            let lines = lines(&ade)?;
            let names = lines.iter().skip(1).map(|line| line.rsplit('\t').next().unwrap_or(line).trim().to_string());
            checked(&ade, names.collect(), most).map(|names| (names, false))
        }
        Form::Ade => Ok(((1..=ADE).map(|class| class.to_string()).collect(), true)),
    }
}

/// The lines of a file but for empty ones at its end.
fn lines(file: &Path) -> Result<Vec<String>, MaskedError> {
    let text = read_text(file).map_err(|cause| MaskedError::Text { file: file.into(), cause })?;
    Ok(text.trim_end().lines().map(str::to_string).collect())
}

/// At least two classes, at most so many, each with a name of its own.
fn checked(file: &Path, names: Vec<String>, most: usize) -> Result<Vec<String>, MaskedError> {
    let wrong = |problem: String| Err(MaskedError::Names { file: file.into(), problem });
    if let Some(line) = names.iter().position(String::is_empty) {
        return wrong(format!("line {} is empty; each line names the class of one value", line + 1));
    }
    if !(2..=most).contains(&names.len()) {
        return wrong(format!("names {} classes; there must be from 2 to {most}", names.len()));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(super::super::composed(name))) {
        Some(twice) => wrong(format!("names {twice:?} twice; each class has a name of its own")),
        None => Ok(names),
    }
}
