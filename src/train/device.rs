//! What computes: the CPU, or a GPU that is known to work before anything is put on it.

use super::checkpoint::Pupil;
#[cfg(feature = "cuda")]
use super::faster::{Speeds, speeds};
use super::optim::slots;
use super::origin::Opened;
use super::{Checkpoint, Learner, TrainError};
use crate::data::DataSet;
use crate::kernels::Level;
use crate::nn::{Net, NetSpec, Training};
use crate::ops::memory::Backend;
use crate::ops::{Gpu, Precision, fault, gpus};
use crate::recipe::Recipe;
use crate::recipe::settings::{Device, Mixed, Settings};
use crate::tricks::finetune::always_frozen;
use dfdx::prelude::Cpu;

/// What computes.
pub enum Chosen {
    /// The CPU.
    Cpu,
    /// A GPU.
    #[cfg(feature = "cuda")]
    Cuda(dfdx::prelude::Cuda, Gpu),
}

impl Chosen {
    /// Opens what a recipe asks for; also says why it is slower than it could be: why it is not a GPU with `Auto`, where the
    /// program could use one, or why convolutions are not cuDNN's.
    ///
    /// # Errors
    /// A GPU that is asked for and cannot be used.
    pub fn open(wanted: Device) -> Result<(Chosen, Option<String>), TrainError> {
        match wanted {
            Device::Cpu => Ok((Chosen::Cpu, None)),
            Device::Cuda(number) => {
                let wrong = |why| TrainError::Gpu { device: wanted, why };
                let chosen = open(find(number)?).map_err(wrong)?;
                let note = chosen.slow();
                Ok((chosen, note))
            }
            Device::Auto => match first() {
                Ok(chosen) => {
                    let note = chosen.slow();
                    Ok((chosen, note))
                }
                Err(why) => Ok((Chosen::Cpu, cfg!(feature = "cuda").then(|| format!("{why}: the CPU computes")))),
            },
        }
    }

    /// Opens what is asked for and runs `f` with it, on a thread of its own: when a GPU fails, its memory cannot be freed.
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
    /// A GPU that is asked for and cannot be used or has no room.
    pub(super) fn for_run(recipe: &Recipe, images: &Opened) -> Result<(Chosen, On, Vec<String>), TrainError> {
        let (chosen, note) = Chosen::open(recipe.device)?;
        let on = chosen.on(&recipe.tricks.mixed);
        let tight = match on.room(recipe, images) {
            Ok(tight) => tight,
            Err(e) if recipe.device == Device::Auto => {
                return Chosen::cpu_for_run(recipe, images, format!("{e}; for now the CPU computes"));
            }
            Err(e) => return Err(e),
        };
        #[cfg(not(feature = "cuda"))]
        let measured = None;
        #[cfg(feature = "cuda")]
        let measured = match (&chosen, recipe.device) {
            (Chosen::Cuda(dev, _), Device::Auto) => {
                let Speeds { gpu, cpu } = speeds((dev, &on.name), recipe, &images.set)?;
                let both =
                    format!("this net trains on {gpu:.0} images a second on {}, on {cpu:.0} on the CPU", on.name);
                if cpu >= gpu {
                    return Chosen::cpu_for_run(recipe, images, format!("device Auto: {both}: the CPU computes"));
                }
                Some(format!("device Auto: {both}: the GPU computes"))
            }
            _ => None,
        };
        Ok((chosen, on, [note, tight, measured].into_iter().flatten().collect()))
    }

    /// The CPU instead of a GPU, and why.
    fn cpu_for_run(recipe: &Recipe, images: &Opened, why: String) -> Result<(Chosen, On, Vec<String>), TrainError> {
        let on = Chosen::Cpu.on(&recipe.tricks.mixed);
        let tight = on.room(recipe, images)?;
        Ok((Chosen::Cpu, on, [why].into_iter().chain(tight).collect()))
    }

    /// Why convolutions are slow on a GPU.
    fn slow(&self) -> Option<String> {
        match self {
            Chosen::Cpu => None,
            #[cfg(feature = "cuda")]
            Chosen::Cuda(dev, _) => crate::ops::cuda::convolutions(dev).err().map(|why| {
                format!("{why}: convolutions are composed of dfdx's operations, many times slower (docs/guide/gpus.md)")
            }),
        }
    }

    /// What a person calls it, e.g. `cpu avx2 x2` or `cuda 0 NVIDIA H200, cuDNN 9.17.1`.
    pub fn name(&self) -> String {
        match self {
            Chosen::Cpu => format!("cpu {} x{}", Level::best().rounding(), rayon::current_num_threads()),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(dev, gpu) => {
                let convolutions = crate::ops::cuda::convolutions(dev).unwrap_or_else(|_| "no cuDNN".into());
                format!("cuda {} {}, {convolutions}", gpu.number, gpu.name)
            }
        }
    }

