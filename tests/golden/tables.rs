//! Schedules, parameter counts and multiply-adds.

use crate::file::path;
use serde_json::{Value, json};
use tricktop::nn::{NetSpec, edge};
use tricktop::recipe::settings::{Decay, Family, Form, Net, Settings, Variant};
use tricktop::tricks::schedule::{Position, lr};

fn tables() -> Value {
    serde_json::from_slice(&std::fs::read(path("tables.json")).unwrap()).unwrap()
}

/// The net that timm calls `name`.
fn timm(name: &str) -> Net {
    let (stem, number) = name.split_at(name.find(|c: char| c.is_ascii_digit()).unwrap());
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    let (family, depth) = match stem {
        "resnet" => (Family::ResNet, digits.parse().unwrap()),
        "seresnet" => (Family::SeResNet, digits.parse().unwrap()),
        "resnext" => (Family::ResNeXt, digits.parse().unwrap()),
        "seresnext" => (Family::SeResNeXt, digits.parse().unwrap()),
        "densenet" => (Family::DenseNet, digits.parse().unwrap()),
        "mobilenetv" => (Family::MobileNet, 28),
        "inception_v" => (Family::Inception, 48),
        other => panic!("{name}: {other}"),
    };
    let variant = match number.trim_start_matches(|c: char| c.is_ascii_digit()) {
        "c" => Variant::C,
        "d" => Variant::D,
        _ => Variant::B,
    };
    let auxiliary = number.ends_with("_aux");
    Net { family, form: Form::ImageNet, depth, variant, auxiliary, ..Net::default() }
}

#[test]
fn parameters_and_multiply_adds_equal_timm() {
    let tables = tables();
    let mut nets: Vec<(String, Value)> =
        tables["parameters_1000_classes"].as_object().unwrap().clone().into_iter().collect();
    assert!(nets.len() >= 16, "{} nets in tables.json", nets.len());
    // torchvision's, which the table does not have; multiply-adds by the same count
    nets.push((
        "densenet121".into(),
        json!({ "parameters": 7_978_856, "multiply_adds": 2_834_161_664u64, "input": 224 }),
    ));
    nets.push((
        "densenet201".into(),
        json!({ "parameters": 20_013_928, "multiply_adds": 4_291_365_888u64, "input": 224 }),
    ));
    // torchvision's parameters; an evaluation leaves the auxiliary head out
    let plain = tables["parameters_1000_classes"]["inception_v3"]["multiply_adds"].clone();
    nets.push(("inception_v3_aux".into(), json!({ "parameters": 27_161_264, "multiply_adds": plain, "input": 299 })));
    let mut wrong = Vec::new();
    for (name, about) in nets {
        let net = timm(&name);
        let size = about["input"].as_u64().unwrap() as usize;
        assert_eq!(edge(net.family, net.form), size, "{name}");
        let cost = NetSpec::new(&net, 3, 1000).cost(size, size);
        assert!(!cost.too_small, "{name}");
        let found = (cost.parameters as u64, cost.multiply_adds);
        let expected = (about["parameters"].as_u64().unwrap(), about["multiply_adds"].as_u64().unwrap());
        if found != expected {
            wrong.push(format!("{name}: {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_image_that_is_too_small_is_known() {
    let spec = NetSpec::new(&timm("inception_v3"), 3, 10);
    assert!(spec.cost(74, 75).too_small && !spec.cost(75, 75).too_small);
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
