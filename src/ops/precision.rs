//! The number formats of feature maps.

/// In which format feature maps and their gradients are. Weights, statistics, the state of the optimiser and sums are in
/// single precision in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    #[default]
    Single,
    /// 16 bits: IEEE 754's binary16, with 5 bits of exponent.
    Half,
    /// 16 bits: bfloat16, with the 8 bits of exponent that single precision has.
    BrainHalf,
}

impl Precision {
    /// Bytes of a value.
    pub fn bytes(self) -> u64 {
        match self {
            Precision::Single => 4,
            Precision::Half | Precision::BrainHalf => 2,
        }
    }

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Single => "f32",
            Precision::Half => "f16",
            Precision::BrainHalf => "bf16",
        }
    }
}
