//! Edited runs made again from their records.

use crate::record::*;
use std::fs;
use std::path::Path;
use tricktop::recipe::{Value, preset};
use tricktop::runs;
use tricktop::train::{Command, Event, State, When};

/// A run whose knobs are turned at random steps, at once, at the next epoch and at later steps.
fn edited(seed: u64, edits: u64, desk: &Desk) -> Played {
    let mut draws = Draws::new(seed);
    // (long enough not to end while it is steered, whatever the edits make of its epochs)
    let changes = [("train.checkpoint_steps", Value::Int(4)), ("train.epochs", Value::Int(6))];
    let mut session = runs::start(small(&changes), desk.path()).unwrap();
    let mut step = 0;
    for id in 1..=edits {
        if draws.below(3) > 0 && step < 18 {
            let steps = 1 + draws.below(3);
            session.commands.send(Command::Steps(steps)).unwrap();
            session = wait_for(session, |e| *e == Event::State(State::Paused));
            step += steps;
        }
        let changes = (0..1 + draws.below(2)).map(|_| change(&mut draws)).collect();
        let when = match draws.below(4) {
            0 => When::NextEpoch,
            1 => When::Step(step + 1 + draws.below(9)),
            _ => When::Now,
        };
        session.commands.send(Command::Edit { id, changes, when }).unwrap();
    }
    session.commands.send(Command::Resume).unwrap();
    play(session)
}

/// A knob that can change in a run, and a value.
fn change(draws: &mut Draws) -> (&'static tricktop::recipe::Knob, Value) {
    let tenth = draws.below(10) as f64 / 10.0;
    let on = Value::Bool(draws.below(2) == 1);
    let (path, value) = match draws.below(12) {
        0 => ("schedule.base_lr", Value::Float(0.01 + tenth / 10.0)),
        1 => ("optim.momentum", Value::Float(tenth)),
        2 => ("optim.weight_decay", Value::Float(tenth / 100.0)),
        3 => ("optim.nesterov", on),
        4 => ("tricks.mixup.on", on),
        5 => ("tricks.mixup.alpha", Value::Float(0.1 + tenth)),
        6 => ("tricks.smoothing.on", on),
        7 => ("train.batch", Value::Int(10 + draws.below(30))),
        8 => ("train.epochs", Value::Int(5 + draws.below(3))),
        9 => ("schedule.decay", Value::Word(["Cosine", "Step", "Constant"][draws.below(3) as usize].into())),
        10 => (["augment.flip", "augment.resized.on", "augment.brightness.on"][draws.below(3) as usize], on),
        _ => ("train.log_every", Value::Int(1 + draws.below(3))),
    };
    (knob(path), value)
}

/// The run made again equals the one that was steered: as a comparison, as a new run, and as a plain preset.
fn check(seed: u64, edits: u64) {
    let desk = Desk::new();
    let run = edited(seed, edits, &desk);
    assert_eq!(run.end.state, State::Done, "session {seed}: {:?}", run.end.error);
    let verdict = runs::verify(&run.dir, None).unwrap();
    assert_eq!((verdict.difference, verdict.step), (None, run.end.step), "session {seed}");
    assert_eq!(verdict.links, lines(&run.dir, "chain.jsonl").len());

    desk.says(&["replay", "tiny", "--threads", "1", "--runs", "again"]);
    let again = desk.path().with_file_name("again").join("tiny");
    same_course(&run.dir, &again);
    same_file(&run.dir, &again, Path::new("journal.jsonl"));

    let text = desk.says(&["export", "tiny", "--preset"]);
    let file = desk.path().with_file_name("steered.ron");
    fs::write(&file, text).unwrap();
    let preset = preset::load(&file).unwrap();
    let plain = play(runs::start(preset.recipe, &desk.path().with_file_name("plain")).unwrap());
    same_course(&run.dir, &plain.dir);
}

