//! The figures of an evaluation by task, under the names that screens, lines and files give them.

use super::Tally;
use crate::recipe::settings::Task;
use serde::{Deserialize, Serialize};

/// A figure, as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Share of the images whose class came first.
    Top1,
    /// Share of the images whose class was among the first five.
    Top5,
    /// Mean over the classes of the pixels that are in both label and prediction, over those that are in either.
    Miou,
    /// Share of the pixels whose class came first.
    Pixacc,
}

impl Figure {
    /// Those of a task, the one that decides which state of a run is the best first.
    pub fn of(task: Task) -> [Figure; 2] {
        match task {
            Task::Classify => [Figure::Top1, Figure::Top5],
            Task::Segment => [Figure::Miou, Figure::Pixacc],
        }
    }

    /// Its name in lines and files.
    pub fn key(self) -> &'static str {
        match self {
            Figure::Top1 => "top1",
            Figure::Top5 => "top5",
            Figure::Miou => "miou",
            Figure::Pixacc => "pixacc",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Figure::Top1 => "top-1",
            Figure::Top5 => "top-5",
            Figure::Miou => "mIoU",
            Figure::Pixacc => "pixAcc",
        }
    }

    /// What it counts.
    pub fn counted(self) -> &'static str {
        match self {
            Figure::Top1 | Figure::Top5 => "images",
            Figure::Miou | Figure::Pixacc => "pixels",
        }
    }

    /// What it says of one class: the share of its images that were recognised, or its intersection over union.
    pub fn of_class(self, tally: &Tally) -> Option<f64> {
        match self {
            Figure::Top1 | Figure::Top5 => tally.recall(),
            Figure::Miou | Figure::Pixacc => tally.iou(),
        }
    }
}

/// The figures of an evaluation, as fractions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figures {
    /// Of the classes of images.
    Classes {
        /// Share of the images whose class came first.
        #[serde(rename = "val_top1")]
        top1: f64,
        /// Share of the images whose class was among the first five.
        #[serde(rename = "val_top5")]
        top5: f64,
    },
    /// Of the classes of pixels.
    Pixels {
        /// Mean of the intersections over the unions of the classes that occur.
        #[serde(rename = "val_miou")]
        miou: f64,
        /// Share of the pixels whose class came first.
        #[serde(rename = "val_pixacc")]
        pixacc: f64,
    },
}

impl Figures {
    /// Both, the one that decides first.
    pub fn scores(self) -> [Score; 2] {
        let score = |figure, value| Score { figure, value };
        match self {
            Figures::Classes { top1, top5 } => [score(Figure::Top1, top1), score(Figure::Top5, top5)],
            Figures::Pixels { miou, pixacc } => [score(Figure::Miou, miou), score(Figure::Pixacc, pixacc)],
        }
    }

    /// The figure that decides which state of a run is the best.
    pub fn score(self) -> Score {
        self.scores()[0]
    }

    /// The other one, where it tells anything of so many classes (0 where that is not known): among five or fewer, each
    /// class is one of the first five.
    pub fn second(self, classes: usize) -> Option<Score> {
        Some(self.scores()[1]).filter(|second| second.figure != Figure::Top5 || !(1..=5).contains(&classes))
    }
}

/// A figure and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The figure.
    pub figure: Figure,
    /// Its value, a fraction.
    pub value: f64,
}

impl Score {
    /// Whether it is better than the best so far.
    pub fn beats(self, best: Option<Score>) -> bool {
        best.is_none_or(|best| self.value > best.value)
    }

    /// In per cent.
    pub fn percent(self) -> f64 {
        100.0 * self.value
    }
}

/// Reads and writes a score under the name of its figure. Where there is none, the name is that of classification.
macro_rules! named {
    ($(#[$doc:meta])* $module:ident: $top1:literal, $miou:literal) => {
        $(#[$doc])*
        pub(crate) mod $module {
            use super::{Figure, Score};
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            #[derive(Serialize, Deserialize)]
            #[serde(untagged)]
            enum Named {
                Pixels {
                    #[serde(rename = $miou)]
                    value: f64,
                },
                Classes {
                    #[serde(rename = $top1)]
                    value: Option<f64>,
                },
                // A line without a score.
                Neither {},
            }

            pub(crate) fn serialize<S: Serializer>(score: &Option<Score>, to: S) -> Result<S::Ok, S::Error> {
                match *score {
                    Some(Score { figure: Figure::Miou, value }) => Named::Pixels { value },
                    score => Named::Classes { value: score.map(|score| score.value) },
                }
                .serialize(to)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Score>, D::Error> {
                let score = |figure| move |value| Score { figure, value };
                Ok(match Named::deserialize(from)? {
                    Named::Pixels { value } => Some(value).map(score(Figure::Miou)),
                    Named::Classes { value } => value.map(score(Figure::Top1)),
                    Named::Neither {} => None,
                })
            }
        }
    };
}

named!(
    /// The score of a state.
    score: "top1", "miou"
);
named!(
    /// The best score so far.
    best: "best_top1", "best_miou"
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, to_string};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Both {
        #[serde(flatten)]
        figures: Figures,
        #[serde(flatten, with = "super::score")]
        score: Option<Score>,
        #[serde(flatten, with = "super::best")]
        best: Option<Score>,
        step: u64,
    }

    #[test]
    fn every_figure_has_its_own_name_in_files() {
        let classes = Figures::Classes { top1: 0.75, top5: 0.9 };
        let pixels = Figures::Pixels { miou: 0.25, pixacc: 0.8 };
        let both = |figures: Figures| Both { figures, score: Some(figures.score()), best: None, step: 3 };
        let text = r#"{"val_top1":0.75,"val_top5":0.9,"top1":0.75,"best_top1":null,"step":3}"#;
        assert_eq!(to_string(&both(classes)).unwrap(), text);
        assert_eq!(from_str::<Both>(text).unwrap(), both(classes));
        let text = r#"{"val_miou":0.25,"val_pixacc":0.8,"miou":0.25,"best_top1":null,"step":3}"#;
        assert_eq!(to_string(&both(pixels)).unwrap(), text);
        assert_eq!(from_str::<Both>(text).unwrap(), both(pixels));
        let best = Both { best: Some(pixels.score()), score: None, ..both(pixels) };
        assert_eq!(from_str::<Both>(&to_string(&best).unwrap()).unwrap(), best);
        // Lines of a checkpoint in the middle of an epoch have no figure.
        assert_eq!(from_str::<Both>(r#"{"val_top1":0.75,"val_top5":0.9,"step":3}"#).unwrap().score, None);
    }

    #[test]
    fn top_5_tells_nothing_of_five_classes() {
        let classes = Figures::Classes { top1: 0.75, top5: 0.9 };
        assert_eq!((classes.second(5), classes.second(6).map(|s| s.value)), (None, Some(0.9)));
        assert!(Figures::Pixels { miou: 0.25, pixacc: 0.8 }.second(2).is_some());
        let best = Some(classes.score());
        assert!(!classes.score().beats(best) && classes.score().beats(None));
    }
}
