//! Steps without a trainer around them: every bundled preset, the bundled teacher.

use crate::tiny::knob;
use dfdx::prelude::Cpu;
use std::path::Path;
use tricktop::data::{epoch_order, open, train_batch};
use tricktop::nn::Net;
use tricktop::ops::{FeatureMap, Mode, Ops};
use tricktop::recipe::settings::Task;
use tricktop::recipe::{Recipe, Value};
use tricktop::train::{Checkpoint, Learner, Pupil};
use tricktop::tricks::schedule::Position;

#[test]
fn a_step_that_cannot_be_made_changes_nothing() {
    // Of a batch of four in shards one has what is not a number, and all are left out.
    [0, 2, 1].into_iter().for_each(a_step_in_shards_that_cannot_be_made_changes_nothing);
}

fn a_step_in_shards_that_cannot_be_made_changes_nothing(shard: u64) {
    let few = [("data.train_images", 40), ("net.depth", 8), ("train.shard", shard)];
    let few = Recipe::default().with(few.map(|(path, value)| (knob(path), Value::Int(value)))).unwrap();
    let data = open(&few.data, few.task, 0).unwrap();
    let mut learner = Learner::new(dfdx::prelude::Cpu::default(), &few, &data).unwrap();
    let mut images = train_batch(&data, &[0, 1, 2, 3], 0, 0, &few.augment);
    let at = Position { epoch: 0, batch: 1, batches: 1 };
    assert!(learner.step(images.clone(), at, &few).unwrap().updated);
    let state = |learner: &mut Learner<_>| {
        let Learner { net, optimiser, .. } = learner;
        let velocities = net.params().into_iter().filter(|p| p.role != tricktop::nn::Role::Statistic);
        let velocities: Vec<Vec<f32>> = velocities.map(|p| optimiser.slot("velocity", p).unwrap()).collect();
        (net.export(), velocities)
    };
    let before = state(&mut learner);
    images.pixels[7] = f32::NAN;
    assert!(!learner.step(images.clone(), at, &few).unwrap().updated);
    assert!(state(&mut learner) == before);
}

#[test]
fn mixed_precision_learns_the_same_with_rounding_and_leaves_overflows_out() {
    let small =
        [("data.train_images", Value::Int(200)), ("net.depth", Value::Int(8)), ("net.width", Value::Float(0.5))];
    let single = Recipe::default().with(small.map(|(path, value)| (knob(path), value))).unwrap();
    let low = |format: &str| {
        let changes = [("tricks.mixed.on", Value::Bool(true)), ("tricks.mixed.format", Value::Word(format.into()))];
        single.with(changes.map(|(path, value)| (knob(path), value))).unwrap()
    };
    let (mixed, brain) = (low("F16"), low("Bf16"));
    let data = open(&single.data, single.task, 0).unwrap();
    let order = epoch_order(data.train.len(), 0, 0);
    let step = |learner: &mut Learner<_>, recipe: &Recipe, batch: u64| {
        let images = train_batch(&data, &order[..40], 0, batch, &recipe.augment);
        learner.step(images.clone(), Position { epoch: 0, batch, batches: 20 }, recipe).unwrap()
    };
    let new = |recipe: &Recipe| Learner::new(dfdx::prelude::Cpu::default(), recipe, &data).unwrap();
    let losses = |recipe: &Recipe| {
        let mut learner = new(recipe);
        // (in a few steps more, at this rate, any rounding becomes a path of its own)
        (1..=16)
            .map(|batch| step(&mut learner, recipe, batch))
            .inspect(|o| assert!(o.updated))
            .map(|o| o.loss)
            .collect()
    };
    let exact: Vec<f32> = losses(&single);
    for recipe in [&mixed, &brain] {
        let rounded: Vec<f32> = losses(recipe);
        assert!(exact.iter().zip(&rounded).all(|(a, b)| a != b && (a - b).abs() < 0.1 * a), "{exact:?} {rounded:?}");
        assert!(rounded[15] < 0.5 * rounded[0], "{rounded:?}");
    }
    let mut unscaled = new(&brain);
    unscaled.scaler.scale = 1e30;
    assert!(step(&mut unscaled, &brain, 1).updated, "bfloat16 has the range of f32");

    let mut learner = new(&mixed);
    learner.scaler.scale = 1e30;
    let before = learner.net.export();
    let outcome = step(&mut learner, &mixed, 1);
    assert!(outcome.overflow && !outcome.updated && outcome.loss.is_finite());
    assert_eq!((learner.scaler.scale, learner.scaler.skipped), (5e29, 1));
    assert!(learner.net.export() == before);
    while !step(&mut learner, &mixed, 1).updated {}
    assert!(learner.scaler.scale < 1e9 && learner.scaler.skipped > 50);
}

