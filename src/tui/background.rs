//! Gives the shell its terminal back while the run goes on, as Ctrl-Z and `bg` do.
//!
//! No program can put itself into the background: the shell takes its terminal back when what it started stops. So this
//! one stops, with all that the shell started with it, and a second process wakes it as soon as the shell has the
//! terminal; after a moment where there is no such shell. Threads, locks and connections stay as they are meanwhile.

use rustix::process::{Pid, Signal, getpgrp, kill_current_process_group, kill_process_group};
use rustix::termios::tcgetpgrp;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The argument with which this program is started to wake a group of processes; its number follows.
pub const WAKE: &str = "--wake-process-group";
/// How long a shell may take to notice, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

/// Stops until the shell has the terminal. Says whether a shell has it now.
///
/// # Errors
/// There is no terminal, or the process that wakes this one cannot be started: nothing was stopped.
pub(super) fn go() -> io::Result<bool> {
    let terminal = File::open("/dev/tty")?;
    let group = getpgrp();
    if tcgetpgrp(&terminal)? != group {
        return Ok(true);
    }
    let mut waker = Command::new(program()?)
        .args([WAKE, &group.as_raw_nonzero().to_string()])
        .stdin(terminal.try_clone()?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    kill_current_process_group(Signal::STOP)?;
    waker.wait()?;
    Ok(tcgetpgrp(&terminal)? != group)
}

/// This program, even when its file has been replaced since it was started.
fn program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}

/// Wakes a group of processes when the terminal, which is the standard input, is another one's.
///
/// # Errors
/// There is no such group any more.
pub fn wake(group: &str) -> io::Result<()> {
    let group =
        group.parse().ok().filter(|group| *group > 1).and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let since = Instant::now();
    while since.elapsed() < PATIENCE && tcgetpgrp(io::stdin().as_fd()).is_ok_and(|front| front == group) {
        std::thread::sleep(LOOK);
    }
    Ok(kill_process_group(group, Signal::CONT)?)
}
