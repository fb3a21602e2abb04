//! Layers and nets over any device with [`crate::ops::Ops`].

mod layers;
mod param;
mod resnet;
mod spec;
mod state;

pub use layers::{ConvNorm, Linear};
pub use param::{Init, Layout, Param, Role};
pub use resnet::ResNet;
pub use spec::{Block, Cost, NetSpec, Stem};
pub use state::{State, StateError, TensorData};
