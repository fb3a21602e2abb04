//! What the pane with images shows: batches as they are fed, mistakes, classes, the teacher.

use super::{Scroll, beside, moved};
use crate::app::history::Curve;
use crate::train::{Agreement, BatchPreview, Evaluation, Missed, MissedImage, Pictures, RolledBack};
use std::cmp::Ordering;

/// Classes that a matrix may have; of more, pairs are listed.
const MATRIX: usize = 100;
/// Pairs of classes that are kept.
const PAIRS: usize = 100;

/// A page of the pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The batch that was trained last.
    #[default]
    Batch,
    /// Test images that were taken for something else.
    Mistakes,
    /// Which classes were taken for which.
    Confusion,
    /// How every class was recognised.
    Classes,
    /// Where teacher and student agree.
    Teacher,
}

impl Page {
    /// Every page, in the order in which they are turned.
    pub const ALL: [Page; 5] = [Page::Batch, Page::Mistakes, Page::Confusion, Page::Classes, Page::Teacher];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Page::Batch => "batch",
            Page::Mistakes => "mistakes",
            Page::Confusion => "confusion",
            Page::Classes => "classes",
            Page::Teacher => "teacher",
        }
    }

    /// Its place, from 0.
    pub(crate) fn place(self) -> usize {
        Page::ALL.iter().position(|page| *page == self).unwrap_or(0)
    }
}

/// What is laid over the images of segmentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    /// The classes of the pixels.
    #[default]
    Label,
    /// What the pixels were taken for.
    Predicted,
    /// Where the two differ.
    Error,
    /// Nothing.
    Image,
}

impl Overlay {
    /// The one after it.
    pub(crate) fn next(self) -> Overlay {
        match self {
            Overlay::Label => Overlay::Predicted,
            Overlay::Predicted => Overlay::Error,
            Overlay::Error => Overlay::Image,
            Overlay::Image => Overlay::Label,
        }
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Overlay::Label => "label",
            Overlay::Predicted => "predicted",
            Overlay::Error => "error",
            Overlay::Image => "image",
        }
    }
}

/// What the pane shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Album {
    pub(crate) page: Page,
    /// The picture, row or line that the page is at.
    pub(crate) cursor: usize,
    pub(crate) fed: Option<BatchPreview>,
    pub(crate) missed: Option<Missed>,
    pub(crate) tested: Option<Tested>,
    pub(crate) taught: Taught,
    /// What lies over images that have masks.
    pub(crate) overlay: Overlay,
}

/// What is to be said of an image that was taken for something else.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Its place among those that are shown.
    pub place: String,
    /// What it is called, in full.
    pub name: String,
    /// Its class, and what it was taken for.
    pub about: String,
}

/// The classes in the last evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Tested {
    pub(crate) step: u64,
    /// A row of counts for each label, unless there are too many.
    pub(crate) matrix: Option<Vec<Vec<u64>>>,
    /// `[label, predicted, images]` of what was taken for something else, the most frequent first.
    pub(crate) pairs: Vec<[u64; 3]>,
    /// Every class that has images, the worst first.
    pub(crate) classes: Vec<Class>,
}

/// How a class was recognised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Class {
    pub(crate) label: usize,
    pub(crate) images: u64,
    /// Share of its images that were recognised, or its IoU.
    pub(crate) share: f64,
    /// How much that is above the evaluation before.
    pub(crate) change: Option<f64>,
}

/// What teacher and student said of training images while somebody looked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taught {
    pub(crate) last: Option<Agreement>,
    /// Shares of the images, by epochs: both the same, teacher right, student right.
    pub(crate) curves: [Curve; 3],
}

