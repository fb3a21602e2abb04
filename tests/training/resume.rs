//! Runs that are stopped, killed, taken up and made again: nothing may differ from a run that was left alone.

use crate::record::*;
use std::fs;
use std::io::Write;
use tricktop::recipe::Value;
use tricktop::runs;
use tricktop::train::{Checkpoint, Command, State, When};

/// A run with edits ahead, stopped after `step` steps and taken up again.
fn stopped_at(step: u64, desk: &Desk) -> Played {
    let session = runs::start(small(&[]), desk.path()).unwrap();
    edits_ahead(&session.commands);
    session.commands.send(Command::Steps(step)).unwrap();
    let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let first = play(session);
    assert_eq!((first.end.state, first.end.step), (State::Stopped, step));
    play(runs::resume(&first.dir, Vec::new()).unwrap())
}

/// Edits for later steps and epochs.
fn edits_ahead(commands: &std::sync::mpsc::Sender<Command>) {
    for (id, path, value, when) in [
        (1, "tricks.mixup.on", Value::Bool(true), When::Step(4)),
        (2, "train.batch", Value::Int(30), When::EpochFrom(8)),
        (3, "schedule.base_lr", Value::Float(0.02), When::Step(17)),
    ] {
        commands.send(Command::Edit { id, changes: vec![(knob(path), value)], when }).unwrap();
    }
}

fn straight(desk: &Desk) -> Played {
    let session = runs::start(small(&[]), desk.path()).unwrap();
    edits_ahead(&session.commands);
    play(session)
}

#[test]
fn a_run_that_was_stopped_and_taken_up_equals_one_that_was_not() {
    let (a, b) = (Desk::new(), Desk::new());
    let whole = straight(&a);
    for step in [3, 10, 15] {
        let pieces = stopped_at(step, &b);
        assert_same(&whole.dir, &pieces.dir);
        let late = runs::resume(&pieces.dir, Vec::new()).err().unwrap().to_string();
        assert!(late.contains("epochs are done") && late.contains("--set train.epochs"), "{late}");
    }
}

/// The optimiser is changed on the way, so that checkpoints hold the slots of one and of the other.
#[test]
fn a_run_that_changes_its_optimiser_goes_on_to_the_bit() {
    let start = |desk: &Desk| {
        let changes = [("optim.name", Value::Word("AdamW".into())), ("schedule.base_lr", Value::Float(0.002))];
        let session = runs::start(small(&changes), desk.path()).unwrap();
        let to = [("optim.name", Value::Word("Sgd".into())), ("schedule.base_lr", Value::Float(0.02))];
        let changes = to.map(|(path, value)| (knob(path), value)).to_vec();
        session.commands.send(Command::Edit { id: 1, changes, when: When::Step(13) }).unwrap();
        session
    };
    let (a, b) = (Desk::new(), Desk::new());
    let whole = play(start(&a));
    for step in [10, 15] {
        let session = start(&b);
        session.commands.send(Command::Steps(step)).unwrap();
        let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
        session.commands.send(Command::Stop { save: true }).unwrap();
        let first = play(session);
        let slots = fs::read(checkpoints(&first.dir).pop().unwrap().1).unwrap();
        let has = |name: &str| String::from_utf8_lossy(&slots).contains(name);
        assert_eq!((has("optim/exp_avg_sq/conv1"), has("optim/velocity/conv1")), (step < 13, step > 13));
        assert_same(&whole.dir, &play(runs::resume(&first.dir, Vec::new()).unwrap()).dir);
    }
    assert_eq!(runs::verify(&whole.dir, None).unwrap().difference, None);
}

/// A checkpoint of an older version does not tell which epoch was the best: the metrics do.
#[test]
fn the_best_epoch_of_an_older_run_is_found() {
    let (a, b) = (Desk::new(), Desk::new());
    let whole = straight(&a);
    let session = runs::start(small(&[]), b.path()).unwrap();
    edits_ahead(&session.commands);
    session.commands.send(Command::Steps(15)).unwrap();
    let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let dir = play(session).dir;
    let (_, file) = checkpoints(&dir).pop().unwrap();
    let mut old = tricktop::nn::State::from_bytes(&fs::read(&file).unwrap()).unwrap();
    let text = old.metadata["tricktop"].clone();
    let run = text.split_once("\"run\":").unwrap().1.strip_suffix('}').unwrap().replace(",\"best_epoch\":1", "");
    assert!(!run.contains("best_epoch"), "{run}");
    let text = format!("{{\"blake3\":\"{}\",\"run\":{run}}}", blake3::hash(run.as_bytes()));
    old.metadata.insert("tricktop".into(), text);
    fs::write(&file, old.to_bytes().unwrap()).unwrap();
    assert_eq!(Checkpoint::read(&file).unwrap().meta.at.best_epoch, None);

    let resumed = play(runs::resume(&dir, Vec::new()).unwrap());
    assert_eq!(resumed.end.best_epoch, whole.end.best_epoch);
    assert_same(&whole.dir, &dir);
}

