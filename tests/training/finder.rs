//! The search for a learning rate: where it ends, and that it leaves no trace.

use crate::record::*;
use tricktop::recipe::Value;
use tricktop::runs::{self, Session};
use tricktop::train::{Command, Event, RateSearch, State, When};
use tricktop::tricks::finder::RatePoint;

/// What a search reported.
struct Search {
    points: Vec<RatePoint>,
    lr: Option<f64>,
    base_lr: Option<f64>,
    why: String,
    states: Vec<State>,
}

/// Asks for a search, and waits for its end.
fn search(session: Session) -> (Session, Search) {
    session.commands.send(Command::FindRate).unwrap();
    let (mut points, mut states) = (Vec::new(), Vec::new());
    let mut last = None;
    let session = wait_for(session, |event| {
        match event {
            Event::State(state) => states.push(*state),
            Event::Rate(RateSearch::Point(point)) => points.push(*point),
            Event::Rate(RateSearch::Found { suggestion, base_lr, why }) => {
                last = Some((suggestion.map(|s| s.lr), *base_lr, why.clone()));
            }
            Event::Steps(_) => assert!(points.is_empty() || last.is_some(), "the run stands"),
            _ => {}
        }
        last.is_some()
    });
    let (lr, base_lr, why) = last.unwrap();
    (session, Search { points, lr, base_lr, why, states })
}

fn averaged() -> tricktop::recipe::Recipe {
    small(&[
        ("optim.ema.on", Value::Bool(true)),
        ("tricks.mixup.on", Value::Bool(true)),
        ("tricks.mixed.on", Value::Bool(true)),
        ("tricks.mixed.growth", Value::Int(3)),
        ("schedule.linear_scaling", Value::Bool(true)),
        ("schedule.reference_batch", Value::Int(5)),
        ("train.checkpoint_steps", Value::Int(4)),
    ])
}

#[test]
fn the_run_stands_where_it_stood_to_the_bit_whether_it_was_paused_or_not() {
    let (a, b) = (Desk::new(), Desk::new());
    let whole = play(runs::start(averaged(), a.path()).unwrap());
    let session = runs::start(averaged(), b.path()).unwrap();
    // Before the first step, in the middle of an epoch, and while it stands.
    let (session, first) = search(session);
    let back = first.states.iter().rposition(|s| *s == State::Finding).unwrap();
    assert_eq!(first.states[back..], [State::Finding, State::Running]);
    session.commands.send(Command::Steps(13)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    let (session, second) = search(session);
    assert_eq!(second.states, [State::Finding, State::Paused]);
    session.commands.send(Command::Resume).unwrap();
    let played = play(session);
    assert_same(&whole.dir, &played.dir);
    assert_eq!(lines(&played.dir, "journal.jsonl").len(), 0);

    for found in [&first, &second] {
        let (points, lr) = (&found.points, found.lr.unwrap());
        assert!((60..=100).contains(&points.len()), "{} {}", points.len(), found.why);
        assert!(points.windows(2).all(|w| w[1].lr > w[0].lr) && points[0].lr == 1e-7);
        assert!(1e-7 < lr && lr < points.last().unwrap().lr, "{lr}");
        // Batches of 20 against a reference of 5: the peak is four times base_lr.
        let ratio = found.base_lr.unwrap() * 4.0 / lr;
        assert!((0.95..1.05).contains(&ratio), "{ratio}");
    }
    assert!(first.why.contains("four times its best") || first.why.contains("all 100 steps"), "{}", first.why);
    assert_ne!(first.points[0].loss, second.points[0].loss, "other batches, other weights");
}

#[test]
fn it_is_ended_and_what_was_asked_for_meanwhile_is_done_then() {
    let desk = Desk::new();
    let whole = play(runs::start(small(&[]), desk.path()).unwrap());
    let session = runs::start(small(&[]), desk.path()).unwrap();
    session.commands.send(Command::Steps(3)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    session.commands.send(Command::FindRate).unwrap();
    let changes = vec![(knob("optim.momentum"), Value::Float(0.5))];
    session.commands.send(Command::Edit { id: 5, changes, when: When::Step(40) }).unwrap();
    session.commands.send(Command::EndFinding).unwrap();
    let session = wait_for(session, |e| match e {
        Event::Rate(RateSearch::Found { suggestion, why, .. }) => {
            assert!(suggestion.is_none() && why.contains("ended after"), "{why}");
            true
        }
        Event::Scheduled { .. } => panic!("the edit waits until the search is over"),
        _ => false,
    });
    let session = wait_for(session, |e| matches!(e, Event::Scheduled { id: 5, .. }));
    // An end of a search that is over is nothing.
    session.commands.send(Command::EndFinding).unwrap();
    session.commands.send(Command::Resume).unwrap();
    same_course(&whole.dir, &play(session).dir);
}

#[test]
fn a_stop_ends_it_and_its_checkpoint_is_of_the_run() {
    let desk = Desk::new();
    let session = runs::start(small(&[]), desk.path()).unwrap();
    session.commands.send(Command::Steps(5)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    session.commands.send(Command::FindRate).unwrap();
    let session = wait_for(session, |e| matches!(e, Event::Rate(RateSearch::Point(_))));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let stopped = play(session);
    assert_eq!((stopped.end.state, stopped.end.step), (State::Stopped, 5));
    let whole = play(runs::start(small(&[]), desk.path()).unwrap());
    assert_same(&whole.dir, &play(runs::resume(&stopped.dir, Vec::new()).unwrap()).dir);
}

#[test]
fn the_command_prints_steps_and_a_suggestion_and_writes_nothing() {
    let desk = Desk::new();
    let json = desk.says(&["lr-find", "tiny.ron", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let points = found["points"].as_array().unwrap();
    assert!(points.len() >= 60 && points[0]["lr"] == 1e-7, "{json}");
    let base_lr = found["base_lr"].as_f64().unwrap();
    assert!((base_lr / found["suggestion"]["lr"].as_f64().unwrap() - 1.0).abs() < 0.05);
    let text = desk.says(&["lr-find", "tiny.ron"]);
    assert!(text.contains(&format!("--set schedule.base_lr={base_lr:?}")), "{text}");
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with(char::is_numeric)).count(), points.len());
    assert!(!desk.path().exists());
}
