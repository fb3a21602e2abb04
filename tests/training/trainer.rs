//! The trainer through its commands and events, on a small net and a few of the bundled images.

use crate::pictures::{folder, jpeg, put};
use crate::running::*;
use std::collections::BTreeMap;
use std::path::Path;
use tricktop::nn::Net;
use tricktop::recipe::Value;
use tricktop::recipe::settings::Task;
use tricktop::train::{AlarmKind, Checkpoint, Command, Event, Options, Pupil, State, When, check};

#[test]
fn a_run_reports_every_step_every_epoch_and_its_end() {
    let events = Run::start(recipe(&[]), None).finish();
    let steps = steps(&events);
    assert_eq!(steps.iter().map(|s| s.step).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert!((steps[19].epoch - 2.0).abs() < 1e-9 && steps[19].lr.abs() < 1e-12);
    let epochs: Vec<_> = events.iter().filter_map(|e| if let Event::Epoch(e) = e { Some(e) } else { None }).collect();
    assert_eq!(epochs.len(), 2);
    for epoch in epochs {
        let e = &epoch.evaluation;
        let rows = e.confusion.rows(10).unwrap();
        let counted: u64 = rows.iter().flatten().sum();
        let right: u64 = (0..10).map(|i| rows[i][i]).sum();
        assert_eq!(counted, 200);
        let [top1, top5] = e.figures.scores().map(|score| score.value);
        assert!((top1 - right as f64 / 200.0).abs() < 1e-12 && top5 >= top1);
    }
    let Some(Event::Ended(end)) = events.last() else { panic!("the last event is {:?}", events.last()) };
    assert_eq!((end.state, end.step, end.error.as_ref()), (State::Done, 20, None));
    assert!(steps[19].loss < steps[0].loss);
}

#[test]
fn a_steered_run_is_reproduced_to_the_bit_by_its_edits() {
    let mut run = Run::start(recipe(&[]), None);
    run.send(Command::Steps(5));
    run.wait_state(State::Paused);
    run.edit("tricks.mixup.on", Value::Bool(true), When::Now);
    run.edit("schedule.base_lr", Value::Float(0.02), When::Now);
    let at = run.wait(|e| match e {
        Event::Applied { step, changes, .. } if changes[0].knob.path == "schedule.base_lr" => Some(*step),
        _ => None,
    });
    assert_eq!(at, 5);
    run.send(Command::Resume);
    let steered = run.finish();

    let replay = Run::start(recipe(&[]), None);
    replay.edit("tricks.mixup.on", Value::Bool(true), When::Step(at + 1));
    replay.edit("schedule.base_lr", Value::Float(0.02), When::Step(at + 1));
    assert_eq!(trace(&replay.finish()), trace(&steered));
    assert_ne!(trace(&Run::start(recipe(&[]), None).finish()), trace(&steered));
}

#[test]
fn edits_are_acknowledged_put_off_or_refused() {
    let mut run = Run::start(recipe(&[]), None);
    run.send(Command::Steps(1));
    run.wait_state(State::Paused);
    run.edit("train.batch", Value::Int(100), When::Now);
    let when = run.wait(|e| if let Event::Scheduled { when, .. } = e { Some(*when) } else { None });
    assert_eq!(when, When::NextEpoch);
    for (path, value, reason) in [
        ("net.depth", Value::Int(14), "needs a new one"),
        ("tricks.mixup.alpha", Value::Float(-1.0), "tricks.mixup.alpha is -1"),
        ("schedule.warmup.epochs", Value::Float(9.0), "the whole run has 2 epochs"),
    ] {
        run.edit(path, value, When::Now);
        let found = run.wait(|e| if let Event::Refused { id: 7, reason } = e { Some(reason.clone()) } else { None });
        assert!(found.contains(reason), "{found}");
    }
    run.send(Command::Resume);
    let events = run.finish();
    let steps = steps(&events);
    assert_eq!(steps.len(), 10 + 4, "the second epoch has batches of 100");
    let applied = events.iter().find_map(|e| if let Event::Applied { step, .. } = e { Some(*step) } else { None });
    assert_eq!(applied, Some(10));
}

#[test]
fn an_edit_that_changes_nothing_is_said_and_not_made() {
    let mut run = Run::start(recipe(&[]), None);
    run.send(Command::Steps(1));
    run.wait_state(State::Paused);
    let mut refused = |path: &str, value: Value, when| {
        run.edit(path, value, when);
        run.wait(|e| match e {
            Event::Refused { reason, .. } => Some(reason.clone()),
            Event::Applied { .. } | Event::Scheduled { .. } => Some(String::new()),
            _ => None,
        })
    };
    let rate = recipe(&[]).schedule.base_lr;
    let same = format!("schedule.base_lr is {rate:?} already; nothing changes");
    assert_eq!(refused("schedule.base_lr", Value::Float(rate), When::Now), same);
    assert_eq!(refused("schedule.base_lr", Value::Float(rate), When::Step(5)), same);
    assert_eq!(refused("tricks.mixup.on", Value::Bool(true), When::Step(5)), "");
    assert!(refused("tricks.mixup.on", Value::Bool(true), When::Step(5)).contains("tricks.mixup.on is true already"));
    assert_eq!(refused("tricks.mixup.on", Value::Bool(true), When::Step(4)), "", "it comes sooner");
    assert_eq!(refused("tricks.mixup.on", Value::Bool(false), When::Step(5)), "", "it takes that back");
    // The numbers of edits have no gaps.
    run.edit("optim.momentum", Value::Float(0.5), When::Now);
    let number = run.wait(|e| if let Event::Applied { edit, .. } = e { Some(*edit) } else { None });
    assert_eq!(number, 4);
    run.send(Command::Stop { save: false });
    run.finish();
}

#[test]
fn pausing_evaluating_saving_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::start(recipe(&[("train.keep_last", Value::Int(1))]), Some(dir.path()));
    run.send(Command::Steps(3));
    run.wait_state(State::Paused);
    assert_eq!(steps(&run.seen).len(), 3);
    run.send(Command::Evaluate);
    let evaluated = run.wait(|e| if let Event::Evaluated(e) = e { Some(e.clone()) } else { None });
    assert_eq!(evaluated.step, 3);
    run.send(Command::Save);
    let saved = run.wait(|e| match e {
        Event::Checkpoint { path, bytes, .. } => Some((path.clone(), *bytes)),
        _ => None,
    });
    assert_eq!(std::fs::metadata(&saved.0).unwrap().len(), saved.1);
    run.send(Command::Steps(1));
    run.wait_state(State::Paused);
    run.send(Command::Stop { save: true });
    let events = run.finish();
    assert_eq!(steps(&events).len(), 4);
    let files: Vec<_> = std::fs::read_dir(dir.path().join("checkpoints")).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files, [dir.path().join("checkpoints/step-000004.safetensors")], "the last checkpoint alone stays");
    let Some(Event::Ended(end)) = events.last() else { panic!() };
    assert_eq!((end.state, end.step), (State::Stopped, 4));

    // a fresh net takes the weights: as a teacher does
    let classes = Checkpoint::read(&files[0]).unwrap().meta.signature.unwrap().classes;
    let teacher = |image_channels| {
        let pupil = Pupil { task: Task::Classify, image_channels, classes: &classes, by_place: false };
        Checkpoint::teacher(&files[0], &dfdx::prelude::Cpu::default(), &pupil)
    };
    let net: Net<f32, _> = teacher(1).unwrap();
    assert_eq!(net.spec().name, "resnet8-D x0.5");
    let wrong = teacher(3).err().unwrap().to_string();
    assert!(wrong.contains("conv1.weight") && wrong.contains("3-channel"), "{wrong}");
}

