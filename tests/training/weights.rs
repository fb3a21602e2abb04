//! Weights in and out of files, and what a trained net is used for.

use assert_cmd::Command;
use dfdx::prelude::Cpu;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tricktop::nn::families::{Block, Groups, ResNet, Stem};
use tricktop::nn::{Head, Net, NetSpec, Outputs, State, StateError, TensorData};
use tricktop::recipe::settings::{Family, Net as Settings};
use tricktop::train::{read_weights, weights_file};

fn tricktop() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("tricktop"))
}

fn small(classes: usize) -> Net<f32, Cpu> {
    let settings = Settings { family: Family::SeResNet, depth: 8, width: 0.5, ..Settings::default() };
    let mut net = Net::new(&Cpu::default(), &NetSpec::new(&settings, 3, classes)).unwrap();
    net.initialise(settings.init, false, 1).unwrap();
    net
}

#[test]
fn python_reads_the_weights_that_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.safetensors");
    let weights = small(4).export();
    std::fs::write(&path, weights_file(weights.clone()).unwrap()).unwrap();
    assert_eq!(read_weights(&path).unwrap(), weights);
    let python = std::env::var("TRICKTOP_PYTHON").unwrap_or("python3".into());
    let script = "import sys, safetensors.numpy as s\n\
                  for k, v in sorted(s.load_file(sys.argv[1]).items()):\n  \
                  print(k, list(v.shape), float(v.reshape(-1)[0]), float(v.reshape(-1)[-1]))";
    let out = std::process::Command::new(python).arg("-c").arg(script).arg(&path).output();
    let Some(out) = out.ok().filter(|out| out.status.success()) else {
        eprintln!("skipped: no Python with the packages safetensors and numpy (TRICKTOP_PYTHON names one)");
        return;
    };
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.lines().count(), weights.len());
    for line in text.lines() {
        let (name, rest) = line.split_once(' ').unwrap();
        let (shape, values) = rest.split_once(']').unwrap();
        let tensor = &weights[name];
        assert_eq!(shape.trim_start_matches('['), format!("{:?}", tensor.shape).trim_matches(['[', ']']), "{name}");
        let values: Vec<f32> = values.split_whitespace().map(|v| v.parse().unwrap()).collect();
        assert_eq!(values, [tensor.values[0], tensor.values[tensor.values.len() - 1]], "{name}");
    }
}

/// The state dictionary of a net of timm's in the golden values.
fn golden(case: &str) -> BTreeMap<String, TensorData> {
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/nets.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let start = format!("{case}/before/");
    let tensor = |(name, view): (String, safetensors::tensor::TensorView)| {
        let values = view.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        Some((name.strip_prefix(&start)?.to_string(), TensorData { shape: view.shape().to_vec(), values }))
    };
    file.tensors().into_iter().filter_map(tensor).collect()
}

#[test]
fn state_dictionaries_of_timm_are_taken_whole_or_not_at_all() {
    let shape = ResNet {
        stem: Stem::Classic { width: 64 },
        block: Block::Basic,
        layers: vec![1; 4],
        channels: vec![8, 12, 16, 24],
        groups: Groups::NONE,
        gated: false,
        stride_first: false,
        average_down: false,
        output_stride: None,
    };
    let of =
        |stem: usize, classes| ResNet { stem: Stem::Classic { width: stem }, ..shape.clone() }.spec("b", 3, classes);
    let tensors = golden("basic_b");
    let stem = tensors["bn1.weight"].values.len();
    assert!(of(stem, 10).fit(&tensors, Head::Fits).unwrap().is_whole());

    // of other classes: all but the linear layer
    let mut net = Net::<f32, Cpu>::new(&Cpu::default(), &of(stem, 7)).unwrap();
    let before = net.export();
    assert!(net.start_from(&tensors, Outputs::Take).unwrap().other_classes);
    let after = net.export();
    assert_eq!(after["fc.weight"], before["fc.weight"]);
    assert!(after.iter().all(|(name, t)| name.starts_with("fc.") || *t == tensors[name]));

    // a counter of PyTorch's is passed over; another net's tensor is not
    let mut more = tensors.clone();
    more.insert("bn1.num_batches_tracked".into(), TensorData { shape: vec![], values: vec![1.0] });
    assert!(of(stem, 10).fit(&more, Head::Fits).is_ok());
    more.insert("layer1.0.conv3.weight".into(), TensorData { shape: vec![1], values: vec![1.0] });
    let why = of(stem, 10).fit(&more, Head::Fits).unwrap_err().to_string();
    assert!(why.contains("layer1.0.conv3.weight") && why.contains("the nearest name is layer1.0.conv"), "{why}");

    // a name that is missing, a shape that is another: nothing changes
    let mut missing = tensors.clone();
    let moved = missing.remove("layer2.0.bn2.weight").unwrap();
    missing.insert("layer2.0.norm2.weight".into(), moved);
    let mut net = Net::<f32, Cpu>::new(&Cpu::default(), &of(stem, 10)).unwrap();
    let before = net.export();
    let why = net.start_from(&missing, Outputs::Take).unwrap_err();
    assert!(matches!(&why, StateError::Missing { name, .. } if name == "layer2.0.bn2.weight"), "{why}");
    assert!(why.to_string().contains("layer2.0."), "{why}");
    let mut net_of_more = Net::<f32, Cpu>::new(&Cpu::default(), &of(stem + 1, 10)).unwrap();
    let kept = net_of_more.export();
    assert!(matches!(net_of_more.start_from(&tensors, Outputs::Take), Err(StateError::Shape { .. })));
    assert_eq!((net.export(), net_of_more.export()), (before, kept));
}

