//! Fine-tuning: what is frozen stays as it is to the byte, what is not is trained as ever, and both go through edits,
//! checkpoints and replays.

use crate::record::*;
use crate::running::Run;
use crate::tiny;
use dfdx::prelude::*;
use std::num::NonZeroUsize;
use std::sync::mpsc::Sender;
use tricktop::data::{Batch, epoch_order, open, train_batch};
use tricktop::kernels::geometry::Conv;
use tricktop::nn::layer::{Layer, Unit};
use tricktop::nn::{Auxiliary, Net, NetSpec, Role, Tuning};
use tricktop::ops::{Mode, Objective, Ops, Real};
use tricktop::recipe::settings::{self, Family, Freeze, Init};
use tricktop::recipe::{Recipe, Value};
use tricktop::runs;
use tricktop::train::{Command, Event, Gradients, Learner, Options, State, When};
use tricktop::tricks::schedule::Position;

fn word(word: &str) -> Value {
    Value::Word(word.into())
}

fn net(family: Family, depth: u64) -> NetSpec {
    NetSpec::new(&settings::Net { family, depth, width: 0.25, ..settings::Net::default() }, 1, 4)
}

/// A small net with a second classifier behind its first stage.
fn with_auxiliary() -> NetSpec {
    let net = net(Family::ResNet, 8);
    let unit = Unit::new("aux.conv", "aux.norm", Conv::same(4, 6, 3, 1));
    let layers = vec![Layer::Unit(unit)];
    let auxiliary = Auxiliary { after: net.stages[1], layers, head: "aux.fc".into(), features: 6 };
    NetSpec { auxiliary: Some(auxiliary), ..net }
}

/// The loss, and the gradient of every parameter, of a net of which a part is trained; norms use their running statistics,
/// so that what is frozen gives the same maps as what is not.
fn gradients<E: Real>(spec: &NetSpec, freeze: Freeze) -> (Vec<Vec<f64>>, usize)
where
    Cpu: Ops<E>,
{
    let dev = Cpu::default();
    let mut net = Net::<E, Cpu>::new(&dev, spec).unwrap();
    net.initialise(Init::Xavier, false, 3).unwrap();
    let frozen = spec.frozen_layers(freeze);
    let value = |i: usize| E::of((i as f64 * 0.7391).sin());
    let x = dev.upload((0..3 * 12 * 12).map(value).collect(), (3, 12, 12, 1)).unwrap();
    let targets = dev.upload((0..12).map(|i| E::of(f64::from(u8::from(i % 5 == 0)))).collect(), (3, 1, 1, 4)).unwrap();
    let tuning = Tuning { frozen, norms: Mode::Eval, dropout: None };
    let (logits, auxiliary) = net.forward_both(x.put_tape(<Cpu as Ops<E>>::tape()), tuning).unwrap();
    let objective = Objective { targets, teacher: None, hard: 1.0, soft: 1.0, temperature: 1.0 };
    let loss = <Cpu as Ops<E>>::loss(logits, auxiliary, objective, 1.0).unwrap();
    let mut found = Gradients::of(loss).unwrap();
    let all = net.params().into_iter().map(|p| {
        let gradient = if p.role == Role::Statistic { Vec::new() } else { found.get(p).unwrap() };
        gradient.into_iter().map(Real::value).collect()
    });
    (all.collect(), spec.params_of(frozen))
}

fn gradients_of_what_is_trained_are_those_of_the_whole_net<E: Real>(spec: &NetSpec)
where
    Cpu: Ops<E>,
{
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let (whole, _) = gradients::<E>(spec, Freeze::None);
    for freeze in [Freeze::Stem, Freeze::Stage1, Freeze::Stage2, Freeze::Backbone] {
        let (part, frozen) = gradients::<E>(spec, freeze);
        for (i, ((part, whole), param)) in part.iter().zip(&whole).zip(spec.params()).enumerate() {
            let name = format!("{} {freeze:?}: {}", spec.name, param.name);
            if i < frozen {
                assert!(part.iter().all(|v| *v == 0.0), "{name} has a gradient");
                continue;
            }
            let apart: Vec<f64> = part.iter().zip(whole).map(|(a, b)| a - b).collect();
            assert!(norm(&apart) <= 1e-4 * norm(whole), "{name}: {} of {}", norm(&apart), norm(whole));
            assert!(param.role == Role::Statistic || norm(whole) > 0.0, "{name} has no gradient");
        }
    }
}

