//! The NVIDIA GPUs, as their driver's library (NVML) tells of them. No single call of it has to work.

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::{Device, Nvml};
use std::cmp::Reverse;

/// Processes of a GPU that are kept.
const PROCESSES: usize = 64;

/// Why a GPU is slower than it could be, what matters most first. An idle GPU, and clocks that someone has set, are
/// not in here.
const THROTTLES: [(ThrottleReasons, &str); 5] = [
    (ThrottleReasons::SW_THERMAL_SLOWDOWN.union(ThrottleReasons::HW_THERMAL_SLOWDOWN), "thermal"),
    (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "power brake"),
    (ThrottleReasons::SW_POWER_CAP, "power cap"),
    (ThrottleReasons::HW_SLOWDOWN, "slowdown"),
    (ThrottleReasons::SYNC_BOOST, "sync boost"),
];

/// What one GPU does. A value that its driver does not give is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gpu {
    /// Its number, as the driver counts from 0.
    pub index: u32,
    /// Name of the model.
    pub name: String,
    /// Share of time with a kernel running, in percent.
    pub utilisation: Option<u32>,
    /// Bytes in use on the GPU.
    pub memory_used: Option<u64>,
    /// Bytes of the GPU, 0 when `memory_used` is not known.
    pub memory_total: u64,
    /// Degrees Celsius.
    pub temperature: Option<u32>,
    /// Watts.
    pub power_w: Option<f64>,
    /// Its power limit in watts.
    pub power_limit_w: Option<f64>,
    /// Clock of the multiprocessors in MHz.
    pub sm_mhz: Option<u32>,
    /// Clock of the memory in MHz.
    pub memory_mhz: Option<u32>,
    /// Why it is slower than it could be, in words such as `power cap`; no words when nothing throttles it.
    pub throttle: Option<Vec<&'static str>>,
    /// The processes that compute on it, at most 64: this one, then those with the most memory.
    pub processes: Option<Vec<Process>>,
}

/// A process that computes on a GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its number, as the driver sees it: inside a container that may be another one than there.
    pub pid: u32,
    /// Whether it is this one.
    pub own: bool,
    /// Bytes on the GPU.
    pub memory: Option<u64>,
}

/// The GPUs that can be read, or in words why there are none.
pub(super) fn gpus(nvml: &Result<Nvml, NvmlError>) -> Result<Vec<Gpu>, &'static str> {
    let nvml = nvml.as_ref().map_err(absence)?;
    let mut note = "no NVIDIA GPU";
    let mut gpus = Vec::new();
    for index in 0..nvml.device_count().map_err(|e| absence(&e))? {
        match nvml.device_by_index(index) {
            Ok(device) => gpus.push(gpu(index, &device)),
            Err(e) => note = absence(&e),
        }
    }
    if gpus.is_empty() { Err(note) } else { Ok(gpus) }
}

fn gpu(index: u32, device: &Device) -> Gpu {
    let memory = device.memory_info().ok();
    let watts = |milliwatts: u32| f64::from(milliwatts) / 1000.0;
    Gpu {
        index,
        name: device.name().unwrap_or_else(|_| "GPU".to_string()),
        utilisation: device.utilization_rates().ok().map(|rates| rates.gpu),
        memory_used: memory.as_ref().map(|memory| memory.used),
        memory_total: memory.map_or(0, |memory| memory.total),
        temperature: device.temperature(TemperatureSensor::Gpu).ok(),
        power_w: device.power_usage().ok().map(watts),
        power_limit_w: device.enforced_power_limit().ok().map(watts),
        sm_mhz: device.clock_info(Clock::SM).ok(),
        memory_mhz: device.clock_info(Clock::Memory).ok(),
        throttle: device.current_throttle_reasons().ok().map(words),
        processes: device.running_compute_processes().ok().map(kept),
    }
}

fn words(reasons: ThrottleReasons) -> Vec<&'static str> {
    THROTTLES.iter().filter(|(bits, _)| reasons.intersects(*bits)).map(|(_, word)| *word).collect()
}

fn kept(processes: Vec<ProcessInfo>) -> Vec<Process> {
    let memory = |used| match used {
        UsedGpuMemory::Used(bytes) => Some(bytes),
        UsedGpuMemory::Unavailable => None,
    };
    let own = super::trainer();
    let process = |p: ProcessInfo| Process { pid: p.pid, own: Some(p.pid) == own, memory: memory(p.used_gpu_memory) };
    let mut all: Vec<Process> = processes.into_iter().map(process).collect();
    all.sort_by_key(|process| (!process.own, Reverse(process.memory)));
    all.truncate(PROCESSES);
    all
}

pub(super) fn absence(error: &NvmlError) -> &'static str {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded => "no driver",
        NvmlError::NoPermission => "no permission to ask the NVIDIA driver",
        _ => "the NVIDIA driver does not answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_driver_is_said_in_words() {
        assert_eq!(absence(&NvmlError::LibraryNotFound), "no driver");
        assert_eq!(absence(&NvmlError::NoPermission), "no permission to ask the NVIDIA driver");
        assert_eq!(absence(&NvmlError::Unknown), "the NVIDIA driver does not answer");
    }

    #[test]
    fn a_gpu_that_is_idle_or_set_to_a_clock_is_not_throttled() {
        let quiet = ThrottleReasons::GPU_IDLE
            | ThrottleReasons::APPLICATIONS_CLOCKS_SETTING
            | ThrottleReasons::DISPLAY_CLOCK_SETTING;
        assert!(words(quiet).is_empty());
        assert_eq!(words(ThrottleReasons::all()), THROTTLES.map(|(_, word)| word));
        assert_eq!(words(ThrottleReasons::HW_THERMAL_SLOWDOWN), ["thermal"]);
    }
}
