//! What a person sees and is told, and sets for the screen: crosshair, help, keys, themes, notifications.

use crate::script::*;
use tricktop::app::keys::{Action, BINDINGS};
use tricktop::app::{Effect, Msg, Occasion, Options, State, THEMES, Theme, with_keys};
use tricktop::recipe::Value;
use tricktop::train::{self, Change, Command, Event};

#[test]
fn the_crosshair_reads_all_curves_at_one_place_and_stops_at_edits() {
    let mut screen = Screen::running(100);
    screen.keys(":lr 0.1<enter>");
    screen.steps(100);
    assert!(screen.state.reading().is_none());
    screen.keys("3<left>");
    let here = screen.state.reading().unwrap();
    assert_eq!((here.step, here.edits.len()), (200, 0));
    // One place at a time it cannot pass the edit.
    for _ in 0..120 {
        screen.keys("<left>");
        if !screen.state.reading().unwrap().edits.is_empty() {
            break;
        }
    }
    let there = screen.state.reading().unwrap();
    assert_eq!((there.step, &there.edits[..]), (100, &["lr 0.1".to_string()][..]));
    assert!(there.train.is_some() && there.val.is_some() && there.figures[0].1.is_some(), "{there:?}");
    assert_eq!(there.rate, screen.state.reading().unwrap().rate);
    let text = screen.text(120, 36);
    assert!(text.contains("step 100, epoch 1.08  lr 0.1  train"), "{text}");
    assert!(text.matches('┃').count() > 10, "{text}");
    screen.keys("g");
    assert_eq!(screen.state.reading().unwrap().step, 0);
    screen.keys("<left><esc>");
    assert!(screen.state.reading().is_none());
}

#[test]
fn the_crosshair_counts_steps_where_the_batch_size_changed() {
    let mut screen = Screen::running(93);
    let batch = Change { knob: knob("train.batch"), from: Value::Int(128), to: Value::Int(64) };
    screen.event(Event::Applied { id: 0, edit: 1, step: 93, changes: vec![batch], by: None });
    let record =
        |step: u64, epoch| train::StepRecord { step, epoch, loss: 1.0, lr: 0.1, img_s: 1.0, wait: 0.0, scaling: None };
    let records = (1..=187).map(|i| record(93 + i, 1.0 + i as f64 / 187.0)).collect();
    screen.event(Event::Steps(records));
    screen.keys("3<left>");
    assert_eq!(screen.state.reading().unwrap().step, 280);
    for (places, step) in [(4, 187), (4, 93)] {
        screen.keys(&"<left>".repeat(places));
        let at = screen.state.reading().unwrap();
        assert!(at.step.abs_diff(step) <= 1, "{at:?}");
    }
}

#[test]
fn the_help_is_searched() {
    let mut screen = Screen::running(100);
    screen.keys("?/beta");
    let text = screen.text(120, 36);
    assert!(text.contains("tricks.mixup.alpha") && !text.contains("optim.momentum"), "{text}");
    screen.keys("<enter><esc>");
    assert!(screen.text(120, 36).contains("Help"), "the search goes first");
    screen.keys("/no such thing");
    assert!(screen.text(120, 36).contains("nothing is found"));
    screen.keys("<esc><esc>");
    assert!(screen.state.modal().is_none());
}

#[test]
fn tab_shows_what_may_stand_in_the_command_line() {
    let mut screen = Screen::running(100);
    screen.keys(":mix<tab>");
    for (width, height) in [(80, 24), (120, 36), (50, 12)] {
        let text = screen.text(width, height);
        assert!(text.contains("tab: one of these") && text.contains("mixup-alpha"), "{text}");
        assert!(text.contains(":mixup"), "the line is seen: {text}");
    }
    screen.keys("<back>");
    assert!(!screen.text(80, 24).contains("tab: one of these"), "it goes with the next key");
    screen.keys("<c-u><tab>");
    let text = screen.text(80, 24);
    assert!(text.contains("rollback") && text.contains("more"), "{text}");
    screen.keys("<c-u>decay <tab>");
    assert!(screen.text(80, 24).contains("Constant"));
    screen.keys("<c-u>lr <tab>");
    assert!(screen.text(80, 24).contains("lr is 0.2; it may be a number in (0, 100]"));
}

#[test]
fn a_theme_is_taken_by_its_name() {
    let mut screen = Screen::running(100);
    screen.keys(":theme l<tab><enter>");
    assert!(screen.text(80, 24).contains("theme light"));
    screen.keys(":theme ligth<enter>");
    let text = screen.text(120, 36);
    assert!(text.contains("there is no theme \"ligth\"; the themes are dark, light, safe, contrast, mono"), "{text}");
    screen.keys("<esc>");
    screen.send(Msg::Themes(Ok(vec![THEMES[0].clone(), Theme { name: "own".into(), ..THEMES[1].clone() }])));
    screen.keys(":theme <tab>");
    assert!(screen.text(80, 24).contains("own"));
}

#[test]
fn keys_that_a_person_set_work_and_are_shown() {
    let set = [(Action::Pause, vec!["f2".parse().unwrap(), "P".parse().unwrap()])];
    let mut screen = Screen::running(100);
    screen.state = State::new(Options { keys: with_keys(BINDINGS, &set.into()).unwrap(), ..options() }, recipe());
    screen.steps(10);
    screen.taken();
    screen.keys("pP");
    assert_eq!(screen.taken(), [Effect::Send(Command::Pause)]);
    let text = screen.text(120, 36);
    assert!(text.contains("f2 P resume"), "{text}");
}