impl Tested {
    fn new(e: &Evaluation, before: Option<&Tested>) -> Tested {
        let Evaluation { step, figures, confusion, .. } = e;
        let figure = figures.score().figure;
        let change = |label: usize, share: f64| {
            let before = before?.classes.iter().find(|class| class.label == label)?;
            Some(share - before.share)
        };
        let class = |(label, tally): (usize, crate::train::Tally)| {
            let share = figure.of_class(&tally)?;
            Some(Class { label, images: tally.images, share, change: change(label, share) })
        };
        let mut classes: Vec<Class> = confusion.tallies().into_iter().enumerate().filter_map(class).collect();
        classes.sort_by(|a, b| a.share.partial_cmp(&b.share).unwrap_or(Ordering::Equal));
        let mut pairs = confusion.mistaken();
        pairs.truncate(PAIRS);
        Tested { step: *step, matrix: confusion.rows(MATRIX), pairs, classes }
    }

    /// Images of a class.
    pub(crate) fn images(&self, label: u64) -> u64 {
        self.classes.iter().find(|class| class.label == label as usize).map_or(0, |class| class.images)
    }
}

impl Album {
    /// Takes pictures in.
    pub(crate) fn take(&mut self, pictures: Pictures) {
        match pictures {
            Pictures::Fed(fed) => {
                if let Some(of) = fed.agreement.filter(|of| of.images > 0) {
                    for (curve, n) in self.taught.curves.iter_mut().zip([of.same, of.teacher, of.student]) {
                        curve.push(fed.epoch, n as f64 / of.images as f64);
                        curve.settle();
                    }
                    self.taught.last = Some(of);
                }
                self.fed = Some(fed);
            }
            Pictures::Missed(missed) => self.missed = Some(missed),
        }
    }

    /// Takes an evaluation in; one that a log has may be without its matrix.
    pub(crate) fn evaluated(&mut self, e: &Evaluation) {
        if e.confusion.classes > 0 {
            self.tested = Some(Tested::new(e, self.tested.as_ref()));
        }
    }

    /// Forgets what came after the step to which the run went back.
    pub(crate) fn roll_back(&mut self, back: &RolledBack) {
        self.fed.take_if(|fed| fed.step > back.step);
        self.missed.take_if(|missed| missed.step > back.step);
        self.tested.take_if(|tested| tested.step > back.step);
        self.taught.curves.iter_mut().for_each(|curve| curve.cut(back.epoch));
    }

    /// Another run begins: the page stays.
    pub(crate) fn start_over(&mut self) {
        *self = Album { page: self.page, overlay: self.overlay, ..Album::default() };
    }

    /// The mistake at the cursor, its place and how many there are. The evaluation after this one may have fewer.
    pub(crate) fn mistake(&self) -> Option<(&MissedImage, usize, usize)> {
        let missed = self.missed.as_ref().filter(|_| self.page == Page::Mistakes)?;
        let count = missed.worst.len() + missed.confused.len();
        let place = self.cursor.min(count.checked_sub(1)?);
        missed.worst.iter().chain(&missed.confused).nth(place).map(|image| (image, place, count))
    }
}

impl Scroll for Album {
    /// Goes on by so many pictures, rows or lines.
    fn shift(&mut self, by: isize) {
        let (fed, missed, tested) = (self.fed.as_ref(), self.missed.as_ref(), self.tested.as_ref());
        let count = match self.page {
            Page::Batch => fed.map_or(0, |fed| fed.images.len()),
            Page::Mistakes => missed.map_or(0, |missed| missed.worst.len() + missed.confused.len()),
            Page::Confusion => tested.map_or(0, |t| t.pairs.len().max(t.matrix.as_ref().map_or(0, Vec::len))),
            Page::Classes => tested.map_or(0, |tested| tested.classes.len()),
            Page::Teacher => 0,
        };
        self.cursor = moved(self.cursor, by, count);
    }

    /// Turns to the next page or the one before.
    fn turn(&mut self, right: bool) {
        self.page = Page::ALL[beside(self.page.place(), Page::ALL.len(), right)];
        self.cursor = 0;
    }
}
