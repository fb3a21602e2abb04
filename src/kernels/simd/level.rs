//! The instruction sets that kernels are compiled for, and which one is used: the best that the CPU has, or the one
//! that `TRICKTOP_SIMD` names.

use std::sync::OnceLock;
use thiserror::Error;

/// An instruction set that this machine has.
///
/// Only [`Level::available`] makes one, after it has asked the CPU: whoever holds a level may call the kernels compiled
/// for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub(in crate::kernels) Kind);

/// The instruction sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Kind {
    /// What the compiler makes of plain Rust.
    Plain,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX-512F with BW and BF16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

/// The environment variable that names a level.
const VARIABLE: &str = "TRICKTOP_SIMD";

/// A level that `TRICKTOP_SIMD` names and this machine does not have.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{VARIABLE} is `{asked}`; this machine has {}", available.join(", "))]
pub struct UnknownLevel {
    /// What the variable holds.
    pub asked: String,
    /// The words of the levels that this machine has, the best last.
    pub available: Vec<&'static str>,
}

impl Level {
    /// The levels that this machine can run, the best last.
    pub fn available() -> Vec<Level> {
        let mut kinds = vec![Kind::Plain];
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            kinds.push(Kind::Neon);
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            kinds.push(Kind::Avx2);
            if std::arch::is_x86_feature_detected!("avx512f") {
                kinds.push(Kind::Avx512);
                if std::arch::is_x86_feature_detected!("avx512bf16") && std::arch::is_x86_feature_detected!("avx512bw")
                {
                    kinds.push(Kind::Avx512Bf16);
                }
            }
        }
        kinds.into_iter().map(Level).collect()
    }

    /// The level that `TRICKTOP_SIMD` names, or the best.
    ///
    /// # Errors
    /// A variable that names no level of this machine.
    pub fn chosen() -> Result<Level, UnknownLevel> {
        let levels = Level::available();
        let Some(asked) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(levels[levels.len() - 1]);
        };
        levels.iter().find(|l| asked == l.word()).copied().ok_or_else(|| UnknownLevel {
            asked: asked.to_string_lossy().into_owned(),
            available: levels.iter().map(|l| l.word()).collect(),
        })
    }

    /// The level in use: the chosen one, or the best where the choice names no level. Asked once for the whole program.
    pub fn best() -> Level {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL
            .get_or_init(|| Level::chosen().unwrap_or_else(|_| Level::available().pop().unwrap_or(Level(Kind::Plain))))
    }

    /// The word of the levels that round as this one does: products of bfloat16 are emulated to the bit.
    pub fn rounding(self) -> &'static str {
        if self.multiplies_bf16() { "avx512" } else { self.word() }
    }

    /// Whether it has instructions that multiply bfloat16.
    pub fn multiplies_bf16(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => true,
            _ => false,
        }
    }

    /// The word for the screen, and for `TRICKTOP_SIMD`.
    pub fn word(self) -> &'static str {
        match self.0 {
            Kind::Plain => "plain",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => "avx512bf16",
        }
    }
}
