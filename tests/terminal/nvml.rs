//! The graphics cards through a stub of the driver's library, which `nvml/stub.c` is and the C compiler builds: what it
//! answers stands in its environment, so that every look at it takes a process of its own.

#![cfg(target_os = "linux")]
use crate::pty::Terminal;
use portable_pty::CommandBuilder;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tricktop::hardware::{Gpu, Probe, Process};

const NOT_SUPPORTED: &str = "3";
const GB: u64 = 1_000_000_000;

/// A folder with the stub under the name that the real library has.
fn driver(flags: &[&str]) -> TempDir {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nvml/stub.c");
    let mut cc = Command::new("cc");
    cc.args(flags).args(["-shared", "-fPIC", "-o"]).arg(dir.path().join("libnvidia-ml.so.1")).arg(source);
    let built =
        cc.output().unwrap_or_else(|e| panic!("this test needs the C compiler `cc`, which does not start: {e}"));
    assert!(built.status.success(), "`cc` cannot build the stub: {}", String::from_utf8_lossy(&built.stderr));
    dir
}

/// What a process with this driver sees: the cards in words, or why there are none. With it the number of the process.
fn look(driver: &TempDir, env: &[(&str, &str)]) -> (u32, String) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["nvml::a_process_that_looks", "--exact", "--ignored", "--nocapture"]);
    child.env("LD_LIBRARY_PATH", driver.path()).envs(env.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let seen = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{seen}");
    (pid, seen)
}

/// The other side of [`look`].
#[test]
#[ignore = "a part of the other tests here"]
fn a_process_that_looks() {
    let sample = Probe::new().sample();
    assert_eq!(sample.gpus.is_empty(), sample.gpu_note.is_some());
    eprint!("{}", sample.gpu_note.map_or_else(|| words(&sample.gpus), str::to_string));
}

fn words(gpus: &[Gpu]) -> String {
    format!("{gpus:#?}")
}

/// A card of the stub, as the process `own` sees it.
fn card(index: u32, own: u32) -> Gpu {
    let i = f64::from(index);
    let process = |pid, memory| Process { pid, own: pid == own, memory };
    Gpu {
        index,
        name: format!("NVIDIA Stub {}", char::from(b'A' + index as u8)),
        utilisation: Some(50 + index),
        memory_used: Some((10 + u64::from(index)) * GB),
        memory_total: 80 * GB,
        temperature: Some(60 + index),
        power_w: Some(300.5 + i),
        power_limit_w: Some(700.0 + i),
        sm_mhz: Some(1700 + index),
        memory_mhz: Some(2600 + index),
        throttle: Some(if index % 2 == 1 { vec!["thermal", "power cap"] } else { Vec::new() }),
        processes: Some(vec![process(own, Some(GB)), process(8, Some((9 + u64::from(index)) * GB)), process(7, None)]),
    }
}

/// A call, and what a card is without it.
type Call = (&'static str, fn(&mut Gpu));

/// The calls that a card may do without.
const CALLS: [Call; 9] = [
    ("nvmlDeviceGetName", |gpu| gpu.name = "GPU".into()),
    ("nvmlDeviceGetUtilizationRates", |gpu| gpu.utilisation = None),
    ("nvmlDeviceGetMemoryInfo_v2", |gpu| (gpu.memory_used, gpu.memory_total) = (None, 0)),
    ("nvmlDeviceGetTemperature", |gpu| gpu.temperature = None),
    ("nvmlDeviceGetPowerUsage", |gpu| gpu.power_w = None),
    ("nvmlDeviceGetEnforcedPowerLimit", |gpu| gpu.power_limit_w = None),
    ("nvmlDeviceGetClockInfo", |gpu| (gpu.sm_mhz, gpu.memory_mhz) = (None, None)),
    ("nvmlDeviceGetCurrentClocksThrottleReasons", |gpu| gpu.throttle = None),
    ("nvmlDeviceGetComputeRunningProcesses_v3", |gpu| gpu.processes = None),
];

/// A card of which only its number is known.
fn bare(index: u32) -> Gpu {
    Gpu { index, name: "GPU".into(), ..Gpu::default() }
}

#[test]
fn every_card_is_seen_with_all_that_the_driver_tells() {
    let driver = driver(&[]);
    let cards = |count: &str| look(&driver, &[("STUB_CARDS", count)]);
    assert_eq!(cards("0").1, "no NVIDIA GPU");
    for count in [1, 8] {
        let (pid, seen) = cards(&count.to_string());
        assert_eq!(seen, words(&(0..count).map(|i| card(i, pid)).collect::<Vec<_>>()));
    }
}

#[test]
fn a_call_that_fails_takes_its_own_value_and_no_other() {
    let driver = driver(&[]);
    let fail =
        |calls: &str| look(&driver, &[("STUB_CARDS", "2"), ("STUB_FAILS", calls), ("STUB_ERROR", NOT_SUPPORTED)]);
    for (call, without) in CALLS {
        let (pid, seen) = fail(call);
        let mut cards = [card(0, pid), card(1, pid)];
        cards.iter_mut().for_each(without);
        assert_eq!(seen, words(&cards), "{call}");
    }
    assert_eq!(fail(&CALLS.map(|(call, _)| call).join(",")).1, words(&[bare(0), bare(1)]));
}

#[test]
fn an_old_driver_lacks_the_calls() {
    assert_eq!(look(&driver(&["-DOLD"]), &[("STUB_CARDS", "1")]).1, words(&[bare(0)]));
}

#[test]
fn a_lost_card_leaves_the_others_their_numbers() {
    let driver = driver(&[]);
    let (pid, seen) = look(&driver, &[("STUB_CARDS", "3"), ("STUB_LOST", "1")]);
    assert_eq!(seen, words(&[card(0, pid), card(2, pid)]));
    let (_, seen) = look(&driver, &[("STUB_CARDS", "1"), ("STUB_LOST", "0")]);
    assert_eq!(seen, "the NVIDIA driver does not answer");
}

#[test]
fn why_there_is_no_card_is_said_in_words() {
    let driver = driver(&[]);
    for (error, words) in [
        ("4", "no permission to ask the NVIDIA driver"),
        ("9", "no driver"),
        ("999", "the NVIDIA driver does not answer"),
    ] {
        for call in ["nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"] {
            let env = [("STUB_CARDS", "1"), ("STUB_FAILS", call), ("STUB_ERROR", error)];
            assert_eq!(look(&driver, &env).1, words, "{call} gives {error}");
        }
    }
    std::fs::write(driver.path().join("libnvidia-ml.so.1"), "no library").unwrap();
    assert_eq!(look(&driver, &[]).1, "no driver");
}

#[test]
fn the_program_shows_eight_cards_and_which_are_held_back() {
    let (driver, dir) = (driver(&[]), tempfile::tempdir().unwrap());
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["quick", "--runs", "runs", "--set", "net.depth=8", "--set", "net.width=0.5"]);
    command.cwd(dir.path());
    command.env("LD_LIBRARY_PATH", driver.path());
    command.env("STUB_CARDS", "8");
    let mut terminal = Terminal::open(command, 80, 24);
    terminal.wait_for("6 gpu !");
    terminal.press("6");
    terminal.wait_for("! thermal  ! power cap");
    terminal.wait_for("!7  57 %");
    terminal.wait_for("17/80 GB 67 °C 308 W");
    terminal.press("qn");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}
