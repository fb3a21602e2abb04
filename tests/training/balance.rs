//! Classes of uneven size: weights in the loss, and draws.

use crate::pictures::{jpeg, put};
use crate::record::*;
use dfdx::prelude::{Cpu, TensorFromVec};
use std::num::NonZeroUsize;
use tricktop::data::{class_counts, draws, image_of, open, train_batch};
use tricktop::ops::{FeatureMap, Mode, Ops};
use tricktop::recipe::settings::Balance;
use tricktop::recipe::{Recipe, Value};
use tricktop::runs;
use tricktop::train::{Command, Event, Learner, Options, State, When};
use tricktop::tricks::schedule::Position;

/// Photographs of three classes, of which one is rare.
fn uneven(dir: &std::path::Path) {
    for (class, count) in [("ant", 24), ("bee", 12), ("cat", 4)] {
        for i in 0..count {
            put(dir, &format!("train/{class}/{i:02}.jpg"), &jpeg(40, 40, class.len() as u32 * 100 + i));
        }
        for i in 0..2 {
            put(dir, &format!("val/{class}/{i}.jpg"), &jpeg(40, 40, 900 + i));
        }
    }
}

fn recipe(dir: &std::path::Path, balance: &str, more: &[(&str, Value)]) -> Recipe {
    let changes = [
        ("data.path", Value::Word(dir.display().to_string())),
        ("data.size", Value::Int(32)),
        ("data.train_images", Value::Int(0)),
        ("data.test_images", Value::Int(0)),
        ("data.balance", Value::Word(balance.into())),
        ("train.batch", Value::Int(10)),
    ];
    small(&changes.iter().cloned().chain(more.iter().cloned()).collect::<Vec<_>>())
}

#[test]
fn the_loss_of_a_batch_is_that_of_its_classes_weighed() {
    let dir = tempfile::tempdir().unwrap();
    uneven(dir.path());
    let smoothed = [("tricks.smoothing.on", Value::Bool(true))];
    let recipe = recipe(dir.path(), "Weights", &smoothed);
    let data = open(&recipe.data, recipe.task, 0).unwrap();
    assert_eq!(class_counts(&data.train, 3), [24, 12, 4]);
    let train = &data.train;
    let of = |class: usize| (0..40).filter(move |i| train.label(*i as usize) == class);
    let images: Vec<u32> = of(0).take(5).chain(of(1).take(3)).chain(of(2).take(2)).collect();
    let batch = train_batch(&data, &images, 0, 0, &recipe.augment);
    let mut learner = Learner::new(Cpu::default(), &recipe, &data).unwrap();

    let pixels = (batch.n * batch.height * batch.width, batch.channels);
    let pixels = Cpu::default().tensor_from_vec(batch.pixels.clone(), pixels);
    let logits = learner.net.forward(FeatureMap::new(pixels, batch.n, batch.height, batch.width), Mode::Train).unwrap();
    let (mut sum, mut weights) = (0.0, 0.0);
    for (z, label) in Cpu::values(&logits).unwrap().chunks(3).zip(&batch.labels) {
        let whole = z.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
        let share = |k: usize| if k == *label { 0.9 } else { 0.05 };
        let loss: f64 = (0..3).map(|k| share(k) * (whole - f64::from(z[k]))).sum();
        let weight = 40.0 / (3.0 * [24.0, 12.0, 4.0][*label]);
        (sum, weights) = (sum + weight * loss, weights + weight);
    }
    let mut learner = Learner::new(Cpu::default(), &recipe, &data).unwrap();
    let found = learner.step(batch, Position { epoch: 0, batch: 1, batches: 4 }, &recipe).unwrap().loss;
    assert!((f64::from(found) - sum / weights).abs() < 1e-5 * f64::from(found), "{found} {}", sum / weights);
}

#[test]
fn the_sampler_draws_every_class_as_often_in_a_run() {
    let dir = tempfile::tempdir().unwrap();
    uneven(dir.path());
    let recipe = recipe(dir.path(), "Sampler", &[]);
    let data = open(&recipe.data, recipe.task, 0).unwrap();
    for epoch in 0..3 {
        let mut drawn = [0; 3];
        for draw in draws(&data.train, Balance::Sampler, 0, epoch) {
            drawn[data.train.label(image_of(draw, 40))] += 1;
        }
        drawn.sort_unstable();
        assert_eq!(drawn, [13, 13, 14]);
    }
    // An image that is drawn again has another augmentation, and its own label.
    let cat = (0..40).find(|i| data.train.label(*i as usize) == 2).unwrap();
    let batch = train_batch(&data, &[cat, cat + 40, cat + 80], 0, 0, &recipe.augment);
    let pixels: Vec<&[f32]> = batch.pixels.chunks(32 * 32 * 3).collect();
    assert!(batch.labels == [2, 2, 2] && (pixels[0] != pixels[1] || pixels[0] != pixels[2]));
}

#[test]
fn runs_tell_of_it_and_are_made_again_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    uneven(dir.path());
    for (balance, words) in [
        ("Weights", "cat has the fewest training images, 4, and weighs 3.333; ant has the most, 24, and weighs 0.556"),
        ("Sampler", "each of 3 classes 13 times; cat has the fewest training images, 4, ant the most, 24"),
    ] {
        let (a, b) = (Desk::new(), Desk::new());
        let start = |desk: &Desk, threads: usize| {
            let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
            let recipe = recipe(dir.path(), balance, &[("tricks.mixup.on", Value::Bool(true))]);
            runs::start_with(recipe, options, desk.path(), runs::spawn).unwrap()
        };
        let whole = play(start(&a, 1));
        let ready = &lines(&whole.dir, "log.jsonl")[1];
        assert!(ready["notes"].as_array().unwrap().iter().any(|n| n.as_str().unwrap().contains(words)), "{ready}");
        let session = start(&b, 3);
        session.commands.send(Command::Steps(5)).unwrap();
        let session = wait_for(session, |e| *e == Event::State(State::Paused));
        session.commands.send(Command::Stop { save: true }).unwrap();
        assert_same(&whole.dir, &play(runs::resume(&play(session).dir, Vec::new()).unwrap()).dir);
        assert_eq!(runs::verify(&whole.dir, None).unwrap().difference, None);
    }
    // In a run it begins with an epoch, and is told of there.
    let desk = Desk::new();
    let session = runs::start(recipe(dir.path(), "None", &[]), desk.path()).unwrap();
    let changes = vec![(knob("data.balance"), Value::Word("Sampler".into()))];
    session.commands.send(Command::Edit { id: 1, changes, when: When::Now }).unwrap();
    let played = play(session);
    assert!(played.alarms.iter().any(|a| a.contains("data.balance Sampler: an epoch draws")), "{:?}", played.alarms);
    assert_eq!(lines(&played.dir, "journal.jsonl")[0]["step"].as_u64().unwrap() % 4, 0);
    assert_eq!(runs::verify(&played.dir, None).unwrap().difference, None);
}

#[test]
fn pixels_have_no_class_weights() {
    for balance in ["Weights", "Sampler"] {
        let changes =
            [(knob("task"), Value::Word("Segment".into())), (knob("data.balance"), Value::Word(balance.into()))];
        let clash = Recipe::default().with(changes).unwrap_err().to_string();
        assert!(clash.contains(&format!("data.balance is {balance}")) && clash.contains("pixels"), "{clash}");
    }
}
