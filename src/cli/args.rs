//! What the command line may hold.

mod browse;
mod finder;
mod images;
mod suites;
mod using;
mod weights;

pub(super) use browse::Runs;
pub(super) use finder::LrFind;
pub(super) use images::{Bench, BenchInput, Data};
pub(super) use suites::{At, Report, Suite, Table};
pub(super) use using::{Eval, Predict};
pub(super) use weights::{Model, Weights};

use crate::files;
use crate::recipe::Value;
use crate::recipe::settings::{Device, MixedFormat};
use crate::train::bench::CASES;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Reads a device as presets spell it.
fn device() -> impl TypedValueParser<Value = Device> {
    PossibleValuesParser::new(Device::WORDS)
        .try_map(|word| Device::try_from(Value::Word(word)).map_err(|()| "no device"))
}

/// Reads a format of mixed precision, in capitals or not.
fn format() -> impl TypedValueParser<Value = MixedFormat> {
    PossibleValuesParser::new(MixedFormat::WORDS).try_map(|word| {
        let known = MixedFormat::WORDS.iter().find(|known| known.eq_ignore_ascii_case(&word));
        known.and_then(|word| MixedFormat::try_from(Value::Word((*word).into())).ok()).ok_or("no format")
    })
}

/// Reads a path: in `--runs=~/runs` no shell resolves the `~`.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(files::resolved)
}

const EXAMPLES: &str = "\
Examples:
  tricktop                                   open the screen and train the preset `quick`
  tricktop fashion/all --set train.epochs=10 open the screen with a preset, one knob changed
  tricktop --batch presets/mine.ron          train without a screen
  tricktop --batch fashion/warmup fashion/mixup --json > runs.jsonl
                                             train two presets in turn, events as JSON lines
  tricktop resume quick                      go on with runs/quick where it was stopped or killed
  tricktop attach quick                      open the screen on runs/quick, which another program trains
  tricktop fork quick --step 374 --set schedule.base_lr=0.05
                                             go on from that checkpoint otherwise, in a run of its own
  tricktop replay quick --verify             prove that runs/quick can be made again to the bit
  tricktop lr-find presets/mine.ron          find a learning rate: a table of losses, and a suggestion
  tricktop eval runs/quick                   how good the best weights of a run are, class by class
  tricktop predict runs/quick a.png b.jpg    what they predict for images
  tricktop weights get timm/resnet50.a1_in1k fetch weights of the hub to start from
  tricktop suite suites/fashion-refinements  what every refinement gains, over three seeds
  tricktop runs mixup=on                     browse the runs that have mixup on: compare, annotate, resume
  tricktop report quick quick-2 -o page.html runs side by side, as one page that needs nothing beside it
  tricktop knobs                             every knob: default, range, when a change takes effect

A preset is the path of a RON file or the name of a bundled one (`tricktop presets`).

Exit codes: 0 done, 1 failed, 2 wrong usage or preset, 75 stopped by SIGUSR2 to be begun
again, 130 interrupted after saving a checkpoint.";

/// A terminal workstation for training image classifiers in which every trick is a live switch.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) train: Train,
}

#[derive(Debug, Args)]
pub(super) struct Train {
    /// Preset to train: a file, or the name of a bundled one [default: quick]
    #[arg(value_name = "PRESET")]
    pub(super) presets: Vec<PathBuf>,
    /// Changes a knob of every preset, e.g. `--set train.epochs=30`; may be repeated
    #[arg(long = "set", value_name = "KNOB=VALUE")]
    pub(super) sets: Vec<String>,
    /// Directory of run directories
    #[arg(long, value_parser = path(), value_name = "DIR", default_value = "runs")]
    pub(super) runs: PathBuf,
    #[command(flatten)]
    pub(super) threads: Threads,
    #[command(flatten)]
    pub(super) look: Look,
    /// Trains the presets in turn, without a screen
    #[arg(long, requires = "presets", conflicts_with_all = ["theme", "ascii", "kitty"])]
    pub(super) batch: bool,
    /// Prints events as JSON lines
    #[arg(long, requires = "batch")]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Look {
    /// Colours of the screen: dark, light, safe, contrast, mono, or a theme of yours [default: dark, or what config.ron says]
    #[arg(long)]
    pub(super) theme: Option<String>,
    /// Draws the screen with ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Draws images by kitty's graphics protocol, where the terminal says that it has it, and not in half blocks
    #[arg(long)]
    pub(super) kitty: bool,
}

