//! Checkpoint files: equal states make equal files, damage is found, a failed save harms nothing.

use crate::record::*;
use std::fs;
use tricktop::data::open;
use tricktop::recipe::Value;
use tricktop::runs;
use tricktop::train::{Checkpoint, Command, Event, Learner, State};

#[test]
fn equal_runs_make_equal_files() {
    let (a, b) = (Desk::new(), Desk::new());
    let play = |desk: &Desk| play(runs::start(small(&[]), desk.path()).unwrap()).dir;
    let (a, b) = (play(&a), play(&b));
    assert_same(&a, &b);
    assert!(fs::read(a.join("chain.jsonl")).unwrap() == fs::read(b.join("chain.jsonl")).unwrap());
}

#[test]
fn the_newest_and_the_best_checkpoints_stay() {
    let desk = Desk::new();
    let keep =
        [("train.keep_last", Value::Int(2)), ("train.keep_best", Value::Int(1)), ("train.epochs", Value::Int(4))];
    let run = play(runs::start(small(&keep), desk.path()).unwrap());
    let top1 = |dir: &std::path::Path| -> Vec<f64> {
        let epochs = lines(dir, "metrics.jsonl").into_iter().filter(|l| l["event"] == "epoch_end");
        epochs.map(|l| l["val_top1"].as_f64().unwrap()).collect()
    };
    let epochs = top1(&run.dir);
    let best = (0..4).rev().max_by(|a, b| epochs[*a].total_cmp(&epochs[*b])).unwrap() as u64;
    let mut expected = vec![10 * (best + 1), 30, 40];
    expected.sort();
    expected.dedup();
    assert_eq!(checkpoints(&run.dir).iter().map(|(step, _)| *step).collect::<Vec<_>>(), expected);
    let meta = Checkpoint::read(&run.dir.join("best.safetensors")).unwrap().meta;
    assert_eq!((meta.at.score, meta.at.step), (run.end.best, 10 * (best + 1)));
    let newest = Checkpoint::read(&checkpoints(&run.dir).pop().unwrap().1).unwrap().meta.at;
    assert_eq!(
        (run.end.best_epoch, meta.at.best_epoch, newest.best_epoch),
        (Some(best + 1), Some(best + 1), Some(best + 1))
    );
}

#[test]
fn damage_anywhere_is_found() {
    let desk = Desk::new();
    let run = play(runs::start(small(&[("train.epochs", Value::Int(1))]), desk.path()).unwrap());
    let (_, file) = checkpoints(&run.dir).pop().unwrap();
    let good = fs::read(&file).unwrap();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    assert!(Checkpoint::from_bytes(&good).is_ok());
    let mut draws = Draws::new(5);
    let places = (0..header).step_by(7).chain((0..200).map(|_| draws.below(good.len() as u64) as usize));
    for place in places.collect::<Vec<_>>() {
        let mut bytes = good.clone();
        bytes[place] ^= 1 << draws.below(8);
        assert!(Checkpoint::from_bytes(&bytes).is_err(), "byte {place} of {header} + data");
    }
    for end in [0, 7, 8, header - 1, header, good.len() - 1] {
        assert!(Checkpoint::from_bytes(&good[..end]).is_err(), "cut after {end} bytes");
    }
}

#[test]
fn a_checkpoint_of_another_net_changes_nothing() {
    let desk = Desk::new();
    let run = play(runs::start(small(&[("train.epochs", Value::Int(1))]), desk.path()).unwrap());
    let checkpoint = Checkpoint::read(&checkpoints(&run.dir).pop().unwrap().1).unwrap();
    let wide = small(&[("net.width", Value::Float(0.5))]);
    let data = open(&wide.data, wide.task, 0).unwrap();
    let mut learner = Learner::new(dfdx::prelude::Cpu::default(), &wide, &data).unwrap();
    let before = learner.net.export();
    let wrong = checkpoint.restore(learner.trained()).unwrap_err().to_string();
    assert!(wrong.contains("has shape"), "{wrong}");
    let weights = Checkpoint::read(&run.dir.join("best.safetensors")).unwrap();
    let wrong = weights.restore(learner.trained()).unwrap_err().to_string();
    assert!(wrong.contains("optim/velocity/") && wrong.contains("is missing"), "{wrong}");
    assert_eq!(learner.net.export(), before);
}

