//! Looks inside a net in training: what they see. That they change nothing stands in `looking.rs`.

use crate::running::*;
use dfdx::prelude::Cpu;
use std::collections::BTreeMap;
use tricktop::data::{Batch, DataSet, epoch_order, open, train_batch};
use tricktop::nn::TensorData;
use tricktop::recipe::{Recipe, Value};
use tricktop::train::{Command, Event, Inside, LayerStats, Learner, State, Target};
use tricktop::tricks::schedule::Position;

const LOOK: Command = Command::Look { screen: 0, at: Some(Target::Layers) };

const AT: Position = Position { epoch: 3, batch: 1, batches: 10 };

fn plain(changes: &[(&str, Value)]) -> Recipe {
    let none = [
        ("optim.momentum", Value::Float(0.0)),
        ("optim.weight_decay", Value::Float(0.0)),
        ("schedule.decay", Value::Word("Constant".into())),
        ("train.epochs", Value::Int(9)),
    ];
    recipe(&none.iter().chain(changes).cloned().collect::<Vec<_>>())
}

fn learner(recipe: &Recipe) -> (Learner<Cpu>, Batch, DataSet) {
    let data = open(&recipe.data, recipe.task, 0).unwrap();
    let learner = Learner::new(Cpu::default(), recipe, &data).unwrap();
    let batch = train_batch(&data, &epoch_order(data.train.len(), 0, 0)[..40], 0, 0, &recipe.augment);
    (learner, batch, data)
}

type Tensors = BTreeMap<String, TensorData>;

