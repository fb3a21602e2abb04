//! What computes: the processor, or a card that is known to work before anything is put on it.

use super::TrainError;
use crate::data::DataSet;
use crate::kernels::Level;
use crate::nn::{NetSpec, Plan};
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
            Device::Cuda(number) => {
                let wrong = |why| TrainError::Card { device: wanted, why };
                Ok((open(find(number)?).map_err(wrong)?, None))
            }
            Device::Auto => match first() {
                Ok(chosen) => Ok((chosen, None)),
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

    /// What a run has to know of it, `half` being mixed precision.
    pub(super) fn on(&self, half: bool) -> On {
        let (kernels, free) = match self {
            Chosen::Cpu => {
                let mut system = sysinfo::System::new();
                system.refresh_memory();
                (Level::best().word(), Some(system.available_memory()).filter(|free| *free > 0))
            }
            #[cfg(feature = "cuda")]
            Chosen::Cuda(..) => ("cuda", crate::ops::cuda::free_memory()),
        };
        let plan = if matches!(self, Chosen::Cpu) { Plan::Kernels } else { Plan::Card { half } };
        On { name: self.name(), kernels, plan, free }
    }
}

/// What a run has to know of the device that it is on.
pub(super) struct On {
    /// What a person calls it.
    pub name: String,
    /// What rounds as no other does: the level of the processor's kernels, or `cuda`.
    pub kernels: &'static str,
    /// What memory depends on.
    pub plan: Plan,
    /// Bytes of its memory that are free, where it tells.
    free: Option<u64>,
}

impl On {
    /// Whether training has room: a card must have it; of a processor, to which the system may lend more, a sentence says
    /// that it has not.
    ///
    /// # Errors
    /// A card that has no room, or cannot count as far.
    pub fn room(&self, spec: &NetSpec, data: &DataSet, batch: usize) -> Result<Option<String>, TrainError> {
        let (h, w) = (data.train.height, data.train.width);
        let memory = spec.memory(h, w, batch, self.plan);
        let largest = |free| spec.largest_batch(h, w, free, self.plan);
        if !memory.is_countable() {
            return Err(TrainError::Count { batch, largest: largest(self.free.unwrap_or(u64::MAX)) });
        }
        let needed = memory.total();
        let Some(free) = self.free.filter(|free| needed > *free) else { return Ok(None) };
        let (net, device, largest) = (spec.name.clone(), self.name.clone(), largest(free));
        let error = TrainError::Memory { net, batch, needed, free, device, largest };
        match self.plan {
            Plan::Kernels => Ok(Some(error.to_string())),
            Plan::Card { .. } => Err(error),
        }
    }
}

/// The first card that works.
///
/// # Errors
/// Why none does, as a sentence.
fn first() -> Result<Chosen, String> {
    let mut reasons = Vec::new();
    for card in cards()? {
        let number = card.number;
        match open(card) {
            Ok(chosen) => return Ok(chosen),
            Err(why) => reasons.push(format!("card {number} cannot be used: {why}")),
        }
    }
    Err(if reasons.is_empty() { "there is no NVIDIA card".into() } else { reasons.join("; ") })
}

/// A card that is asked for by its number.
///
/// # Errors
/// When it is not there.
pub(super) fn find(number: usize) -> Result<Card, TrainError> {
    let wrong = |why| TrainError::Card { device: Device::Cuda(number), why };
    let found = cards().map_err(wrong)?;
    let count = found.len();
    found.into_iter().nth(number).ok_or_else(|| wrong(format!("cards found: {count}")))
}

/// Opens a card.
///
/// # Errors
/// Why it cannot be used, as a predicate.
fn open(card: Card) -> Result<Chosen, String> {
    #[cfg(feature = "cuda")]
    return Ok(Chosen::Cuda(crate::ops::cuda::open(card.number)?, card));
    #[cfg(not(feature = "cuda"))]
    unreachable!("a program without CUDA finds no card {}", card.number)
}
