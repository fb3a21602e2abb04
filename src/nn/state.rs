//! Weights under PyTorch's names and layouts, to and from safetensors.

use super::recognise::looks_like;
use super::{Net, NetSpec};
use crate::ops::{Ops, Real};
use crate::text;
use dfdx::prelude::HasShape;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, HashMap, HashSet};
use thiserror::Error;

/// A tensor in PyTorch's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorData {
    /// Shape.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

/// Tensors by name, and text beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Tensors by name.
    pub tensors: BTreeMap<String, TensorData>,
    /// Metadata.
    pub metadata: BTreeMap<String, String>,
}

/// Why a state could not be read or does not fit a net.
#[derive(Debug, Error)]
pub enum StateError {
    /// Not a safetensors file, or a damaged one.
    #[error("not a whole safetensors file: {0}")]
    Format(String),
    /// A tensor in a number format that is not read.
    #[error("tensor {name} is {found}; {wanted}")]
    Dtype {
        /// Tensor.
        name: String,
        /// Its number format.
        found: String,
        /// What is read.
        wanted: &'static str,
    },
    /// A tensor with a value that no net can use.
    #[error("tensor {name} holds {value}; all weights must be finite")]
    NotFinite {
        /// Tensor.
        name: String,
        /// The first such value.
        value: f32,
    },
    /// A file of another net, or of other images or classes.
    #[error("{looks} ({why})")]
    Other {
        /// What it looks like, and the knobs that give that.
        looks: String,
        /// Where it differs.
        why: Box<StateError>,
    },
    /// A parameter of the net is missing.
    #[error("tensor {name} is missing: the file is of another net{}", near(.nearest))]
    Missing {
        /// Parameter.
        name: String,
        /// The name in the file that is most like it.
        nearest: Option<String>,
    },
    /// A tensor that the net has no place for.
    #[error("tensor {name} belongs to no layer of this net: the file is of another one{}", near(.nearest))]
    Unknown {
        /// Tensor.
        name: String,
        /// The parameter of the net that is most like it.
        nearest: Option<String>,
    },
    /// A tensor has another shape than the net's.
    #[error("tensor {name} has shape {found:?}; the net needs {expected:?}")]
    Shape {
        /// Tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The net's.
        expected: Vec<usize>,
    },
    /// The device's own error.
    #[error("the device refused: {0}")]
    Device(String),
}

fn near(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!("; the nearest name is {name}"))
}

/// The name that is most like `name`.
fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a String>) -> Option<String> {
    text::nearest(name, among.map(|other| (other, other)), 0.0).cloned()
}

/// What becomes of the linear layer when the tensors are of other classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// It must fit.
    Fits,
    /// It keeps what it has.
    MayDiffer,
}

/// What becomes of the linear layer when a net starts from weights whose shapes fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// It is taken with the rest.
    Take,
    /// It keeps what it has: the weights are of other classes.
    Keep,
}

/// Tensors of other programs' files that no net here has a place for: counters of norms and of averaged weights, and the
/// auxiliary head of Inception.
pub(super) fn passed_over(name: &str) -> bool {
    name.ends_with(".num_batches_tracked") || name == "n_averaged" || name.starts_with("AuxLogits.")
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

/// The values of a tensor of real numbers in single precision; none for other kinds of numbers.
fn numbers(view: &TensorView) -> Option<Vec<f32>> {
    fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks().0.iter().map(|b| value(*b)).collect()
    }
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Some(each(bytes, f32::from_le_bytes)),
        Dtype::F16 => Some(each(bytes, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Some(each(bytes, |b| bf16::from_le_bytes(b).to_f32())),
        Dtype::F64 => Some(each(bytes, |b| f64::from_le_bytes(b) as f32)),
        _ => None,
    }
}

impl State {
    /// Reads the bytes of a safetensors file of any program: real numbers of other formats become single precision.
    ///
    /// # Errors
    /// A damaged file, whole numbers where weights are due, a value that is not finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<State, StateError> {
        let wanted = "F32, F16, BF16 and F64 are read";
        let state = State::read(bytes, |name, view| {
            numbers(view).ok_or_else(|| StateError::Dtype { name, found: format!("{:?}", view.dtype()), wanted })
        })?;
        let not_finite = |(name, t): (&String, &TensorData)| {
            let value = t.values.iter().copied().find(|v| !v.is_finite())?;
            Some(StateError::NotFinite { name: name.clone(), value })
        };
        state.tensors.iter().find_map(not_finite).map_or(Ok(()), Err)?;
        Ok(state)
    }

    /// Reads the bytes of a safetensors file that this program wrote, to the bit.
    ///
    /// # Errors
    /// A damaged file, or a number format other than F32.
    pub fn exact(bytes: &[u8]) -> Result<State, StateError> {
        let wanted = "tricktop writes F32: another program wrote or converted this file";
        State::read(bytes, |name, view| {
            let single = (view.dtype() == Dtype::F32).then(|| numbers(view)).flatten();
            single.ok_or_else(|| StateError::Dtype { name, found: format!("{:?}", view.dtype()), wanted })
        })
    }

    /// Reads the bytes of a safetensors file; `values` are those of a tensor.
    fn read(
        bytes: &[u8],
        values: impl Fn(String, &TensorView) -> Result<Vec<f32>, StateError>,
    ) -> Result<State, StateError> {
        let format = |e: safetensors::SafeTensorError| StateError::Format(e.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(format)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let mut state = State::default();
        state.metadata.extend(header.metadata().clone().unwrap_or_default());
        for (name, view) in file.tensors() {
            match values(name.clone(), &view) {
                Ok(values) => drop(state.tensors.insert(name, TensorData { shape: view.shape().to_vec(), values })),
                Err(StateError::Dtype { .. }) if passed_over(&name) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(state)
    }

    /// The bytes of a safetensors file with these tensors.
    ///
    /// # Errors
    /// None that is known: the crate's own checks.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        let format = |e: safetensors::SafeTensorError| StateError::Format(e.to_string());
        let bytes: Vec<Vec<u8>> =
            self.tensors.values().map(|t| t.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let views =
            self.tensors.iter().zip(&bytes).map(|((name, t), bytes)| {
                Ok((name, TensorView::new(Dtype::F32, t.shape.clone(), bytes).map_err(format)?))
            });
        let metadata: HashMap<String, String> = self.metadata.clone().into_iter().collect();
        safetensors::serialize(views.collect::<Result<Vec<_>, StateError>>()?, Some(metadata)).map_err(format)
    }
}

impl<E: Real, D: Ops<E>> Net<E, D> {
    /// Parameters and running statistics under PyTorch's names.
    pub fn export(&self) -> BTreeMap<String, TensorData> {
        let tensor =
            |p: &&super::Param<E, D>| TensorData { shape: p.torch_shape(), values: p.to_torch(&p.data.as_vec()) };
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