#[test]
fn a_set_that_changes_nothing_is_said_and_leaves_no_edit() {
    let desk = Desk::new();
    let session = runs::start(small(&[]), desk.path()).unwrap();
    session.commands.send(Command::Steps(3)).unwrap();
    let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let dir = play(session).dir;
    let rate = small(&[]).schedule.base_lr;
    let sets = vec![(knob("schedule.base_lr"), Value::Float(rate)), (knob("optim.momentum"), Value::Float(0.5))];
    let played = play(runs::resume(&dir, sets).unwrap());
    let edits = lines(&played.dir, "journal.jsonl");
    assert_eq!(edits.len(), 1, "{edits:?}");
    assert_eq!(edits[0]["changes"].as_array().unwrap().len(), 1);
    assert_eq!(edits[0]["changes"][0]["knob"], "optim.momentum");
    let log = lines(&played.dir, "log.jsonl");
    let said = |line: &serde_json::Value| line["message"].as_str().is_some_and(|m| m.contains("base_lr is"));
    assert!(log.iter().any(said), "{log:?}");
}

#[test]
fn a_run_in_mixed_precision_goes_on_with_its_loss_scale() {
    let desk = Desk::new();
    let halves = |format: &str| {
        let format = ("tricks.mixed.format", Value::Word(format.into()));
        let mixed = small(&[("tricks.mixed.on", Value::Bool(true)), ("tricks.mixed.growth", Value::Int(2)), format]);
        let whole = play(runs::start(mixed.clone(), desk.path()).unwrap());
        let session = runs::start(mixed, desk.path()).unwrap();
        session.commands.send(Command::Steps(7)).unwrap();
        let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
        session.commands.send(Command::Stop { save: true }).unwrap();
        let dir = play(session).dir;
        assert_same(&whole.dir, &play(runs::resume(&dir, Vec::new()).unwrap()).dir);
        whole
    };
    let brain = halves("Bf16");
    assert!(lines(&brain.dir, "metrics.jsonl").iter().all(|line| line.get("loss_scale").is_none()));
    let told = std::fs::read_to_string(brain.dir.join("log.jsonl")).unwrap();
    assert!(told.contains("feature maps in bf16"), "{told}");
    let whole = halves("F16");
    let steps = lines(&whole.dir, "metrics.jsonl");
    let scale =
        |step: u64| steps.iter().find(|l| l["step"] == step && l["event"] == "step").unwrap()["loss_scale"].as_f64();
    assert!(
        scale(1) == Some(65536.0) && scale(2) == Some(131072.0) && scale(8) >= scale(7),
        "{:?} {:?}",
        scale(7),
        scale(8)
    );
}

