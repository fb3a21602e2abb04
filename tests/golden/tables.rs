//! Schedules, parameter counts and multiply-adds.

use crate::file::path;
use serde_json::Value;
use tricktop::nn::NetSpec;
use tricktop::recipe::settings::{Decay, Form, Net, Settings, Variant};
use tricktop::tricks::schedule::{Position, lr};

fn tables() -> Value {
    serde_json::from_slice(&std::fs::read(path("tables.json")).unwrap()).unwrap()
}

#[test]
fn parameters_and_multiply_adds_equal_timm() {
    let tables = tables();
    let nets = tables["parameters_1000_classes"].as_object().unwrap();
    let mut seen = Vec::new();
    for (name, about) in nets.iter().filter(|(name, _)| name.starts_with("resnet")) {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        let variant = match name.trim_start_matches("resnet").trim_start_matches(char::is_numeric) {
            "" => Variant::B,
            "c" => Variant::C,
            "d" => Variant::D,
            other => panic!("{name}: variant {other}"),
        };
        let net = Net { form: Form::ImageNet, depth: digits.parse().unwrap(), variant, ..Net::default() };
        let size = about["input"].as_u64().unwrap() as usize;
        let cost = NetSpec::new(&net, 3, 1000).cost(size, size);
        assert_eq!(cost.parameters as u64, about["parameters"].as_u64().unwrap(), "{name} parameters");
        assert_eq!(cost.multiply_adds, about["multiply_adds"].as_u64().unwrap(), "{name} multiply-adds");
        seen.push(name.as_str());
    }
    for name in ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnet50c", "resnet50d", "resnet18d"] {
        assert!(seen.contains(&name), "{name} is missing from tables.json");
    }
}

#[test]
fn the_cosine_schedule_with_warmup_equals_the_table() {
    let table = &tables()["schedules"]["cosine_warmup"];
    let number = |key: &str| table[key].as_f64().unwrap();
    let mut s = Settings::default();
    let batches = 20;
    s.schedule.base_lr = number("base");
    s.schedule.decay = Decay::Cosine;
    s.schedule.warmup.on = true;
    s.schedule.warmup.epochs = number("warmup") / batches as f64;
    s.train.epochs = number("total") as u64 / batches;
    // entry t of the table is the rate of the paper's batch i = t, counted from 1
    for (t, expected) in table["lr"].as_array().unwrap().iter().enumerate().skip(1) {
        let i = t as u64 - 1;
        let found = lr(Position { epoch: i / batches, batch: i % batches + 1, batches }, &s);
        assert!((found - expected.as_f64().unwrap()).abs() < 1e-12, "batch {t}: {found}, expected {expected}");
    }
}

#[test]
fn the_step_schedule_equals_the_table() {
    let table = &tables()["schedules"]["step"];
    let mut s = Settings::default();
    s.schedule.base_lr = table["base"].as_f64().unwrap();
    s.schedule.decay = Decay::Step;
    s.schedule.warmup.on = false;
    s.schedule.factor = table["gamma"].as_f64().unwrap();
    s.schedule.milestones = table["milestones"].as_array().unwrap().iter().map(|m| m.as_u64().unwrap()).collect();
    s.train.epochs = table["epochs"].as_u64().unwrap();
    for (epoch, expected) in table["lr_by_epoch"].as_array().unwrap().iter().enumerate() {
        for batch in [1, 7] {
            let found = lr(Position { epoch: epoch as u64, batch, batches: 7 }, &s);
            assert!((found - expected.as_f64().unwrap()).abs() < 1e-12, "epoch {epoch}: {found}, expected {expected}");
        }
    }
}
