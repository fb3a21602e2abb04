//! `tricktop doctor`: what the program finds on this machine, and whether what computes here computes rightly.

mod selftest;

pub use selftest::Check;

use crate::hardware::{self, Driver};
use crate::kernels::Level;
use crate::ops::{Gpu, Ops, Precision, cudnn, gpus, toolkit};
use crate::recipe::settings::Device;
use crate::train::bench::{self, Timing};
use crate::train::{Chosen, TrainError};
use dfdx::prelude::Cpu;
use serde::Serialize;
use std::io::IsTerminal;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of the program.
    pub version: &'static str,
    /// Whether it was built with CUDA.
    pub cuda: bool,
    /// Operating system and architecture.
    pub system: String,
    /// Name of the CPU.
    #[serde(rename = "processor")]
    pub cpu: String,
    /// Threads that compute.
    pub threads: usize,
    /// Instruction set of the kernels.
    pub kernels: &'static str,
    /// What mixed precision is in on the CPU.
    pub mixed: &'static str,
    /// Version of the CUDA toolkit that it runs with: major and minor.
    pub toolkit: Option<(i32, i32)>,
    /// Version and file of cuDNN.
    pub cudnn: Option<Result<String, String>>,
    /// NVIDIA's driver, as NVML tells.
    pub driver: Result<Driver, &'static str>,
    /// The GPUs that can train.
    #[serde(rename = "cards")]
    pub gpus: Result<Vec<Gpu>, String>,
    /// What the terminal can do.
    pub terminal: Terminal,
    /// The self-test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// What the terminal can do.
#[derive(Debug, Serialize)]
pub struct Terminal {
    /// Whether standard output is one.
    pub present: bool,
    /// `TERM`.
    pub kind: String,
    /// Columns and rows.
    pub size: Option<(u16, u16)>,
    /// Whether the screen is in colour.
    pub colour: bool,
    /// Whether it has only ASCII characters.
    pub ascii: bool,
}

/// What the self-test found.
#[derive(Debug, Serialize)]
pub struct Test {
    /// What computed.
    pub device: String,
    /// Everything that was compared with the CPU.
    pub checks: Vec<Check>,
    /// Training steps, timed.
    pub timings: Vec<Timing>,
}

impl Report {
    /// Looks at the machine.
    pub fn new(terminal: Terminal) -> Report {
        let mut system = sysinfo::System::new();
        system.refresh_cpu_usage();
        let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_string());
        Report {
            version: env!("CARGO_PKG_VERSION"),
            cuda: cfg!(feature = "cuda"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: brand.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into()),
            threads: rayon::current_num_threads(),
            kernels: Level::best().word(),
            mixed: match <Cpu as Ops<f32>>::low_precision() {
                Precision::Half => "f16, emulated",
                fast => fast.name(),
            },
            toolkit: toolkit(),
            cudnn: cudnn(),
            driver: hardware::driver(),
            gpus: gpus(),
            terminal,
            test: None,
        }
    }

    /// Tests a device against the CPU, and with `timed` times its training steps.
    ///
    /// # Errors
    /// A device that cannot be had, or that gives up.
    pub fn test(&mut self, device: Device, timed: bool) -> Result<(), TrainError> {
        let (name, checks) = Chosen::apart(device, |chosen| {
            let name = chosen.name();
            let checks = match chosen {
                Chosen::Cpu => selftest::run(&dfdx::prelude::Cpu::default()),
                #[cfg(feature = "cuda")]
                Chosen::Cuda(dev, _) => selftest::run(&dev),
            };
            Ok((name, checks?))
        })?;
        let cases = bench::CASES.iter().filter(|_| timed);
        let timings = cases.map(|case| bench::run(*case, STEPS, device)).collect::<Result<_, _>>()?;
        self.test = Some(Test { device: name, checks, timings });
        Ok(())
    }

    /// Whether nothing failed.
    pub fn well(&self) -> bool {
        self.test.as_ref().is_none_or(|test| test.checks.iter().all(Check::passed))
    }

    /// For people.
    pub fn text(&self) -> String {
        let Report { version, system, cpu, threads, kernels, mixed, terminal, .. } = self;
        let built = if self.cuda { "with CUDA" } else { "without CUDA" };
        let mut text = format!(
            "tricktop   {version}, built {built}\nsystem     {system}\nCPU        {cpu}, {threads} threads, kernels {kernels}, mixed precision {mixed}\n"
        );
        let toolkit = self.toolkit.map_or("none".to_string(), |(major, minor)| format!("CUDA {major}.{minor}"));
        text += &format!("toolkit    {toolkit}\n");
        match &self.cudnn {
            Some(Ok(found)) => text += &format!("cuDNN      {found}\n"),
            Some(Err(why)) => text += &format!("cuDNN      none: {why}\n"),
            None => {}
        }
        text += &match &self.driver {
            Ok(Driver { version, cuda: (major, minor) }) => format!("driver     {version}, for CUDA {major}.{minor}\n"),
            Err(why) => format!("driver     {why}\n"),
        };
        match &self.gpus {
            Ok(gpus) => gpus.iter().for_each(|Gpu { number, name, memory, capability: (major, minor) }| {
                let memory = *memory as f64 / 1e9;
                text +=
                    &format!("GPU        Cuda({number}): {name}, {memory:.1} GB, compute capability {major}.{minor}\n");
            }),
            Err(why) => text += &format!("GPU        none: {why}\n"),
        }
        text += &terminal.text();
        if let Some(test) = &self.test {
            text += &test.text();
        }
        text
    }
}

/// Steps that are timed.
const STEPS: usize = 5;

impl Terminal {
    /// Looks at the terminal, given whether the screen is in colour and has only ASCII.
    pub fn look(colour: bool, ascii: bool) -> Terminal {
        let present = std::io::stdout().is_terminal();
        let size = ratatui::crossterm::terminal::size().ok().filter(|_| present);
        Terminal { present, kind: std::env::var("TERM").unwrap_or_default(), size, colour, ascii }
    }

    fn text(&self) -> String {
        if !self.present {
            return "terminal   none: standard output is no terminal\n".to_string();
        }
        let size = self.size.map_or("of unknown size".to_string(), |(columns, rows)| format!("{columns}x{rows}"));
        let colour = if self.colour { "colour" } else { "no colour" };
        let characters = if self.ascii { "ASCII" } else { "Unicode" };
        format!("terminal   {} {size}, {colour}, {characters}\n", self.kind)
    }
}

impl Test {
    fn text(&self) -> String {
        let failed = self.checks.iter().filter(|check| !check.passed()).count();
        let mut text = format!("\nself-test  {} against the CPU's kernels\n", self.device);
        for check in &self.checks {
            let mark = if check.passed() { "ok  " } else { "FAIL" };
            text += &format!("  {mark}  {:<44} off by {:.1e}, bound {:.0e}\n", check.name, check.distance, check.bound);
        }
        for t in &self.timings {
            text +=
                &format!("  {:<16} batch {:<4} {:>9.1} ms a step, {:>8.1} img/s\n", t.net, t.batch, t.step_ms, t.img_s);
        }
        let all = self.checks.len();
        text + &if failed == 0 {
            format!("all {all} checks passed\n")
        } else {
            format!("{failed} of {all} checks failed\n")
        }
    }
}
