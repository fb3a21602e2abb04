//! What a learner takes from files of weights: what it starts from, and its teacher.

use super::TrainError;
use super::checkpoint::{Checkpoint, Found, Pupil};
use super::classes::{Aligned, align};
use super::learner::Learner;
use super::pretrained::Start;
use super::teacher::Teacher;
use crate::nn::{Logits, NetSpec, Outputs};
use crate::ops::Ops;
use crate::recipe::Settings;
use crate::recipe::settings::{Distill, Task};

impl<D: Ops<f32>> Learner<D> {
    /// Takes the weights that the settings name to start from; says in a sentence what is to be told of that: a prefix of
    /// names that was left out, a linear layer of other classes. What weights of the hub ask of images becomes a note.
    ///
    /// # Errors
    /// A file that cannot be read or is not of this net; then nothing has changed.
    pub fn start_from(&mut self, s: &Settings) -> Result<Option<String>, TrainError> {
        let start = Start::find(&self.origin, &s.net.weights)?;
        let path = start.shown();
        let spec = self.net.spec().clone();
        let Found { mut weights, fit, classes } = start.weights(&spec, s)?;
        let aligned = align(&mut weights.tensors, &spec, &self.classes, classes.as_deref());
        let (head, count) =
            (&spec.head, weights.tensors.get(&format!("{}.bias", spec.head)).map_or(0, |t| t.values.len()));
        let starts =
            |heads: &[String]| heads.join(" and ") + if heads.len() > 1 { " start anew" } else { " starts anew" };
        let without = || format!("has no {}: {}", fit.missing.join(" and no "), starts(&fit.missing));
        let (outputs, of_head) = match aligned {
            _ if fit.missing.iter().any(|missing| missing == spec.heads()[0]) => (Outputs::Keep, Some(without())),
            _ if fit.other_classes => {
                let here = spec.classes;
                (Outputs::Keep, Some(format!("is of {count} classes: {head}, of {here} here, starts anew")))
            }
            Aligned::Same => (Outputs::Take, (!fit.missing.is_empty()).then(without)),
            Aligned::Unnamed => {
                let file = path.display();
                self.notes.push(format!("{file} names no classes: {head} is taken by the places of its outputs"));
                (Outputs::Take, (!fit.missing.is_empty()).then(without))
            }
            Aligned::Others(why) => (Outputs::Keep, Some(format!("{why}: {head} starts anew"))),
        };
        self.net.start_from(&weights.tensors, outputs)?;
        let told: Vec<String> = weights.note().into_iter().chain(of_head).collect();
        self.notes.extend(start.about_images(s));
        Ok((!told.is_empty()).then(|| format!("{} {}", path.display(), told.join("; it "))))
    }

    /// Loads the teacher that `distill` names, when it is on and another one is there.
    ///
    /// # Errors
    /// A checkpoint that is missing, damaged or of other classes; then the present teacher stays.
    pub fn ready_teacher(&mut self, distill: &Distill) -> Result<(), TrainError> {
        let (source, by_place) = (&distill.teacher, distill.by_place);
        if distill.on && self.teacher.as_ref().is_none_or(|t| (&t.source, t.by_place) != (source, by_place)) {
            let image_channels = self.net.spec().image_channels;
            let task = if self.net.spec().logits == Logits::Image { Task::Classify } else { Task::Segment };
            let pupil = Pupil { task, image_channels, classes: &self.classes, by_place };
            let (net, note) = Checkpoint::teacher_with_note(&self.origin.weights(source), &self.dev, &pupil)?;
            self.teacher = Some(Teacher { source: source.clone(), by_place, net, note });
        }
        Ok(())
    }

    /// What is to be told of a teacher that was loaded, once.
    pub(super) fn teacher_note(&mut self) -> Option<String> {
        self.teacher.as_mut()?.note.take()
    }

    /// The description of the teacher, when one is there.
    pub fn teacher(&self) -> Option<&NetSpec> {
        self.teacher.as_ref().map(|teacher| teacher.net.spec())
    }
}
