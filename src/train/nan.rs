//! Numbers that are not finite, in JSON.

use serde::{Deserialize, Deserializer};

/// A number that JSON has as `null` because it was not finite.
pub(crate) fn or_nan<'de, F: Deserialize<'de> + From<f32>, D: Deserializer<'de>>(from: D) -> Result<F, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(F::from(f32::NAN)))
}
