//! Whether weights are those of a net, and a net's own to and from tensors.

use super::families::FC;
use super::recognise::looks_like;
use super::spec::{AUX_CLASSIFIER, CLASSIFIER, Logits, is_of};
use super::state::{Head, Outputs, StateError, TensorData, passed_over};
use super::{Net, NetSpec, Param};
use crate::ops::{Ops, Real};
use crate::text;
use dfdx::prelude::HasShape;
use std::collections::{BTreeMap, HashSet};

/// How far tensors that fit a net fill it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Whether its linear layers have other classes.
    pub other_classes: bool,
    /// Classifiers of which there is no tensor: those of a net for another task, or one that a net may go without.
    pub missing: Vec<String>,
}

impl Fit {
    /// Whether they fill all of it.
    pub fn is_whole(&self) -> bool {
        *self == Fit::default()
    }
}

/// The name that is most like `name`.
fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a String>) -> Option<String> {
    text::nearest(name, among.map(|other| (other, other)), 0.0).cloned()
}

impl NetSpec {
    /// Checks that tensors under PyTorch's names are those of this net, all of them and no others, and says which of its
    /// classifiers they fill.
    ///
    /// # Errors
    /// The first that is missing, of another shape or of no layer; with it the net that they are of, when it is known.
    pub fn fit(&self, tensors: &BTreeMap<String, TensorData>, head: Head) -> Result<Fit, StateError> {
        self.fits(tensors, head).map_err(|why| {
            let why = self.nearest_named(why, tensors);
            match looks_like(self, tensors) {
                Some(looks) => StateError::Other { looks, why: Box::new(why) },
                None => why,
            }
        })
    }

    /// Why tensors do not fit, with the name nearest to one that is missing or not known.
    pub(super) fn nearest_named(&self, why: StateError, tensors: &BTreeMap<String, TensorData>) -> StateError {
        match why {
            StateError::Missing { name, .. } => StateError::Missing { nearest: nearest(&name, tensors.keys()), name },
            StateError::Unknown { name, .. } => {
                let params = self.params();
                StateError::Unknown { nearest: nearest(&name, params.iter().map(|p| &p.name)), name }
            }
            why => why,
        }
    }

    /// As [`NetSpec::fit`], without a guess at another net or name: those take much longer.
    pub(super) fn fits(&self, tensors: &BTreeMap<String, TensorData>, head: Head) -> Result<Fit, StateError> {
        let params = self.params();
        let may_differ = head == Head::MayDiffer;
        let mut fit =
            Fit { other_classes: false, missing: if may_differ { self.missing(tensors) } else { Vec::new() } };
        for p in &params {
            let found = match tensors.get(&p.name) {
                Some(t) => t.shape.clone(),
                None if fit.missing.iter().any(|head| is_of(head, &p.name)) => continue,
                None => return Err(StateError::Missing { name: p.name.clone(), nearest: None }),
            };
            let expected = p.layout.torch_shape(p.shape);
            if found == expected {
                continue;
            }
            // Of the linear layer only the classes may differ.
            let of_head = may_differ && self.gives_logits(&p.name);
            if of_head && found.len() == expected.len() && found[1..] == expected[1..] {
                fit.other_classes = true;
            } else {
                return Err(StateError::Shape { name: p.name.clone(), found, expected });
            }
        }
        let known: HashSet<&str> = params.iter().map(|p| p.name.as_str()).collect();
        let known = |name: &String| known.contains(name.as_str()) || passed_over(name) || self.goes_without(name, &fit);
        match tensors.keys().find(|name| !known(name)) {
            None => Ok(fit),
            Some(name) => Err(StateError::Unknown { name: name.clone(), nearest: None }),
        }
    }