#[derive(Debug, Args)]
pub(super) struct Resume {
    /// Run directory, or its name in `runs/`
    pub(super) run: PathBuf,
    /// Changes a knob at the next step, or at the next epoch where it only can then; may be repeated
    #[arg(long = "set", value_name = "KNOB=VALUE")]
    pub(super) sets: Vec<String>,
    #[command(flatten)]
    pub(super) threads: Threads,
    #[command(flatten)]
    pub(super) look: Look,
    /// Goes on without a screen
    #[arg(long, conflicts_with_all = ["theme", "ascii", "kitty"])]
    pub(super) batch: bool,
    /// Prints events as JSON lines
    #[arg(long, requires = "batch")]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Fork {
    /// The checkpoint of this step [default: the newest]
    #[arg(long, value_name = "N")]
    pub(super) step: Option<u64>,
    /// Directory of the new run [default: that of the other one]
    #[arg(long, value_parser = path(), value_name = "DIR")]
    pub(super) runs: Option<PathBuf>,
    #[command(flatten)]
    pub(super) resume: Resume,
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Run directory, or its name in `runs/`
    pub(super) run: PathBuf,
    /// Ends after this step [default: the last checkpoint of the run]
    #[arg(long, value_name = "STEP")]
    pub(super) until: Option<u64>,
    /// Compares with what was recorded and writes nothing
    #[arg(long)]
    pub(super) verify: bool,
    /// Directory of run directories
    #[arg(long, value_parser = path(), value_name = "DIR", default_value = "runs", conflicts_with = "verify")]
    pub(super) runs: PathBuf,
    /// Where the images are now, when they were moved: data.path=DIR
    #[arg(long = "set", value_name = "KNOB=VALUE")]
    pub(super) sets: Vec<String>,
    #[command(flatten)]
    pub(super) threads: Threads,
    /// Prints events as JSON lines
    #[arg(long, conflicts_with = "verify")]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Threads {
    /// Threads that compute [default: one per CPU core]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
#[group(id = "format", required = true, multiple = true)]
pub(super) struct Export {
    /// Steps and epochs as a table
    #[arg(long, conflicts_with_all = ["json", "preset", "tensorboard", "weights", "onnx", "card"])]
    pub(super) csv: bool,
    /// Recipe, edits, steps and epochs as one JSON document
    #[arg(long, conflicts_with_all = ["preset", "tensorboard", "weights", "onnx", "card"])]
    pub(super) json: bool,
    /// The recipe with the edits as its schedule: a preset that makes the run again
    #[arg(long, conflicts_with_all = ["tensorboard", "weights", "onnx", "card"])]
    pub(super) preset: bool,
    /// Event files of TensorBoard, in this directory
    #[arg(long, value_parser = path(), value_name = "DIR")]
    pub(super) tensorboard: Option<PathBuf>,
    /// Best weights under PyTorch's names, as this safetensors file
    #[arg(long, value_parser = path(), value_name = "FILE")]
    pub(super) weights: Option<PathBuf>,
    /// Best weights as this ONNX model
    #[arg(long, value_parser = path(), value_name = "FILE")]
    pub(super) onnx: Option<PathBuf>,
    /// Model card of the best weights, as this Markdown file
    #[arg(long, value_parser = path(), value_name = "FILE")]
    pub(super) card: Option<PathBuf>,
}

impl Command {
    /// Whether it trains, or shows what is trained: signals steer it then.
    pub(super) fn trains(&self) -> bool {
        match self {
            Command::Suite(suite) => !suite.list,
            Command::Replay(replay) => !replay.verify,
            Command::Runs(_) | Command::Resume(_) | Command::Fork(_) | Command::Attach { .. } => true,
            _ => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the bundled presets and suites
    Presets,
    /// Lists the knobs: default, range, when a change takes effect
    Knobs {
        /// As a Markdown table
        #[arg(long)]
        markdown: bool,
    },
    /// Prints what a person can set once for all runs, as text for the file that it names
    Config,
    /// Lists the nets: parameters, multiply-adds, and memory for training them
    Nets {
        /// Images a step, for the memory
        #[arg(long, value_name = "N", default_value = "32")]
        batch: NonZeroUsize,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Times training steps on synthetic data, or the reading of images
    #[command(args_conflicts_with_subcommands = true)]
    Bench {
        #[command(subcommand)]
        input: Option<Bench>,
        /// Net to time [default: each in turn]
        #[arg(value_parser = PossibleValuesParser::new(CASES.iter().map(|c| c.name)))]
        net: Option<String>,
        /// Steps to time, after two to warm up
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
        steps: u64,
        /// Images a step [default: 128, 64 or 8, by the size of the images]
        #[arg(long, value_name = "N")]
        batch: Option<NonZeroUsize>,
        /// Mixed precision, with feature maps in this format
        #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "Auto", ignore_case = true, value_parser = format())]
        mixed: Option<MixedFormat>,
        /// Freezes all but the classifier
        #[arg(long)]
        frozen: bool,
        /// Prints one JSON object a net
        #[arg(long)]
        json: bool,
        /// Prints the share of every kind of work in the time
        #[arg(long)]
        profile: bool,
        /// What computes
        #[arg(long, default_value = "Cpu", value_parser = device())]
        device: Device,
        #[command(flatten)]
        threads: Threads,
    },
    /// Says what the program finds on this machine: CPU, GPUs, driver, terminal
    Doctor {
        /// Compares what computes with the CPU's kernels, and times training steps: a report for an issue
        #[arg(long)]
        self_test: bool,
        /// What the self-test is of
        #[arg(long, default_value = "Auto", value_parser = device())]
        device: Device,
        /// Leaves out the timings
        #[arg(long)]
        untimed: bool,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Browses the runs: compares, renames, annotates, opens, resumes, deletes to a trash folder
    Runs(Runs),
    /// Trains every row of a table with several seeds, and prints what each gains; goes on where it was stopped
    Suite(Suite),
    /// Prints the table of a suite, of the runs that are done
    Table(Table),
    /// Writes runs or a suite as one HTML page: curves, classes, images, recipes, how each run is made again
    Report(Report),
    /// Goes on with a run that was stopped or killed, where its newest checkpoint left it
    Resume(Resume),
    /// Makes a new run out of a checkpoint of another one, and goes on with it
    Fork(Fork),
    /// Opens the screen on a run that another program trains, and steers it
    Attach {
        /// Run directory, or its name in `runs/` [default: the newest run in `runs/` at which a program is at work]
        run: Option<PathBuf>,
        #[command(flatten)]
        look: Look,
    },
    /// Makes a run again, its edits at their steps, and proves that it is the same to the bit
    Replay(Replay),
    /// Says what is in a run or a checkpoint, and whether it is whole
    Inspect {
        /// Run directory, its name in `runs/`, or a checkpoint file
        path: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Finds a learning rate for a preset: the rate grows from step to step, and nothing is written
    LrFind(LrFind),
    /// Evaluates a checkpoint: top-1, top-5, loss, every class, confusion matrix
    Eval(Eval),
    /// Predicts the most probable classes of images
    Predict(Predict),
    /// Prints what a run has recorded, or writes its weights for other programs
    Export {
        /// Run directory, or its name in `runs/`
        run: PathBuf,
        #[command(flatten)]
        format: Export,
    },
    /// Fetches weights from the Hugging Face hub, and finds them in its cache
    Weights {
        #[command(subcommand)]
        command: Weights,
    },
    /// Prepares images
    Data {
        #[command(subcommand)]
        command: Data,
    },
    /// Prints the man page of the program
    Man {
        /// Writes the man pages of the program and of every command into this directory instead
        #[arg(long, value_parser = path(), value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}