/// The bundled teacher was made by `presets/teacher.ron`, and is better than a short run of the default preset.
#[test]
fn the_bundled_teacher_is_that_of_its_preset_and_good() {
    let bytes = std::fs::read("assets/teacher.safetensors").unwrap();
    assert!(bytes.len() <= 2_000_000);
    let meta = Checkpoint::from_bytes(&bytes).unwrap().meta;
    let made_by = tricktop::recipe::preset::load(Path::new("presets/teacher.ron")).unwrap().recipe;
    assert_eq!(meta.recipe(&Recipe::default()).unwrap(), made_by);
    let data = open(&made_by.data, made_by.task, 0).unwrap();
    let dev = dfdx::prelude::Cpu::default();
    let mut net: Net<f32, _> = {
        let pupil = Pupil { task: Task::Classify, image_channels: 1, classes: &data.classes, by_place: false };
        Checkpoint::teacher(Path::new("Bundled"), &dev, &pupil).unwrap()
    };
    let mut right = 0;
    for start in (0..2000).step_by(250) {
        let b = tricktop::data::test_batch(&data, start..start + 250);
        let pixels = dfdx::prelude::TensorFromVec::tensor_from_vec(&dev, b.pixels, (250 * 28 * 28, 1));
        let logits = Cpu::values(&net.forward(FeatureMap::new(pixels, 250, 28, 28), Mode::Eval).unwrap()).unwrap();
        let best = |z: &[f32]| (0..10).max_by(|a, b| z[*a].total_cmp(&z[*b])).unwrap();
        right += logits.chunks(10).zip(&b.labels).filter(|(z, label)| best(z) == **label).count();
    }
    assert_eq!(Some(right as f64 / 2000.0), meta.at.best.map(|best| best.value));
    assert!(right >= 1840, "{right} of 2000");
}

#[test]
fn every_bundled_preset_trains_a_step_or_says_what_it_lacks() {
    let photographs = tempfile::tempdir().unwrap();
    crate::pictures::folder(photographs.path(), 2);
    for bundled in tricktop::recipe::bundled::BUNDLED {
        let recipe = tricktop::recipe::preset::load(Path::new(bundled.name)).unwrap().recipe;
        let mut changes = vec![("data.train_images", Value::Int(40))];
        if !recipe.data.path.is_empty() {
            let missing = open(&recipe.data, recipe.task, 0).unwrap_err().to_string();
            assert!(
                missing.starts_with(&format!("{}: does not exist", recipe.data.path)),
                "{}: {missing}",
                bundled.name
            );
            let path = match recipe.task {
                Task::Classify => photographs.path().display().to_string(),
                // The embedded scenes.
                Task::Segment => String::new(),
            };
            changes = vec![
                ("data.path", Value::Word(path)),
                ("data.size", Value::Int(64)),
                ("data.resize", Value::Int(0)),
                ("net.width", Value::Float(0.125)),
            ];
        }
        // The teacher is a run that has to be trained first.
        if recipe.tricks.distill.teacher.starts_with("runs/") {
            changes.push(("tricks.distill.on", Value::Bool(false)));
        } else {
            assert_eq!(recipe.tricks.distill.teacher, "Bundled", "{}", bundled.name);
            assert!(recipe.data.path.is_empty() || !recipe.tricks.distill.on, "{}", bundled.name);
        }
        let recipe = recipe.with(changes.into_iter().map(|(path, value)| (knob(path), value))).unwrap();
        let data = open(&recipe.data, recipe.task, 0).unwrap();
        let mut learner = Learner::new(dfdx::prelude::Cpu::default(), &recipe, &data).unwrap();
        let images = train_batch(&data, &[0, 1, 2, 3], 0, 0, &recipe.augment);
        let before = learner.net.export();
        let mut step = || learner.step(images.clone(), Position { epoch: 0, batch: 1, batches: 1 }, &recipe).unwrap();
        let mut outcome = step();
        // (the first loss scale may be too large)
        while outcome.overflow {
            outcome = step();
        }
        assert!(outcome.updated && outcome.loss.is_finite(), "{}", bundled.name);
        assert_ne!(learner.net.export(), before, "{}", bundled.name);
    }
}