    /// Its classifiers that a net starting from these tensors begins anew, since they are of a net for another task or have
    /// none: a net that gives images a class can do so only where there is one for pixels.
    fn missing(&self, tensors: &BTreeMap<String, TensorData>) -> Vec<String> {
        let has = |head: &str| tensors.keys().any(|name| is_of(head, name));
        if self.logits == Logits::Image && !(self.head == FC && has(&format!("{CLASSIFIER}.0"))) {
            return Vec::new();
        }
        self.heads().into_iter().filter(|head| !has(head)).map(String::from).collect()
    }

    /// Whether a tensor is of a classifier for another task, in the place of one that is missing, or of an auxiliary one
    /// that this net does not have.
    fn goes_without(&self, tensor: &str, fit: &Fit) -> bool {
        let for_another_task = fit.missing.iter().any(|head| head == self.heads()[0]);
        match self.logits {
            Logits::Image => for_another_task && (is_of(CLASSIFIER, tensor) || is_of(AUX_CLASSIFIER, tensor)),
            Logits::Pixels { .. } => (for_another_task && is_of(FC, tensor)) || is_of(AUX_CLASSIFIER, tensor),
        }
    }
}

impl<E: Real, D: Ops<E>> Net<E, D> {
    /// Parameters and running statistics under PyTorch's names.
    pub fn export(&self) -> BTreeMap<String, TensorData> {
        let tensor = |p: &&Param<E, D>| TensorData { shape: p.torch_shape(), values: p.to_torch(&p.data.as_vec()) };
        self.params().iter().map(|p| (p.name.clone(), tensor(p))).collect()
    }

    /// Takes parameters and running statistics from `tensors`; further ones there are left alone.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape; then nothing has changed.
    pub fn import(&mut self, tensors: &BTreeMap<String, TensorData>) -> Result<(), StateError> {
        for p in self.params() {
            let t = tensors.get(&p.name).ok_or_else(|| {
                let nearest = nearest(&p.name, tensors.keys());
                StateError::Missing { name: p.name.clone(), nearest }
            })?;
            if t.shape != p.torch_shape() {
                let (name, found) = (p.name.clone(), t.shape.clone());
                return Err(StateError::Shape { name, found, expected: p.torch_shape() });
            }
        }
        self.take(tensors, |_| true)
    }

    /// Starts from the weights of a file of this net alone, which may be of other classes or of a net for another task: then
    /// linear layers or classifiers keep what they have.
    ///
    /// # Errors
    /// As for [`NetSpec::fit`]; then nothing has changed.
    pub fn start_from(&mut self, tensors: &BTreeMap<String, TensorData>, outputs: Outputs) -> Result<Fit, StateError> {
        let fit = self.spec().fit(tensors, Head::MayDiffer)?;
        let (spec, taken) = (self.spec().clone(), !fit.other_classes && outputs == Outputs::Take);
        let missing = |name: &str| fit.missing.iter().any(|head| is_of(head, name));
        self.take(tensors, |name| !missing(name) && (taken || !spec.gives_logits(name)))?;
        Ok(fit)
    }

