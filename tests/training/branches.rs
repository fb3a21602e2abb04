//! Rolling back to before an edit, and forking from a checkpoint: what goes on is the same to the bit as a run that never
//! went another way.

use crate::tiny;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tricktop::recipe::knobs::find;
use tricktop::recipe::{Changes, Recipe, Value};
use tricktop::runs::{self, Session};
use tricktop::train::{Checkpoint, Command, Event, RolledBack, State, When, steps};

fn recipe() -> Recipe {
    tiny::recipe(&[("train.epochs", Value::Int(4)), ("train.checkpoint_steps", Value::Int(7))])
}

fn set(path: &str, value: Value) -> Changes {
    vec![(find(path).unwrap(), value)]
}

fn edit(id: u64, path: &str, value: Value, when: When) -> Command {
    Command::Edit { id, changes: set(path, value), when }
}

/// The events up to the one that is wanted.
fn until<T>(events: &Receiver<Event>, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
    loop {
        match events.recv_timeout(Duration::from_secs(120)) {
            Ok(event) => {
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            Err(RecvTimeoutError::Timeout) => panic!("nothing happens"),
            Err(e) => panic!("{e}"),
        }
    }
}

fn paused(session: &Session) {
    until(&session.events, |e| matches!(e, Event::State(State::Paused)).then_some(()));
}

fn rolled_back(session: &Session) -> RolledBack {
    session.commands.send(Command::RollBack { id: 99 }).unwrap();
    until(&session.events, |e| match e {
        Event::RolledBack(back) => Some((**back).clone()),
        Event::Refused { id: 99, reason } => panic!("{reason}"),
        _ => None,
    })
}

/// Steps on, then pauses.
fn run_steps(session: &Session, n: u64) {
    session.commands.send(Command::Steps(n)).unwrap();
    paused(session);
}

fn end(session: Session) -> PathBuf {
    let state = until(&session.events, |e| if let Event::Ended(summary) = e { Some(summary.state) } else { None });
    assert_eq!(state, State::Done);
    session.dir.clone()
}

fn whole(recipe: Recipe, runs: &Path) -> PathBuf {
    end(runs::start(recipe, runs).unwrap())
}

fn last(dir: &Path) -> Checkpoint {
    Checkpoint::read(&steps(dir).pop().unwrap().1).unwrap()
}

fn text(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap()
}

#[test]
fn a_run_that_was_rolled_back_is_one_that_never_went_there() {
    let runs = tempfile::tempdir().unwrap();
    let plain = whole(recipe(), runs.path());

    let session = runs::start(recipe(), runs.path()).unwrap();
    run_steps(&session, 13);
    // An edit in mid-epoch, another one, a batch size in the epoch after that, and an evaluation and checkpoints on the way.
    session.commands.send(edit(1, "schedule.base_lr", Value::Float(0.5), When::Now)).unwrap();
    run_steps(&session, 3);
    session.commands.send(edit(2, "train.batch", Value::Int(64), When::NextEpoch)).unwrap();
    session.commands.send(edit(3, "tricks.mixup.on", Value::Bool(true), When::Step(30))).unwrap();
    run_steps(&session, 8);
    let back = rolled_back(&session);
    assert_eq!((back.step, back.from, &back.edits[..]), (20, 24, &[2][..]));
    assert_eq!(back.recipe.train.batch, 20);
    assert!(steps(&session.dir).iter().all(|(step, _)| *step <= 20), "{:?}", steps(&session.dir));
    // (the edit for step 30 was asked for before this moment: it still waits)
    let back = rolled_back(&session);
    assert_eq!((back.step, back.from, &back.edits[..]), (13, 20, &[1][..]));
    assert_eq!(back.recipe.schedule.base_lr, recipe().schedule.base_lr);
    session.commands.send(Command::RollBack { id: 7 }).unwrap();
    let reason =
        until(&session.events, |e| if let Event::Refused { id: 7, reason } = e { Some(reason.clone()) } else { None });
    assert!(reason.contains("no state to roll back to"), "{reason}");
    session.commands.send(Command::Resume).unwrap();
    let dir = end(session);

    assert_eq!(last(&dir).meta.digests, last(&plain).meta.digests);
    assert_eq!(last(&dir).meta.at, last(&plain).meta.at);
    assert_eq!(text(&dir, "metrics.jsonl"), text(&plain, "metrics.jsonl"));
    // What was taken back is kept aside, and the journal tells of it.
    assert!(text(&dir, "rolled-back.jsonl").lines().count() > 4);
    assert_eq!(text(&dir, "journal.jsonl").matches("\"rollback\"").count(), 2);
    assert!(runs::Record::read(&dir).unwrap().edits.is_empty());
    assert_eq!(runs::verify(&dir, None).unwrap().difference, None);
}

#[test]
fn a_run_that_is_killed_after_a_rollback_goes_on_from_there() {
    let runs = tempfile::tempdir().unwrap();
    let plain = whole(recipe(), runs.path());
    let session = runs::start(recipe(), runs.path()).unwrap();
    run_steps(&session, 9);
    session.commands.send(edit(1, "schedule.base_lr", Value::Float(0.5), When::Now)).unwrap();
    run_steps(&session, 14);
    rolled_back(&session);
    run_steps(&session, 2);
    // As after a kill: nothing is saved.
    session.commands.send(Command::Stop { save: false }).unwrap();
    until(&session.events, |e| matches!(e, Event::Ended(_)).then_some(()));
    let dir = session.dir.clone();
    drop(session);
    // (the epoch that ended after step 10 wrote one)
    assert_eq!(steps(&dir).iter().map(|(step, _)| *step).collect::<Vec<_>>(), [9, 10]);
    end(runs::resume(&dir, Vec::new()).unwrap());
    assert_eq!(last(&dir).meta.digests, last(&plain).meta.digests);
    assert_eq!(text(&dir, "metrics.jsonl"), text(&plain, "metrics.jsonl"));
    // A number is never given twice.
    assert_eq!(runs::Record::read(&dir).unwrap().last_edit, 1);
}

#[test]
fn the_states_kept_are_bounded_by_memory() {
    let runs = tempfile::tempdir().unwrap();
    let none = recipe().with(set("train.rollback_mb", Value::Int(0))).unwrap();
    let session = runs::start(none, runs.path()).unwrap();
    run_steps(&session, 2);
    session.commands.send(edit(1, "schedule.base_lr", Value::Float(0.5), When::Now)).unwrap();
    session.commands.send(Command::RollBack { id: 2 }).unwrap();
    until(&session.events, |e| matches!(e, Event::Refused { id: 2, .. }).then_some(()));
}

#[test]
fn a_fork_has_the_past_of_its_parent_and_goes_on_otherwise() {
    let runs = tempfile::tempdir().unwrap();
    let keep = recipe().with(set("train.keep_last", Value::Int(100))).unwrap();
    // The parent is edited at step 8 and again at step 25.
    let session = runs::start(keep.clone(), runs.path()).unwrap();
    run_steps(&session, 8);
    session.commands.send(edit(1, "schedule.base_lr", Value::Float(0.2), When::Now)).unwrap();
    run_steps(&session, 17);
    session.commands.send(edit(2, "optim.momentum", Value::Float(0.5), When::Now)).unwrap();
    session.commands.send(Command::Resume).unwrap();
    let parent = end(session);
    let before = text(&parent, "metrics.jsonl");

    // Forked at step 14 without a change, it ends as a run with the first edit alone does.
    let dir = runs::fork(&parent, Some(14), runs.path()).unwrap();
    end(runs::resume(&dir, Vec::new()).unwrap());
    let session = runs::start(keep, runs.path()).unwrap();
    run_steps(&session, 8);
    session.commands.send(edit(1, "schedule.base_lr", Value::Float(0.2), When::Now)).unwrap();
    session.commands.send(Command::Resume).unwrap();
    let alone = end(session);
    assert_eq!(last(&dir).meta.digests, last(&alone).meta.digests);
    assert_eq!(text(&dir, "metrics.jsonl"), text(&alone, "metrics.jsonl"));
    assert_eq!(text(&dir, "journal.jsonl"), text(&alone, "journal.jsonl"));
    assert_eq!(text(&dir, "chain.jsonl"), text(&alone, "chain.jsonl"));

    // With a change it goes another way from there on, and proves itself from the first step.
    let other = runs::fork(&parent, Some(21), runs.path()).unwrap();
    end(runs::resume(&other, set("schedule.base_lr", Value::Float(0.01))).unwrap());
    let same = |a: &str, b: &str| a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    let steps_of = |text: &str| text.lines().filter(|line| line.contains("\"event\":\"step\"")).count();
    assert!(same(&text(&other, "metrics.jsonl"), &before) >= 21);
    assert_eq!(steps_of(&text(&other, "metrics.jsonl")), steps_of(&before));
    assert_ne!(last(&other).meta.digests, last(&parent).meta.digests);
    assert_eq!(runs::verify(&other, None).unwrap().difference, None);

    // The parent is as it was, and stands behind its child.
    assert_eq!(text(&parent, "metrics.jsonl"), before);
    assert_eq!(runs::behind(&other).len(), runs::history(&parent).unwrap().len());
    assert!(runs::behind(&parent).is_empty());
    let name = format!("\"parent\":\"../{}\",\"step\":21", parent.file_name().unwrap().to_string_lossy());
    assert!(text(&other, "log.jsonl").starts_with(&format!("{{\"event\":\"fork\",{name}")), "{name}");
    let missing = runs::fork(&parent, Some(15), runs.path()).unwrap_err().to_string();
    assert!(missing.contains("has no checkpoint of step 15; it has those of 7, 10, 14, "), "{missing}");
}

#[test]
fn a_fork_takes_the_edits_that_its_checkpoint_has_made_and_no_others() {
    let runs = tempfile::tempdir().unwrap();
    let keep = recipe().with(set("train.keep_last", Value::Int(100))).unwrap();
    // Edited at step 19 and killed: the newest checkpoint is of step 14, and the journal has the edit.
    let session = runs::start(keep, runs.path()).unwrap();
    run_steps(&session, 19);
    session.commands.send(edit(1, "schedule.base_lr", Value::Float(0.2), When::Now)).unwrap();
    run_steps(&session, 1);
    session.commands.send(Command::Stop { save: false }).unwrap();
    until(&session.events, |e| matches!(e, Event::Ended(_)).then_some(()));
    let parent = session.dir.clone();
    drop(session);
    steps(&parent).iter().filter(|(step, _)| *step > 14).for_each(|(_, path)| fs::remove_file(path).unwrap());

    // Taken up again, it is edited before that step, and at it before the old edit is made again.
    let session = runs::resume(&parent, Vec::new()).unwrap();
    run_steps(&session, 2);
    session.commands.send(edit(2, "optim.momentum", Value::Float(0.5), When::Now)).unwrap();
    run_steps(&session, 3);
    session.commands.send(edit(3, "tricks.smoothing.on", Value::Bool(true), When::Now)).unwrap();
    session.commands.send(Command::Save).unwrap();
    until(&session.events, |e| matches!(e, Event::Checkpoint { step: 19, .. }).then_some(()));
    session.commands.send(Command::Resume).unwrap();
    end(session);
    let numbers = |dir: &Path| -> Vec<u64> {
        let lines = text(dir, "journal.jsonl");
        lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["edit"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&parent), [1, 2, 3], "the journal has them in the order in which they were asked for");

    for (step, made) in [(14, &[][..]), (19, &[2, 3]), (21, &[2, 1, 3])] {
        let fork = runs::fork(&parent, Some(step), runs.path()).unwrap();
        assert_eq!(numbers(&fork), made, "step {step}");
    }
    // With what waited at its checkpoint made again, the fork ends as its parent did.
    let fork = runs::fork(&parent, Some(19), runs.path()).unwrap();
    end(runs::resume(&fork, Vec::new()).unwrap());
    assert_eq!(last(&fork).meta.digests, last(&parent).meta.digests);
    assert_eq!(numbers(&fork), [2, 3, 1]);
    assert_eq!(runs::verify(&fork, None).unwrap().difference, None);
}

#[test]
fn a_fork_that_would_be_refused_is_not_made() {
    let runs = tempfile::tempdir().unwrap();
    let keep = recipe().with(set("train.keep_last", Value::Int(100))).unwrap();
    let parent = whole(keep, runs.path());
    let made = || fs::read_dir(runs.path()).unwrap().count();
    let wrong =
        |path, value| runs::fork_with(&parent, Some(7), &set(path, value), runs.path()).unwrap_err().to_string();
    assert!(wrong("net.depth", Value::Int(14)).contains("needs a new one"));
    let gpu = wrong("device", Value::Word("Cuda(9)".into()));
    assert!(gpu.contains("Cuda(9)"), "{gpu}");
    assert_eq!(made(), 1);
    runs::fork_with(&parent, Some(7), &set("optim.momentum", Value::Float(0.5)), runs.path()).unwrap();
    assert_eq!(made(), 2);
}
