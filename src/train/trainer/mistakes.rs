//! Evaluation, and what screens that look are shown of it and of the steps.

use super::Trainer;
use crate::data::{Thumbnail, test_images};
use crate::ops::Ops;
use crate::train::evaluate::{Seen, evaluate};
use crate::train::pictures::{MOST, Missed, MissedImage, Pictures, Taken};
use crate::train::{Answer, Evaluation, Event, State, TrainError, Views};
use std::path::{Path, absolute};

/// Images of the two classes that were confused most often.
const CONFUSED: usize = 8;

/// The mistakes of the last evaluation that are worth being shown.
pub(super) struct Mistakes {
    step: u64,
    worst: Vec<Mistake>,
    confused: Vec<Mistake>,
}

/// A test image that was taken for something else.
#[derive(Clone)]
struct Mistake {
    place: u32,
    loss: f32,
    what: What,
}

/// What it was taken for.
#[derive(Clone)]
enum What {
    Class { label: u32, predicted: u32, confidence: f32 },
    Mask { predicted: Vec<u8>, accuracy: f64 },
}

impl Mistake {
    fn of(seen: &Seen<'_>) -> Option<Mistake> {
        let &Seen { place, loss, .. } = seen;
        let what = match seen.answer {
            Answer::Class { label, predicted, .. } if label == predicted => return None,
            Answer::Class { label, predicted, logits } => {
                // The loss is minus the logarithm of the label's probability.
                let confidence = (f64::from(logits[predicted] - logits[label]) - loss).exp() as f32;
                What::Class { label: label as u32, predicted: predicted as u32, confidence }
            }
            Answer::Mask { predicted, accuracy: Some(accuracy), .. } if accuracy < 1.0 => {
                What::Mask { predicted: predicted.to_vec(), accuracy }
            }
            Answer::Mask { .. } => return None,
        };
        Some(Mistake { place: place as u32, loss: loss as f32, what })
    }

    /// The larger, the worse.
    fn badness(&self) -> f64 {
        match self.what {
            What::Class { .. } => self.loss.into(),
            What::Mask { accuracy, .. } => -accuracy,
        }
    }

    /// Whether a pair of label and prediction is what it was.
    fn is(&self, pair: Option<(u32, u32)>) -> bool {
        matches!(self.what, What::Class { label, predicted, .. } if Some((label, predicted)) == pair)
    }

    /// Adds it to others, of which masks would take much memory: of them the worst stay.
    fn join(self, all: &mut Vec<Mistake>) {
        let masks = matches!(self.what, What::Mask { .. });
        all.push(self);
        if masks && all.len() >= 4 * MOST {
            all.sort_by(|a, b| b.badness().total_cmp(&a.badness()));
            all.truncate(MOST);
        }
    }
}

impl Mistakes {
    /// Chooses out of all mistakes of an evaluation.
    fn of(evaluation: &Evaluation, mut all: Vec<Mistake>) -> Mistakes {
        all.sort_by(|a, b| b.badness().total_cmp(&a.badness()));
        let pair =
            evaluation.confusion.mistaken().first().map(|[label, predicted, _]| (*label as u32, *predicted as u32));
        let confused = all.iter().filter(|m| m.is(pair)).take(CONFUSED).cloned().collect();
        all.truncate(MOST);
        Mistakes { step: evaluation.step, worst: all, confused }
    }
}

/// The name of an image; that of a file as it is found from anywhere, as screens may be attached from anywhere.
fn in_full(name: String) -> String {
    let path = Path::new(&name);
    let full = if path.is_file() { absolute(path).ok() } else { None };
    full.map_or(name, |path| path.display().to_string())
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    pub(super) fn evaluate(&mut self) -> Result<Evaluation, TrainError> {
        let before = self.state;
        self.enter(State::Evaluating);
        let at = (self.at.step, self.epochs_done());
        let (mut skipped, mut mistakes) = (Vec::new(), Vec::new());
        let look = |seen: Seen<'_>| {
            if let Some(mistake) = Mistake::of(&seen) {
                mistake.join(&mut mistakes);
            }
        };
        self.learner.evaluate_as(&self.recipe.tricks.mixed);
        let evaluation = evaluate(&mut self.learner, &mut self.reader, Views::One, &mut skipped, at, look);
        if let Ok(evaluation) = &evaluation {
            self.mistakes = Some(Mistakes::of(evaluation, mistakes));
            self.show_mistakes();
        }
        self.enter(before);
        self.skip(&skipped)?;
        evaluation
    }

    /// Sends what the last step has left for screens that look.
    pub(super) fn show_step(&mut self) {
        if let Some(fed) = self.learner.observer.take(self.at.step, self.epochs_done()) {
            self.send(Event::Pictures(Box::new(Pictures::Fed(fed))));
        }
    }

    /// Sends what the last evaluation got wrong, when any screen looks.
    pub(super) fn show_mistakes(&mut self) {
        let Some(Mistakes { step, worst, confused }) = self.mistakes.as_ref().filter(|_| self.learner.observer.looks())
        else {
            return;
        };
        let missed = Missed { step: *step, worst: self.developed(worst), confused: self.developed(confused) };
        self.send(Event::Pictures(Box::new(Pictures::Missed(missed))));
    }

    /// The mistakes with their pictures, read once more; one that has become broken takes all with it.
    fn developed(&self, mistakes: &[Mistake]) -> Vec<MissedImage> {
        let set = self.reader.set();
        let batch = test_images(set, &mistakes.iter().map(|m| m.place).collect::<Vec<_>>());
        if batch.n != mistakes.len() {
            return Vec::new();
        }
        let shape = [batch.height, batch.width, batch.channels];
        let images = batch.pixels.chunks_exact(shape.iter().product::<usize>().max(1));
        let size = [batch.height, batch.width];
        let mask = |i: usize| batch.masks.get(i * size[0] * size[1]..(i + 1) * size[0] * size[1]);
        let image = |(i, (pixels, m)): (usize, (&[f32], &Mistake))| {
            let picture = Thumbnail::new(pixels, shape, &set.mean, &set.std).ok()?;
            let taken = match &m.what {
                What::Class { label, predicted, confidence } => {
                    Taken::Class { label: *label as usize, predicted: *predicted as usize, confidence: *confidence }
                }
                What::Mask { predicted, accuracy } => Taken::Mask {
                    mask: Thumbnail::of_mask(mask(i)?, size).ok()?,
                    taken: Thumbnail::of_mask(predicted, size).ok()?,
                    accuracy: *accuracy as f32,
                },
            };
            let name = in_full(set.test.name(m.place as usize));
            Some(MissedImage { picture, name, taken, loss: m.loss })
        };
        images.zip(mistakes).enumerate().filter_map(image).collect()
    }
}