#[test]
fn themes_change_while_the_screen_is_open_and_a_broken_one_is_told() {
    let mut screen = Screen::running(100);
    let own = Theme { name: "own".into(), ..THEMES[1].clone() };
    screen.send(Msg::Themes(Ok(vec![THEMES[0].clone(), own])));
    screen.keys("T");
    assert!(screen.text(120, 36).contains("theme own"));
    let own = Theme { name: "own".into(), ..THEMES[2].clone() };
    screen.send(Msg::Themes(Ok(vec![own])));
    screen.keys("T");
    assert!(screen.text(120, 36).contains("theme own"), "the one in force stays");
    screen.send(Msg::Themes(Err("own.ron: 1:2: no".into())));
    assert!(screen.text(120, 36).contains("a theme has a mistake"));
}

#[test]
fn a_person_is_told_of_the_end_of_alarms_and_of_the_best() {
    let mut screen = Screen::running(100);
    screen.taken();
    screen.event(Event::Alarm { step: 100, kind: train::AlarmKind::Other, message: "the disk is full".into() });
    assert_eq!(screen.taken(), [Effect::Tell(Occasion::Alarm, "the disk is full".into())]);
    let evaluation = screen.script.evaluation();
    let end = train::EpochEnd { epoch: 2, train_loss: 0.5, img_s: 1.0, evaluation, best: true };
    screen.event(Event::Epoch(Box::new(end)));
    assert!(matches!(&screen.taken()[..], [Effect::Tell(Occasion::Best, text)] if text.contains("best")));
}

#[test]
fn a_run_that_begins_is_asked_anew_and_one_without_its_screen_no_more() {
    let mut screen = Screen::running(100);
    screen.taken();
    screen.keys("9");
    screen.event(Event::Layers(Box::new(inside(90))));
    assert!(screen.text(120, 36).contains("layer1.0.conv1"));
    assert_eq!(screen.taken(), [look(LAYERS)]);
    let end = screen.script.end(train::State::Done);
    screen.event(end);
    screen.keys(":epochs 30<enter>r");
    assert!(matches!(&screen.taken()[..], [.., Effect::Start(_), told] if *told == look(LAYERS)), "after the start");
    assert!(!screen.text(120, 36).contains("layer1.0.conv1"));
    let recipe = screen.script.recipe.clone();
    screen.event(Event::State(train::State::Starting));
    screen.event(Event::Started(Box::new(info(&recipe))));
    screen.event(Event::State(train::State::Running));
    assert_eq!(screen.taken(), [], "it has been told");
    screen.send(Msg::Gone);
    assert_eq!(screen.taken(), [Effect::LetGo, look(None)]);
}

#[test]
fn a_card_that_is_nearly_full_is_told_once() {
    let mut screen = Screen::starting();
    let mut info = info(&screen.script.recipe);
    info.device = "cuda 1 NVIDIA H100 80GB HBM3".into();
    screen.event(Event::Started(Box::new(info)));
    screen.event(Event::State(train::State::Running));
    let look = |screen: &mut Screen, index: usize, percent: u64| {
        let mut sample = gpu_sample(2, 3);
        for gpu in &mut sample.gpus {
            gpu.processes = None;
        }
        sample.gpus[index].memory_used = Some(800_000_000 * percent);
        screen.send(Msg::Hardware(sample));
        screen.taken()
    };
    assert_eq!(look(&mut screen, 0, 99), [], "it is another GPU");
    assert_eq!(look(&mut screen, 1, 94), []);
    assert!(matches!(look(&mut screen, 1, 96)[..], [Effect::Tell(Occasion::Alarm, _)]));
    assert!(screen.text(160, 50).contains("GPU 1 is nearly full, 76.8 of 80.0 GB are in use"));
    assert_eq!(look(&mut screen, 1, 97), []);
    assert_eq!(look(&mut screen, 1, 80), []);
    assert!(matches!(look(&mut screen, 1, 97)[..], [Effect::Tell(Occasion::Alarm, _)]));
    look(&mut screen, 1, 80);
    screen.keys(":alarms.memory Off<enter>");
    screen.taken();
    assert_eq!(look(&mut screen, 1, 97), []);
}

#[test]
fn the_crosshair_goes_with_its_run() {
    let mut screen = Screen::running(100);
    screen.keys("3<left><left>");
    assert!(screen.state.reading().is_some());
    let end = screen.script.end(train::State::Stopped);
    screen.event(end);
    screen.keys("fn");
    assert!(screen.state.reading().is_none(), "another run is another curve");
}

#[test]
fn the_header_says_what_is_frozen_and_until_when() {
    let mut screen = Screen::running(100);
    assert!(!screen.text(120, 36).contains("frozen"));
    let word = |word: &str| Value::Word(word.into());
    let mut edit = |edit, path, from, to| {
        let changes = vec![Change { knob: knob(path), from, to }];
        screen.event(Event::Applied { id: 0, edit, step: 100, changes, by: None });
        [(80, 24), (120, 36)].map(|(width, height)| screen.text(width, height))
    };
    for text in edit(1, "finetune.freeze", word("None"), word("Stage2")) {
        assert!(text.contains("  frozen: to stage 2  "), "{text}");
    }
    for text in edit(2, "finetune.freeze_epochs", Value::Int(0), Value::Int(4)) {
        assert!(text.contains("frozen: to stage 2 until epoch 4"), "{text}");
    }
    for text in edit(3, "finetune.freeze_epochs", Value::Int(4), Value::Int(1)) {
        assert!(!text.contains("frozen:"), "it is over: {text}");
    }
}
