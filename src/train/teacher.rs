//! A net that another one learns from (section 5.3).

use crate::nn::Net;
use crate::ops::Ops;

/// A teacher and where it came from.
pub(super) struct Teacher<D: Ops<f32>> {
    pub(super) source: String,
    pub(super) by_place: bool,
    pub(super) net: Net<f32, D>,
    /// What is to be told of its file.
    pub(super) note: Option<String>,
}
