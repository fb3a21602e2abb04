//! Reads the golden files and compares.

use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The directory of golden values.
pub fn path(name: &str) -> PathBuf {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden");
    let dir = match std::env::var_os("TRICKTOP_GOLDEN") {
        Some(dir) => PathBuf::from(dir),
        None if beside.join(name).exists() => beside,
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
    };
    dir.join(name)
}

/// A tensor of a golden file.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// Tensors of one case by name.
pub type Case = BTreeMap<String, Tensor>;

/// The cases of a file: the part of a key before the first slash is the case.
pub fn cases(name: &str) -> BTreeMap<String, Case> {
    cases_in(&path(name))
}

/// The cases of a file, by its path.
pub fn cases_in(path: &Path) -> BTreeMap<String, Case> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for (key, view) in SafeTensors::deserialize(&bytes).unwrap().tensors() {
        let (case, tensor) = key.split_once('/').unwrap();
        let values = match view.dtype() {
            Dtype::F32 => view.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
            Dtype::I64 => view.data().chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f32).collect(),
            other => panic!("{key}: {other:?}"),
        };
        let tensor_value = Tensor { shape: view.shape().to_vec(), values };
        cases.entry(case.to_string()).or_default().insert(tensor.to_string(), tensor_value);
    }
    cases
}

/// Fails when one of `required` is not among the cases.
pub fn require(cases: &BTreeMap<String, Case>, required: &[&str]) {
    let missing: BTreeSet<_> = required.iter().filter(|c| !cases.contains_key(**c)).collect();
    assert!(missing.is_empty(), "cases are missing from the golden file: {missing:?}");
}

/// Relative distance, ‖a-b‖/‖b‖.
pub fn distance(a: &[f32], b: &[f32]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| *a as f64 - *b as f64));
    if difference == 0.0 { 0.0 } else { difference / norm(&mut b.iter().map(|b| *b as f64)) }
}

/// Gathers every difference, so that a test reports all.
#[derive(Default)]
pub struct Report {
    wrong: Vec<String>,
    compared: usize,
}

impl Report {
    /// Compares by relative distance, ‖a-b‖/‖b‖ <= 1e-4.
    pub fn compare(&mut self, what: &str, found: &[f32], expected: &[f32]) {
        self.within(1e-4, what, found, expected);
    }

    /// Compares by relative distance.
    pub fn within(&mut self, bound: f64, what: &str, found: &[f32], expected: &[f32]) {
        self.compared += 1;
        if found.len() != expected.len() {
            return self.wrong.push(format!("{what}: {} values, expected {}", found.len(), expected.len()));
        }
        let distance = distance(found, expected);
        if distance.is_nan() || distance > bound {
            self.wrong.push(format!("{what}: relative distance {distance:.2e}, bound {bound:.2e}"));
        }
    }

    /// Fails with everything that differed, or when nothing was compared.
    pub fn finish(self) {
        assert!(self.wrong.is_empty(), "{} of {} differ:\n{}", self.wrong.len(), self.compared, self.wrong.join("\n"));
        assert!(self.compared > 0, "nothing was compared");
    }
}

/// NCHW to NHWC.
pub fn to_nhwc(t: &Tensor) -> Vec<f32> {
    let [n, c, h, w] = t.shape[..] else { panic!("{:?}", t.shape) };
    let mut out = vec![0.0; t.values.len()];
    for (i, v) in t.values.iter().enumerate() {
        let (image, channel, pixel) = (i / (c * h * w), i / (h * w) % c, i % (h * w));
        out[(image * h * w + pixel) * c + channel] = *v;
    }
    assert_eq!(out.len(), n * c * h * w);
    out
}
