//! Weights of other programs: their numbers, names and nets, and files that hold none.

use crate::running::{Run, recipe};
use dfdx::prelude::Cpu;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::Path;
use tricktop::nn::{Net, NetSpec, TensorData};
use tricktop::recipe::Value;
use tricktop::recipe::settings::{Family, Form, Net as Settings};
use tricktop::train::{AlarmKind, Event, Images, Views, check, evaluate_weights, read_weights, weights_file};

type Tensors = BTreeMap<String, TensorData>;

/// Weights of the net of [`recipe`], for `channels` and `classes`, changed by `change`.
fn weights(change: impl FnOnce(&mut Settings), channels: usize, classes: usize) -> Tensors {
    let mut settings = Settings { depth: 8, width: 0.5, ..Settings::default() };
    change(&mut settings);
    let mut net = Net::<f32, Cpu>::new(&Cpu::default(), &NetSpec::new(&settings, channels, classes)).unwrap();
    net.initialise(settings.init, false, 1).unwrap();
    net.export()
}

fn put(path: &Path, tensors: Tensors) {
    std::fs::write(path, weights_file(tensors).unwrap()).unwrap();
}

/// The bytes of a file of tensors in another number format, each value by `bytes`.
fn in_format<const N: usize>(tensors: &Tensors, dtype: Dtype, bytes: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = tensors.values().map(|t| t.values.iter().flat_map(|v| bytes(*v)).collect()).collect();
    let view = |((name, t), data): ((&String, &TensorData), &Vec<u8>)| {
        (name.clone(), TensorView::new(dtype, t.shape.clone(), data.clone().leak()).unwrap())
    };
    safetensors::serialize(tensors.iter().zip(&data).map(view).collect::<Vec<_>>(), None).unwrap()
}

fn word(knob: &'static str, path: &Path) -> (&'static str, Value) {
    (knob, Value::Word(path.display().to_string()))
}

/// What is said of a file as weights to start from, as a teacher, and as what an evaluation is of.
fn said(path: &Path) -> [String; 3] {
    let start = check(&recipe(&[word("net.weights", path)]), []).err();
    let teacher = [("tricks.distill.on", Value::Bool(true)), word("tricks.distill.teacher", path)];
    let teacher = check(&recipe(&teacher), []).err();
    let evaluated = evaluate_weights(path, &recipe(&[]), Images::Own(None), Views::One, |_, _| {}).err();
    [start, teacher, evaluated].map(|why| why.map_or("nothing".into(), |why| why.to_string()))
}

#[test]
fn other_number_formats_become_single_precision() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("w.safetensors");
    let own = weights(|_| {}, 1, 10);
    let each = |of: fn(f32) -> f32| -> Tensors {
        let tensor = |t: &TensorData| TensorData { values: t.values.iter().map(|v| of(*v)).collect(), ..t.clone() };
        own.iter().map(|(name, t)| (name.clone(), tensor(t))).collect()
    };
    type Case = (Vec<u8>, Tensors);
    let cases: [Case; 4] = [
        (in_format(&own, Dtype::F16, |v| f16::from_f32(v).to_le_bytes()), each(|v| f16::from_f32(v).to_f32())),
        (in_format(&own, Dtype::BF16, |v| bf16::from_f32(v).to_le_bytes()), each(|v| bf16::from_f32(v).to_f32())),
        (in_format(&own, Dtype::F64, |v| f64::from(v).to_le_bytes()), own.clone()),
        (in_format(&own, Dtype::F32, f32::to_le_bytes), own.clone()),
    ];
    for (place, (bytes, expected)) in cases.into_iter().enumerate() {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read_weights(&path).unwrap(), expected, "case {place}");
        assert_eq!(said(&path), ["nothing"; 3], "case {place}");
    }
    std::fs::write(&path, in_format(&own, Dtype::I32, |v| (v as i32).to_le_bytes())).unwrap();
    for said in said(&path) {
        assert!(said.contains("is I32; F32, F16, BF16 and F64 are read") && said.contains("tensor "), "{said}");
    }
    // a number of double precision that single precision has no room for, and one that is none
    for (value, shown) in [(1e300, "inf"), (f64::NAN, "NaN")] {
        let bytes =
            in_format(&own, Dtype::F64, |v| if v == 1.0 { value.to_le_bytes() } else { f64::from(v).to_le_bytes() });
        std::fs::write(&path, bytes).unwrap();
        for said in said(&path) {
            assert!(
                said.contains(&format!("bn1.running_var holds {shown}"))
                    || said.contains(&format!("bn1.weight holds {shown}")),
                "{said}"
            );
        }
    }
}

