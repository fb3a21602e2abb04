//! Weights under PyTorch's names and layouts, to and from safetensors.

use super::Net;
use crate::ops::{Ops, Real};
use dfdx::prelude::HasShape;
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
    #[error("tensor {name} is {found}; F32 is read")]
    Dtype {
        /// Tensor.
        name: String,
        /// Its number format.
        found: String,
    },
    /// A parameter of the net is missing.
    #[error("tensor {0} is missing: the file is of another net")]
    Missing(String),
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

impl State {
    /// Reads a safetensors file's bytes.
    ///
    /// # Errors
    /// A damaged file, or a number format other than F32.
    pub fn from_bytes(bytes: &[u8]) -> Result<State, StateError> {
        let format = |e: safetensors::SafeTensorError| StateError::Format(e.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(format)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let mut state = State::default();
        state.metadata.extend(header.metadata().clone().unwrap_or_default());
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(StateError::Dtype { name, found: format!("{:?}", view.dtype()) });
            }
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            state.tensors.insert(name, TensorData { shape: view.shape().to_vec(), values });
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
            let t = tensors.get(&p.name).ok_or_else(|| StateError::Missing(p.name.clone()))?;
            if t.shape != p.torch_shape() {
                let (name, found) = (p.name.clone(), t.shape.clone());
                return Err(StateError::Shape { name, found, expected: p.torch_shape() });
            }
        }
        for p in self.params_mut() {
            let values = p.from_torch(&tensors[&p.name].values);
            let data = p.data.device().clone().try_tensor_from_vec(values, *p.data.shape());
            p.data = data.map_err(|e| StateError::Device(format!("{e:?}")))?;
        }
        Ok(())
    }
}
