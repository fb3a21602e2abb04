use super::fake::{self, Stage, epoch, step};
use super::*;
use crate::recipe::{Value, knobs};
use crate::train::State;
use serde_json::Value as Json;

fn lines(file: PathBuf) -> Vec<Json> {
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n'), "{}: the last line is cut off", file.display());
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

fn names(lines: &[Json]) -> Vec<&str> {
    lines.iter().map(|l| l["event"].as_str().unwrap()).collect()
}

fn edit(stage: &mut Stage, step: u64, path: &str, to: Value) {
    let knob = knobs::find(path).unwrap();
    let from = stage.recipe.get(knob);
    stage.send(Event::Applied { id: 1, edit: 1, step, changes: vec![train::Change { knob, from, to }], by: None });
}

fn every(log_every: u64) -> Recipe {
    Recipe::default().with([(knobs::find("train.log_every").unwrap(), Value::Int(log_every))]).unwrap()
}

/// Plays `script` to its end; the events that came out and the directory.
fn played(recipe: Recipe, script: impl FnOnce(Stage) + Send + 'static) -> (Vec<Event>, PathBuf, tempfile::TempDir) {
    let runs = tempfile::tempdir().unwrap();
    let session = fake::session(recipe, runs.path(), script);
    (session.events.iter().collect(), session.dir, runs)
}

#[test]
fn a_run_is_recorded() {
    let (events, dir, _runs) = played(every(2), |mut stage| {
        stage.started();
        stage.steps(1..=3);
        edit(&mut stage, 3, "schedule.base_lr", Value::Float(0.1 + 0.2));
        stage.steps(4..=4);
        stage.send(epoch(1, 0.75));
        let path = stage.options.dir.clone().unwrap().join("checkpoints/step-000004.safetensors");
        let link = Box::new(train::Link::after(None, 4, train::Digests::default()));
        stage.send(Event::Checkpoint { step: 4, path, bytes: 9, ms: 1.0, score: None, link: Some(link) });
        stage.ended(State::Done);
    });
    assert!(matches!(events.last(), Some(Event::Ended(s)) if s.state == State::Done));

    let log = lines(dir.join("log.jsonl"));
    assert_eq!(names(&log), ["run_start", "ready", "speed", "speed", "checkpoint", "run_end"]);
    assert_eq!(log[0]["recipe"]["train.seed"], 0);
    assert_eq!(log[0]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(log[4]["path"], "checkpoints/step-000004.safetensors");
    assert_eq!((&log[5]["state"], &log[5]["reproduce"]), (&"done".into(), &reproduce(&dir).into()));
    let journal = lines(dir.join("journal.jsonl"));
    assert_eq!(names(&journal), ["edit"]);
    assert_eq!((&journal[0]["step"], &journal[0]["edit"]), (&3.into(), &1.into()));
    assert_eq!(journal[0]["changes"][0]["knob"], "schedule.base_lr");
    assert_eq!(lines(dir.join("chain.jsonl"))[0]["step"], 4);

    let metrics = lines(dir.join("metrics.jsonl"));
    assert_eq!(names(&metrics), ["step", "step", "epoch_end", "confusion"]);
    assert_eq!((&metrics[0]["step"], &metrics[1]["step"]), (&Json::from(2), &Json::from(4)));
    assert_eq!(metrics[2]["val_top1"], 0.75);
    assert_eq!(metrics[3]["counts"][2], serde_json::json!([1, 1, 4]));
    assert!(dir.join("recipe.ron").exists());
}

/// The text of a number in a line, as it stands in the file.
fn number<'a>(line: &'a str, field: &str) -> &'a str {
    let start = line.find(&format!("\"{field}\":")).unwrap() + field.len() + 3;
    line[start..].split([',', '}']).next().unwrap()
}

