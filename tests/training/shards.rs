//! Batches in shards: gradients add up to those of the batch, and a run is the same to the bit however it is made.

use crate::record::*;
use crate::running::{Run, steps};
use crate::tiny::knob;
use std::num::NonZeroUsize;
use tricktop::recipe::{Recipe, Value};
use tricktop::runs;
use tricktop::train::{Checkpoint, Command, Event, Options, State, When};

fn word(word: &str) -> Value {
    Value::Word(word.into())
}

/// Batches of 12 in shards of so many, with whatever draws numbers.
fn sharded(shard: u64, changes: &[(&str, Value)]) -> Recipe {
    let base = [
        ("train.batch", Value::Int(12)),
        ("train.shard", Value::Int(shard)),
        ("train.epochs", Value::Int(2)),
        ("data.train_images", Value::Int(120)),
        ("data.test_images", Value::Int(40)),
        ("device", word("Cpu")),
    ];
    recipe(base.iter().chain(changes))
}

fn losses(recipe: Recipe) -> Vec<f32> {
    steps(&Run::start(recipe, None).finish()).iter().map(|step| step.loss).collect()
}

#[test]
fn without_statistics_of_a_batch_shards_train_as_the_whole_batch_does() {
    // Norms that use their running statistics see every image alone.
    let alone = [("finetune.norms", word("Frozen")), ("optim.clip_norm", Value::Float(1.0))];
    let whole = losses(sharded(0, &alone));
    // The last shard of 5 has two images.
    for shard in [1, 4, 3, 5] {
        let parts = losses(sharded(shard, &alone));
        let apart = whole.iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(whole.len() == 20 && apart < 2e-3, "shards of {shard}: losses {apart} apart");
        // The first step has made no rounding yet that the next one multiplies.
        assert!((whole[0] - parts[0]).abs() < 1e-6);
    }
}

#[test]
fn a_shard_of_the_whole_batch_is_the_batch_and_one_of_less_is_another_norm() {
    let whole = losses(sharded(0, &[]));
    assert_eq!(whole, losses(sharded(12, &[])));
    assert_eq!(whole, losses(sharded(1000, &[])));
    let parts = losses(sharded(4, &[]));
    // Its norms have means of fewer images.
    assert!(whole[0] != parts[0] && (whole[0] - parts[0]).abs() < 0.5, "{} and {}", whole[0], parts[0]);
}

#[test]
fn a_run_in_shards_is_the_same_with_any_threads_and_in_pieces() {
    let tricks = [
        ("tricks.mixup.on", Value::Bool(true)),
        ("tricks.smoothing.on", Value::Bool(true)),
        ("tricks.distill.on", Value::Bool(true)),
        ("tricks.mixed.on", Value::Bool(true)),
        ("optim.clip_norm", Value::Float(0.5)),
        ("finetune.freeze", word("Stem")),
    ];
    let recipe = || sharded(4, &tricks);
    let digests = |played: &Played| {
        let (_, file) = checkpoints(&played.dir).pop().unwrap();
        Checkpoint::read(&file).unwrap().meta.digests
    };
    let unfreeze = |session: &runs::Session| {
        let changes = vec![(knob("finetune.freeze"), word("None"))];
        session.commands.send(Command::Edit { id: 1, changes, when: When::Step(11) }).unwrap();
    };
    let with = |threads: usize, recipe: Recipe| {
        let desk = Desk::new();
        let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
        let session = runs::start_with(recipe, options, desk.path(), runs::spawn).unwrap();
        unfreeze(&session);
        digests(&play(session))
    };
    let whole = with(1, recipe());
    assert_eq!(whole, with(3, recipe()));
    assert_ne!(whole, with(1, sharded(6, &tricks)));
    let desk = Desk::new();
    let session = runs::start(recipe(), desk.path()).unwrap();
    unfreeze(&session);
    session.commands.send(Command::Steps(7)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let pieces = play(runs::resume(&play(session).dir, Vec::new()).unwrap());
    assert_eq!(digests(&pieces), whole);
    assert_eq!(runs::verify(&pieces.dir, None).unwrap().difference, None);
}

#[test]
fn shards_of_scenes_have_their_own_dropout_and_statistics() {
    let segments = [
        ("task", word("Segment")),
        ("net.output_stride", Value::Int(2)),
        ("seg.aux", Value::Bool(true)),
        ("data.train_images", Value::Int(24)),
        ("data.test_images", Value::Int(4)),
        ("train.epochs", Value::Int(1)),
    ];
    let run = |dropout: f64| {
        let changes: Vec<_> = segments.iter().cloned().chain([("seg.dropout", Value::Float(dropout))]).collect();
        losses(sharded(6, &changes))
    };
    assert!(run(0.5).len() == 2 && run(0.5) == run(0.5) && run(0.5) != run(0.0));
}

#[test]
fn what_is_frozen_keeps_its_statistics_to_the_byte() {
    let desk = Desk::new();
    // Three shards: the mean of three equal numbers is not always that number.
    let session = runs::start(sharded(4, &[("train.keep_last", Value::Int(2))]), desk.path()).unwrap();
    // With statistics of few steps a large rate would raise an alarm, and the run would wait for a person.
    let freeze = vec![(knob("finetune.norms"), word("Frozen")), (knob("schedule.base_lr"), Value::Float(1e-3))];
    session.commands.send(Command::Edit { id: 1, changes: freeze, when: When::Step(10) }).unwrap();
    let files = checkpoints(&play(session).dir);
    let of = |(_, file): &(u64, std::path::PathBuf)| Checkpoint::read(file).unwrap().meta.digests;
    let [before, after] = &files[..] else { panic!("{files:?}") };
    assert_eq!((before.0, after.0), (10, 20));
    assert_eq!(of(before).statistics, of(after).statistics);
    assert_ne!(of(before).weights, of(after).weights);
}