/// Norm of the trained values of a layer: of a convolution and its norm, or of the linear layer.
fn norm(layer: &str, of: impl Fn(&str) -> Vec<f32>, tensors: &Tensors) -> f64 {
    let bn = layer.replace("conv", "bn");
    let is_own = |name: &&String| {
        !name.contains("running") && (name.starts_with(&format!("{layer}.")) || name.starts_with(&format!("{bn}.")))
    };
    let values = tensors.keys().filter(is_own).flat_map(|name| of(name));
    values.map(|v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
}

fn look(recipe: &Recipe) -> (Inside, Tensors, Tensors) {
    let (mut learner, batch, _) = learner(recipe);
    let before = learner.net.export();
    let (outcome, sight) = learner.step_and_look(batch.clone(), AT, recipe, 31).unwrap();
    assert!(outcome.updated);
    (sight.unwrap().inside, before, learner.net.export())
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 2e-3 * b.abs()
}

#[test]
fn gradients_and_updates_are_those_that_the_weights_tell() {
    let recipe = plain(&[]);
    let (inside, before, after) = look(&recipe);
    let layers: Vec<&str> = inside.layers.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(&layers[..3], ["conv1", "layer1.0.conv1", "layer1.0.conv2"]);
    assert_eq!((layers.last(), inside.step), (Some(&"fc"), 31));
    let step = |name: &str| {
        let (a, b) = (&before[name].values, &after[name].values);
        a.iter().zip(b).map(|(a, b)| b - a).collect::<Vec<f32>>()
    };
    let mut square = 0.0;
    for name in ["conv1", "layer1.0.conv1", "layer3.0.conv2", "fc"] {
        let layer = inside.layers.iter().find(|l| l.name == name).unwrap();
        let weight = norm(name, |of| before[of].values.clone(), &before);
        let moved = norm(name, step, &before);
        assert!(near(layer.weight.into(), weight), "{name}: {} {weight}", layer.weight);
        assert!(near(layer.update.into(), moved / weight), "{name}: {} {}", layer.update, moved / weight);
        // (w -= 0.05 g)
        assert!(near(layer.gradient.into(), moved / 0.05), "{name}: {} {}", layer.gradient, moved / 0.05);
    }
    for layer in &inside.layers {
        square += f64::from(layer.gradient).powi(2);
        assert!(layer.output.is_some(), "{}", layer.name);
    }
    assert!(near(inside.gradient, square.sqrt()));

    // Clipping shortens the update and not the gradient that is shown; loss scaling is taken off.
    let clip = inside.gradient / 4.0;
    let (clipped, ..) = look(&plain(&[("optim.clip_norm", Value::Float(clip))]));
    assert!(near(clipped.gradient, inside.gradient));
    assert!(near(clipped.layers[0].update.into(), f64::from(inside.layers[0].update) / 4.0));
    let (mixed, ..) = look(&plain(&[("tricks.mixed.on", Value::Bool(true))]));
    assert!((mixed.gradient / inside.gradient - 1.0).abs() < 0.1, "{} {}", mixed.gradient, inside.gradient);
}

#[test]
fn a_layer_that_was_made_dead_is_seen() {
    let recipe = plain(&[]);
    let (mut learner, batch, _) = learner(&recipe);
    let mut tensors = learner.net.export();
    tensors.get_mut("layer1.0.bn1.weight").unwrap().values.fill(0.0);
    tensors.get_mut("layer1.0.bn1.bias").unwrap().values.fill(-0.5);
    learner.net.import(&tensors).unwrap();
    let outputs = learner.outputs(batch.clone()).unwrap();
    let dead: Vec<&str> = outputs.iter().filter(|(_, o)| o.is_dead()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(dead, ["layer1.0.conv1"]);
    let (_, stem) = &outputs[0];
    assert!(stem.mean > 0.0 && stem.std > 0.0 && (0.1..0.9).contains(&stem.zeros), "{stem:?}");
    let (_, dead) = outputs.iter().find(|(name, _)| name == "layer1.0.conv1").unwrap();
    assert_eq!((dead.mean, dead.std, dead.zeros), (0.0, 0.0, 1.0));
}

#[test]
fn it_looks_at_once_and_no_more_when_the_last_screen_has_gone() {
    let mut run = Run::start(recipe(&[("train.epochs", Value::Int(500))]), None);
    run.send(Command::Steps(1));
    run.wait_state(State::Paused);
    let looks = |run: &mut Run, commands: &[Command]| {
        commands.iter().for_each(|command| run.send(command.clone()));
        let from = run.seen.len();
        run.send(Command::Steps(1));
        run.wait_state(State::Paused);
        run.seen[from..].iter().filter(|e| matches!(e, Event::Layers(_))).count()
    };
    assert_eq!(looks(&mut run, &[]), 0);
    assert_eq!(looks(&mut run, &[LOOK]), 1);
    assert_eq!(looks(&mut run, &[]), 0, "the next look is not due");
    let [other, gone] = [Some(Target::Layers), None].map(|at| Command::Look { screen: 1, at });
    assert_eq!(looks(&mut run, &[other, gone.clone()]), 1, "one screen still looks, and sees what is due");
    assert_eq!(looks(&mut run, &[Command::Look { screen: 0, at: Some(Target::Pictures) }, gone]), 0);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(looks(&mut run, &[]), 0);
    run.send(Command::Stop { save: false });
}

#[test]
fn nets_of_every_kind_are_looked_into() {
    for (family, form, depth, name) in [
        ("SeResNet", "Small", 8, "layer1.0.se.fc1"),
        ("DenseNet", "Small", 121, "features.denseblock1.denselayer1.norm1"),
        ("MobileNet", "Small", 28, "blocks.4.1.conv_pw"),
    ] {
        let net = [
            ("net.family", Value::Word(family.into())),
            ("net.form", Value::Word(form.into())),
            ("net.depth", Value::Int(depth)),
            ("net.width", Value::Float(0.25)),
        ];
        let recipe = plain(&net);
        let (mut learner, batch, _) = learner(&recipe);
        let (_, sight) = learner.step_and_look(batch.clone(), AT, &recipe, 1).unwrap();
        let layers = sight.unwrap().inside.layers;
        let is_whole = |l: &LayerStats| l.output.is_some_and(|o| o.mean.is_finite()) && l.weight > 0.0;
        assert!(layers.iter().all(is_whole), "{family}: {layers:?}");
        assert!(layers.iter().any(|l| l.name == name), "{family}: {layers:?}");
    }
}
