//! Utilisation of GPUs (NVML, loaded at run time) and CPU, sampled once a second by a thread of its own.

mod gpu;

pub use gpu::{Gpu, Process};

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Time between two samples.
const INTERVAL: Duration = Duration::from_secs(1);

/// Samples kept for a reader that is behind; later ones are left out.
const BACKLOG: usize = 4;

/// The process that trains what is shown: 0 is this one, [`NOBODY`] none at all.
static TRAINER: AtomicU32 = AtomicU32::new(0);
const NOBODY: u32 = u32::MAX;

/// Says which process trains what is shown, when that is not this one; nothing when nobody does.
pub fn follow(process: Option<u32>) {
    let process = process.unwrap_or(NOBODY);
    TRAINER.store(if process == std::process::id() { 0 } else { process }, Ordering::Relaxed);
}

/// The process that trains what is shown.
fn trainer() -> Option<u32> {
    match TRAINER.load(Ordering::Relaxed) {
        0 => Some(std::process::id()),
        NOBODY => None,
        process => Some(process),
    }
}

/// NVIDIA's driver.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Driver {
    /// Its version.
    pub version: String,
    /// Newest version of CUDA that it can run: major and minor.
    pub cuda: (u32, u32),
}

/// Asks NVML for NVIDIA's driver.
///
/// # Errors
/// Why there is none, in a few words.
pub fn driver() -> Result<Driver, &'static str> {
    let absence = |e| gpu::absence(&e);
    let nvml = Nvml::init().map_err(absence)?;
    let version = nvml.sys_driver_version().map_err(absence)?;
    let cuda = nvml.sys_cuda_driver_version().map_err(absence)? as u32;
    Ok(Driver { version, cuda: (cuda / 1000, cuda % 1000 / 10) })
}

/// What the machine does at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The NVIDIA GPUs.
    pub gpus: Vec<Gpu>,
    /// Why there are none, e.g. `no driver`.
    pub gpu_note: Option<&'static str>,
    /// Use of each core since the sample before, in percent.
    pub cores: Vec<f32>,
    /// Bytes in use on the machine.
    pub memory_used: u64,
    /// Bytes of the machine.
    pub memory_total: u64,
    /// Resident bytes of the process that trains; 0 when nobody does.
    pub process_memory: u64,
}

/// Looks at the machine. A missing driver is normal, and a value that cannot be read is left out.
pub struct Probe {
    nvml: Result<Nvml, NvmlError>,
    system: System,
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe {
    /// Opens NVML if it is there, and starts counting the use of the cores.
    pub fn new() -> Probe {
        let mut system = System::new();
        system.refresh_cpu_usage();
        Probe { nvml: Nvml::init(), system }
    }

    /// Takes a sample. The use of the cores is that since the call before.
    pub fn sample(&mut self) -> Sample {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let gpus = gpu::gpus(&self.nvml);
        Sample {
            gpu_note: gpus.as_ref().err().copied(),
            gpus: gpus.unwrap_or_default(),
            cores: self.system.cpus().iter().map(|core| core.cpu_usage().clamp(0.0, 100.0)).collect(),
            memory_used: self.system.used_memory(),
            memory_total: self.system.total_memory(),
            process_memory: self.process_memory(),
        }
    }

    fn process_memory(&mut self) -> u64 {
        let Some(pid) = trainer().map(Pid::from_u32) else { return 0 };
        let kind = ProcessRefreshKind::nothing().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
        self.system.process(pid).map_or(0, |process| process.memory())
    }
}

/// The thread that samples; dropping it ends and joins the thread.
pub struct Sampler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts the thread and returns where its samples arrive, the first one after a fraction of a second.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start() -> io::Result<(Sampler, Receiver<Sample>)> {
        let (stop, stopped) = channel();
        let (send, samples) = sync_channel(BACKLOG);
        let thread = std::thread::Builder::new().name("hardware".to_string()).spawn(move || run(&stopped, &send))?;
        Ok((Sampler { stop: Some(stop), thread: Some(thread) }, samples))
    }
}

/// Samples until the sampler or the reader of the samples is gone.
fn run(stopped: &Receiver<()>, send: &SyncSender<Sample>) {
    let mut probe = Probe::new();
    let mut wait = MINIMUM_CPU_UPDATE_INTERVAL;
    while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        if let Err(TrySendError::Disconnected(_)) = send.try_send(probe.sample()) {
            return;
        }
        wait = INTERVAL;
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_sample_shows_this_machine_and_this_process() {
        let mut probe = Probe::new();
        let ballast = vec![1u8; 64 << 20];
        let sample = probe.sample();
        assert!(!sample.cores.is_empty());
        assert!(sample.cores.iter().all(|core| (0.0..=100.0).contains(core)), "{:?}", sample.cores);
        assert!(0 < sample.memory_used && sample.memory_used <= sample.memory_total, "{sample:?}");
        assert!(sample.process_memory >= ballast.len() as u64, "{} bytes", sample.process_memory);
        assert_eq!(sample.gpus.is_empty(), sample.gpu_note.is_some(), "{sample:?}");
        // In the same test, because all threads follow the same process.
        assert_eq!(trainer(), Some(std::process::id()));
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        follow(Some(other.id()));
        let shown = probe.sample().process_memory;
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(shown > 0 && shown < 16 << 20, "{shown} bytes");
        assert_eq!(probe.sample().process_memory, 0, "it is gone");
        follow(None);
        assert_eq!(probe.sample().process_memory, 0);
        follow(Some(std::process::id()));
        assert!(probe.sample().process_memory > 0);
    }

    #[test]
    fn the_sampler_sends_and_ends_at_once() {
        let (sampler, samples) = Sampler::start().unwrap();
        let first = samples.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(!first.cores.is_empty());
        let start = Instant::now();
        drop(sampler);
        assert!(start.elapsed() < INTERVAL / 2, "{:?}", start.elapsed());
        assert!(matches!(samples.recv_timeout(Duration::ZERO), Ok(_) | Err(RecvTimeoutError::Disconnected)));
    }

    #[test]
    fn a_busy_core_shows() {
        let mut probe = Probe::new();
        let start = Instant::now();
        let mut x = 1.0f64;
        while start.elapsed() < 2 * MINIMUM_CPU_UPDATE_INTERVAL {
            x = std::hint::black_box(x * 1.000_1);
        }
        let cores = probe.sample().cores;
        assert!(cores.iter().sum::<f32>() > 20.0, "{cores:?}");
    }
}
