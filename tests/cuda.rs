//! Whole runs on an NVIDIA GPU (or an emulated one) beside the same runs on the CPU.

#![cfg(feature = "cuda")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "cuda/convolutions.rs"]
mod convolutions;
#[path = "common/pictures.rs"]
mod pictures;
#[path = "common/record.rs"]
mod record;
#[path = "common/tiny.rs"]
mod tiny;

use dfdx::prelude::{Cpu, Cuda};
use record::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use tricktop::data::{Synthetic, epoch_order, train_batch};
use tricktop::kernels::geometry::{Conv, Pool};
use tricktop::nn::layer::{Gate, Layer, Residual, Unit};
use tricktop::nn::{Logits, Net, NetSpec, Param, Role};
use tricktop::ops::Ops;
use tricktop::recipe::settings::{Freeze, MixedFormat, Norms, OptimName, Settings};
use tricktop::recipe::{Recipe, Value};
use tricktop::runs;
use tricktop::train::{Learner, State};
use tricktop::tricks::schedule::Position;

fn word(w: impl Into<String>) -> Value {
    Value::Word(w.into())
}

/// A narrow net on small colour pictures, ten steps an epoch, with every trick on that needs no teacher.
fn narrow(pictures: &Path, changes: &[(&str, Value)]) -> Recipe {
    let base = [
        ("data.path", word(pictures.display().to_string())),
        ("data.size", Value::Int(16)),
        ("net.depth", Value::Int(8)),
        ("net.width", Value::Float(0.25)),
        ("train.epochs", Value::Int(2)),
        ("train.batch", Value::Int(6)),
        ("train.log_every", Value::Int(1)),
        ("schedule.linear_scaling", Value::Bool(true)),
        ("tricks.zero_gamma", Value::Bool(true)),
        ("tricks.smoothing.on", Value::Bool(true)),
        ("tricks.mixup.on", Value::Bool(true)),
        ("augment.resized.on", Value::Bool(true)),
        ("augment.crop.on", Value::Bool(false)),
        ("augment.hue.on", Value::Bool(true)),
    ];
    recipe(base.iter().chain(changes))
}

/// The training losses of a run, by step.
fn losses(dir: &Path) -> Vec<f64> {
    let steps = lines(dir, "metrics.jsonl").into_iter().filter(|l| l["event"] == "step");
    steps.map(|l| l["loss"].as_f64().unwrap()).collect()
}

fn near(a: &[f64], b: &[f64], bound: f64) {
    assert_eq!(a.len(), b.len());
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs() / b).fold(0.0, f64::max);
    assert!(apart <= bound, "losses differ by {apart:e}, bound {bound:e}: {a:?} {b:?}");
    println!("losses differ by {apart:.1e}");
}