#[test]
fn a_part_of_a_net_is_trained_as_the_whole_is() {
    let nets = [
        net(Family::ResNet, 8),
        net(Family::ResNet, 18),
        net(Family::SeResNet, 8),
        net(Family::MobileNet, 28),
        net(Family::DenseNet, 121),
        with_auxiliary(),
    ];
    for spec in &nets {
        gradients_of_what_is_trained_are_those_of_the_whole_net::<f32>(spec);
    }
    gradients_of_what_is_trained_are_those_of_the_whole_net::<f64>(&nets[0]);
    gradients_of_what_is_trained_are_those_of_the_whole_net::<f64>(&with_auxiliary());
}

/// A learner on the bundled images, and a batch.
fn learner(recipe: &Recipe) -> (Learner<Cpu>, Batch) {
    let data = open(&recipe.data, recipe.task, 0).unwrap();
    let learner = Learner::new(Cpu::default(), recipe, &data).unwrap();
    let batch = train_batch(&data, &epoch_order(data.train.len(), 0, 0)[..20], 0, 0, &recipe.augment);
    (learner, batch)
}

/// The name of values, what they are of, and the values.
type Kept = (String, Role, Vec<f32>);

/// A learner's weights, statistics and what its optimiser keeps, by name.
fn state(learner: &mut Learner<Cpu>) -> Vec<Kept> {
    let Learner { net, optimiser, .. } = learner;
    let mut all = Vec::new();
    for p in net.params() {
        all.push((p.name.clone(), p.role, p.data.as_vec()));
        for slot in if p.role == Role::Statistic { &[] } else { optimiser.slots() } {
            all.push((format!("{} {slot}", p.name), p.role, optimiser.slot(slot, p).unwrap()));
        }
    }
    all
}

/// The names of what two steps at a rate change, after two that train everything.
fn changed(changes: &[(&str, Value)]) -> (Vec<String>, Vec<String>) {
    let plain = tiny::recipe(&[("schedule.decay", word("Constant"))]);
    let recipe = plain.with(changes.iter().map(|(path, value)| (knob(path), value.clone()))).unwrap();
    let (mut learner, batch) = learner(&recipe);
    let at = |batch| Position { epoch: 1, batch, batches: 10 };
    let mut free = (*recipe).clone();
    free.finetune = settings::Finetune::default();
    (1..=2).for_each(|i| assert!(learner.step(batch.clone(), at(i), &free).unwrap().updated));
    let before = state(&mut learner);
    (3..=4).for_each(|i| assert!(learner.step(batch.clone(), at(i), &recipe).unwrap().updated));
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for (before, after) in before.into_iter().zip(state(&mut learner)) {
        if before == after { same.push(before.0) } else { other.push(before.0) }
    }
    (same, other)
}

#[test]
fn what_is_frozen_stays_as_it_is_to_the_byte_and_all_else_moves() {
    for optimiser in ["Sgd", "AdamW"] {
        let with = |freeze| changed(&[("finetune.freeze", word(freeze)), ("optim.name", word(optimiser))]);
        let (same, other) = with("None");
        assert_eq!(same, [""; 0]);
        for (freeze, is_frozen) in [
            ("Stem", &["conv1", "bn1"][..]),
            ("Stage2", &["conv1", "bn1", "layer1", "layer2"]),
            ("Backbone", &["conv1", "bn1", "layer"]),
        ] {
            let (same, moved) = with(freeze);
            let frozen = |name: &&String| is_frozen.iter().any(|begin| name.starts_with(begin));
            let expected: Vec<&String> = other.iter().filter(frozen).collect();
            assert_eq!(same.iter().collect::<Vec<_>>(), expected, "{freeze}");
            assert_eq!(moved.len(), other.len() - expected.len(), "{freeze}");
        }
    }
}

