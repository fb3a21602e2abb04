//! Runs that stop because their figure gets no better.

use crate::record::*;
use tricktop::recipe::Value;
use tricktop::runs::{self, RunStatus};
use tricktop::train::{Checkpoint, Figure, Progress, Score, State};

const HALF: Score = Score { figure: Figure::Top1, value: 0.5 };

/// A run that learns nothing after the first epoch: its rate is next to nothing.
fn stuck(patience: u64) -> tricktop::recipe::Recipe {
    small(&[
        ("train.epochs", Value::Int(9)),
        ("train.patience", Value::Int(patience)),
        ("schedule.base_lr", Value::Float(1e-30)),
        ("schedule.warmup.on", Value::Bool(false)),
        ("tricks.mixup.on", Value::Bool(false)),
        ("optim.weight_decay", Value::Float(0.0)),
        ("net.weights", Value::Word(String::new())),
    ])
}

#[test]
fn a_run_without_a_better_figure_stops_says_why_and_keeps_the_best() {
    let desk = Desk::new();
    let played = play(runs::start(stuck(3), desk.path()).unwrap());
    let best = played.end.best_epoch.unwrap();
    assert_eq!((played.end.state, played.end.step), (State::Done, 10 * (best + 3)));
    let why = format!("no better top-1 for 3 epochs: stopped, the best is epoch {best}");
    assert_eq!(played.end.early.as_deref(), Some(&why[..]));
    let end = lines(&played.dir, "log.jsonl").pop().unwrap();
    assert_eq!((end["event"].as_str(), end["early"].as_str()), (Some("run_end"), Some(&why[..])));
    let (status, error) = RunStatus::of(false, &runs::Record::read(&played.dir).unwrap().log);
    assert_eq!((status, error), (RunStatus::Done, None));
    let kept: Vec<u64> = checkpoints(&played.dir).into_iter().map(|(step, _)| step).collect();
    assert!(kept.contains(&(10 * best)) && kept.contains(&played.end.step), "{kept:?}");
    assert!(played.dir.join("best.safetensors").is_file());
    assert_eq!(runs::verify(&played.dir, None).unwrap().difference, None);
}

#[test]
fn with_more_patience_it_goes_on_and_that_is_made_again_to_the_bit() {
    let desk = Desk::new();
    let played = play(runs::start(stuck(2), desk.path()).unwrap());
    let best = played.end.best_epoch.unwrap();
    let refused = runs::resume(&played.dir, Vec::new()).err().unwrap().to_string();
    assert!(
        refused.contains("no better top-1 for 2 epochs") && refused.contains("--set train.patience=N"),
        "{refused}"
    );
    let more = play(runs::resume(&played.dir, vec![(knob("train.patience"), Value::Int(4))]).unwrap());
    let best_then = more.end.best_epoch.unwrap();
    assert!(best_then >= best && more.end.step == 10 * (best_then + 4).min(9), "{:?}", more.end);
    assert_eq!(runs::verify(&more.dir, None).unwrap().difference, None);
    // As one that was so patient from the start.
    let at_once = play(runs::start(stuck(4), desk.path()).unwrap());
    assert_eq!(digests(&more), digests(&at_once));
    let end = play(runs::resume(&more.dir, vec![(knob("train.patience"), Value::Int(0))]).unwrap()).end;
    assert_eq!((end.step, end.early), (90, None));
}

fn digests(played: &Played) -> tricktop::train::Digests {
    Checkpoint::read(&checkpoints(&played.dir).pop().unwrap().1).unwrap().meta.digests
}

#[test]
fn epochs_are_counted_from_the_best_one() {
    let at = |epoch, best_epoch: Option<u64>, batch| Progress {
        epoch,
        best_epoch,
        best: best_epoch.map(|_| HALF),
        batch,
        ..Progress::default()
    };
    assert_eq!(at(7, Some(4), 0).out_of_patience(4), None);
    assert_eq!(at(7, Some(4), 1).out_of_patience(3), None, "an epoch has begun");
    assert_eq!(at(7, Some(4), 0).out_of_patience(0), None);
    let why = |p: Progress, patience| p.out_of_patience(patience).unwrap();
    assert_eq!(why(at(7, Some(4), 0), 3), "no better top-1 for 3 epochs: stopped, the best is epoch 4");
    assert_eq!(why(at(5, Some(4), 0), 1), "no better top-1 for 1 epoch: stopped, the best is epoch 4");
    assert_eq!(why(at(2, None, 0), 2), "no better score for 2 epochs: stopped, none was the best");
    // Checkpoints of older versions do not name the best epoch.
    let old = Progress { best: Some(HALF), ..at(7, None, 0) };
    assert_eq!(old.out_of_patience(3), None);
}

#[test]
fn a_batch_ends_well_and_patience_needs_a_checkpoint_to_keep() {
    let desk = Desk::new();
    let said = desk.says(&[
        "--batch",
        "tiny.ron",
        "--set",
        "train.epochs=9",
        "--set",
        "train.patience=1",
        "--set",
        "schedule.base_lr=1e-30",
        "--set",
        "schedule.warmup.on=false",
        "--set",
        "optim.weight_decay=0",
    ]);
    assert!(said.contains("no better top-1 for 1 epoch: stopped, the best is epoch"), "{said}");
    let clash = small(&[]).with([(knob("train.patience"), Value::Int(2)), (knob("train.keep_best"), Value::Int(0))]);
    let clash = clash.unwrap_err().to_string();
    assert!(clash.contains("train.keep_best is 0") && clash.contains("train.patience 2"), "{clash}");
}
