//! The running average of the weights: what it is, what it is used for, and that a run with it can be stopped, taken back and
//! made again.

use crate::record::*;
use dfdx::prelude::Cpu;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use tricktop::data::{epoch_order, open, train_batch};
use tricktop::nn::TensorData;
use tricktop::recipe::Value;
use tricktop::runs::{self, Session};
use tricktop::train::optim::ema::share;
use tricktop::train::{
    BEST, Checkpoint, Command, Event, Images, Learner, Options, State, Views, When, evaluate_checkpoint, read_weights,
};
use tricktop::tricks::schedule::Position;

type Tensors = BTreeMap<String, TensorData>;

fn on() -> [(&'static str, Value); 2] {
    [("optim.ema.on", Value::Bool(true)), ("optim.ema.decay", Value::Float(0.6))]
}

#[test]
fn it_is_its_formula_of_weights_and_statistics_and_changes_no_step() {
    let (plain, averaged) = (small(&[]), small(&on()));
    let data = open(&plain.data, plain.task, 0).unwrap();
    let new = |recipe| Learner::new(Cpu::default(), recipe, &data).unwrap();
    let (mut without, mut with) = (new(&plain), new(&averaged));
    let order = epoch_order(data.train.len(), 0, 0);
    let mut expected = with.net.export();
    for t in 1..=8u64 {
        let batch = train_batch(&data, &order[..20], 0, t, &plain.augment);
        let at = Position { epoch: 0, batch: t, batches: 10 };
        let losses = [(&mut without, &plain), (&mut with, &averaged)]
            .map(|(learner, s)| learner.step(batch.clone(), at, s).unwrap().loss);
        assert_eq!(losses[0], losses[1], "step {t}");
        let d = 0.6f64.min(1.0 - (1.0 + t as f64).powf(-2.0 / 3.0));
        assert!(d == share(0.6, t) && (d == 0.6) == (t >= 3));
        for (name, tensor) in with.net.export() {
            let means = &mut expected.get_mut(&name).unwrap().values;
            means.iter_mut().zip(tensor.values).for_each(|(m, v)| *m += (1.0 - d) as f32 * (v - *m));
        }
        assert!(with.average.as_ref().unwrap().net.export() == expected, "step {t}");
    }
    assert!(with.net.export() == without.net.export() && with.net.export() != expected);
    assert!(expected.keys().any(|name| name.ends_with("running_var")));
    // A step that cannot be made is none for it.
    let mut broken = train_batch(&data, &order[..20], 0, 9, &plain.augment);
    let logits = with.logits(broken.clone()).unwrap();
    assert_ne!(logits, without.logits(broken.clone()).unwrap());
    broken.pixels[7] = f32::NAN;
    assert!(!with.step(broken, Position { epoch: 0, batch: 9, batches: 10 }, &averaged).unwrap().updated);
    let average = with.average.as_ref().unwrap();
    assert!(average.steps == 8 && average.net.export() == expected);
}

/// The weights and the average of the newest checkpoint, and the steps that it says it has taken in.
fn kept(dir: &Path) -> (Tensors, Tensors, Option<u64>) {
    let file = fs::read(checkpoints(dir).pop().unwrap().1).unwrap();
    let state = tricktop::nn::State::from_bytes(&file).unwrap();
    let averages =
        state.tensors.iter().filter_map(|(name, t)| Some((name.strip_prefix("optim/ema/")?.into(), t.clone())));
    let raw = state.tensors.iter().filter(|(name, _)| !name.starts_with("optim/"));
    let raw = raw.map(|(name, t)| (name.clone(), t.clone())).collect();
    (raw, averages.collect(), Checkpoint::from_bytes(&file).unwrap().meta.at.averaged)
}

#[test]
fn it_is_evaluated_saved_as_the_best_exported_and_started_from() {
    let desk = Desk::new();
    let played = play(runs::start(small(&on()), desk.path()).unwrap());
    let (raw, average, steps) = kept(&played.dir);
    assert_eq!((raw.len(), steps), (average.len(), Some(30)));
    assert!(raw != average);
    let (_, newest) = checkpoints(&played.dir).pop().unwrap();
    assert!(Checkpoint::read(&newest).unwrap().weights() == average);
    assert!(read_weights(&newest).unwrap() == average);
    let best = Checkpoint::read(&played.dir.join(BEST)).unwrap();
    assert!(!best.is_whole() && best.meta.at.averaged == Some(10 * played.end.best_epoch.unwrap()));
    let tested = evaluate_checkpoint(&played.dir.join(BEST), Images::Own(None), Views::One, |_, _| ()).unwrap();
    assert_eq!(Some(tested.evaluation.figures.score()), played.end.best);
    assert!(tested.of.notes.iter().any(|note| note.contains("running average")), "{:?}", tested.of.notes);
    // The figures of the run's epochs are those of the average too.
    let last = evaluate_checkpoint(&newest, Images::Own(None), Views::One, |_, _| ()).unwrap().evaluation;
    let epochs = lines(&played.dir, "metrics.jsonl");
    let ended = epochs.iter().rev().find(|line| line["event"] == "epoch_end").unwrap();
    assert_eq!(
        (ended["val_top1"].as_f64(), ended["val_loss"].as_f64()),
        (Some(last.figures.score().value), Some(last.loss))
    );
    let exported = tricktop::nn::State::from_bytes(&best.export().unwrap()).unwrap();
    assert!(
        exported.tensors == best.weights()
            && exported.metadata["averaged_steps"] == best.meta.at.averaged.unwrap().to_string()
    );
    let said = desk.says(&["eval", played.dir.to_str().unwrap()]);
    assert!(said.contains("the weights are their running average"), "{said}");
    // Off, nothing is kept of it.
    let plain = play(runs::start(small(&[]), desk.path()).unwrap());
    let (_, newest) = checkpoints(&plain.dir).pop().unwrap();
    let text = fs::read(newest).unwrap();
    assert!(!String::from_utf8_lossy(&text).contains("averaged") && kept(&plain.dir).1.is_empty());
    assert!(kept(&plain.dir).0 == raw, "the weights themselves go the same way");
}

/// It is switched on at step 4, off at step 13 and on again at step 17; its decay changes on the way.
fn switched(desk: &Desk, threads: usize) -> Session {
    let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
    let session = runs::start_with(small(&[]), options, desk.path(), runs::spawn).unwrap();
    let edits = [
        ("optim.ema.on", Value::Bool(true), 4),
        ("optim.ema.decay", Value::Float(0.5), 8),
        ("optim.ema.on", Value::Bool(false), 13),
        ("optim.ema.on", Value::Bool(true), 17),
    ];
    for ((path, value, step), id) in edits.into_iter().zip(1..) {
        session
            .commands
            .send(Command::Edit { id, changes: vec![(knob(path), value)], when: When::Step(step) })
            .unwrap();
    }
    session
}

#[test]
fn switched_stopped_and_resumed_it_is_the_same_to_the_bit_with_any_number_of_threads() {
    let (a, b) = (Desk::new(), Desk::new());
    let whole = play(switched(&a, 1));
    assert_eq!(kept(&whole.dir).2, Some(14), "it begins anew at step 17");
    for step in [2, 6, 15, 20] {
        let session = switched(&b, 3);
        session.commands.send(Command::Steps(step)).unwrap();
        let session = wait_for(session, |e| *e == Event::State(State::Paused));
        session.commands.send(Command::Stop { save: true }).unwrap();
        let first = play(session);
        let expected = match step {
            6 => Some(3),
            20 => Some(4),
            _ => None,
        };
        assert_eq!(kept(&first.dir).2, expected, "step {step}");
        assert_same(&whole.dir, &play(runs::resume(&first.dir, Vec::new()).unwrap()).dir);
    }
    assert_eq!(runs::verify(&whole.dir, None).unwrap().difference, None);
}

#[test]
fn a_rollback_brings_back_what_was_dropped_and_drops_what_was_begun() {
    let desk = Desk::new();
    let whole = play(runs::start(small(&on()), desk.path()).unwrap());
    let session = runs::start(small(&on()), desk.path()).unwrap();
    let pause = |session: Session, steps| {
        session.commands.send(Command::Steps(steps)).unwrap();
        wait_for(session, |e| *e == Event::State(State::Paused))
    };
    let session = pause(session, 12);
    for (id, to) in [(1, false), (2, true)] {
        let changes = vec![(knob("optim.ema.on"), Value::Bool(to))];
        session.commands.send(Command::Edit { id, changes, when: When::Now }).unwrap();
    }
    let mut session = pause(session, 3);
    for id in [8, 9] {
        session.commands.send(Command::RollBack { id }).unwrap();
        session = wait_for(session, |e| matches!(e, Event::RolledBack(_)));
    }
    session.commands.send(Command::Resume).unwrap();
    let back = play(session);
    same_course(&whole.dir, &back.dir);
    assert!(kept(&back.dir) == kept(&whole.dir));
}

#[test]
fn a_fork_goes_on_with_it_or_without() {
    let desk = Desk::new();
    let whole = play(runs::start(small(&on()), desk.path()).unwrap());
    let fork = |sets| {
        let dir = runs::fork_with(&whole.dir, Some(20), &Vec::new(), desk.path()).unwrap();
        play(runs::resume(&dir, sets).unwrap()).dir
    };
    assert!(kept(&fork(vec![(knob("train.keep_last"), Value::Int(5))])) == kept(&whole.dir));
    let (raw, average, steps) = kept(&fork(vec![(knob("optim.ema.on"), Value::Bool(false))]));
    assert!(average.is_empty() && steps.is_none() && raw == kept(&whole.dir).0);
}