#[test]
fn norms_that_are_frozen_keep_their_statistics_and_train_the_rest() {
    let (same, other) = changed(&[("finetune.norms", word("Frozen"))]);
    assert!(same.iter().all(|name| name.contains("running")) && same.len() == 18, "{same:?}");
    assert!(!other.iter().any(|name| name.contains("running")) && other.contains(&"layer1.0.bn1.bias".to_string()));
    let both = [
        ("finetune.norms", word("Frozen")),
        ("finetune.freeze", word("Stage1")),
        ("tricks.mixed.on", Value::Bool(true)),
    ];
    let (same, other) = changed(&both);
    let below = |name: &String| ["conv1", "bn1", "layer1"].iter().any(|begin| name.starts_with(begin));
    assert!(same.iter().all(|name| name.contains("running") || below(name)), "{same:?}");
    assert!(!other.iter().any(|name| name.contains("running") || below(name)), "{other:?}");
}

#[test]
fn every_group_has_its_factor_of_the_rate() {
    let plain = [("optim.momentum", Value::Float(0.0)), ("optim.weight_decay", Value::Float(0.0))];
    let moved = |changes: &[(&str, Value)]| {
        let recipe = tiny::recipe(plain.iter().chain(changes));
        let (mut learner, batch) = learner(&recipe);
        let before = state(&mut learner);
        learner.step(batch, Position { epoch: 0, batch: 10, batches: 10 }, &recipe).unwrap();
        let step = |(a, b): (&Kept, Kept)| {
            let square = a.2.iter().zip(&b.2).map(|(a, b)| f64::from(b - a).powi(2)).sum::<f64>();
            (a.0.clone(), square.sqrt())
        };
        before.iter().zip(state(&mut learner)).map(step).collect::<Vec<_>>()
    };
    let whole = moved(&[]);
    let rated = moved(&[("optim.head_lr", Value::Float(4.0)), ("optim.layer_decay", Value::Float(0.5))]);
    for (name, factor) in [
        ("fc.weight", 4.0),
        ("fc.bias", 4.0),
        ("layer3.0.conv2.weight", 0.5),
        ("layer2.0.bn1.bias", 0.25),
        ("layer1.0.conv1.weight", 0.125),
        ("conv1.weight", 0.0625),
    ] {
        let of = |all: &[(String, f64)]| all.iter().find(|(n, _)| n == name).unwrap().1;
        let found = of(&rated) / of(&whole);
        assert!((found / factor - 1.0).abs() < 1e-2, "{name}: {found}, not {factor}");
    }
}