/// The values of every tensor of a checkpoint: weights, statistics, velocities.
fn tensors(path: &Path) -> BTreeMap<String, Vec<f32>> {
    let state = tricktop::nn::State::from_bytes(&std::fs::read(path).unwrap()).unwrap();
    state.tensors.into_iter().map(|(name, tensor)| (name, tensor.values)).collect()
}

#[test]
fn a_loss_that_is_not_finite_pauses_and_such_a_state_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    // (weights grow by their decay alone, so that their variance is the first to overflow)
    let changes = [
        ("schedule.warmup.on", Value::Bool(false)),
        ("tricks.no_bias_decay", Value::Bool(true)),
        ("optim.clip_norm", Value::Float(0.01)),
    ];
    let mut run = Run::start(recipe(&changes), Some(dir.path()));
    run.send(Command::Steps(2));
    run.wait_state(State::Paused);
    run.edit("schedule.base_lr", Value::Float(100.0), When::Now);
    run.edit("optim.weight_decay", Value::Float(1.0), When::Now);
    run.edit("train.epochs", Value::Int(100), When::Now);
    run.send(Command::Resume);
    let not_finite = |e: &Event| match e {
        Event::Alarm { kind: AlarmKind::NonFinite, message, .. } => Some(message.clone()),
        _ => None,
    };
    let message = run.wait(not_finite);
    assert!(message.contains("not finite") || message.contains("loss is"), "{message}");
    run.wait_state(State::Paused);
    run.send(Command::Save);
    let refused = run.wait(|e| if let Event::Alarm { message, .. } = e { Some(message.clone()) } else { None });
    assert!(refused.contains("running_var holds a value that is not finite"), "{refused}");
    for (_, file) in tricktop::train::steps(dir.path()) {
        assert!(tensors(&file).values().flatten().all(|v| v.is_finite()), "{}", file.display());
    }
    run.send(Command::Stop { save: false });
    run.finish();
}

