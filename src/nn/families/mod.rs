//! The nets of the paper as descriptions, under timm's names.

mod densenet;
mod fcn;
mod inception;
mod mobilenet;
mod resnet;

pub use densenet::DenseNet;
pub use inception::Inception;
pub use mobilenet::MobileNet;
pub use resnet::{Block, Groups, ResNet, Stem, resnet_name};

/// The linear layer of ResNets and Inception.
pub const FC: &str = "fc";

/// Added to the variance by norms, in all nets but Inception.
const EPS: f64 = 1e-5;

/// A number of channels by a factor.
fn scaled(width: f64, channels: usize) -> usize {
    ((channels as f64 * width).round() as usize).max(1)
}
