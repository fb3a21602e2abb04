//! Weights under PyTorch's names and layouts, to and from safetensors.

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, HashMap};
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