    /// In which format mixed precision has the feature maps.
    pub fn precision(&self, mixed: &Mixed) -> Precision {
        match self {
            Chosen::Cpu => Learner::<Cpu>::precision(mixed),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(..) => Learner::<dfdx::prelude::Cuda>::precision(mixed),
        }
    }

    /// What a run has to know of it, with feature maps in a format.
    fn on(&self, mixed: &Mixed) -> On {
        let precision = self.precision(mixed);
        let (kernels, free, cudnn) = match self {
            Chosen::Cpu => {
                let mut system = sysinfo::System::new();
                system.refresh_memory();
                (Level::best().rounding(), Some(system.available_memory()).filter(|free| *free > 0), None)
            }
            #[cfg(feature = "cuda")]
            Chosen::Cuda(dev, _) => {
                ("cuda", crate::ops::cuda::free_memory(), Some(crate::ops::cuda::convolutions(dev).is_ok()))
            }
        };
        let backend = cudnn.map_or(Backend::Cpu(precision), |cudnn| Backend::Cuda { precision, cudnn });
        On { name: self.name(), kernels, backend, free }
    }
}

/// What a run has to know of the device that it is on.
pub(super) struct On {
    /// What a person calls it.
    pub name: String,
    /// What rounds as no other does: the level of the CPU's kernels, or `cuda`.
    pub kernels: &'static str,
    /// What memory depends on.
    pub backend: Backend,
    /// Bytes of its memory that are free, where it tells.
    free: Option<u64>,
}

impl On {
    /// Whether training has room. A GPU must have it; a CPU, to which the system may lend more memory, gives a sentence when
    /// it has not.
    ///
    /// # Errors
    /// A GPU that has no room, or cannot count as far.
    fn room(&self, recipe: &Recipe, images: &Opened) -> Result<Option<String>, TrainError> {
        let Opened { set: data, origin } = images;
        let (image_channels, classes, batch) = (data.train.channels, &data.classes, recipe.train.batch as usize);
        let (spec, distill) = (NetSpec::of(recipe, image_channels, classes.len()), &recipe.tricks.distill);
        let pupil = Pupil { task: recipe.task, image_channels, classes, by_place: distill.by_place };
        let teacher =
            distill.on.then(|| Checkpoint::teacher(&origin.weights(&distill.teacher), &Cpu::default(), &pupil));
        let teacher = teacher.transpose()?;
        let training = self.training(&spec, teacher.as_ref().map(Net::spec), data, recipe);
        let memory = training.memory(batch);
        if !memory.is_countable() {
            return Err(TrainError::Count { batch, largest: training.largest_batch(self.free.unwrap_or(u64::MAX)) });
        }
        let needed = memory.total();
        let Some(free) = self.free.filter(|free| needed > *free) else { return Ok(None) };
        let (net, device, largest) = (spec.name.clone(), self.name.clone(), training.largest_batch(free));
        let error = TrainError::Memory { net, batch, needed, free, device, largest };
        match self.backend {
            Backend::Cpu(_) => Ok(Some(error.to_string())),
            Backend::Cuda { .. } => Err(error),
        }
    }

    /// What takes memory in training a net.
    pub fn training<'a>(
        &self,
        net: &'a NetSpec,
        teacher: Option<&'a NetSpec>,
        data: &DataSet,
        s: &Settings,
    ) -> Training<'a> {
        Training {
            net,
            teacher,
            size: (data.train.height, data.train.width),
            frozen: net.frozen_layers(always_frozen(s)),
            slots: slots(s.optim.name).len(),
            averaged: s.optim.ema.on,
            shard: s.train.shard as usize,
            backend: self.backend,
        }
    }
}

/// The first GPU that works.
///
/// # Errors
/// Why none does, as a sentence.
fn first() -> Result<Chosen, String> {
    let mut reasons = Vec::new();
    for gpu in gpus()? {
        let number = gpu.number;
        match open(gpu) {
            Ok(chosen) => return Ok(chosen),
            Err(why) => reasons.push(format!("GPU {number} cannot be used: {why}")),
        }
    }
    Err(if reasons.is_empty() { "there is no NVIDIA GPU".into() } else { reasons.join("; ") })
}

/// A GPU that is asked for by its number.
///
/// # Errors
/// When it is not there.
pub(super) fn find(number: usize) -> Result<Gpu, TrainError> {
    let wrong = |why| TrainError::Gpu { device: Device::Cuda(number), why };
    let found = gpus().map_err(wrong)?;
    let count = found.len();
    found.into_iter().nth(number).ok_or_else(|| wrong(format!("GPUs found: {count}")))
}

/// Opens a GPU.
///
/// # Errors
/// Why it cannot be used, as a predicate.
fn open(gpu: Gpu) -> Result<Chosen, String> {
    #[cfg(feature = "cuda")]
    return Ok(Chosen::Cuda(crate::ops::cuda::open(gpu.number)?, gpu));
    #[cfg(not(feature = "cuda"))]
    unreachable!("a program without CUDA finds no GPU {}", gpu.number)
}
