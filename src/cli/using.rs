//! What a trained net says of images: `tricktop predict`.

use super::args::Predict;
use super::{Failure, find_run, lines_of, say, set_threads};
use crate::data::{Broken, Picture, Reading, blended, decode, palette};
use crate::recipe::settings::Task;
use crate::runs::at_work;
use crate::text::{plain_terminal, shown};
use crate::train::{BEST, Classifier, Mask, Named, best_weights, newest_weights, write_whole};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The checkpoint that a path names: a file, or the best or else the newest one of a run.
pub(super) fn checkpoint(path: &Path) -> PathBuf {
    let dir = find_run(path);
    if dir.is_dir() { best_weights(&dir).unwrap_or_else(|| dir.join(BEST)) } else { path.to_path_buf() }
}

/// The net of a path for single images: of a run that is going on the newest checkpoint, else as for an evaluation. Says
/// what that is.
fn classifier(path: &Path) -> Result<(Classifier, String), Failure> {
    let dir = find_run(path);
    let going = dir.is_dir() && at_work(&dir);
    let file =
        if going { newest_weights(&dir) } else { Some(checkpoint(path)).filter(|file| file.exists() || !dir.is_dir()) };
    let none = || {
        let rest = if going { "yet; w on its screen writes one" } else { "" };
        Failure::Inspect(format!("{}: has no checkpoint {rest}", dir.display()).trim_end().to_string())
    };
    let file = file.ok_or_else(none)?;
    let read = match (Classifier::read(&file), newest_weights(&dir)) {
        // The run has put a newer one in its place meanwhile.
        (Err(_), Some(newer)) if going && newer != file => Classifier::read(&newer),
        (read, _) => read,
    };
    let classifier = read.map_err(Failure::Use)?;
    let what = if going { ", the newest of a run that goes on" } else { "" };
    let about = format!("weights of step {}{what}: {}", classifier.step(), name(&file));
    Ok((classifier, about))
}

/// What is said of an image, as a line.
#[derive(Serialize)]
struct Said<'a> {
    image: &'a Path,
    /// Steps that the net has seen.
    step: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Named>,
}

/// A path as a line of text has it.
pub(super) fn name(path: &Path) -> String {
    shown(&path.display().to_string()).into_owned()
}

/// `tricktop predict`: what is said of each image, ready for the terminal, and how many could not be read.
pub(super) fn predict(args: &Predict) -> Result<(String, usize), Failure> {
    set_threads(&args.threads)?;
    let (mut classifier, about) = classifier(&args.checkpoint)?;
    say(&about);
    let step = classifier.step();
    classifier.note().into_iter().for_each(say);
    let show = args.show && std::io::stdout().is_terminal() && plain_terminal().is_none();
    let (mut text, mut unread) = (String::new(), 0);
    if let (Some(_), Some(why)) = (&args.mask, no_mask(classifier.task(), args.images.len())) {
        return Err(Failure::Inspect(format!("--mask: {why}")));
    }
    for image in &args.images {
        let guessed = read(image, classifier.reading()).map_err(|e| e.to_string());
        let guessed = guessed.and_then(|picture| answer(&mut classifier, picture, args));
        unread += usize::from(guessed.is_err());
        if args.json {
            let (error, guesses) = match guessed {
                Ok((_, guesses)) => (None, guesses),
                Err(why) => (Some(why), Vec::new()),
            };
            let line = Said { image, step, error, classes: guesses };
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
                let line = |(class, share): (&str, f64)| format!("{:7.2} %  {}", share * 100.0, shown(class));
                text += &lines_of(guesses.iter().map(|named| line(named.parts())));
            }
        }
    }
    Ok((text, unread))
}

fn read(image: &Path, reading: Reading) -> Result<Picture, Broken> {
    decode(&std::fs::read(image)?, reading)
}

/// Why no mask can be written.
fn no_mask(task: Task, images: usize) -> Option<&'static str> {
    match task {
        Task::Classify => Some("the net gives an image a class; masks are of nets that were trained with task Segment"),
        Task::Segment if images > 1 => Some("takes one image, as it writes one file"),
        Task::Segment => None,
    }
}

/// What a net says of a picture, and the picture as it is shown; of pixels how many are of every class.
fn answer(classifier: &mut Classifier, mut picture: Picture, args: &Predict) -> Result<(Picture, Vec<Named>), String> {
    let most = args.top.get();
    if classifier.task() == Task::Classify {
        let guesses = classifier.classify(&picture, most).map_err(|e| e.to_string())?;
        return Ok((picture, guesses.into_iter().map(Named::Guess).collect()));
    }
    let mask = classifier.mask(&picture).map_err(|e| e.to_string())?;
    if let Some(path) = &args.mask {
        let written = png_of_mask(&mask).map_err(|e| e.to_string());
        written.and_then(|bytes| write_whole(path, &bytes).map_err(|e| format!("{}: {e}", path.display())))?;
    }
    let colours = palette();
    for (pixel, class) in picture.pixels.chunks_exact_mut(3).zip(&mask.classes).filter(|(_, class)| **class != 0) {
        let colour = colours[usize::from(*class)];
        pixel.iter_mut().zip(colour).for_each(|(own, colour)| *own = blended(*own, colour));
    }
    Ok((picture, mask.parts(classifier.classes(), most)))
}

/// A PNG of 8 bits a pixel, the class, with the palette of PASCAL VOC.
fn png_of_mask(mask: &Mask) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, mask.width as u32, mask.height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette().concat());
    encoder.write_header()?.write_image_data(&mask.classes)?;
    Ok(bytes)
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
