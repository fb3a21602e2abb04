//! The panes of the screen, and the lines of its journal.

/// A pane; a digit chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Hyperparameters.
    Knobs,
    /// Switches of the paper and their values.
    Tricks,
    /// Training and validation loss.
    Loss,
    /// Learning rate.
    Rate,
    /// Top-1 and top-5.
    Accuracy,
    /// Processor and graphics card.
    Hardware,
    /// What happened.
    Journal,
    /// Images: batches, mistakes, classes.
    Images,
    /// Gradients, updates and outputs of every layer.
    Inside,
}

impl Pane {
    /// Every pane, in the order of the digits.
    pub const ALL: [Pane; 9] = [
        Pane::Knobs,
        Pane::Tricks,
        Pane::Loss,
        Pane::Rate,
        Pane::Accuracy,
        Pane::Hardware,
        Pane::Journal,
        Pane::Images,
        Pane::Inside,
    ];

    /// The heading.
    pub fn word(self) -> &'static str {
        match self {
            Pane::Knobs => "Knobs",
            Pane::Tricks => "Tricks",
            Pane::Loss => "Loss",
            Pane::Rate => "Learning rate",
            Pane::Accuracy => "Accuracy",
            Pane::Hardware => "Hardware",
            Pane::Journal => "Journal",
            Pane::Images => "Images",
            Pane::Inside => "Inside",
        }
    }

    /// Whether it is one of the two that steer.
    pub fn steers(self) -> bool {
        matches!(self, Pane::Knobs | Pane::Tricks)
    }

    /// Whether it has curves.
    pub fn has_curves(self) -> bool {
        matches!(self, Pane::Loss | Pane::Rate | Pane::Accuracy)
    }
}

/// What a line or a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something happened.
    Plain,
    /// A setting changed.
    Edit,
    /// Good news.
    Good,
    /// Something did not work.
    Warn,
    /// Something needs a person.
    Alarm,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Steps done.
    pub step: u64,
    /// What it is about.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
}