#[test]
fn a_gpu_trains_as_the_cpu_does_and_either_goes_on_for_the_other() {
    let (desk, pictures) = (Desk::new(), tempfile::tempdir().unwrap());
    pictures::folder(pictures.path(), 20);
    let start = |recipe| play(runs::start(recipe, desk.path()).unwrap());
    let done = |changes: &[(&str, Value)]| -> PathBuf {
        let played = start(narrow(pictures.path(), changes));
        assert_eq!(played.end.state, State::Done, "{:?}", played.end.error);
        played.dir
    };
    let (cpu, gpu) = (("device", word("Cpu")), ("device", word("Cuda(0)")));
    let teacher = done(&[cpu.clone(), ("train.epochs", Value::Int(1)), ("tricks.mixup.on", Value::Bool(false))]);
    let teacher = teacher.join("best.safetensors").display().to_string();
    let taught = [("tricks.distill.on", Value::Bool(true)), ("tricks.distill.teacher", word(teacher))];
    let with = |device: &(&'static str, Value), more: &[(&'static str, Value)]| -> Vec<(&'static str, Value)> {
        taught.iter().cloned().chain([device.clone()]).chain(more.iter().cloned()).collect()
    };

    let on_cpu = done(&with(&cpu, &[]));
    let on_gpu = done(&with(&gpu, &[]));
    assert_eq!(losses(&on_gpu).len(), 20);
    near(&losses(&on_gpu), &losses(&on_cpu), 1e-4);
    let ready = lines(&on_gpu, "log.jsonl").into_iter().chain(lines(&on_gpu, "metrics.jsonl"));
    assert!(ready.into_iter().any(|l| l["device"].as_str().is_some_and(|d| d.starts_with("cuda 0 "))));

    let mixed = [("tricks.mixed.on", Value::Bool(true))];
    let half_on_gpu = losses(&done(&with(&gpu, &mixed)));
    near(&half_on_gpu, &losses(&done(&with(&cpu, &mixed))), 2e-3);
    assert!(half_on_gpu != losses(&on_gpu));

    // ten steps on one device, ten on the other
    for (first, second) in [(&cpu, &gpu), (&gpu, &cpu)] {
        let dir = {
            let session = runs::start(narrow(pictures.path(), &with(first, &[])), desk.path()).unwrap();
            session.commands.send(tricktop::train::Command::Steps(10)).unwrap();
            let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
            session.commands.send(tricktop::train::Command::Stop { save: true }).unwrap();
            play(session).dir
        };
        if first == &gpu {
            let verdict = runs::verify(&dir, None).unwrap();
            assert!(verdict.difference.is_none() && verdict.links > 0 && verdict.steps == 10, "{verdict:?}");
            assert!(verdict.apart.is_some_and(|apart| apart <= runs::ON_A_GPU.0), "{verdict:?}");
            println!("made again, losses differ by {:.1e}", verdict.apart.unwrap());
        }
        let played = play(runs::resume(&dir, vec![(knob(second.0), second.1.clone())]).unwrap());
        assert_eq!(played.end.state, State::Done, "{:?}", played.end.error);
        assert!(played.alarms.iter().any(|a| a.contains("round differently")), "{:?}", played.alarms);
        near(&losses(&dir), &losses(&on_cpu), 1e-4);
    }
}

/// Shards of a batch: gradients are added, and running statistics are their mean.
#[test]
fn a_gpu_trains_in_shards_as_the_cpu_does() {
    let (desk, pictures) = (Desk::new(), tempfile::tempdir().unwrap());
    pictures::folder(pictures.path(), 20);
    let run = |device: &str, shard: u64| {
        let changes =
            [("device", word(device)), ("train.shard", Value::Int(shard)), ("optim.clip_norm", Value::Float(2.0))];
        let played = play(runs::start(narrow(pictures.path(), &changes), desk.path()).unwrap());
        assert_eq!(played.end.state, State::Done, "{:?}", played.end.error);
        played.dir
    };
    let (cpu, gpu, whole) = (run("Cpu", 2), run("Cuda(0)", 2), run("Cuda(0)", 0));
    near(&losses(&gpu), &losses(&cpu), 1e-3);
    assert_ne!(losses(&gpu), losses(&whole));
    let scores = |dir: &Path| -> Vec<f64> {
        let ends = lines(dir, "metrics.jsonl").into_iter().filter(|l| l["event"] == "epoch_end");
        ends.map(|l| l["val_loss"].as_f64().unwrap()).collect()
    };
    // Evaluations use the running statistics.
    near(&scores(&gpu), &scores(&cpu), 1e-3);
}

/// A net with every kind of layer.
fn every_layer() -> NetSpec {
    let conv = |c_in, c_out, kernel, groups| Conv { groups, ..Conv::same(c_in, c_out, kernel, 1) };
    let unit = |name: &str, conv| Unit::new(format!("{name}.conv"), format!("{name}.norm"), conv);
    let norm = |name: &str, channels| Layer::Norm { name: name.into(), channels };
    let pool = Pool { kernel: 3, stride: 2, padding: 1, ceil: false, count_padding: false };
    let still = |unit| Unit { relu: false, ..unit };
    let gated = Residual {
        body: vec![unit("depthwise", conv(8, 8, 3, 8)), still(unit("pointwise", conv(8, 8, 1, 1)))],
        gate: Some(Gate { name: "gate".into(), channels: 8, reduced: 4 }),
        shortcut: Vec::new(),
    };
    let plain = Residual {
        body: vec![still(unit("grouped", conv(12, 16, 3, 4)))],
        gate: None,
        shortcut: vec![Layer::Unit(still(unit("around", conv(12, 16, 1, 1))))],
    };
    let grown = vec![norm("before", 8), Layer::Unit(Unit::bare("grown", conv(8, 4, 3, 1)))];
    let layers = vec![
        Layer::Unit(unit("stem", conv(3, 8, 3, 1))),
        Layer::MaxPool(pool),
        Layer::Residual(gated),
        Layer::Concat(vec![Vec::new(), grown]),
        norm("after", 12),
        Layer::AveragePool(pool),
        Layer::Residual(plain),
    ];
    let (name, head) = ("every layer".into(), "fc".into());
    NetSpec {
        name,
        layers,
        head,
        features: 16,
        eps: 1e-5,
        image_channels: 3,
        classes: 4,
        logits: Logits::Image,
        auxiliary: None,
        stages: vec![2, 5],
    }
}

