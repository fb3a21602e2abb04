//! A run without a trainer on the real terminal, to try the screen by hand:
//! `cargo test --test screen_live -- --ignored --nocapture`.

mod screen_script;

use screen_script::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tricktop::recipe::Recipe;
use tricktop::train::{Command, Event, State, When};
use tricktop::tui::{Session, run};

/// A trainer that makes its numbers up, at about the pace of a small net.
fn pretend(recipe: Recipe) -> Result<Session, String> {
    let (commands, orders) = channel();
    let (reports, events) = channel();
    let work = move || {
        let mut script = Script { recipe: recipe.clone(), step: 0 };
        let mut waiting: Vec<(u64, Vec<_>)> = Vec::new();
        let (mut paused, mut budget) = (false, u64::MAX);
        let send = |event| reports.send(event).is_ok();
        send(Event::Started(Box::new(info(&recipe))));
        send(Event::State(State::Running));
        let mut last = Instant::now();
        loop {
            match orders.recv_timeout(Duration::from_millis(100)) {
                Ok(Command::Edit { changes, when: When::Step(n) }) => {
                    for (knob, to) in &changes {
                        send(Event::Scheduled { knob, to: to.clone(), when: When::Step(n) });
                    }
                    waiting.push((n, changes));
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
            for (at, changes) in &waiting {
                if script.step + 1 >= *at && script.step < *at + 1 {
                    for (knob, to) in changes {
                        let event = script.apply(knob, to.clone());
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
    Ok(Session { commands, events, guard: Box::new(Join(Some(trainer))) })
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
    let (_presets, presets) = channel();
    std::thread::spawn(move || {
        for i in 0.. {
            if to_hardware.send(sample(i)).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    run(options(), recipe(), pretend, &presets, &hardware).unwrap();
}