/// As in PyTorch a parameter's first update of AdamW is one of about the learning rate, whenever it comes.
#[test]
fn adamw_begins_anew_with_what_was_frozen_before() {
    let recipe = tiny::recipe(&[
        ("optim.name", word("AdamW")),
        ("optim.weight_decay", Value::Float(0.0)),
        ("schedule.base_lr", Value::Float(0.001)),
        ("schedule.warmup.on", Value::Bool(false)),
        ("schedule.decay", word("Constant")),
        ("finetune.freeze", word("Backbone")),
        ("finetune.freeze_epochs", Value::Int(1)),
    ]);
    let (mut learner, batch) = learner(&recipe);
    let step = |learner: &mut Learner<Cpu>, epoch| {
        let at = Position { epoch, batch: 1, batches: 10 };
        assert!(learner.step(batch.clone(), at, &recipe).unwrap().updated);
        learner.net.export()
    };
    (0..7).for_each(|_| drop(step(&mut learner, 0)));
    let (before, after) = (learner.net.export(), step(&mut learner, 1));
    let largest = |name: &str| {
        let pairs = before[name].values.iter().zip(&after[name].values);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    for name in ["conv1.weight", "layer2.0.conv1.weight", "layer3.0.bn2.weight"] {
        assert!((0.0005..0.00101).contains(&largest(name)), "{name}: {}", largest(name));
    }
}

/// A run that begins with a frozen backbone, frees all after an epoch, is frozen again by an edit, and freed by another.
fn begin(desk: &Desk) -> runs::Session {
    let session = runs::start(tuned(), desk.path()).unwrap();
    edits(&session.commands);
    session
}

fn tuned() -> Recipe {
    small(&[
        ("finetune.freeze", word("Backbone")),
        ("finetune.freeze_epochs", Value::Int(1)),
        ("optim.name", word("AdamW")),
        ("schedule.base_lr", Value::Float(0.005)),
        ("optim.head_lr", Value::Float(2.0)),
        ("optim.layer_decay", Value::Float(0.7)),
        ("train.checkpoint_steps", Value::Int(4)),
    ])
}

fn edits(commands: &Sender<Command>) {
    let again = [("finetune.freeze", word("Stage2")), ("finetune.freeze_epochs", Value::Int(0))];
    let norms = [("finetune.norms", word("Frozen"))];
    let free = [
        ("finetune.freeze", word("None")),
        ("finetune.norms", word("Train")),
        ("optim.layer_decay", Value::Float(0.9)),
    ];
    for (id, step, changes) in [(1, 13, &again[..]), (2, 15, &norms), (3, 23, &free)] {
        let changes = changes.iter().map(|(path, value)| (knob(path), value.clone())).collect();
        commands.send(Command::Edit { id, changes, when: When::Step(step) }).unwrap();
    }
}

#[test]
fn a_freeze_survives_kills_and_replays() {
    let (a, b) = (Desk::new(), Desk::new());
    let whole = play(begin(&a));
    assert_eq!(whole.end.state, State::Done, "{:?}", whole.end.error);
    // In the frozen epoch, in the free one, in that of the edit, and behind the last one.
    for step in [6, 11, 18, 25] {
        let session = begin(&b);
        session.commands.send(Command::Steps(step)).unwrap();
        let session = wait_for(session, |e| *e == Event::State(State::Paused));
        // As after a kill: what came after the last checkpoint is gone.
        session.commands.send(Command::Stop { save: false }).unwrap();
        let dir = play(session).dir;
        assert_same(&whole.dir, &play(runs::resume(&dir, Vec::new()).unwrap()).dir);
    }
    assert_eq!(runs::verify(&whole.dir, None).unwrap().difference, None);
    a.says(&["replay", "tiny", "--threads", "1", "--runs", "again"]);
    same_course(&whole.dir, &a.path().with_file_name("again").join("tiny"));

    // A freeze that comes too late is refused before the run goes on.
    let sets = vec![(knob("finetune.freeze"), word("Stem")), (knob("finetune.freeze_epochs"), Value::Int(2))];
    let more = [(knob("train.epochs"), Value::Int(4))];
    let late = runs::resume(&whole.dir, sets.into_iter().chain(more).collect()).err().unwrap().to_string();
    assert!(late.contains("would freeze nothing") && late.contains("epoch 4"), "{late}");
}

#[test]
fn one_thread_and_three_give_the_same_bits_of_a_frozen_run() {
    let with = |threads| {
        let options = Options { name: "t".into(), threads: NonZeroUsize::new(threads), ..Options::default() };
        let probes = [7, 12, 20].into();
        let run = Run::begin(tuned(), Options { probes, ..options });
        edits(&run.worker.commands());
        let events = run.finish();
        let hashes: Vec<_> = events
            .iter()
            .filter_map(|e| if let Event::Hashed { digests, .. } = e { Some(digests.clone()) } else { None })
            .collect();
        (hashes, crate::running::trace(&events))
    };
    let one = with(1);
    assert_eq!((one.0.len(), one.1.len()), (3, 30));
    assert!(with(3) == one);
}

#[test]
fn rolled_back_to_before_a_freeze_it_is_a_run_that_never_froze() {
    let (a, b) = (Desk::new(), Desk::new());
    let plain = small(&[("optim.name", word("AdamW")), ("schedule.base_lr", Value::Float(0.005))]);
    let whole = play(runs::start(plain.clone(), a.path()).unwrap());
    let session = runs::start(plain, b.path()).unwrap();
    session.commands.send(Command::Steps(12)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    let changes = vec![(knob("finetune.freeze"), word("Stage1"))];
    session.commands.send(Command::Edit { id: 1, changes, when: When::Now }).unwrap();
    session.commands.send(Command::Steps(4)).unwrap();
    let session = wait_for(session, |e| *e == Event::State(State::Paused));
    session.commands.send(Command::RollBack { id: 2 }).unwrap();
    session.commands.send(Command::Resume).unwrap();
    let back = play(session);
    same_course(&whole.dir, &back.dir);
}

#[test]
fn a_freeze_that_cannot_be_is_refused_by_name() {
    let refused = Recipe::default().with([(knob("finetune.freeze"), word("Stage4"))]).unwrap_err().to_string();
    assert!(refused.contains("finetune.freeze is Stage4") && refused.contains("has 3 stages"), "{refused}");
    for (family, form, depth, stages) in [("Inception", "ImageNet", 48, 3), ("MobileNet", "Small", 28, 5)] {
        let net = [("net.family", word(family)), ("net.form", word(form)), ("net.depth", Value::Int(depth))];
        let changes = net.into_iter().chain([("finetune.freeze", word("Stage4"))]);
        let with = Recipe::default().with(changes.map(|(path, value)| (knob(path), value)));
        assert_eq!(with.is_ok(), stages >= 4, "{family}");
    }

    let mut run = Run::start(tiny::recipe(&[]), None);
    run.send(Command::Steps(12));
    run.wait_state(State::Paused);
    let mut answer = |changes: &[(&str, Value)]| {
        let changes = changes.iter().map(|(path, value)| (knob(path), value.clone())).collect();
        run.send(Command::Edit { id: 7, changes, when: When::Now });
        run.wait(|e| match e {
            Event::Refused { reason, .. } => Some(reason.clone()),
            Event::Applied { .. } => Some(String::new()),
            _ => None,
        })
    };
    let stage = answer(&[("finetune.freeze", word("Stage4"))]);
    assert!(stage.contains("finetune.freeze is Stage4") && stage.contains("3 stages"), "{stage}");
    // It has come too late for the first epoch.
    let both = [("finetune.freeze", word("Stem")), ("finetune.freeze_epochs", Value::Int(1))];
    let late = answer(&both);
    assert!(late.contains("would freeze nothing") && late.contains("epoch 2"), "{late}");
    assert_eq!(answer(&[("finetune.freeze", word("Stem")), ("finetune.freeze_epochs", Value::Int(2))]), "");
    assert_eq!(answer(&[("finetune.freeze", word("None"))]), "");
    run.send(Command::Stop { save: false });
}

/// The layers of what is frozen are marked, and have no gradients.
#[test]
fn a_look_shows_what_is_frozen() {
    let recipe = tiny::recipe(&[("finetune.freeze", word("Stage2"))]);
    let (mut learner, batch) = learner(&recipe);
    let at = Position { epoch: 0, batch: 1, batches: 10 };
    let (_, look) = learner.step_and_look(batch, at, &recipe, 1).unwrap();
    let inside = look.unwrap().inside;
    let frozen: Vec<&str> = inside.layers.iter().filter(|l| l.frozen).map(|l| l.name.as_str()).collect();
    assert_eq!(frozen.len(), 6, "{frozen:?}");
    assert_eq!((frozen[0], frozen[5]), ("conv1", "layer2.0.downsample.1"));
    for layer in &inside.layers {
        assert_eq!(layer.gradient > 0.0, !layer.frozen, "{}", layer.name);
        assert!(
            layer.weight > 0.0 && (layer.update == 0.0 || !layer.frozen) && layer.output.is_some(),
            "{}",
            layer.name
        );
    }
    let sum: f64 = inside.layers.iter().map(|l| f64::from(l.gradient).powi(2)).sum();
    assert!((inside.gradient / sum.sqrt() - 1.0).abs() < 1e-3);
}