#[test]
fn a_steered_run_is_made_again_to_the_bit() {
    check(1, 12);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test training -- --ignored sessions"]
fn fifty_random_sessions_are_made_again_to_the_bit() {
    for seed in 0..50 {
        let edits = 10 + Draws::new(1000 + seed).below(31);
        check(seed, edits);
        println!("session {seed}: {edits} edits, the same");
    }
}

/// A copy of a run with one file changed.
fn changed(run: &Path, file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["recipe.ron", "journal.jsonl", "metrics.jsonl", "chain.jsonl", "log.jsonl"] {
        fs::copy(run.join(name), copy.path().join(name)).unwrap();
    }
    let text = fs::read_to_string(run.join(file)).unwrap();
    assert!(text.contains(from), "{file}: {text}");
    fs::write(copy.path().join(file), text.replacen(from, to, 1)).unwrap();
    copy
}

#[test]
fn a_record_that_was_changed_is_found_out_at_its_step() {
    let desk = Desk::new();
    let session = runs::start(small(&[]), desk.path()).unwrap();
    let changes = vec![(knob("schedule.base_lr"), Value::Float(0.05))];
    session.commands.send(Command::Edit { id: 1, changes, when: When::Step(13) }).unwrap();
    let run = play(session);
    let found = |file: &str, from: &str, to: &str| {
        let copy = changed(&run.dir, file, from, to);
        runs::verify(copy.path(), None).unwrap().difference.unwrap()
    };
    // (the rate of the step after the edit is the first thing that differs)
    let rate = found("journal.jsonl", "\"to\":0.05", "\"to\":0.06");
    assert!(rate.starts_with("step 13: the rate is"), "{rate}");
    let seed = found("recipe.ron", "seed: 0", "seed: 1");
    assert!(seed.starts_with("step 1: the loss is"), "{seed}");
    let link = lines(&run.dir, "chain.jsonl")[1]["weights"].as_str().unwrap().to_string();
    let chain = found("chain.jsonl", &link, &link.replace(&link[..1], if &link[..1] == "0" { "1" } else { "0" }));
    assert!(chain.contains("broken at step 20"), "{chain}");
    assert_eq!(runs::verify(&run.dir, Some(15)).unwrap().step, 15);
    let none = runs::verify(&run.dir, Some(3)).unwrap_err().to_string();
    assert!(none.contains("no checkpoint"), "{none}");
}

#[test]
fn a_run_is_inspected_and_exported() {
    let desk = Desk::new();
    let run = edited(3, 4, &desk);
    let text = desk.says(&["inspect", "tiny"]);
    for part in ["state       done", "tricktop replay", "best.safetensors", "verifies"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let json: serde_json::Value = serde_json::from_str(&desk.says(&["inspect", "tiny", "--json"])).unwrap();
    let newest = json["checkpoints"].as_array().unwrap().iter().rfind(|c| c["whole"] == true).unwrap();
    assert_eq!((newest["verifies"].clone(), newest["at"]["step"].as_u64()), (true.into(), Some(run.end.step)));
    let last = lines(&run.dir, "chain.jsonl").pop().unwrap();
    assert_eq!(newest["digests"]["weights"], last["weights"]);
    let file = checkpoints(&run.dir).pop().unwrap().1;
    let text = desk.says(&["inspect", file.to_str().unwrap()]);
    assert!(text.contains(last["velocity"].as_str().unwrap()) && text.contains("train.batch"), "{text}");

    let csv = desk.says(&["export", "tiny", "--csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|row| row.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{csv}");
    let steps = lines(&run.dir, "metrics.jsonl").iter().filter(|l| l["event"] == "step").count();
    assert_eq!(rows.iter().filter(|row| row[0] == "step").count(), steps);
    let document: serde_json::Value = serde_json::from_str(&desk.says(&["export", "tiny", "--json"])).unwrap();
    assert_eq!(document["chain"].as_array().unwrap().len(), lines(&run.dir, "chain.jsonl").len());
    let file = desk.says(&["export", "tiny", "--tensorboard", "board"]);
    assert!(fs::metadata(desk.path().with_file_name(file.trim())).unwrap().len() > 1000, "{file}");
}
