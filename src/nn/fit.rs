//! Whether weights are those of a net, and a net's own to and from tensors.

use super::recognise::looks_like;
use super::state::{Head, Outputs, StateError, TensorData, passed_over};
use super::{Net, NetSpec, Param};
use crate::ops::{Ops, Real};
use crate::text;
use dfdx::prelude::HasShape;
use std::collections::{BTreeMap, HashSet};

/// The name that is most like `name`.
fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a String>) -> Option<String> {
    text::nearest(name, among.map(|other| (other, other)), 0.0).cloned()
}

impl NetSpec {
    /// Checks that tensors under PyTorch's names are those of this net, all of them and no others; says whether the
    /// linear layer is among those that fit.
    ///
    /// # Errors
    /// The first that is missing, of another shape or of no layer; with it the net that they are of, when it is known.
    pub fn fit(&self, tensors: &BTreeMap<String, TensorData>, head: Head) -> Result<bool, StateError> {
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
    pub(super) fn fits(&self, tensors: &BTreeMap<String, TensorData>, head: Head) -> Result<bool, StateError> {
        let params = self.params();
        let mut head_fits = true;
        for p in &params {
            let found = match tensors.get(&p.name) {
                Some(t) => t.shape.clone(),
                None => return Err(StateError::Missing { name: p.name.clone(), nearest: None }),
            };
            let expected = p.layout.torch_shape(p.shape);
            if found == expected {
                continue;
            }
            // Of the linear layer only the classes may differ.
            let of_head = head == Head::MayDiffer && self.gives_logits(&p.name);
            if of_head && found.len() == expected.len() && found[1..] == expected[1..] {
                head_fits = false;
            } else {
                return Err(StateError::Shape { name: p.name.clone(), found, expected });
            }
        }
        let known: HashSet<&str> = params.iter().map(|p| p.name.as_str()).collect();
        match tensors.keys().find(|name| !known.contains(name.as_str()) && !passed_over(name)) {
            None => Ok(head_fits),
            Some(name) => Err(StateError::Unknown { name: name.clone(), nearest: None }),
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

    /// Starts from the weights of a file of this net alone, which may be of other classes: then the linear layer keeps
    /// what it has. Says whether its shape fits.
    ///
    /// # Errors
    /// As for [`NetSpec::fit`]; then nothing has changed.
    pub fn start_from(&mut self, tensors: &BTreeMap<String, TensorData>, outputs: Outputs) -> Result<bool, StateError> {
        let head_fits = self.spec().fit(tensors, Head::MayDiffer)?;
        let (spec, taken) = (self.spec().clone(), head_fits && outputs == Outputs::Take);
        self.take(tensors, |name| taken || !spec.gives_logits(name))?;
        Ok(head_fits)
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
