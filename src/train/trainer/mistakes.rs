//! Evaluation, and what screens that look are shown of it and of the steps.

use super::Trainer;
use crate::data::{Thumbnail, test_images};
use crate::ops::Ops;
use crate::train::evaluate::{Seen, evaluate};
use crate::train::pictures::{MOST, Missed, MissedImage, Pictures};
use crate::train::{Answer, Evaluation, Event, State, TrainError};
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
#[derive(Clone, Copy)]
struct Mistake {
    place: u32,
    label: u32,
    predicted: u32,
    confidence: f32,
    loss: f32,
}

impl Mistake {
    fn of(seen: &Seen<'_>) -> Option<Mistake> {
        let &Seen { place, loss, .. } = seen;
        let Answer::Class { label, predicted, logits } = seen.answer;
        // The loss is minus the logarithm of the label's probability.
        let confidence = (f64::from(logits[predicted] - logits[label]) - loss).exp() as f32;
        let [place, label, predicted] = [place, label, predicted].map(|v| v as u32);
        (label != predicted).then_some(Mistake { place, label, predicted, confidence, loss: loss as f32 })
    }
}

impl Mistakes {
    /// Chooses out of all mistakes of an evaluation.
    fn of(evaluation: &Evaluation, mut all: Vec<Mistake>) -> Mistakes {
        all.sort_by(|a, b| b.loss.total_cmp(&a.loss));
        let pair =
            evaluation.confusion.mistaken().first().map(|[label, predicted, _]| (*label as u32, *predicted as u32));
        let confused = all.iter().filter(|m| Some((m.label, m.predicted)) == pair).take(CONFUSED).copied().collect();
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
        let look = |seen: Seen<'_>| mistakes.extend(Mistake::of(&seen));
        let evaluation = evaluate(&mut self.learner, &mut self.reader, self.recipe.task, &mut skipped, at, look);
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
        let image = |(pixels, m): (&[f32], &Mistake)| {
            let picture = Thumbnail::new(pixels, shape, &set.mean, &set.std).ok()?;
            let (label, predicted) = (m.label as usize, m.predicted as usize);
            let name = in_full(set.test.name(m.place as usize));
            Some(MissedImage { picture, name, label, predicted, confidence: m.confidence, loss: m.loss })
        };
        images.zip(mistakes).filter_map(image).collect()
    }
}
