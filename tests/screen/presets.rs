//! The dialog of a preset that changed: keys in, effects out.
use crate::keys::{edit, send};
use crate::script::*;
use tricktop::app::{Effect, Modal, Msg};
use tricktop::recipe::Value;
use tricktop::train::{Command, When};

pub fn changed(screen: &Screen, changes: &[(&str, Value)]) -> Msg {
    let recipe = screen.state.recipe().with(changes.iter().map(|(p, v)| (knob(p), v.clone()))).unwrap();
    Msg::PresetChanged("quick.ron".into(), Box::new(Ok(recipe)))
}

#[test]
fn a_changed_preset_is_one_edit_when_accepted_and_nothing_when_not() {
    let changes = [("schedule.base_lr", Value::Float(0.4)), ("tricks.mixup.on", Value::Bool(true))];
    let mut screen = Screen::running(100);
    screen.taken();
    let msg = changed(&screen, &changes);
    screen.send(msg);
    screen.keys("<enter>");
    let changes = changes.map(|(p, v)| (knob(p), v)).to_vec();
    assert_eq!(screen.taken(), [send(Command::Edit { id: 0, changes, when: When::Now })]);
    assert_eq!(screen.state.recipe().schedule.base_lr, 0.4);
    screen.keys("u");
    assert_eq!(screen.state.recipe().schedule.base_lr, 0.2);
    assert!(!screen.state.recipe().tricks.mixup.on);
}

#[test]
fn what_was_kept_is_not_asked_about_again_before_the_preset_changes_it() {
    let mut screen = Screen::running(100);
    screen.taken();
    let (lr, mixup) = (("schedule.base_lr", Value::Float(0.4)), ("tricks.mixup.on", Value::Bool(true)));
    let msg = changed(&screen, std::slice::from_ref(&lr));
    screen.send(msg.clone());
    assert!(matches!(screen.state.modal(), Some(Modal::Preset(_))));
    screen.keys("<esc>");
    screen.send(msg);
    assert!(screen.state.modal().is_none() && screen.text(160, 50).contains("asks for nothing new"));
    // Saved with another change: that alone is applied, unless somebody chooses the other one too.
    let msg = changed(&screen, &[lr, mixup]);
    screen.send(msg.clone());
    let text = screen.text(120, 36);
    assert!(text.contains("[x]  mixup") && text.contains("[ ]  lr") && text.contains("yours"), "{text}");
    screen.keys("<enter>");
    assert_eq!(screen.taken(), [edit("tricks.mixup.on", Value::Bool(true), When::Now)]);
    // Another value is asked about.
    let msg = changed(&screen, &[("schedule.base_lr", Value::Float(0.5))]);
    screen.send(msg);
    screen.keys("<enter>");
    assert_eq!(screen.taken(), [edit("schedule.base_lr", Value::Float(0.5), When::Now)]);
}

#[test]
fn lines_of_a_changed_preset_are_taken_one_by_one() {
    let lines = [
        ("schedule.base_lr", Value::Float(0.4)),
        ("tricks.mixup.on", Value::Bool(true)),
        ("tricks.smoothing.on", Value::Bool(true)),
    ];
    let mut screen = Screen::running(100);
    screen.taken();
    let msg = changed(&screen, &lines);
    screen.send(msg.clone());
    screen.keys("<down><space><enter>");
    let taken = screen.taken();
    let [Effect::Send(Command::Edit { changes, .. })] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!(changes.len(), 2);
    screen.send(msg);
    assert!(screen.state.modal().is_none(), "the line left out is not asked about again");
    // None is chosen: nothing is sent.
    let msg = changed(&screen, &[("optim.momentum", Value::Float(0.8))]);
    screen.send(msg);
    screen.keys("<space><enter>");
    assert_eq!(screen.taken(), []);
    assert!(screen.text(120, 36).contains("no line was chosen"));
}

#[test]
fn a_changed_preset_leaves_the_edits_of_the_run_alone() {
    let mut screen = Screen::running(100);
    screen.keys(":momentum 0.8<enter>");
    screen.taken();
    // The preset as it was, but for the rate.
    let preset = recipe().with([(knob("schedule.base_lr"), Value::Float(0.4))]).unwrap();
    screen.send(Msg::PresetChanged("quick.ron".into(), Box::new(Ok(preset))));
    screen.keys("<enter>");
    assert_eq!(screen.taken(), [edit("schedule.base_lr", Value::Float(0.4), When::Now)]);
    assert_eq!(screen.state.recipe().optim.momentum, 0.8);
}

#[test]
fn what_a_preset_changes_that_needs_a_new_run_is_offered_as_one() {
    let mut screen = Screen::running(100);
    screen.taken();
    let msg = changed(&screen, &[("train.seed", Value::Int(9)), ("schedule.base_lr", Value::Float(0.4))]);
    screen.send(msg);
    screen.keys("a");
    assert_eq!(screen.taken(), [edit("schedule.base_lr", Value::Float(0.4), When::Now)]);
    assert!(matches!(screen.state.modal(), Some(Modal::Fork)));
}

#[test]
fn a_broken_preset_is_reported_and_changes_nothing() {
    let mut screen = Screen::running(100);
    let before = screen.state.recipe().clone();
    screen
        .send(Msg::PresetChanged("quick.ron".into(), Box::new(Err("quick.ron:4:24: unknown field `epsilonn`".into()))));
    assert!(screen.state.modal().is_none());
    assert_eq!(*screen.state.recipe(), before);
    assert!(screen.text(160, 50).contains("unknown field `epsilonn`"));
}

#[test]
fn a_preset_does_not_push_a_value_being_typed_away() {
    let mut screen = Screen::running(100);
    screen.keys("1<enter>0.35");
    let msg = changed(&screen, &[("train.seed", Value::Int(9))]);
    screen.send(msg);
    assert!(matches!(screen.state.modal(), Some(Modal::Edit(_))));
    screen.keys("<enter>");
    assert_eq!(screen.state.recipe().schedule.base_lr, 0.35);
}
