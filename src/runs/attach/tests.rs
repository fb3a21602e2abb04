//! A run with a made-up trainer, and screens attached to it.

use super::*;
use crate::data::Thumbnail;
use crate::recipe::knobs::find;
use crate::recipe::{Recipe, Value};
use crate::runs::fake::{Stage, epoch, play, step};
use crate::runs::{Line, Session, attach, start_with};
use crate::train::{
    Agreement, AlarmKind, BatchPreview, Change, Command, Event, Inside, LayerStats, Options, Output, Pictures,
    PreviewImage, RateSearch, State, Target, When,
};
use crate::tricks::finder::RatePoint;
use std::io::{BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A trainer that applies every edit, takes steps for `Steps`, and ends when it is told to.
fn obedient(mut stage: Stage) {
    stage.started();
    stage.steps(1..=3);
    stage.send(epoch(1, 0.5));
    let mut at = 4;
    while let Ok(command) = stage.commands.recv_timeout(PATIENCE) {
        match command {
            Command::Edit { id, changes, .. } => {
                let one = |(knob, to)| Change { knob, from: Value::Float(0.1), to };
                let changes = changes.into_iter().map(one).collect();
                stage.send(Event::Applied { id, edit: at, step: at, changes, by: None });
            }
            Command::Steps(n) => {
                stage.steps(at + 1..=at + n);
                at += n;
            }
            // The commands tell who looks at what.
            Command::Look { screen, at } => {
                stage.send(Event::Alarm { step: screen, kind: AlarmKind::Other, message: format!("{at:?}") });
            }
            Command::Stop { .. } => return stage.ended(State::Stopped),
            _ => {}
        }
    }
}

fn layers() -> Inside {
    let output = Some(Output { mean: f32::NAN, std: 0.5, zeros: 0.25 });
    let layer = LayerStats { name: "fc".into(), gradient: 0.1, weight: 3.0, update: 1e-3, output, frozen: false };
    Inside { step: 1, gradient: 0.3, layers: vec![layer] }
}

fn run(runs: &Path) -> Session {
    let session = start_with(Recipe::default(), Options::default(), runs, play(obedient)).unwrap().serve();
    while !matches!(session.events.recv_timeout(PATIENCE).unwrap(), Event::Epoch(_)) {}
    session
}

fn rate(id: u64, value: f64) -> Command {
    let changes = vec![(find("schedule.base_lr").unwrap(), Value::Float(value))];
    Command::Edit { id, changes, when: When::Now }
}

fn fed() -> Pictures {
    let picture = Thumbnail::new(&[0.5; 12], [2, 2, 3], &[100.0; 3], &[60.0; 3]).unwrap();
    let image = PreviewImage { picture, label: 1, mixed: Some((0, 0.73)), mask: None };
    let agreement = Some(Agreement { images: 4, same: 3, teacher: 2, student: 1 });
    Pictures::Fed(BatchPreview { step: 4, epoch: 1.0, batch: 4, images: vec![image], smoothed: Some(0.9), agreement })
}

#[test]
fn pictures_that_are_none_are_refused() {
    let text = String::from_utf8(line(&Event::Pictures(Box::new(fed()))).unwrap()).unwrap();
    for (from, to) in [("\"height\":2", "\"height\":4000"), ("\"channels\":3", "\"channels\":0"), ("goKC", "goK!")] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text);
        assert!(next::<Event>(&mut wrong.as_bytes(), EVENT).is_err(), "{wrong}");
    }
}

#[test]
fn a_screen_that_looks_is_known_by_its_number_and_looks_no_more_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let session = run(dir.path());
    let screens = [attach(&session.dir).unwrap(), attach(&session.dir).unwrap()];
    let heard = |events: &std::sync::mpsc::Receiver<Event>| loop {
        if let Event::Alarm { step, message, .. } = events.recv_timeout(PATIENCE).unwrap() {
            return (step, message);
        }
    };
    for screen in &screens {
        screen.commands.send(Command::Look { screen: 0, at: Some(Target::Pictures) }).unwrap();
    }
    let [first, second] = [(); 2].map(|()| heard(&session.events));
    assert!(first.0 != second.0 && first.0 > 0 && second.0 > 0, "{first:?} {second:?}");
    let [gone, stays] = screens;
    drop(gone);
    let (screen, on) = heard(&session.events);
    assert!([first.0, second.0].contains(&screen) && on == "None");
    stays.commands.send(Command::Look { screen: 0, at: None }).unwrap();
    let (other, on) = heard(&session.events);
    assert!(other != screen && on == "None");
    session.commands.send(Command::Stop { save: false }).unwrap();
}

