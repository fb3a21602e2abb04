//! Nets over any device with [`crate::ops::Ops`]: one vocabulary that describes them ([`layer`]), the nets of the paper
//! in it ([`families`]), and one [`Net`] that runs them.

mod design;
pub mod families;
mod fit;
mod groups;
pub mod layer;
mod memory;
mod net;
mod onnx;
mod param;
mod recognise;
mod spec;
mod stages;
mod state;
mod timm;
mod weights;

pub use design::Design;
pub use fit::Fit;
pub use groups::Group;
pub use layer::Cost;
pub use memory::{Memory, Training};
pub use net::{Look, Net, Tuning};
pub use onnx::{OnnxError, onnx};
pub use param::{Init, Layout, Param, Role};
pub use recognise::{Recognised, recognise};
pub use spec::{Auxiliary, Logits, NetSpec, edge};
pub use state::{Head, Outputs, State, StateError, TensorData};
pub use timm::{Timm, timm};
pub use weights::Weights;