#[test]
fn numbers_read_back_to_the_same_bits() {
    let (_, dir, _runs) = played(every(1), |mut stage| {
        stage.steps(1..=500);
        stage.ended(State::Done);
    });
    let text = std::fs::read_to_string(dir.join("metrics.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 500);
    for (line, n) in text.lines().zip(1..) {
        let step = step(n);
        assert_eq!(number(line, "loss").parse::<f32>().unwrap().to_bits(), step.loss.to_bits(), "{line}");
        assert!(!line.contains("img_s"), "the clock has no place here: {line}");
        for (field, value) in [("lr", step.lr), ("epoch", step.epoch)] {
            assert_eq!(number(line, field).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{line}");
        }
        assert!(number(line, "loss").len() <= 12, "a loss is written as f32: {line}");
    }
}

#[test]
fn a_loss_that_is_not_finite_leaves_the_line_readable() {
    let (_, dir, _runs) = played(every(1), |mut stage| {
        stage.send(Event::Steps(vec![train::StepRecord { loss: f32::NAN, ..step(1) }]));
        stage.ended(State::Stopped);
    });
    assert_eq!(lines(dir.join("metrics.jsonl"))[0]["loss"], Json::Null);
}

#[test]
fn an_edit_of_the_log_interval_takes_effect() {
    let (_, dir, _runs) = played(every(10), |mut stage| {
        stage.steps(1..=10);
        edit(&mut stage, 10, "train.log_every", Value::Int(2));
        stage.steps(11..=14);
        stage.ended(State::Done);
    });
    let steps: Vec<_> = lines(dir.join("metrics.jsonl")).iter().map(|l| l["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [10, 12, 14]);
}

#[test]
fn an_edit_is_on_disk_before_it_is_announced() {
    let runs = tempfile::tempdir().unwrap();
    let session = fake::session(Recipe::default(), runs.path(), |mut stage| {
        edit(&mut stage, 3, "optim.momentum", Value::Float(0.5));
        let _ = stage.commands.recv();
        stage.ended(State::Stopped);
    });
    assert!(matches!(session.events.recv().unwrap(), Event::Applied { .. }));
    assert_eq!(names(&lines(session.dir.join("journal.jsonl"))), ["edit"]);
}

#[test]
fn a_directory_removed_under_the_run_raises_one_alarm_and_training_goes_on() {
    let (events, ..) = played(every(1), |mut stage| {
        stage.started();
        std::fs::remove_dir_all(stage.options.dir.as_ref().unwrap()).unwrap();
        for n in 1..=3 {
            stage.steps(n..=n);
            stage.send(epoch(n, 0.5));
        }
        stage.ended(State::Done);
    });
    let alarms: Vec<_> = events.iter().filter(|e| matches!(e, Event::Alarm { .. })).collect();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(matches!(alarms[0], Event::Alarm { message, .. } if message.contains("metrics.jsonl")), "{alarms:?}");
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Epoch(_))).count(), 3);
    assert!(matches!(events.last(), Some(Event::Ended(_))));
}

#[test]
fn a_trainer_that_dies_still_ends_the_run() {
    let (events, dir, _runs) = played(every(1), |mut stage| {
        stage.started();
        stage.steps(1..=7);
        panic!("a fault");
    });
    let Some(Event::Ended(summary)) = events.last() else { panic!("{events:?}") };
    assert_eq!((summary.state, summary.step), (State::Failed, 7));
    assert_eq!(lines(dir.join("log.jsonl")).last().unwrap()["state"], "failed");
}

#[test]
fn recording_does_not_need_a_watcher() {
    let runs = tempfile::tempdir().unwrap();
    let Session { dir, commands, events, worker, .. } = fake::session(every(1), runs.path(), |mut stage| {
        let _ = stage.commands.recv();
        stage.steps(1..=3);
        stage.ended(State::Done);
    });
    drop(events);
    commands.send(Command::Resume).unwrap();
    drop(worker);
    assert_eq!(names(&lines(dir.join("metrics.jsonl"))), ["step"; 3]);
    assert_eq!(names(&lines(dir.join("log.jsonl"))), ["run_start", "speed", "speed", "speed", "run_end"]);
}

#[test]
fn the_lock_lives_as_long_as_the_trainer() {
    let runs = tempfile::tempdir().unwrap();
    let session = fake::session(Recipe::default(), runs.path(), |stage| drop(stage.commands.recv()));
    let lock = std::fs::File::open(session.dir.join("lock")).unwrap();
    assert!(lock.try_lock().is_err());
    drop(session);
    assert!(lock.try_lock().is_ok());
}

/// What a screen is shown of a run at which nobody is at work.
#[test]
fn a_run_that_is_over_tells_its_life() {
    let (_, dir, _runs) = played(every(1), |mut stage| {
        stage.started();
        stage.steps(1..=4);
        edit(&mut stage, 4, "schedule.base_lr", Value::Float(0.2));
        stage.send(epoch(1, 0.5));
        stage.send(epoch(2, 0.75));
        stage.ended(State::Failed);
    });
    let tell = || life(&dir).unwrap();
    let events = tell();
    let Some(Event::Started(info)) = events.first() else { panic!("{events:?}") };
    assert_eq!((info.net.as_str(), info.steps_per_epoch), ("resnet20-D", 4));
    assert_eq!((&info.name, &info.dir), (&"run".to_string(), &Some(dir.clone())));
    let count = |of: fn(&Event) -> bool| events.iter().filter(|event| of(event)).count();
    assert!(matches!(&events[1], Event::Steps(steps) if steps.len() == 4), "steps in a row are one event");
    assert_eq!(count(|event| matches!(event, Event::Epoch(_))), 2);
    assert_eq!(count(|event| matches!(event, Event::Applied { step: 4, .. })), 1);
    let Some(Event::Ended(end)) = events.last() else { panic!("{events:?}") };
    assert_eq!((end.state, end.step, end.seconds), (State::Failed, 8, 1.5));
    assert_eq!(end.error.as_deref(), Some("out of memory"));

    // One that was killed has no end in its log.
    let log = dir.join("log.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    let cut = text.find("{\"event\":\"run_end\"").unwrap();
    std::fs::write(&log, &text[..cut]).unwrap();
    let events = tell();
    let Some(Event::Ended(end)) = events.last() else { panic!("{events:?}") };
    assert_eq!((end.state, end.step, end.best.map(|best| best.value)), (State::Killed, 8, Some(0.75)));

    std::fs::write(&log, "nonsense\n").unwrap();
    assert!(life(&dir).unwrap_err().to_string().contains("line 1 cannot be read"));
    assert!(matches!(life(dir.parent().unwrap()), Err(RunError::NoRun { .. })));
}