/// The losses of some training steps of that net. (More would tell less: norms over few values blow roundings up.)
fn train<D: Ops<f32>>(dev: D, mixed: Option<MixedFormat>) -> Vec<f64> {
    let data = Synthetic { height: 16, width: 16, channels: 3, classes: 4, train: 32, test: 4 }.build(0);
    let mut s = Settings::default();
    (s.schedule.base_lr, s.tricks.mixed.on) = (0.02, mixed.is_some());
    s.tricks.mixed.format = mixed.unwrap_or(MixedFormat::Auto);
    let mut net = Net::new(&dev, &every_layer()).unwrap();
    net.initialise(s.net.init, false, 0).unwrap();
    let mut learner = Learner::holding(dev, net);
    let order = epoch_order(data.train.len(), 0, 0);
    let step = |batch: u64| {
        let images = train_batch(&data, &order[batch as usize % 4 * 8..][..8], 0, batch, &s.augment);
        let at = Position { epoch: 0, batch: batch + 1, batches: 10 };
        f64::from(learner.step(images.clone(), at, &s).unwrap().loss)
    };
    (0..6).map(step).collect()
}

#[test]
fn every_kind_of_layer_trains_as_on_the_cpu_in_mixed_precision_too() {
    for (mixed, bound) in [(None, 1e-4), (Some(MixedFormat::F16), 2e-3), (Some(MixedFormat::Bf16), 1.6e-2)] {
        near(&train(Cuda::default(), mixed), &train(Cpu::default(), mixed), bound);
    }
}

/// The losses of steps of that net in which a part is frozen and norms keep their statistics, then in which all is trained,
/// with learning rates by layer.
fn tune<D: Ops<f32>>(dev: D, optimiser: OptimName, mixed: bool) -> Vec<f64> {
    let data = Synthetic { height: 16, width: 16, channels: 3, classes: 4, train: 32, test: 4 }.build(0);
    let mut s = Settings::default();
    (s.optim.name, s.optim.head_lr, s.optim.layer_decay, s.optim.clip_norm) = (optimiser, 2.0, 0.5, 1.0);
    (s.schedule.base_lr, s.schedule.warmup.on) = (if optimiser == OptimName::Sgd { 0.02 } else { 0.001 }, false);
    (s.finetune.freeze_epochs, s.tricks.mixed.on) = (1, mixed);
    let mut net = Net::new(&dev, &every_layer()).unwrap();
    net.initialise(s.net.init, false, 0).unwrap();
    let frozen = net.spec().params_of(net.spec().frozen_layers(Freeze::Stage1));
    let mut learner = Learner::holding(dev, net);
    let order = epoch_order(data.train.len(), 0, 0);
    let mut step = |i: u64, s: &Settings| {
        let images = train_batch(&data, &order[i as usize % 4 * 8..][..8], 0, i, &s.augment);
        let at = Position { epoch: u64::from(i >= 4), batch: i + 1, batches: 10 };
        let outcome = learner.step(images, at, s).unwrap();
        let Learner { net, optimiser, .. } = &mut learner;
        let mut slots = |p: &Param<f32, D>| match p.role {
            Role::Statistic => Vec::new(),
            _ => optimiser.slots().iter().flat_map(|slot| optimiser.slot(slot, p).unwrap()).collect(),
        };
        let state: Vec<Vec<f32>> = net.params()[..frozen].iter().flat_map(|p| [p.data.as_vec(), slots(p)]).collect();
        assert!(outcome.updated);
        (f64::from(outcome.loss), state)
    };
    let (first, before) = step(0, &s);
    let mut losses = vec![first];
    (s.finetune.freeze, s.finetune.norms) = (Freeze::Stage1, Norms::Frozen);
    for i in 1..7 {
        let (loss, state) = step(i, &s);
        losses.push(loss);
        assert_eq!(state == before, i < 4, "step {i}");
    }
    losses
}

