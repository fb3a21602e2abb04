//! The program itself on a pseudo-terminal, training for real.

#![cfg(unix)]
use crate::pty::Terminal;
use portable_pty::CommandBuilder;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A net and a set that are small enough to watch.
pub const SMALL: [&str; 10] = [
    "--set",
    "net.depth=8",
    "--set",
    "net.width=0.5",
    "--set",
    "data.train_images=2000",
    "--set",
    "data.test_images=200",
    "--set",
    "train.batch=20",
];

pub fn open(dir: &Path, sets: &[&str], cols: u16, rows: u16) -> Terminal {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["quick", "--runs", "runs"]);
    command.args(SMALL);
    sets.iter().for_each(|set| command.args(["--set", set]));
    command.cwd(dir);
    Terminal::open(command, cols, rows)
}

/// Stops the run with a checkpoint, and leaves.
pub fn stop(mut terminal: Terminal) {
    terminal.press("qs");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}

/// The lines of a file of the one run below `dir`.
fn lines(dir: &Path, run: &str, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("runs").join(run).join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a terminal says of itself after the question for pictures, with and without them.
const ANSWERS: [&str; 2] =
    ["\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.39.1)\x1b\\\x1b[?62;c", "\x1bP>|XTerm(388)\x1b\\\x1b[?64;1;2;4;6c"];

#[test]
fn pictures_are_drawn_as_the_terminal_says_that_it_can() {
    for (answer, seen) in ANSWERS.into_iter().zip(["\u{10EEEE}", "half blocks: no kitty here"]) {
        let dir = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
        command.args(["quick", "--runs", "runs", "--kitty", "--set", "train.epochs=200"]);
        command.args(SMALL);
        command.cwd(dir.path());
        let mut terminal = Terminal::open(command, 120, 36);
        terminal.answer("\x1b[c", answer);
        terminal.wait_for("RUN");
        terminal.press("8");
        terminal.wait_for(seen);
        stop(terminal);
    }
}

#[test]
fn a_run_is_steered_with_keys_and_its_edits_are_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = open(dir.path(), &["train.epochs=200"], 80, 24);
    terminal.wait_for("RUN");
    terminal.press(":lr 0.123\r");
    terminal.wait_for("→ 0.123");
    terminal.press("/mixup\r");
    terminal.wait_for("[ ] mixup");
    terminal.press(" ");
    terminal.wait_for("[x] mixup");
    terminal.press("p");
    terminal.wait_for("PAUSED");
    terminal.press("p");
    terminal.wait_for("RUN");
    terminal.resize(160, 50);
    terminal.wait_for("Learning rate");
    terminal.press("q");
    terminal.wait_for("Stop the run?");
    terminal.press("s");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    let after = terminal.ends();
    assert!(after.contains("stopped at step") && after.contains("runs/quick"), "{after}");

    let journal = lines(dir.path(), "quick", "journal.jsonl");
    let edits: Vec<_> = journal.iter().filter(|l| l["event"] == "edit").collect();
    let edit = |knob: &str| {
        let changes = edits.iter().map(|e| &e["changes"][0]);
        changes.clone().find(|c| c["knob"] == knob).unwrap_or_else(|| panic!("{knob}: {edits:?}"))
    };
    assert_eq!(edit("schedule.base_lr")["to"], 0.123);
    assert_eq!((&edit("tricks.mixup.on")["from"], &edit("tricks.mixup.on")["to"]), (&false.into(), &true.into()));
    assert!(edits[0]["step"].is_u64());
    assert_eq!(lines(dir.path(), "quick", "log.jsonl").last().unwrap()["event"], "run_end");
    assert!(dir.path().join("runs/quick/checkpoints").read_dir().unwrap().next().is_some(), "a checkpoint was saved");
}

