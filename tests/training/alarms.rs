//! Every alarm of the trainer, provoked, and what the recipe has it do.

use crate::running::*;
use std::path::Path;
use tricktop::nn::State as Weights;
use tricktop::recipe::{Recipe, Value};
use tricktop::train::{AlarmKind, Command, Event, Learner, Options, State, When};

fn word(word: &str) -> Value {
    Value::Word(word.into())
}

/// Steps of 10 images, 40 an epoch, and what alarms do.
fn watched(changes: &[(&str, Value)]) -> Recipe {
    let base = [("train.batch", Value::Int(10)), ("train.epochs", Value::Int(20))];
    recipe(&base.iter().chain(changes).cloned().collect::<Vec<_>>())
}

/// The alarms among events: their kinds and what they say.
fn alarms(events: &[Event]) -> Vec<(AlarmKind, String)> {
    let alarm = |e: &Event| match e {
        Event::Alarm { kind, message, .. } => Some((*kind, message.clone())),
        _ => None,
    };
    events.iter().filter_map(alarm).collect()
}

/// A run that has done 45 steps as usual, and goes on with a rate of 100 and with `more`.
fn sent_astray(changes: &[(&str, Value)], more: &[(&'static str, Value)]) -> Run {
    let mut run = Run::start(watched(changes), None);
    run.send(Command::Steps(45));
    run.wait_state(State::Paused);
    let edit =
        [("schedule.base_lr", Value::Float(100.0))].iter().chain(more).map(|(p, v)| (knob(p), v.clone())).collect();
    run.send(Command::Edit { id: 7, changes: edit, when: When::Now });
    run.send(Command::Resume);
    run
}

/// Waits until an alarm of a kind was raised; what it says.
fn alarm(run: &mut Run, of: AlarmKind) -> String {
    run.wait(|e| match e {
        Event::Alarm { kind, message, .. } if *kind == of => Some(message.clone()),
        _ => None,
    })
}

#[test]
fn a_loss_spike_is_told_or_pauses() {
    let mut told = sent_astray(&[], &[]);
    let message = alarm(&mut told, AlarmKind::Spike);
    assert!(message.contains("far above the") && message.contains("lower rate"), "{message}");
    let paused = told.seen.iter().filter(|e| **e == Event::State(State::Paused)).count();
    assert_eq!(paused, 1, "it was asked for once, and the alarm only tells");
    told.send(Command::Stop { save: false });

    let mut pausing = sent_astray(&[("alarms.spike", word("Pause"))], &[]);
    assert!(alarm(&mut pausing, AlarmKind::Spike).ends_with("; paused"));
    pausing.wait_state(State::Paused);
    pausing.send(Command::Stop { save: false });

    let mut off = sent_astray(&[("alarms.on", Value::Bool(false))], &[]);
    off.send(Command::Steps(5));
    off.wait_state(State::Paused);
    assert_eq!(alarms(&off.seen), []);
    off.send(Command::Stop { save: false });
}

#[test]
fn a_spike_takes_the_edit_back_and_the_run_waits_with_the_old_recipe() {
    let mut run = sent_astray(&[("alarms.spike", word("RollBack"))], &[]);
    let back = run.wait(|e| if let Event::RolledBack(back) = e { Some(back.clone()) } else { None });
    assert_eq!((back.step, back.recipe.schedule.base_lr), (45, 0.05));
    assert!(back.from > 45 && back.edits == [1]);
    let message = alarm(&mut run, AlarmKind::Spike);
    assert!(message.contains("to step 45, to before the last edit, and paused"), "{message}");
    run.wait_state(State::Paused);
    // Without an edit it only pauses, and does not go round in circles.
    run.send(Command::Steps(2));
    run.wait_state(State::Paused);
    assert_eq!(steps(&run.seen).last().map(|s| s.step), Some(47));
    run.send(Command::Stop { save: false });
    let events = run.finish();
    assert_eq!(events.iter().filter(|e| matches!(e, Event::RolledBack(_))).count(), 1);

    // and what comes after it is what would have come without the edit
    let plain = Run::start(watched(&[("alarms.spike", word("RollBack"))]), None);
    plain.send(Command::Steps(47));
    let mut plain = plain;
    plain.wait_state(State::Paused);
    assert_eq!(trace(&plain.seen).split_off(45), trace(&events).split_off(trace(&events).len() - 2));
}

#[test]
fn what_is_not_finite_takes_a_fresh_edit_back_and_else_pauses() {
    let decay = [("optim.weight_decay", Value::Float(1.0))];
    let set = [("alarms.non_finite", word("RollBack")), ("alarms.spike", word("Off"))];
    let mut run = sent_astray(&set, &decay);
    let back = run.wait(|e| if let Event::RolledBack(back) = e { Some(back.clone()) } else { None });
    assert_eq!((back.step, back.recipe.optim.weight_decay), (45, 5e-4));
    assert!(alarm(&mut run, AlarmKind::NonFinite).contains("rolled back"));
    run.wait_state(State::Paused);
    run.send(Command::Stop { save: false });

    let without = [&set[..], &[("train.rollback_mb", Value::Int(0))]].concat();
    let mut run = sent_astray(&without, &decay);
    let message = alarm(&mut run, AlarmKind::NonFinite);
    assert!(
        message.contains("which is left out") && message.contains("paused and not rolled back: no edit"),
        "{message}"
    );
    run.wait_state(State::Paused);
    run.send(Command::Stop { save: false });
}

#[test]
fn a_rate_that_is_over_before_the_run_is_told_once() {
    let decay = [
        ("schedule.decay", word("Step")),
        ("schedule.milestones", Value::List(vec![1])),
        ("schedule.factor", Value::Float(1e-7)),
        ("train.epochs", Value::Int(3)),
        ("alarms.rate_over", word("Tell")),
    ];
    let events = Run::start(recipe(&decay), None).finish();
    let found = alarms(&events);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, AlarmKind::RateOver);
    assert!(
        found[0].1.contains("the rate is 5.0e-9 at step 11") && found[0].1.contains("1.9 epochs are left"),
        "{found:?}"
    );
}

/// A file of weights of the small net in which a norm sends all that comes to below 0.
fn dead_weights(path: &Path) {
    let recipe = recipe(&[]);
    let data = tricktop::data::open(&recipe.data, recipe.task, 0).unwrap();
    let learner = Learner::new(dfdx::prelude::Cpu::default(), &recipe, &data).unwrap();
    let mut tensors = learner.net.export();
    tensors.get_mut("layer2.0.bn1.weight").unwrap().values.fill(0.0);
    tensors.get_mut("layer2.0.bn1.bias").unwrap().values.fill(-1.0);
    std::fs::write(path, Weights { tensors, ..Weights::default() }.to_bytes().unwrap()).unwrap();
}

#[test]
fn a_dead_layer_is_named_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dead.safetensors");
    dead_weights(&file);
    let weights = ("net.weights", Value::Word(file.display().to_string()));
    let found = alarms(&Run::start(recipe(std::slice::from_ref(&weights)), None).finish());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, AlarmKind::Dead);
    assert!(found[0].1.starts_with("layer2.0.conv1 gives nothing but zeros after step 10"), "{found:?}");
    let off = alarms(&Run::start(recipe(&[weights, ("alarms.dead", word("Off"))]), None).finish());
    assert_eq!(off, []);
}