    /// Takes the parameters that are wanted; their shapes fit.
    fn take(
        &mut self,
        tensors: &BTreeMap<String, TensorData>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), StateError> {
        for p in self.params_mut().into_iter().filter(|p| wanted(&p.name)) {
            let values = p.from_torch(&tensors[&p.name].values);
            let data = p.data.device().clone().try_tensor_from_vec(values, *p.data.shape());
            p.data = data.map_err(|e| StateError::Device(format!("{e:?}")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Design, Weights};
    use crate::recipe::settings::{Form, Init, Net as Settings, Task, Variant};
    use dfdx::prelude::Cpu;

    fn design(task: Task, auxiliary: bool) -> Design {
        let net = Settings { form: Form::ImageNet, depth: 18, width: 0.05, variant: Variant::B, ..Settings::default() };
        let output_stride = if task == Task::Segment { 8 } else { 0 };
        Design { task, net: Settings { output_stride, ..net }, auxiliary }
    }

    /// A net with weights of its own.
    fn net(task: Task, auxiliary: bool, classes: usize, seed: u64) -> Net<f32, Cpu> {
        let mut net = Net::new(&Cpu::default(), &design(task, auxiliary).spec(3, classes)).unwrap();
        net.initialise(Init::Xavier, false, seed).unwrap();
        net
    }

    /// What a net takes of the weights of another: how far they fit, and the names of what changed.
    fn start(from: Net<f32, Cpu>, mut to: Net<f32, Cpu>, outputs: Outputs) -> (Fit, Vec<String>) {
        let (weights, before) = (from.export(), to.export());
        let fit = to.start_from(&weights, outputs).unwrap();
        let after = to.export();
        assert!(after.iter().all(|(name, t)| *t == before[name] || *t == weights[name]), "from nowhere");
        let changed = after.iter().filter(|(name, t)| **t != before[*name]).map(|(name, _)| name.clone());
        (fit, changed.collect())
    }

    #[test]
    fn a_backbone_goes_from_task_to_task_and_classifiers_begin_anew() {
        let (to_pixels, to_images) = ((Task::Classify, Task::Segment), (Task::Segment, Task::Classify));
        for ((from, to), missing) in [(to_pixels, vec!["classifier", "aux_classifier"]), (to_images, vec!["fc"])] {
            let (fit, changed) = start(net(from, true, 7, 1), net(to, true, 5, 2), Outputs::Take);
            assert_eq!(fit, Fit { other_classes: false, missing: missing.into_iter().map(String::from).collect() });
            assert!(changed.contains(&"layer4.1.conv2.weight".to_string()));
            assert!(changed.iter().all(|name| name.starts_with("conv1.") || name.starts_with("layer")), "{changed:?}");
        }
        // What evaluates takes no such weights.
        let spec = net(Task::Segment, true, 5, 0).spec().clone();
        let why = spec.fit(&net(Task::Classify, true, 5, 1).export(), Head::Fits).unwrap_err().to_string();
        assert!(why.contains("classifier.0.weight is missing"), "{why}");
    }

    #[test]
    fn classifiers_of_pixels_fit_with_other_classes_or_without_the_auxiliary_one() {
        let (fit, changed) = start(net(Task::Segment, true, 21, 1), net(Task::Segment, true, 5, 2), Outputs::Take);
        assert_eq!(fit, Fit { other_classes: true, missing: Vec::new() });
        assert!(changed.contains(&"aux_classifier.0.weight".to_string()));
        assert!(!changed.iter().any(|name| name.contains("classifier.4")));
        let (fit, changed) = start(net(Task::Segment, false, 5, 1), net(Task::Segment, true, 5, 2), Outputs::Take);
        assert_eq!(fit, Fit { other_classes: false, missing: vec!["aux_classifier".into()] });
        assert!(changed.contains(&"classifier.4.weight".to_string()));
        let (fit, changed) = start(net(Task::Segment, true, 5, 1), net(Task::Segment, false, 5, 2), Outputs::Keep);
        assert!(fit.is_whole() && changed.contains(&"classifier.0.weight".to_string()));
        assert!(!changed.contains(&"classifier.4.weight".to_string()));
    }

    #[test]
    fn torchvisions_names_are_ours_but_for_the_backbones() {
        let (design, net) = (design(Task::Segment, true), net(Task::Segment, true, 5, 1));
        let own = net.export();
        let outer: BTreeMap<_, _> = own.iter().map(|(name, t)| (design.outer_name(name), t.clone())).collect();
        assert!(outer.contains_key("backbone.layer1.0.conv1.weight") && outer.contains_key("aux_classifier.4.bias"));
        let read = |tensors: &BTreeMap<String, TensorData>| net.spec().fit(tensors, Head::Fits);
        let (weights, fit) = Weights::fitting(outer, read).unwrap();
        assert!(fit.is_whole() && weights.tensors == own);
    }
}