#[test]
fn prefixes_of_wrappers_are_left_out_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wrapped.safetensors");
    let prefixed = |prefix: &str| -> Tensors {
        weights(|_| {}, 1, 10).into_iter().map(|(name, t)| (format!("{prefix}{name}"), t)).collect()
    };
    put(&path, weights(|_| {}, 1, 10));
    let own = evaluate_weights(&path, &recipe(&[]), Images::Own(None), Views::One, |_, _| {}).unwrap();
    assert!(own.of.notes[0].contains("names no classes") && own.of.notes.len() == 1, "{:?}", own.of.notes);
    for prefix in ["module.", "_orig_mod.", "model.", "backbone.", "module._orig_mod."] {
        put(&path, prefixed(prefix));
        assert_eq!(said(&path), ["nothing"; 3], "{prefix}");
        let told = format!("the prefix `{prefix}`, which is left out");
        let evaluated = evaluate_weights(&path, &recipe(&[]), Images::Own(None), Views::One, |_, _| {}).unwrap();
        assert!(evaluated.of.notes[0].contains(&told));
        assert_eq!(evaluated.evaluation, own.evaluation, "{prefix}");
    }
    // a run says it once, whether it starts from the weights or is taught by them
    for changes in [
        vec![word("net.weights", &path)],
        vec![word("tricks.distill.teacher", &path), ("tricks.distill.on", Value::Bool(true))],
    ] {
        let events = Run::start(recipe(&changes), None).finish();
        let alarms: Vec<&String> = events
            .iter()
            .filter_map(
                |e| if let Event::Alarm { kind: AlarmKind::Other, message, .. } = e { Some(message) } else { None },
            )
            .collect();
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        assert!(alarms[0].starts_with(&path.display().to_string()), "{alarms:?}");
        assert!(alarms[0].contains("`module._orig_mod.`, which is left out"), "{alarms:?}");
    }
}

#[test]
fn a_file_of_another_net_is_told_with_its_knobs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.safetensors");
    let of = |tensors: Tensors| {
        put(&path, tensors);
        said(&path)
    };
    let knobs = "looks like seresnet18-D, for 3-channel images of 1000 classes, which is --set net.family=SeResNet --set \
                 net.form=ImageNet --set net.depth=18 --set net.variant=D --set net.width=1 (tensor";
    let large = weights(
        |net| *net = Settings { family: Family::SeResNet, form: Form::ImageNet, depth: 18, ..Settings::default() },
        3,
        1000,
    );
    // (a teacher may be any net; then images and classes count)
    let [start, teacher, evaluated] = of(large);
    assert!(start.contains(knobs) && evaluated.contains(knobs), "{start}\n{evaluated}");
    assert!(teacher.contains("is of a net for 1000 classes, and 10 are here; it is of a net for images of 3 channels"));
    let [start, _, evaluated] = of(weights(|net| net.width = 0.25, 1, 10));
    let width = "--set net.depth=8 --set net.variant=D --set net.width=0.25 (tensor";
    assert!(start.contains(width) && evaluated.contains(width), "{start}\n{evaluated}");

    let [start, teacher, evaluated] = of(weights(|_| {}, 1, 7));
    assert_eq!(start, "nothing", "the linear layer starts anew");
    for said in [teacher, evaluated] {
        assert!(said.contains("is of a net for 7 classes, and 10 are here (tensor fc.weight has shape [7, "), "{said}");
    }
    for said in of(weights(|_| {}, 3, 10)) {
        assert!(
            said.contains("is of a net for images of 3 channels, and those here have 1 (tensor conv1.weight"),
            "{said}"
        );
    }
}

#[test]
fn files_that_hold_no_weights_are_told_for_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let zip = |name: &str| [b"PK\x03\x04\0\0\0\0", name.as_bytes(), b"\x80\x02}q\0."].concat();
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        ("net.safetensors", Vec::new(), &["is empty"]),
        (
            "net.pth",
            zip("archive/data.pkl"),
            &["pickle of PyTorch", "python3 -c \"import sys, torch; ", "net.safetensors"],
        ),
        ("net.bin", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(), &["pickle of PyTorch", "save_file("]),
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\noid".to_vec(), &["Git LFS", "git lfs pull"]),
        ("b.safetensors", b"\n<!doctype HTML>\n<html>".to_vec(), &["a web page (HTML)", "fetch the file itself"]),
        ("c.safetensors", b"\x1f\x8b\x08\0".to_vec(), &["compressed with gzip", "gunzip "]),
        ("d.safetensors", zip("photos/a.jpg"), &["a zip archive", "unzip "]),
        ("e.safetensors", b"404: Not Found".to_vec(), &["is text, no weights", "404: Not Found"]),
    ];
    for (name, bytes, words) in cases {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        for said in said(&path) {
            let begins = format!("{}: not a whole safetensors file: it ", path.display());
            assert!(said.starts_with(&begins), "{said}");
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
    }
    for said in said(dir.path()) {
        assert!(said.contains("is a directory"), "{said}");
    }
}