#[test]
fn the_screen_and_headless_train_to_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let sets = ["train.epochs=1", "train.log_every=1", "tricks.mixup.on=true", "schedule.warmup.epochs=0.5"];
    let mut terminal = open(dir.path(), &sets, 100, 30);
    terminal.wait_for("DONE");
    terminal.press("q");
    terminal.ends();
    let mut batch = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    batch.args(["--batch", "quick", "--runs", "runs", "--threads", "3"]).args(SMALL).current_dir(dir.path());
    for set in sets {
        batch.args(["--set", set]);
    }
    assert!(batch.output().unwrap().status.success());
    let trace = |run: &str| -> Vec<(Value, Value, Value)> {
        let steps = lines(dir.path(), run, "metrics.jsonl").into_iter().filter(|l| l["event"] == "step");
        steps.map(|l| (l["step"].clone(), l["loss"].clone(), l["lr"].clone())).collect()
    };
    let (screen, headless) = (trace("quick"), trace("quick-2"));
    assert_eq!(screen.len(), 100);
    assert_eq!(screen, headless);
}

/// Seconds that a thread of a process has computed.
fn busy(pid: u32, thread: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some((fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?) / 100.0)
}

/// The window of a run is shut after its first steps: the run goes on to its end, and the thread of the screen rests.
fn shut_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = open(dir.path(), &["train.epochs=6", "train.log_every=1"], 80, 24);
    terminal.wait_until("a step", |text| text.contains("img/s"));
    let pid = terminal.pid();
    let mut program = terminal.hang_up();
    let (since, before) = (Instant::now(), busy(pid, pid).unwrap());
    let mut spent = 0.0;
    while program.try_wait().unwrap().is_none() {
        spent = busy(pid, pid).map_or(spent, |now| now - before);
        assert!(since.elapsed() < Duration::from_secs(120), "the run does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    // A tick of the system's clock is 10 ms.
    let most = 0.05 * since.elapsed().as_secs_f64() + 0.02;
    assert!(spent <= most, "{spent} s of {:?}", since.elapsed());
    assert_eq!(lines(dir.path(), "quick", "log.jsonl").last().unwrap()["state"], "done");
    let steps = lines(dir.path(), "quick", "metrics.jsonl").into_iter().filter(|l| l["event"] == "step");
    assert_eq!(steps.count(), 600);
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_goes_on_when_its_window_is_shut() {
    shut_window();
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "takes minutes: cargo test --release --test terminal -- --ignored hundred_windows"]
fn a_hundred_windows_are_shut() {
    (0..100).for_each(|_| shut_window());
}

/// Ctrl-Z and `fg`, with the window resized meanwhile: the shell gets its terminal back every time.
fn suspended(cycles: u16) {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = open(dir.path(), &["train.epochs=200"], 80, 24);
    let ours = terminal.found.clone();
    terminal.wait_for("RUN");
    assert_ne!(terminal.modes(), ours);
    let stat = format!("/proc/{}/stat", terminal.pid());
    let stopped = || std::fs::read_to_string(&stat).unwrap().rsplit(')').next().unwrap().trim().starts_with('T');
    for cycle in 0..cycles {
        let since = Instant::now();
        if cycle % 2 == 0 {
            terminal.press("\x1a")
        } else {
            terminal.signal("-TSTP")
        }
        while !stopped() {
            assert!(since.elapsed() < Duration::from_secs(60), "cycle {cycle}: it does not stop");
            std::thread::sleep(Duration::from_millis(2));
        }
        while terminal.look().alternate_screen() {
            assert!(since.elapsed() < Duration::from_secs(60), "cycle {cycle}: the screen stays");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(terminal.modes(), ours, "cycle {cycle}");
        terminal.resize(60 + cycle % 40, 16 + cycle % 20);
        terminal.signal("-CONT");
        terminal.wait_for("RUN");
        assert_ne!(terminal.modes(), ours);
    }
    terminal.press("qn");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}

#[test]
#[cfg(target_os = "linux")]
fn a_suspended_program_gives_the_terminal_back_and_takes_it_again() {
    suspended(4);
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "takes a minute: cargo test --release --test terminal -- --ignored hundred_suspensions"]
fn a_hundred_suspensions_leave_no_trace() {
    suspended(100);
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_step() {
    let dir = tempfile::tempdir().unwrap();
    // A step of many seconds.
    let mut terminal = open(dir.path(), &["net.width=8", "train.batch=2000"], 80, 24);
    terminal.wait_for("RUN");
    terminal.signal("-INT");
    // A machine that stands still may take two for one.
    while terminal.look().alternate_screen() {
        std::thread::sleep(Duration::from_millis(900));
        terminal.signal("-INT");
    }
    terminal.ends_with(Some(130));
    assert!(lines(dir.path(), "quick", "log.jsonl").iter().all(|l| l["event"] != "run_end"));
}

#[test]
fn a_run_is_taken_up_on_the_screen_with_its_curves_and_edits() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = open(dir.path(), &["train.epochs=200", "train.log_every=1"], 100, 30);
    terminal.wait_for("RUN");
    terminal.press(":momentum 0.8\r");
    terminal.wait_for("momentum 0.9 → 0.8");
    terminal.signal("-USR1");
    terminal.wait_for("checkpoint of step");
    terminal.press("qn");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    let after = terminal.ends();
    assert!(after.contains("tricktop replay runs/quick") && after.contains("tricktop resume runs/quick"), "{after}");

    let stopped = lines(dir.path(), "quick", "chain.jsonl").last().unwrap()["step"].as_u64().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["resume", "quick"]);
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 100, 30);
    terminal.wait_for("RUN");
    // The tick of the edit on the curves.
    terminal.wait_for("momentum 0.8");
    terminal.press("q");
    terminal.wait_for("Stop the run?");
    terminal.press("s");
    terminal.wait_for("STOPPED");
    terminal.press("r");
    terminal.wait_for("RUN");
    terminal.wait_for("momentum 0.8");
    stop(terminal);
    let metrics = lines(dir.path(), "quick", "metrics.jsonl");
    let steps: Vec<u64> =
        metrics.iter().filter(|l| l["event"] == "step").map(|l| l["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (1..=steps.len() as u64).collect::<Vec<_>>(), "every step stands once");
    assert!(steps.len() as u64 > stopped, "{steps:?}");
}

#[test]
fn screens_attach_to_a_run_steer_it_and_leave_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    run.args(["--batch", "quick", "--set", "train.epochs=200", "--set", "train.log_every=1"]).args(SMALL);
    let mut run = run.current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = dir.path().join("runs/quick/metrics.jsonl");
    let since = Instant::now();
    while std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "no step");
        std::thread::sleep(Duration::from_millis(20));
    }
    let attach = |run: &[&str]| {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
        command.arg("attach");
        command.args(run);
        command.cwd(dir.path());
        let mut terminal = Terminal::open(command, 100, 30);
        terminal.wait_until("a state", |text| text.contains("RUN") || text.contains("PAUSED"));
        terminal
    };
    // Without a name: the run that is at work.
    let mut terminal = attach(&[]);
    terminal.press(":momentum 0.8\r");
    terminal.wait_for("momentum 0.9 → 0.8");
    terminal.press("p");
    terminal.wait_for("PAUSED");
    terminal.press("qd");
    let after = terminal.ends();
    assert!(after.contains("the run goes on; tricktop attach runs/quick"), "{after}");
    assert!(run.try_wait().unwrap().is_none(), "the run went with its screen");

    // A window that is shut, and a signal: the run stays.
    drop(attach(&["quick"]).hang_up().wait().unwrap());
    let terminal = attach(&["quick"]);
    terminal.signal("-TERM");
    terminal.ends();
    assert!(run.try_wait().unwrap().is_none(), "the run went with its screen");

    // Paused by the screen before: it is let go on, then stopped with a checkpoint.
    let mut terminal = attach(&["quick"]);
    terminal.wait_for("PAUSED");
    terminal.press("p");
    terminal.wait_for("RUN");
    terminal.wait_for("momentum 0.8");
    stop(terminal);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(!dir.path().join("runs/quick/socket").exists());
    // The run has told who paused it, and that it went on.
    let mut said = String::new();
    run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let told: Vec<&str> = said.lines().filter(|line| !line.contains("interrupted")).collect();
    assert!(told[0].starts_with("quick: paused by attached screen") && told[1] == "quick: goes on", "{said}");
    let [edit] = &lines(dir.path(), "quick", "journal.jsonl")[..] else { panic!("one edit") };
    assert_eq!(edit["changes"][0]["knob"], "optim.momentum");
    assert_eq!(lines(dir.path(), "quick", "log.jsonl").last().unwrap()["state"], "stopped");
}
