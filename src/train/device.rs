//! What computes: the processor, or a card that is known to work before anything is put on it.

use super::checkpoint::Pupil;
use super::origin::Opened;
use super::{Checkpoint, TrainError};
use crate::data::DataSet;
use crate::kernels::Level;
use crate::nn::{Net, NetSpec, Plan, Training};
use crate::ops::{Card, cards, fault};
use crate::recipe::Recipe;
use crate::recipe::settings::Device;
use dfdx::prelude::Cpu;

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

    /// Opens what is asked for and runs `f` with it, on a thread of its own: when a card fails, its memory cannot be freed.
    ///
    /// # Errors
    /// As [`Chosen::open`], those of `f`, and a device that gives up.
    pub fn apart<T: Send + 'static>(
        device: Device,
        f: impl FnOnce(Chosen) -> Result<T, TrainError> + Send + 'static,
    ) -> Result<T, TrainError> {
        let done = fault::apart(move || f(Chosen::open(device)?.0));
        done.unwrap_or_else(|panic| Err(TrainError::Device(fault::meant(&panic))))
    }

    /// Opens what a run asks for, where the run has room; also what it has to be told.
    ///
    /// # Errors
    /// A card that is asked for and cannot be used or has no room.
    pub(super) fn for_run(recipe: &Recipe, images: &Opened) -> Result<(Chosen, On, Vec<String>), TrainError> {
        let mixed = recipe.tricks.mixed.on;
        let (chosen, note) = Chosen::open(recipe.device)?;
        let on = chosen.on(mixed);
        match on.room(recipe, images) {
            Ok(tight) => Ok((chosen, on, note.into_iter().chain(tight).collect())),
            Err(e) if recipe.device == Device::Auto => {
                let on = Chosen::Cpu.on(mixed);
                let tight = on.room(recipe, images)?;
                let note = format!("{e}; for now the processor computes");
                Ok((Chosen::Cpu, on, [note].into_iter().chain(tight).collect()))
            }
            Err(e) => Err(e),
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
    fn on(&self, half: bool) -> On {
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
    fn room(&self, recipe: &Recipe, images: &Opened) -> Result<Option<String>, TrainError> {
        let Opened { set: data, origin } = images;
        let (image_channels, classes, batch) = (data.train.channels, &data.classes, recipe.train.batch as usize);
        let (spec, distill) = (NetSpec::new(&recipe.net, image_channels, classes.len()), &recipe.tricks.distill);
        let pupil = Pupil { image_channels, classes, by_place: distill.by_place };
        let teacher =
            distill.on.then(|| Checkpoint::teacher(&origin.teacher(&distill.teacher), &Cpu::default(), &pupil));
        let teacher = teacher.transpose()?;
        let training = self.training(&spec, teacher.as_ref().map(Net::spec), data);
        let memory = training.memory(batch);
        if !memory.is_countable() {
            return Err(TrainError::Count { batch, largest: training.largest_batch(self.free.unwrap_or(u64::MAX)) });
        }
        let needed = memory.total();
        let Some(free) = self.free.filter(|free| needed > *free) else { return Ok(None) };
        let (net, device, largest) = (spec.name.clone(), self.name.clone(), training.largest_batch(free));
        let error = TrainError::Memory { net, batch, needed, free, device, largest };
        match self.plan {
            Plan::Kernels => Ok(Some(error.to_string())),
            Plan::Card { .. } => Err(error),
        }
    }

    /// What takes memory in training a net.
    pub fn training<'a>(&self, net: &'a NetSpec, teacher: Option<&'a NetSpec>, data: &DataSet) -> Training<'a> {
        Training { net, teacher, size: (data.train.height, data.train.width), plan: self.plan }
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