/// A run at which nobody sits, with a rate at which the loss soon is not finite, from its first step or by an edit.
fn alone(changes: &[(&str, Value)]) -> Vec<Event> {
    let base = [("schedule.warmup.on", Value::Bool(false)), ("schedule.decay", word("Constant"))];
    let recipe = watched(&base.iter().chain(changes).cloned().collect::<Vec<_>>());
    Run::begin(recipe, Options { unattended: true, ..Options::default() }).finish()
}

fn ended(events: &[Event]) -> (State, Option<String>) {
    let Some(Event::Ended(summary)) = events.last() else { panic!("no end: {:?}", events.last()) };
    (summary.state, summary.error.clone())
}

#[test]
fn where_nobody_answers_an_alarm_that_would_pause_ends_the_run_as_failed() {
    let growing = [("schedule.base_lr", Value::Float(100.0)), ("optim.weight_decay", Value::Float(1.0))];
    let events = alone(&growing);
    let (kind, message) = alarms(&events).pop().unwrap();
    assert_eq!(kind, AlarmKind::NonFinite);
    assert!(!message.contains("paused"), "{message}");
    assert_eq!(ended(&events), (State::Failed, Some(message)));
    assert!(!events.contains(&Event::State(State::Paused)) && events.contains(&Event::State(State::Failed)));

    // One that only tells is nothing to answer.
    let told = alone(&[("train.epochs", Value::Int(1)), ("alarms.dead", word("Tell"))]);
    assert_eq!(ended(&told), (State::Done, None));
}

#[test]
fn where_nobody_answers_a_rollback_is_gone_on_from_once() {
    let recipe = watched(&[("alarms.spike", word("RollBack"))]);
    let mut run = Run::begin(recipe, Options { unattended: true, ..Options::default() });
    let astray = |run: &mut Run, steps| {
        run.send(Command::Steps(steps));
        run.wait_state(State::Paused);
        run.edit("schedule.base_lr", Value::Float(100.0), When::Now);
        run.send(Command::Resume);
    };
    astray(&mut run, 45);
    let message = alarm(&mut run, AlarmKind::Spike);
    assert!(message.contains("to step 45, to before the last edit; goes on without it"), "{message}");
    // (a spike is one among thirty losses)
    astray(&mut run, 40);
    let message = alarm(&mut run, AlarmKind::Spike);
    assert!(message.ends_with("to before the last edit"), "{message}");
    assert_eq!(ended(&run.finish()), (State::Failed, Some(message)));
}
