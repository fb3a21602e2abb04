//! What computes: the processor, or a card that is known to work before anything is put on it.

use super::TrainError;
use crate::kernels::Level;
use crate::nn::Plan;
use crate::ops::{Card, cards};
use crate::recipe::settings::Device;

/// What computes.
pub enum Chosen {
    /// The processor.
    Cpu,
    /// A card.
    #[cfg(feature = "cuda")]
    Cuda(dfdx::prelude::Cuda, Card),
}

impl Chosen {
    /// Opens what a recipe asks for; with `Auto` also says why it is not a card, where the program could use one.
    ///
    /// # Errors
    /// A card that is asked for and cannot be used.
    pub fn open(wanted: Device) -> Result<(Chosen, Option<String>), TrainError> {
        match wanted {
            Device::Cpu => Ok((Chosen::Cpu, None)),
            Device::Cuda(number) => Ok((open(find(number)?)?, None)),
            Device::Auto => match cards() {
                Ok(cards) => {
                    let mut reasons = Vec::new();
                    for card in cards {
                        match open(card) {
                            Ok(chosen) => return Ok((chosen, None)),
                            Err(e) => reasons.push(e.to_string()),
                        }
                    }
                    Ok((Chosen::Cpu, Some(format!("{}: the processor computes", reasons.join("; ")))))
                }
                Err(why) => Ok((Chosen::Cpu, cfg!(feature = "cuda").then(|| format!("{why}: the processor computes")))),
            },
        }
    }

    /// What a person calls it, e.g. `cpu avx2 x2`.
    pub fn name(&self) -> String {
        match self {
            Chosen::Cpu => format!("cpu {} x{}", Level::best().word(), rayon::current_num_threads()),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(_, card) => format!("cuda {} {}", card.number, card.name),
        }
    }

    /// What rounds as no other does: the level of the processor's kernels, or `cuda`.
    pub fn kernels(&self) -> &'static str {
        match self {
            Chosen::Cpu => Level::best().word(),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(..) => "cuda",
        }
    }

    /// What memory depends on, `half` being mixed precision.
    pub fn plan(&self, half: bool) -> Plan {
        if matches!(self, Chosen::Cpu) { Plan::Kernels } else { Plan::Card { half } }
    }

    /// Bytes of its memory that are free.
    pub fn free_memory(&self) -> Option<u64> {
        match self {
            Chosen::Cpu => {
                let mut system = sysinfo::System::new();
                system.refresh_memory();
                Some(system.available_memory()).filter(|free| *free > 0)
            }
            #[cfg(feature = "cuda")]
            Chosen::Cuda(..) => crate::ops::cuda::free_memory(),
        }
    }
}

/// A card that is asked for by its number.
///
/// # Errors
/// When it is not there.
pub fn find(number: usize) -> Result<Card, TrainError> {
    let device = Device::Cuda(number);
    let found = cards().map_err(|why| TrainError::Card { device, why })?;
    let count = found.len();
    found.into_iter().nth(number).ok_or_else(|| TrainError::Card { device, why: format!("there are {count} cards") })
}

#[cfg(feature = "cuda")]
fn open(card: Card) -> Result<Chosen, TrainError> {
    let wrong = |why| TrainError::Card { device: Device::Cuda(card.number), why };
    Ok(Chosen::Cuda(crate::ops::cuda::open(card.number).map_err(wrong)?, card))
}

#[cfg(not(feature = "cuda"))]
fn open(_: Card) -> Result<Chosen, TrainError> {
    unreachable!("a program without CUDA finds no cards")
}