#[test]
fn commands_that_come_in_the_last_step_still_count() {
    let mut run = Run::start(recipe(&[]), None);
    run.send(Command::Steps(20));
    run.wait_state(State::Paused);
    run.edit("train.epochs", Value::Int(3), When::Now);
    run.send(Command::Resume);
    assert_eq!(steps(&run.finish()).len(), 30);
}

#[test]
fn the_last_state_is_saved_however_the_run_is_shortened() {
    let dir = tempfile::tempdir().unwrap();
    let changes = [("train.checkpoint_epochs", Value::Int(7)), ("train.epochs", Value::Int(9))];
    let run = Run::start(recipe(&changes), Some(dir.path()));
    run.edit("train.epochs", Value::Int(1), When::Now);
    run.finish();
    assert!(dir.path().join("checkpoints/step-000010.safetensors").exists());
}

#[test]
fn a_run_that_cannot_start_says_why_in_its_last_event() {
    let with = |path: &'static str| {
        let distill = [("tricks.distill.on", Value::Bool(true)), ("tricks.distill.teacher", Value::Word(path.into()))];
        let events = Run::start(recipe(&distill), None).finish();
        let Some(Event::Ended(end)) = events.last() else { panic!() };
        assert_eq!(end.state, State::Failed);
        end.error.clone().unwrap()
    };
    assert!(with("no/such/teacher.safetensors").contains("no/such/teacher.safetensors"));
    assert!(with("Cargo.toml").contains("Cargo.toml: not a whole safetensors file"));
}

#[test]
fn a_teacher_that_cannot_be_had_is_refused_in_a_run() {
    let mut run = Run::start(recipe(&[]), None);
    run.edit("tricks.distill.teacher", Value::Word("nowhere".into()), When::Now);
    run.edit("tricks.distill.on", Value::Bool(true), When::Now);
    let reason = run.wait(|e| if let Event::Refused { id: 7, reason } = e { Some(reason.clone()) } else { None });
    assert!(reason.starts_with("nowhere"), "{reason}");
    run.edit("tricks.distill.teacher", Value::Word("Bundled".into()), When::Now);
    run.edit("tricks.distill.on", Value::Bool(true), When::Now);
    run.wait(|e| {
        matches!(e, Event::Applied { changes, .. } if changes[0].knob.path == "tricks.distill.on").then_some(())
    });
    run.finish();
}

/// A folder may hold a million files.
#[test]
fn images_that_were_found_before_a_run_are_not_looked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    folder(&photos, 4);
    let here = [("data.path", Value::Word(photos.display().to_string())), ("data.train_images", Value::Int(0))];
    let small = [("data.size", Value::Int(16)), ("data.test_images", Value::Int(0)), ("train.batch", Value::Int(6))];
    let recipe = recipe(&[&here[..], &small].concat());
    let found = check(&recipe, []).unwrap();
    put(&photos, "train/ant/new.jpg", &jpeg(40, 40, 7));
    let images = |recipe: &tricktop::recipe::Recipe, found| {
        let mut run = Run::begin(recipe.clone(), Options { found: Some(found), ..Options::default() });
        let images = run.wait(|e| if let Event::Started(info) = e { Some(info.train_images) } else { None });
        run.send(Command::Stop { save: false });
        images
    };
    assert_eq!(images(&recipe, found.clone()), 12);
    let other = recipe.with([(knob("data.val_fraction"), Value::Float(0.3))]).unwrap();
    assert_eq!(images(&other, found), 13, "found with other settings");
}