/// A run of a few steps on grey images of four classes.
fn run(dir: &Path, more: &[&str]) -> PathBuf {
    let mut sets = vec!["net.depth=8", "net.width=0.25", "data.train_images=80", "train.batch=40", "train.epochs=1"];
    sets.extend(["schedule.warmup.on=false", "name=little"]);
    sets.extend(more);
    let sets = sets.into_iter().flat_map(|set| ["--set", set]);
    let runs = dir.join("runs");
    tricktop().args(["--batch", "quick", "--runs"]).arg(&runs).args(sets).assert().success();
    let mut made: Vec<PathBuf> = std::fs::read_dir(&runs).unwrap().map(|e| e.unwrap().path()).collect();
    made.sort();
    made.pop().unwrap()
}

#[test]
fn a_run_is_evaluated_exported_started_from_and_asked() {
    let dir = tempfile::tempdir().unwrap();
    let first = run(dir.path(), &[]);

    let out = tricktop().arg("eval").arg(&first).arg("--json").assert().success();
    let report: serde_json::Value = serde_json::from_slice(&out.get_output().stdout).unwrap();
    assert_eq!(report["classes"].as_array().unwrap().len(), 10);
    assert_eq!(report["images"], 2000);
    let metrics = std::fs::read_to_string(first.join("metrics.jsonl")).unwrap();
    let end = metrics.lines().rfind(|line| line.contains("epoch_end")).unwrap();
    let end: serde_json::Value = serde_json::from_str(end).unwrap();
    assert_eq!(report["top1"], end["val_top1"], "an evaluation says what the run said: {end}");
    let text = tricktop().arg("eval").arg(&first).assert().success();
    let text = String::from_utf8_lossy(&text.get_output().stdout).into_owned();
    assert!(text.contains("top-1") && text.contains("confusion") && text.contains("precision"), "{text}");

    let image = dir.path().join("shirt.png");
    image::GrayImage::from_fn(50, 60, |x, y| image::Luma([(x * y % 256) as u8])).save(&image).unwrap();
    let broken = dir.path().join("broken.jpg");
    std::fs::write(&broken, b"no picture").unwrap();
    let out = tricktop().arg("predict").arg(&first).arg(&image).arg(&broken).arg("--json").assert().code(1);
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&out.get_output().stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let classes = lines[0]["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 5);
    let sum: f64 = classes.iter().map(|c| c["probability"].as_f64().unwrap()).sum();
    assert!(sum <= 1.0 + 1e-9 && classes[0]["probability"].as_f64() >= classes[1]["probability"].as_f64());
    assert!(lines[1]["error"].as_str().unwrap().contains("neither JPEG"), "{}", lines[1]);

    let out = dir.path().join("weights.safetensors");
    tricktop().arg("export").arg(&first).arg("--weights").arg(&out).assert().success();
    let state = State::from_bytes(&std::fs::read(&out).unwrap()).unwrap();
    assert!(state.metadata.get("format").is_some_and(|f| f == "pt") && !state.metadata.contains_key("tricktop"));
    // (the images are normalised by those that are trained on)
    let as_net = ["net.depth=8", "net.width=0.25", "data.train_images=80"].into_iter().flat_map(|set| ["--set", set]);
    let same = tricktop().arg("eval").arg(&out).args(["--preset", "quick", "--json"]).args(as_net).assert().success();
    let same: serde_json::Value = serde_json::from_slice(&same.get_output().stdout).unwrap();
    assert_eq!(same["top1"], report["top1"]);

    let teacher = dir.path().join("foreign.safetensors");
    let foreign = |classes: usize| {
        let spec = NetSpec::new(&Settings { depth: 8, ..Settings::default() }, 1, classes);
        let mut net = Net::<f32, Cpu>::new(&Cpu::default(), &spec).unwrap();
        net.initialise(Settings::default().init, false, 1).unwrap();
        std::fs::write(&teacher, weights_file(net.export()).unwrap()).unwrap();
        format!("tricks.distill.teacher={:?}", teacher.display().to_string())
    };
    let taught = run(dir.path(), &[&foreign(10), "tricks.distill.on=true"]);
    let best = |run: &Path| read_weights(&run.join("best.safetensors")).unwrap();
    assert_ne!(best(&first), best(&taught), "the teacher taught nothing");
    let mut other = tricktop();
    other.args(["--batch", "quick", "--set", "tricks.distill.on=true", "--set", &foreign(7)]);
    let wrong = String::from_utf8_lossy(&other.assert().code(2).get_output().stderr).into_owned();
    assert!(wrong.contains("fc.weight has shape [7, 64]") && wrong.contains("of 10 classes is needed"), "{wrong}");

    let start = format!("net.weights={:?}", out.display().to_string());
    let second = run(dir.path(), &[&start, "schedule.base_lr=0.0001"]);
    assert_ne!(first, second);
    let mut other = tricktop();
    other.args(["--batch", "quick", "--runs"]).arg(dir.path().join("none")).args(["--set", &start]);
    let wrong = other.assert().code(2);
    let why = String::from_utf8_lossy(&wrong.get_output().stderr).into_owned();
    assert!(why.contains("weights.safetensors") && why.contains("tensor"), "{why}");
}