#[test]
fn what_is_frozen_stays_and_what_is_not_trains_as_on_the_cpu() {
    for optimiser in [OptimName::Sgd, OptimName::AdamW] {
        near(&tune(Cuda::default(), optimiser, false), &tune(Cpu::default(), optimiser, false), 2e-4);
        near(&tune(Cuda::default(), optimiser, true), &tune(Cpu::default(), optimiser, true), 4e-3);
    }
}

/// Trains a small net through the program on the GPU: its output, and its hashes.
fn run_small(runs: &Path, environment: &[(&str, &str)], more: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["--batch", "quick", "--json", "--runs"]).arg(runs).envs(environment.iter().copied());
    let changes = ["device=Cuda(0)", "train.epochs=1", "train.batch=16", "net.depth=8", "net.width=0.25"];
    for change in changes
        .iter()
        .chain(["data.train_images=160", "train.checkpoint_steps=5", "data.test_images=100"].iter())
        .chain(more)
    {
        command.args(["--set", change]);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    (said, std::fs::read_to_string(runs.join("quick/chain.jsonl")).unwrap())
}

#[test]
fn two_runs_are_equal_to_the_bit() {
    for format in
        [&["optim.ema.on=true"][..], &["tricks.mixed.on=true"], &["tricks.mixed.on=true", "tricks.mixed.format=Bf16"]]
    {
        // An emulated GPU runs its blocks on so many threads; atomic sums would come out in another order.
        let hashes = ["1", "2"].map(|threads| {
            let desk = Desk::new();
            run_small(desk.path(), &[("CUDA_EMU_THREADS", threads)], format).1
        });
        assert_eq!(hashes[0], hashes[1], "{format:?}");
        assert!(hashes[0].lines().count() >= 2, "{}", hashes[0]);
    }
}

#[test]
fn without_cudnn_a_gpu_trains_and_says_why_it_is_slow() {
    let desk = Desk::new();
    let losses = |said: &str| -> Vec<f64> {
        let lines = said.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        lines.filter(|l| l["event"] == "step").map(|l| l["loss"].as_f64().unwrap()).collect()
    };
    for (i, format) in ["tricks.mixed.on=false", "tricks.mixed.on=true"].into_iter().enumerate() {
        let run = |name: &str, environment: &[(&str, &str)]| {
            let more = [format, "train.log_every=1"];
            run_small(&desk.path().join(format!("{name}{i}")), environment, &more).0
        };
        let (with, without) = (run("with", &[]), run("without", &[("TRICKTOP_CUDNN", "/nowhere/libcudnn.so.9")]));
        assert!(with.contains(", cuDNN 9."), "{with}");
        assert!(without.contains("TRICKTOP_CUDNN names /nowhere/libcudnn.so.9"), "{without}");
        assert!(without.contains("composed of dfdx's operations") && without.contains(", no cuDNN"), "{without}");
        // Later steps blow the last digits up, in which sums of other orders differ.
        near(&losses(&without)[..4], &losses(&with)[..4], [1e-4, 2e-2][i]);
    }
}

/// An emulated GPU can be given little memory: what is refused there, that what is advised fits, and that `Auto` takes
/// the CPU.
#[test]
fn what_does_not_fit_is_refused_and_what_is_advised_fits() {
    if std::env::var_os("CUDA_EMU_COMPUTE_CAP").is_none() {
        println!("left out: the memory of a real GPU is what it is");
        return;
    }
    for mixed in ["false", "true"] {
        let step = |device: &str, batch: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["one_step", "--exact", "--ignored", "--nocapture"]);
            command.env("CUDA_EMU_MEMORY", "16").env("DEVICE", device).env("BATCH", batch).env("MIXED", mixed);
            let output = command.output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&said).into_owned())
        };
        let (done, said) = step("Auto", "1000");
        assert!(done && said.contains("for now the CPU computes") && said.contains("one step was made"), "{said}");
        let (_, said) = step("Cuda(0)", "1000");
        assert!(said.contains("MB are free on cuda 0"), "{said}");
        let advised = said.split("set train.batch to ").nth(1).unwrap_or_else(|| panic!("{said}"));
        let batch = advised.split(' ').next().unwrap();
        println!("mixed {mixed}: batches of {batch} fit into 16 MiB");
        let (done, said) = step("Cuda(0)", batch);
        assert!(done && said.contains("one step was made"), "{said}");
    }
}

