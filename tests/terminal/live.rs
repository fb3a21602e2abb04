//! A run without a trainer on a real terminal: by hand (`cargo test --test terminal -- --ignored --nocapture live`), and
//! in a pseudo-terminal, where the terminal must come back whatever happens.

use crate::pty::Terminal;
use crate::script::*;
use portable_pty::CommandBuilder;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tricktop::app::Begin;
use tricktop::recipe::Recipe;
use tricktop::train::{Command, Event, State, When};
use tricktop::tui::{Session, run};

/// Set, it makes the trainer panic.
const TRAINER_PANICS: &str = "TRICKTOP_TEST_TRAINER_PANICS";

/// Set, it makes the start of a second run panic, on the thread of the screen.
const SCREEN_PANICS: &str = "TRICKTOP_TEST_SCREEN_PANICS";

/// A trainer that makes its numbers up, at about the pace of a small net.
fn pretend(recipe: Recipe) -> Result<Session, String> {
    let (commands, orders) = channel();
    let (reports, events) = channel();
    let work = move || {
        let mut script = Script { recipe: recipe.clone(), step: 0 };
        let mut waiting: Vec<(u64, u64, Vec<_>)> = Vec::new();
        let (mut paused, mut budget) = (false, u64::MAX);
        let send = |event| reports.send(event).is_ok();
        send(Event::Started(Box::new(info(&recipe))));
        send(Event::State(State::Running));
        let mut last = Instant::now();
        loop {
            if std::env::var_os(TRAINER_PANICS).is_some() && script.step > 4 {
                panic!("the trainer fell over");
            }
            match orders.recv_timeout(Duration::from_millis(100)) {
                Ok(Command::Edit { id, changes, when: When::Step(n) }) => {
                    for (knob, to) in &changes {
                        send(Event::Scheduled { id, knob, to: to.clone(), when: When::Step(n) });
                    }
                    waiting.push((n, id, changes));
                }
                Ok(Command::Steps(n)) => {
                    (paused, budget) = (false, n);
                    send(Event::State(State::Running));
                }
                Ok(Command::Stop { .. }) => {
                    send(script.end(State::Stopped));
                    return;
                }
                Ok(command) => {
                    paused = match command {
                        Command::Pause => true,
                        Command::Resume => false,
                        _ => paused,
                    };
                    if script.answer(&command).into_iter().any(|event| !send(event)) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if paused || last.elapsed() < Duration::from_millis(100) {
                continue;
            }
            last = Instant::now();
            let n = budget.min(2);
            budget -= n;
            for event in script.steps(n) {
                send(event);
            }
            for (at, id, changes) in &waiting {
                if script.step + 1 >= *at && script.step < *at + 1 {
                    for (knob, to) in changes {
                        let event = script.apply(*id, knob, to.clone());
                        send(event);
                    }
                }
            }
            if budget == 0 {
                (paused, budget) = (true, u64::MAX);
                send(Event::State(State::Paused));
            }
            if script.epoch() >= script.recipe.train.epochs as f64 {
                send(script.end(State::Done));
                return;
            }
        }
    };
    let trainer = std::thread::Builder::new().name("trainer".into()).spawn(work).map_err(|e| e.to_string())?;
    Ok(Session { commands, behind: Vec::new(), past: Vec::new(), events, guard: Box::new(Join(Some(trainer))) })
}

struct Join(Option<std::thread::JoinHandle<()>>);

impl Drop for Join {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            drop(thread.join());
        }
    }
}

#[test]
#[ignore = "needs a terminal and a person"]
fn live() {
    let (to_hardware, hardware) = channel();
    std::thread::spawn(move || {
        for i in 0.. {
            if to_hardware.send(sample(i)).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    let mut runs = 0;
    let start = |begin: Begin| {
        runs += 1;
        assert!(runs == 1 || std::env::var_os(SCREEN_PANICS).is_none(), "the screen fell over");
        match begin {
            Begin::New(recipe) => pretend(*recipe),
            Begin::TakeUp(..) | Begin::Fork(..) | Begin::Attach(_) => pretend(recipe()),
        }
    };
    run(options(), recipe(), Begin::New(Box::new(recipe())), start, Vec::new, &hardware).unwrap();
}

/// The live test in a pseudo-terminal of 80 columns and 24 rows.
fn open(env: &[(&str, &str)]) -> Terminal {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["live::live", "--exact", "--ignored", "--nocapture"]);
    env.iter().for_each(|(k, v)| command.env(k, v));
    Terminal::open(command, 80, 24)
}

#[test]
fn keys_steer_a_run_and_leaving_prints_the_result() {
    let mut terminal = open(&[]);
    terminal.wait_for("RUN");
    terminal.press("m\r0.35\r");
    terminal.wait_for("lr 0.2 → 0.35");
    terminal.press("p");
    terminal.wait_for("PAUSED");
    terminal.press("qs");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    let after = terminal.ends();
    assert!(after.contains("stopped at step") && after.contains("tricktop replay runs/quick-7"), "{after}");
}

#[cfg(unix)]
#[test]
fn every_signal_gives_the_terminal_back() {
    for signal in ["-TERM", "-INT"] {
        let mut terminal = open(&[]);
        terminal.wait_for("RUN");
        terminal.signal(signal);
        let after = terminal.ends();
        assert!(after.contains("stopped at step"), "{signal}: {after}");
    }
}

#[test]
fn a_panic_of_the_trainer_is_told_on_the_screen_and_after_it() {
    let mut terminal = open(&[(TRAINER_PANICS, "1")]);
    terminal.wait_for("FAILED");
    terminal.wait_for("the trainer fell over");
    terminal.press("q");
    let after = terminal.ends();
    assert!(after.contains("failed at step") && after.contains("the trainer fell over"), "{after}");
}

#[test]
fn a_panic_of_the_screen_gives_the_terminal_back_before_it_prints() {
    let mut terminal = open(&[(SCREEN_PANICS, "1")]);
    terminal.wait_for("RUN");
    terminal.press(":depth 32\r");
    terminal.wait_for("Fork?");
    terminal.press("n");
    let after = terminal.ends();
    assert!(after.contains("the screen fell over"), "{after}");
}