#[test]
fn a_card_that_is_not_there_is_named() {
    let desk = Desk::new();
    let played = play(runs::start(small(&[("device", Value::Word("Cuda(15)".into()))]), desk.path()).unwrap());
    let error = played.end.error.unwrap();
    assert!(error.starts_with("device: Cuda(15) cannot be used: ") && error.contains("Cpu trains"), "{error}");
    let device = vec![(knob("device"), Value::Word("Cpu".into()))];
    assert_eq!(play(runs::resume(&played.dir, device).unwrap()).end.state, State::Done);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test training -- --ignored stops"]
fn fifty_stops_at_random_steps_leave_no_trace() {
    let desk = Desk::new();
    let whole = straight(&desk);
    let mut draws = Draws::new(7);
    for _ in 0..50 {
        let step = 1 + draws.below(whole.end.step - 1);
        let own = Desk::new();
        let pieces = stopped_at(step, &own);
        assert_same(&whole.dir, &pieces.dir);
        println!("stopped after {step}: the same");
    }
}

#[test]
fn a_killed_run_goes_on_as_if_it_had_not_been() {
    killed(3, 11);
}

#[test]
#[ignore = "takes minutes: cargo test --release --test training -- --ignored kills"]
fn five_hundred_kills_lose_nothing() {
    let mut kills = 0;
    for seed in 0.. {
        kills += killed(20, seed);
        println!("{kills} kills");
        if kills >= 500 {
            return;
        }
    }
}

/// Kills a run up to `kills` times at random moments, taking it up again each time; how often it was. After each kill
/// every checkpoint on disk must verify, and one that was announced must not be lost.
fn killed(kills: usize, seed: u64) -> usize {
    let (a, b) = (Desk::new(), Desk::new());
    let sets = ["train.checkpoint_steps=2", "train.epochs=4"];
    a.batch(&sets).wait_with_output().unwrap();
    let mut draws = Draws::new(seed);
    let mut child = b.batch(&sets);
    let dir = b.path().join("tiny");
    let mut newest = 0;
    let mut done = 0;
    for n in 1..=kills {
        std::thread::sleep(std::time::Duration::from_millis(draws.below(1200)));
        child.kill().unwrap();
        done = n;
        if child.wait().unwrap().success() {
            break;
        }
        for (step, file) in checkpoints(&dir) {
            Checkpoint::read(&file).unwrap_or_else(|e| panic!("kill {n}: {e}"));
            newest = newest.max(step);
        }
        assert_eq!(checkpoints(&dir).last().map_or(0, |(step, _)| *step), newest, "kill {n} lost a checkpoint");
        if !dir.join("recipe.ron").exists() {
            // (killed before it began)
            fs::remove_dir_all(&dir).ok();
            child = b.batch(&sets);
            continue;
        }
        // a line that was being written
        for log in ["metrics.jsonl", "journal.jsonl", "log.jsonl", "chain.jsonl"] {
            let mut file = fs::File::options().append(true).create(true).open(dir.join(log)).unwrap();
            file.write_all(&b"{\"event\":\"step\",\"step\":1"[..draws.below(24) as usize]).unwrap();
        }
        child = b.resume("runs/tiny");
    }
    let ended = child.wait().unwrap().success();
    let mut said = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert!(ended || said.contains("epochs are done"), "{said}");
    // (a kill after the last checkpoint: nothing goes on that would cut off the line that was put there)
    if ended {
        assert_same(&a.path().join("tiny"), &dir);
    }
    done
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_a_run_without_a_whole_one_says_so() {
    let desk = Desk::new();
    let played = straight(&desk);
    let epochs = vec![(knob("train.epochs"), Value::Int(4))];
    let files = checkpoints(&played.dir);
    damage(&files.last().unwrap().1);
    let resumed = play(runs::resume(&played.dir, epochs.clone()).unwrap());
    assert_eq!(resumed.end.state, State::Done);
    assert!(resumed.alarms[0].contains("passed over") && resumed.alarms[0].contains("damaged"), "{:?}", resumed.alarms);
    let steps: Vec<u64> = lines(&played.dir, "metrics.jsonl").iter().map(|l| l["step"].as_u64().unwrap()).collect();
    assert!(steps.is_sorted(), "{steps:?}");
    checkpoints(&played.dir).iter().for_each(|(_, file)| damage(file));
    let none = runs::resume(&played.dir, epochs).err().unwrap().to_string();
    assert!(none.contains("is damaged"), "{none}");
}

fn damage(file: &std::path::Path) {
    let mut bytes = fs::read(file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_changed_rate_counts_from_the_step_at_which_a_run_is_taken_up() {
    let desk = Desk::new();
    let session = runs::start(small(&[]), desk.path()).unwrap();
    session.commands.send(Command::Steps(5)).unwrap();
    let session = wait_for(session, |e| *e == tricktop::train::Event::State(State::Paused));
    session.commands.send(Command::Stop { save: true }).unwrap();
    let first = play(session);
    let wrong = runs::resume(&first.dir, vec![(knob("net.depth"), Value::Int(14))]).err().unwrap().to_string();
    assert!(wrong.contains("needs a new one"), "{wrong}");
    play(runs::resume(&first.dir, vec![(knob("schedule.base_lr"), Value::Float(0.01))]).unwrap());
    let journal = lines(&first.dir, "journal.jsonl");
    assert_eq!((journal.len(), &journal[0]["step"], &journal[0]["changes"][0]["to"]), (1, &5.into(), &0.01.into()));
    assert_eq!(runs::verify(&first.dir, None).unwrap().difference, None);
}

#[test]
fn one_of_many_that_take_a_run_up_at_once_wins() {
    contest(8);
}

#[test]
#[ignore = "takes a minute: cargo test --release --test training -- --ignored fifty_starts"]
fn of_fifty_starts_one_wins() {
    contest(50);
}

fn contest(starts: usize) {
    let desk = Desk::new();
    let sets = ["train.epochs=1000", "train.checkpoint_steps=5"];
    let mut child = desk.batch(&sets);
    while checkpoints(&desk.path().join("tiny")).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let mut children: Vec<_> = (0..starts).map(|_| desk.resume("runs/tiny")).collect();
    let mut losers = 0;
    while losers < starts - 1 {
        children.retain_mut(|child| match child.try_wait().unwrap() {
            None => true,
            Some(status) => {
                assert_eq!(status.code(), Some(1));
                let mut said = String::new();
                std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
                assert!(said.contains("locked: another tricktop is at work"), "{said}");
                losers += 1;
                false
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let [winner] = &mut children[..] else { panic!("{} win", children.len()) };
    assert!(winner.try_wait().unwrap().is_none(), "nobody wins");
    winner.kill().unwrap();
    winner.wait().unwrap();
}

#[test]
#[cfg(unix)]
fn sigusr1_saves_and_the_run_goes_on() {
    let desk = Desk::new();
    let mut child = desk.batch(&["train.epochs=1000", "train.checkpoint_epochs=1000"]);
    let dir = desk.path().join("tiny");
    while !fs::read_to_string(dir.join("log.jsonl")).unwrap_or_default().contains("speed") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let before = checkpoints(&dir).len();
    let id = child.id().to_string();
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    };
    signal("-USR1");
    while checkpoints(&dir).len() == before {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(child.try_wait().unwrap().is_none(), "the run goes on");
    signal("-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