#[test]
#[ignore = "a part of the test above"]
fn one_step() {
    let desk = Desk::new();
    let variable = |name: &str| std::env::var(name).unwrap();
    let recipe = small(&[
        ("device", word(variable("DEVICE"))),
        ("data.train_images", Value::Int(1000)),
        ("data.test_images", Value::Int(200)),
        ("train.batch", Value::Int(variable("BATCH").parse().unwrap())),
        ("tricks.mixed.on", Value::Bool(variable("MIXED") == "true")),
    ]);
    let session = runs::start(recipe, desk.path()).unwrap();
    session.commands.send(tricktop::train::Command::Steps(1)).unwrap();
    let session = wait_for(session, |e| match e {
        tricktop::train::Event::Ended(summary) => panic!("{:?}", summary.error),
        tricktop::train::Event::Alarm { message, .. } => {
            println!("{message}");
            false
        }
        event => *event == tricktop::train::Event::State(State::Paused),
    });
    session.commands.send(tricktop::train::Command::Stop { save: false }).unwrap();
    assert_eq!(play(session).end.state, State::Stopped);
    println!("one step was made");
}

#[test]
fn the_self_test_passes() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    let output =
        command.args(["doctor", "--self-test", "--untimed", "--device", "Cuda(0)", "--json"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let checks = report["test"]["checks"].as_array().unwrap();
    assert!(output.status.success() && checks.len() >= 20, "{text}");
    assert!(checks.iter().any(|check| check["distance"].as_f64() > Some(0.0)), "the GPU is the CPU: {text}");
    assert_eq!(report["cards"]["Ok"][0]["number"], 0);
    assert!(report["toolkit"][0].as_u64() >= Some(12), "{text}");
}

/// Trains a small net with `tests/cuda/fault.c` before the driver: the status, and what is said.
fn with_fault(fault: &[(&str, &str)], device: &str, runs: &Path) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda/fault.c");
    let library = dir.path().join("fault.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status().unwrap();
    assert!(built.success());
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["--batch", "quick", "--json", "--runs"]).arg(runs);
    for change in ["train.epochs=1", "train.batch=16", "train.checkpoint_steps=1", "net.depth=8", "net.width=0.25"] {
        command.args(["--set", change]);
    }
    command.args(["--set", "data.train_images=160", "--set", &format!("device={device}")]);
    let output = command.env("LD_PRELOAD", library).envs(fault.iter().copied()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn a_card_that_fails_ends_the_run_and_not_the_program() {
    for (fault, words) in [(("FAULT_LAUNCH", "400"), "it failed"), (("FAULT_MEMORY", "330"), "its memory is full")] {
        let desk = Desk::new();
        let (status, said) = with_fault(&[fault], "Cuda(0)", desk.path());
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(words) && !said.contains("failed at step 0") && !said.contains("panicked"), "{said}");
        let played = play(runs::resume(&desk.path().join("quick"), vec![(knob("device"), word("Cpu"))]).unwrap());
        assert_eq!(played.end.state, State::Done, "{:?}", played.end.error);
        assert!(played.alarms.iter().any(|a| a.contains("computed by the kernels `cuda`")), "{:?}", played.alarms);
    }
}

#[test]
fn a_card_that_fails_its_trial_is_left_alone() {
    // A kernel is compiled while the program runs only for convolutions that are composed.
    let composed = [("FAULT_COMPILE", ""), ("TRICKTOP_CUDNN", "/nowhere")];
    for (fault, words) in [
        (&[("FAULT_LAUNCH", "0")][..], "failed"),
        (&composed, "a kernel cannot be compiled"),
        (&[("FAULT_LOAD", "209")], "it is older than the GPUs that this program was built for"),
        (&[("FAULT_LOAD", "222")], "its driver is older than the CUDA toolkit"),
    ] {
        let desk = Desk::new();
        let (status, said) = with_fault(fault, "Auto", desk.path());
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains("GPU 0 cannot be used: ") && said.contains(words) && said.contains("cpu "), "{said}");
        let (status, said) = with_fault(fault, "Cuda(0)", desk.path());
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(words) && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn no_kernel_is_compiled_while_the_program_trains() {
    let desk = Desk::new();
    let (status, said) = with_fault(&[("FAULT_COMPILE", "")], "Cuda(0)", desk.path());
    assert_eq!(status, Some(0), "{said}");
}