#[test]
fn a_save_that_fails_is_told_and_tried_again_and_training_goes_on() {
    let desk = Desk::new();
    let session = runs::start(small(&[("train.checkpoint_steps", Value::Int(4))]), desk.path()).unwrap();
    session.commands.send(Command::Steps(5)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    let (dir, aside) = (session.dir.join("checkpoints"), session.dir.join("aside"));
    // (a file in the way of the directory: the disk takes nothing)
    fs::rename(&dir, &aside).unwrap();
    fs::write(&dir, "").unwrap();
    session.commands.send(Command::Steps(4)).unwrap();
    let (mut told, mut paused) = (false, false);
    let session = wait_for(session, |e| {
        told |= matches!(e, Event::Alarm { message, .. } if message.contains("cannot be written"));
        paused |= *e == Event::State(State::Paused);
        told && paused
    });
    assert!(Checkpoint::read(&aside.join("step-000004.safetensors")).is_ok(), "the old one is harmed");
    fs::remove_file(&dir).unwrap();
    fs::rename(&aside, &dir).unwrap();
    session.commands.send(Command::Resume).unwrap();
    let run = play(session);
    assert_eq!((run.end.state, run.alarms.len()), (State::Done, 0));
    assert!(Checkpoint::read(&checkpoints(&run.dir).pop().unwrap().1).is_ok());
    assert!(lines(&run.dir, "chain.jsonl").iter().all(|l| l["step"] != 8), "a checkpoint that failed has no link");
}

#[test]
fn a_last_state_that_cannot_be_saved_is_a_failure() {
    let desk = Desk::new();
    let session = runs::start(small(&[]), desk.path()).unwrap();
    session.commands.send(Command::Steps(2)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    fs::write(session.dir.join("checkpoints"), "").unwrap();
    session.commands.send(Command::Stop { save: true }).unwrap();
    let run = play(session);
    let error = run.end.error.unwrap();
    assert!(run.end.state == State::Failed && error.contains("the last state is not saved"), "{error}");
}

/// A small file system that is there for one test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u64) -> SmallDisk {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        assert!(mount.status().unwrap().success(), "mounting a tmpfs needs root");
        SmallDisk(dir)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg(self.0.path()).status());
    }
}

#[test]
#[ignore = "needs root for a tmpfs: cargo test --release --test training -- --ignored disk"]
fn a_disk_that_is_full_anywhere_in_a_save_harms_no_older_checkpoint() {
    const PLACES: u64 = 200;
    let disk = SmallDisk::mount(16);
    let changes = [
        ("net.depth", Value::Int(20)),
        ("net.width", Value::Float(1.0)),
        // (no end of an epoch comes between)
        ("data.train_images", Value::Int(12_000)),
        ("train.checkpoint_minutes", Value::Float(0.0)),
    ];
    let mut session = runs::start(small(&changes), &disk.0.path().join("runs")).unwrap();
    let filler = disk.0.path().join("filler");
    let mut refused = 0;
    for place in 0..PLACES {
        session.commands.send(Command::Steps(1)).unwrap();
        session = wait_for(session, |e| *e == Event::State(State::Paused));
        session.commands.send(Command::Save).unwrap();
        session = wait_for(session, |e| matches!(e, Event::Checkpoint { .. }));
        let (good, newest) = checkpoints(&session.dir).pop().unwrap();
        let size = fs::metadata(&newest).unwrap().len();
        let free = size * place / PLACES;
        let mut out = fs::File::create(&filler).unwrap();
        let mut taken = 0u64;
        while std::io::Write::write_all(&mut out, &[1; 4096]).is_ok() {
            taken += 4096;
        }
        out.set_len(taken - free).unwrap();
        drop(out);
        session.commands.send(Command::Steps(1)).unwrap();
        session = wait_for(session, |e| *e == Event::State(State::Paused));
        session.commands.send(Command::Save).unwrap();
        session = wait_for(session, |e| matches!(e, Event::Alarm { .. } | Event::Checkpoint { .. }));
        let after = checkpoints(&session.dir);
        refused += u64::from(after.last().unwrap().0 == good);
        for (_, file) in after {
            Checkpoint::read(&file).unwrap_or_else(|e| panic!("{free} bytes free: {e}"));
        }
        fs::remove_file(&filler).unwrap();
    }
    session.commands.send(Command::Stop { save: true }).unwrap();
    let run = play(session);
    assert_eq!((run.end.state, run.end.step), (State::Stopped, 2 * PLACES));
    println!("{PLACES} places, {refused} saves refused, every checkpoint verified");
    assert!(refused >= PLACES - 2, "{refused}");
}
