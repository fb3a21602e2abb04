//! What can be wrong with a folder of images and masks, said so that it can be mended.

use crate::data::left_out::LeftOut;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a folder of images and masks cannot be used.
#[derive(Debug, Error)]
pub enum MaskedError {
    /// No directory of images beside one of masks.
    #[error(
        "{}: has no images beside masks; expected images/ and masks/ with classes.txt, images/ and annotations/ (ADE20K), or \
         JPEGImages/ and SegmentationClass/ (PASCAL VOC){}", dir.display(), deeper(.inside)
    )]
    NoFolders {
        /// The directory.
        dir: PathBuf,
        /// A directory below it that has them.
        inside: Option<PathBuf>,
    },
    /// A set for classification.
    #[error("{}: {kind} has no masks; task Segment needs a folder of images and masks, or no path for the embedded scenes", path.display())]
    NoMasks {
        /// Its place.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// Images and masks, which are no two classes.
    #[error(
        "{}: holds images and their masks ({images}/ and {masks}/), which are no classes of images; --set task=Segment trains \
         on them", path.display()
    )]
    NoClasses {
        /// The directory.
        path: PathBuf,
        /// Its directory of images.
        images: String,
        /// Its directory of masks.
        masks: String,
    },
    /// A split of the images that the masks do not have.
    #[error("{}: has no masks for the images of {}; expected one of {}", masks.display(), images.display(), there(.splits))]
    NoSplit {
        /// The directory of masks.
        masks: PathBuf,
        /// The directory of the images.
        images: PathBuf,
        /// Names that the directory of masks could have.
        splits: Vec<String>,
    },
    /// No image with a mask.
    #[error(
        "{}: no image has a mask: there are {image_count} images, and {mask_count} masks in {}; a mask has the name of its \
         image and ends in png, e.g. {example}{}", images.display(), masks.display(), left(.left_out)
    )]
    NoPairs {
        /// The directory of images.
        images: PathBuf,
        /// Images in it.
        image_count: usize,
        /// The directory of masks.
        masks: PathBuf,
        /// Masks in it.
        mask_count: usize,
        /// The first image and the mask that it should have.
        example: String,
        /// What else is there.
        left_out: Vec<LeftOut>,
    },
    /// Too many images have no mask.
    #[error(
        "{}: {missing} of {images} images have no mask, more than the share {share} that data.broken_share allows; the first: \
         {example}", dir.display()
    )]
    Missing {
        /// The directory of images, or the list that names them.
        dir: PathBuf,
        /// Images without a mask.
        missing: usize,
        /// Images.
        images: usize,
        /// The share that is allowed.
        share: f64,
        /// The first of them, and what was expected.
        example: String,
    },
    /// Two images of which a mask could be.
    #[error("{}: {} and {} have one name but for the ending, and so one mask; rename one", dir.display(), names[0], names[1])]
    SameName {
        /// The directory.
        dir: PathBuf,
        /// Their names.
        names: [String; 2],
    },
    /// An image in two splits.
    #[error("{}: {name:?} stands in {other} too: no image may be trained on and validated with", list.display())]
    TwoLists {
        /// The list.
        list: PathBuf,
        /// The other list.
        other: String,
        /// The image.
        name: String,
    },
    /// A list without names.
    #[error("{}: lists no image; expected the name of an image a line, without its ending", list.display())]
    EmptyList {
        /// The list.
        list: PathBuf,
    },
    /// No list to train on.
    #[error("{}: has no train.txt; it has {}", dir.display(), there(.names))]
    NoList {
        /// The directory.
        dir: PathBuf,
        /// The lists in it.
        names: Vec<String>,
    },
    /// A list of classes that cannot be read.
    #[error("{}: {cause}", file.display())]
    Text {
        /// The file.
        file: PathBuf,
        /// The reason.
        cause: io::Error,
    },
    /// No names of classes.
    #[error(
        "{}: has no classes.txt; expected the name of a class a line, the first for the value 0 in the masks", dir.display()
    )]
    NoNames {
        /// The directory.
        dir: PathBuf,
    },
    /// Names of classes that cannot be.
    #[error("{}: {problem}", file.display())]
    Names {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, as a predicate.
        problem: String,
    },
    /// Masks of which none can be used.
    #[error("{set}: none of {looked} masks can be used, which were looked at before the run; {first}")]
    AllBroken {
        /// The set.
        set: String,
        /// Masks that were looked at.
        looked: usize,
        /// The first image, and what is wrong with it.
        first: String,
    },
    /// Masks of black and white.
    #[error(
        "{set}: {looked} masks that were looked at have the values 0 and 255 alone, and 255 is ignored: nothing could be \
         learned; a mask holds numbers of classes: write 1 in the place of 255"
    )]
    BlackAndWhite {
        /// The set.
        set: String,
        /// Masks that were looked at.
        looked: usize,
    },
    /// Masks without a pixel of a class.
    #[error(
        "{set}: every pixel of {looked} masks that were looked at is ignored: nothing could be learned; the value of the first \
         class is {first}"
    )]
    AllIgnored {
        /// The set.
        set: String,
        /// Masks that were looked at.
        looked: usize,
        /// Value of the first class.
        first: u8,
    },
    /// Masks are not packed.
    #[error("{set}: has masks, which are not packed; a folder of images and masks is trained on as it is")]
    NoPack {
        /// The set.
        set: String,
    },
    /// No image to validate with.
    #[error(
        "{set}: has no image to validate with: val/ (or valid, dev, test) beside train/ needs one, or, without it, there must \
         be two images at least, of which data.val_fraction are put aside"
    )]
    NoValidation {
        /// The set.
        set: String,
    },
}

fn deeper(inside: &Option<PathBuf>) -> String {
    inside.as_deref().map(Path::display).map(|inside| format!("; {inside} has them: name it")).unwrap_or_default()
}

fn there(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

fn left(left_out: &[LeftOut]) -> String {
    let list = left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if list.is_empty() { list } else { format!("; left out: {list}") }
}
