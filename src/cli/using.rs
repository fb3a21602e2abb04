//! What a trained net says of images: `tricktop predict`.

use super::args::Predict;
use super::print::say;
use super::{Failure, find_run, lines_of, set_threads};
use crate::data::{Broken, Picture, Reading, decode};
use crate::text::{plain_terminal, shown};
use crate::train::{BEST, Classifier, Guess, best_weights};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The checkpoint that a path names: a file, or the best or else the newest one of a run.
pub(super) fn checkpoint(path: &Path) -> PathBuf {
    let dir = find_run(path);
    if dir.is_dir() { best_weights(&dir).unwrap_or_else(|| dir.join(BEST)) } else { path.to_path_buf() }
}

/// What is said of an image, as a line.
#[derive(Serialize)]
struct Said<'a> {
    image: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Guess>,
}

/// A path as a line of text has it.
pub(super) fn name(path: &Path) -> String {
    shown(&path.display().to_string()).into_owned()
}

/// `tricktop predict`: what is said of each image, ready for the terminal, and how many could not be read.
pub(super) fn predict(args: &Predict) -> Result<(String, usize), Failure> {
    set_threads(&args.threads)?;
    let mut classifier = Classifier::read(&checkpoint(&args.checkpoint)).map_err(Failure::Use)?;
    classifier.note().into_iter().for_each(say);
    let show = args.show && std::io::stdout().is_terminal() && plain_terminal().is_none();
    let (mut text, mut unread) = (String::new(), 0);
    for image in &args.images {
        let guessed = read(image, classifier.reading()).map_err(|e| e.to_string()).and_then(|picture| {
            let guesses = classifier.classify(&picture, args.top.get()).map_err(|e| e.to_string())?;
            Ok((picture, guesses))
        });
        unread += usize::from(guessed.is_err());
        if args.json {
            let (error, guesses) = match guessed {
                Ok((_, guesses)) => (None, guesses),
                Err(why) => (Some(why), Vec::new()),
            };
            let line = Said { image, error, classes: guesses };
            text += &(serde_json::to_string(&line).map_err(|e| Failure::Print(e.into()))? + "\n");
            continue;
        }
        match guessed {
            Err(why) => text += &format!("{}  {}\n", name(image), shown(&why)),
            Ok((picture, guesses)) => {
                text += &format!("{}\n", name(image));
                if show {
                    text += &half_blocks(&picture)?;
                }
                text +=
                    &lines_of(guesses.iter().map(|g| format!("{:7.2} %  {}", g.probability * 100.0, shown(&g.class))));
            }
        }
    }
    Ok((text, unread))
}

fn read(image: &Path, reading: Reading) -> Result<Picture, Broken> {
    decode(&std::fs::read(image)?, reading)
}

/// A picture in true colours, two rows of pixels a line.
fn half_blocks(picture: &Picture) -> Result<String, Failure> {
    const COLUMNS: usize = 48;
    let width = COLUMNS.min(picture.width.max(1));
    let rows = (picture.height * width / picture.width.max(1)).clamp(2, 2 * COLUMNS) / 2 * 2;
    let small = picture.resized(rows, width).map_err(|e| Failure::Inspect(e.to_string()))?;
    let mut text = String::new();
    for pair in small.pixels.chunks_exact(2 * width * 3) {
        let (upper, lower) = pair.split_at(width * 3);
        for (a, b) in upper.chunks_exact(3).zip(lower.chunks_exact(3)) {
            text += &format!("\x1b[38;2;{};{};{};48;2;{};{};{}m▀", a[0], a[1], a[2], b[0], b[1], b[2]);
        }
        text += "\x1b[0m\n";
    }
    Ok(text)
}
