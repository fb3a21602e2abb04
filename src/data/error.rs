//! What can be wrong with images on disk, said so that the file can be mended.

use super::image_folder::masked::MaskedError;
use super::left_out::LeftOut;
use super::problem::Problem;
use crate::files::PathError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a data source could not be opened.
#[derive(Debug, Error)]
pub enum DataError {
    /// A folder of images and masks that cannot be used.
    #[error(transparent)]
    Masked(#[from] MaskedError),
    /// A path that cannot be resolved.
    #[error(transparent)]
    Path(#[from] PathError),
    /// One file is not what it should be.
    #[error("{}: {problem}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A directory could not be read.
    #[error("{}: cannot be read as a directory of IDX files: {cause}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// A directory lacks one of the four files.
    #[error(
        "{}: no file of {what}; expected one with {} in its name and ending in ubyte or ubyte.gz", dir.display(),
        words.join(" or ")
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// What the file should hold.
        what: &'static str,
        /// One of these words stands in the file's name.
        words: &'static [&'static str],
    },
    /// A directory holds several files for one part.
    #[error(
        "{}: {} files could be {what}: {}; keep one set, plain or gzip, in a directory of its own", dir.display(),
        candidates.len(), candidates.join(", ")
    )]
    Ambiguous {
        /// The directory.
        dir: PathBuf,
        /// What the file should hold.
        what: &'static str,
        /// The names of the files.
        candidates: Vec<String>,
    },
    /// Images and labels do not belong together.
    #[error(
        "{}: has {label_count} labels, but {} has {image_count} images; there must be one label an image",
        labels.display(), images.display()
    )]
    Lengths {
        /// File of the labels.
        labels: PathBuf,
        /// Labels in it.
        label_count: usize,
        /// File of the images.
        images: PathBuf,
        /// Images in it.
        image_count: usize,
    },
    /// A label stands for no class.
    #[error("{}: label {index} is {label}; with {classes} classes it must be from 0 to {}", file.display(), classes - 1)]
    Label {
        /// File of the labels.
        file: PathBuf,
        /// Place of the label in the file, from 0.
        index: usize,
        /// The label.
        label: usize,
        /// Classes of the training set (its largest label and 1).
        classes: usize,
    },
    /// There is nothing to tell apart.
    #[error("{}: every label is 0; a classifier needs at least two classes", file.display())]
    OneClass {
        /// File of the labels.
        file: PathBuf,
    },
    /// Test images of another size than the training images.
    #[error(
        "{}: has images of {}x{}x{} (height x width x channels); those of the training set have {}x{}x{}", file.display(),
        test[0], test[1], test[2], train[0], train[1], train[2]
    )]
    Shapes {
        /// File of the test images.
        file: PathBuf,
        /// Height, width and channels of the test images.
        test: [usize; 3],
        /// Height, width and channels of the training images.
        train: [usize; 3],
    },
    /// More images asked for than there are.
    #[error("{what} asks for {asked} images, but {set} has {have}")]
    TooFew {
        /// What was asked for, e.g. `data.train_images`.
        what: &'static str,
        /// Images asked for.
        asked: u64,
        /// The set.
        set: String,
        /// Images that there are.
        have: usize,
    },
    /// A directory of images could not be read.
    #[error("{}: cannot be read as a directory of images: {cause}", dir.display())]
    Folder {
        /// The directory.
        dir: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// A directory without directories.
    #[error(
        "{}: has no directories in it; a folder of images has one a class, or train and val with one a class each", dir.display()
    )]
    NoFolders {
        /// The directory.
        dir: PathBuf,
    },
    /// Directories without images.
    #[error(
        "{}: no image in the directories below it; expected files that end in jpg, png, webp, bmp, gif or tiff in one \
         directory a class{}", dir.display(), there(.left_out)
    )]
    NoImages {
        /// The directory.
        dir: PathBuf,
        /// What is there instead.
        left_out: Vec<LeftOut>,
    },
    /// One class alone.
    #[error(
        "{}: only the directory {class:?} has images; a classifier needs at least two classes{}{}", dir.display(),
        inside(dir, class, .splits), there(.left_out)
    )]
    OneFolder {
        /// The directory.
        dir: PathBuf,
        /// The class.
        class: String,
        /// Whether that directory has splits in it.
        splits: bool,
        /// What else is there.
        left_out: Vec<LeftOut>,
    },
    /// More classes than labels.
    #[error("{}: has {count} directories with images; at most 65535 classes are told apart", dir.display())]
    ManyFolders {
        /// The directory.
        dir: PathBuf,
        /// Classes.
        count: usize,
    },
    /// A class that is not trained on.
    #[error("{}: the directory {class:?} is no class of the training images; the names must be the same", dir.display())]
    UnknownFolder {
        /// The directory.
        dir: PathBuf,
        /// The class.
        class: String,
    },
    /// Two directories that look like one class.
    #[error("{}: {names:?} are one name in composed characters (Unicode NFC), and so one class; rename or join them", dir.display())]
    SameName {
        /// The directory.
        dir: PathBuf,
        /// Their names, with code points that differ shown as such.
        names: [String; 2],
    },
    /// Two directories for one split.
    #[error("{}: {} and {} are both the name of one split; rename one", dir.display(), names[0], names[1])]
    TwoSplits {
        /// The directory.
        dir: PathBuf,
        /// Their names.
        names: [String; 2],
    },
    /// One directory under the names of two splits.
    #[error("{}: {} and {} are the same directory: no image may be trained on and validated with", dir.display(), names[0], names[1])]
    SameSplit {
        /// The directory.
        dir: PathBuf,
        /// Their names.
        names: [String; 2],
    },
    /// Splits without one to train on.
    #[error(
        "{}: has {}, and none called train (or training) to train on", dir.display(),
        if names.is_empty() { "no split with a directory a class".into() } else { format!("the splits {}", names.join(", ")) }
    )]
    NoTrain {
        /// The directory.
        dir: PathBuf,
        /// The splits.
        names: Vec<String>,
    },
    /// A split that was asked for and is not there.
    #[error("{set}: has no such split; {}", if names.is_empty() { "it has none".into() } else { format!("it has {}", names.join(", ")) })]
    NoSplit {
        /// The set.
        set: String,
        /// The splits that are there.
        names: Vec<String>,
    },
    /// No image to validate with.
    #[error(
        "{set}: has no image to validate with: each class needs one in val/ (or valid, dev, test) beside train/, or, in \
         one tree, two images at least, of which data.val_fraction are put aside"
    )]
    NoValidation {
        /// The set.
        set: String,
    },
    /// Classes other than those of a run.
    #[error("{set}: {problem}")]
    OtherClasses {
        /// The set.
        set: String,
        /// Which they are.
        problem: String,
    },
    /// Images other than those of a run.
    #[error("{set}: these are not the images that the run began with: {problem}")]
    OtherImages {
        /// The set.
        set: String,
        /// In what they differ.
        problem: String,
    },
    /// A directory without the files of CIFAR.
    #[error(
        "{}: has neither test_batch.bin (CIFAR-10) nor test.bin (CIFAR-100); expected the unpacked binary version", dir.display()
    )]
    NoCifar {
        /// The directory.
        dir: PathBuf,
    },
    /// A path that is nothing known.
    #[error(
        "{}: {found}; expected a folder with a directory of images a class, IDX files, the binary files of CIFAR, or a \
         file that `tricktop data pack` wrote; --set data.path=PATH names another place", path.display()
    )]
    Unknown {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// No image could be used.
    #[error("{set}: no image can be read{first}")]
    AllBroken {
        /// The set.
        set: String,
        /// The first one and what is wrong with it.
        first: String,
    },
    /// Too many images could not be used.
    #[error(
        "{set}: {broken} of {images} images are broken, more than the share {share} that data.broken_share allows; the \
         last: {last}; `tricktop data info` names all"
    )]
    Broken {
        /// The set.
        set: String,
        /// Broken images so far.
        broken: usize,
        /// Images of the set.
        images: usize,
        /// The share that is allowed.
        share: f64,
        /// The last one and what is wrong with it.
        last: String,
    },
    /// A thread that reads images could not be started.
    #[error("the threads that read images cannot be started: {0}")]
    Threads(String),
    /// The images inside the program are damaged.
    #[error(
        "bundled {name}: the checksum is {found}, expected {expected}; this program file is damaged: build it again"
    )]
    Checksum {
        /// Name of the file.
        name: &'static str,
        /// BLAKE3 of its bytes.
        found: String,
        /// BLAKE3 that they should have.
        expected: &'static str,
    },
    /// The subset would overwrite the files that it is made from.
    #[error("{}: is the directory of the source files too; name another one", dir.display())]
    SameDirectory {
        /// The directory.
        dir: PathBuf,
    },
}

/// What is in a directory instead of images.
fn there(left_out: &[LeftOut]) -> String {
    let list = left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if list.is_empty() { list } else { format!("; there are {list}") }
}

/// Where the splits are, when it is a directory deeper.
fn inside(dir: &Path, class: &str, splits: &bool) -> String {
    if *splits {
        format!("; its splits make it a set of its own: name {}", dir.join(class).display())
    } else {
        String::new()
    }
}