#[test]
fn every_event_survives_the_line() {
    let recipe = Recipe::default().with([(find("train.seed").unwrap(), Value::Int(3))]).unwrap();
    let nan = crate::train::StepRecord { loss: f32::NAN, img_s: f64::NAN, ..step(7) };
    let knob = find("tricks.mixup.on").unwrap();
    let to = Value::Bool(true);
    let events = [
        Event::State(State::Evaluating),
        Event::Steps(vec![step(1), nan]),
        Event::Scheduled { id: 3, knob, to: to.clone(), when: When::Step(9) },
        Event::Applied {
            id: 3,
            edit: 1,
            step: 9,
            changes: vec![Change { knob, from: Value::Bool(false), to }],
            by: None,
        },
        Event::Refused { id: 4, reason: "no".into() },
        epoch(2, 0.75),
        Event::Layers(Box::new(layers())),
        Event::Rate(RateSearch::Point(RatePoint { lr: 1e-7, loss: 2.5, smooth: 2.25 })),
        Event::Alarm { step: 8, kind: AlarmKind::Other, message: "the disk is full".into() },
        Event::Pictures(Box::new(fed())),
    ];
    for event in events {
        let text = line(&event).unwrap();
        let again: Event = next(&mut &text[..], EVENT).unwrap().unwrap();
        assert_eq!(format!("{again:?}"), format!("{event:?}"));
    }
    let text = serde_json::to_string(&recipe).unwrap();
    assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
}

#[test]
fn a_screen_sees_what_was_and_what_comes_and_steers() {
    let dir = tempfile::tempdir().unwrap();
    let session = run(dir.path());
    let mode = std::fs::metadata(session.dir.join(SOCKET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let screens = [attach(&session.dir).unwrap(), attach(&session.dir).unwrap()];
    for screen in &screens {
        assert!(matches!(screen.past.last(), Some(Event::Epoch(_))), "{:?}", screen.past);
        assert!(matches!(screen.events.recv_timeout(PATIENCE).unwrap(), Event::Started(_)));
        assert_eq!(screen.events.recv_timeout(PATIENCE).unwrap(), Event::State(State::Running));
    }
    // Each knows its own edits by the names that it gave, and no other's.
    screens[0].commands.send(rate(5, 0.2)).unwrap();
    let applied = |screen: &Attached| match screen.events.recv_timeout(PATIENCE).unwrap() {
        Event::Applied { id, changes, .. } => (id, changes[0].to.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(applied(&screens[0]), (5, Value::Float(0.2)));
    assert_eq!(applied(&screens[1]), (u64::MAX, Value::Float(0.2)));
    session.commands.send(rate(5, 0.3)).unwrap();
    assert_eq!(applied(&screens[0]), (u64::MAX, Value::Float(0.3)));
    let journal: Vec<Line> = crate::runs::logs::read(&session.dir.join("journal.jsonl")).unwrap();
    let by = |line: &Line| if let Line::Edit { by, .. } = line { by.clone() } else { None };
    let ours = format!("attached screen, process {}", std::process::id());
    assert!(by(&journal[0]).is_some_and(|by| by.starts_with(&ours)), "{journal:?}");

    // One that leaves takes nothing along; the end is told to the other, and the socket goes.
    let [left, stays] = screens;
    drop(left);
    assert_eq!(applied(&stays), (u64::MAX, Value::Float(0.3)));
    stays.commands.send(Command::Steps(2)).unwrap();
    assert_eq!(stays.events.recv_timeout(PATIENCE).unwrap(), Event::Steps(vec![step(5), step(6)]));
    stays.commands.send(Command::Stop { save: true }).unwrap();
    assert!(matches!(stays.events.recv_timeout(PATIENCE).unwrap(), Event::Ended(_)));
    let late = attach(&session.dir).unwrap();
    assert!(
        late.events.iter().take(3).any(|event| matches!(event, Event::Ended(_))),
        "one that comes late is told too"
    );
    let dir = session.dir.clone();
    drop(session);
    assert!(!dir.join(SOCKET).exists());
    assert!(attach(&dir).is_err_and(|e| e.to_string().contains("no screen can be opened")));
}

#[test]
fn what_is_no_command_closes_that_connection_alone() {
    let dir = tempfile::tempdir().unwrap();
    let session = run(dir.path());
    let screen = attach(&session.dir).unwrap();
    let hello = String::from_utf8(line(&Hello::ours()).unwrap()).unwrap();
    let long = format!("{hello}{{\"steps\":{}1}}\n", " ".repeat(COMMAND as usize));
    let cases = [
        "\n".to_string(),
        "GET / HTTP/1.1\r\n\r\n".into(),
        "{\"tricktop\":99,\"version\":\"9\"}\n\"pause\"\n".into(),
        format!("{hello}\"explode\"\n"),
        format!("{hello}{{\"edit\":{{\"id\":1,\"changes\":[[\"no.knob\",1]],\"when\":\"now\"}}}}\n"),
        format!("{hello}\u{0}\u{1}\n"),
        long,
    ];
    for case in cases {
        let mut stream = UnixStream::connect(session.dir.join(SOCKET)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The run may have closed it before all is said.
        let _ = stream.write_all(case.as_bytes());
        let mut said = String::new();
        let closed = BufReader::new(stream).read_to_string(&mut said);
        assert!(closed.is_ok() || closed.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset), "{case:?}");
    }
    // Everything else is as it was.
    screen.commands.send(Command::Steps(1)).unwrap();
    let steps = screen.events.iter().find(|e| matches!(e, Event::Steps(_))).unwrap();
    assert_eq!(steps, Event::Steps(vec![step(5)]));
    session.commands.send(Command::Stop { save: false }).unwrap();
}
