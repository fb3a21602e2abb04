//! Keys in, effects out: what every key does to a run.

use crate::presets::changed;
use crate::script::*;
use std::path::PathBuf;
use tricktop::app::{Begin, Effect, Modal, Msg};
use tricktop::recipe::Value;
use tricktop::train::{self, AlarmKind, Change, Command, Event, Figure, RolledBack, Score, When};

pub fn edit(path: &str, value: Value, when: When) -> Effect {
    Effect::Send(Command::Edit { id: 0, changes: vec![(knob(path), value)], when })
}

pub fn send(command: Command) -> Effect {
    Effect::Send(command)
}

fn case(keys: &'static str, effects: Vec<Effect>) -> (&'static str, Vec<Effect>) {
    (keys, effects)
}

#[test]
fn keys_lead_to_commands() {
    let lr = |v, when| edit("schedule.base_lr", Value::Float(v), when);
    let mixup = |on| edit("tricks.mixup.on", Value::Bool(on), When::Now);
    let cases = [
        // Editing.
        case("<enter>0.35<enter>", vec![lr(0.35, When::Now)]),
        case("<enter>0.35e<enter>", vec![lr(0.35, When::NextEpoch)]),
        case("<enter>0.35<c-e>", vec![lr(0.35, When::NextEpoch)]),
        case("<enter>0.35@500<enter>", vec![lr(0.35, When::Step(500))]),
        case("<enter>3e-2<enter>", vec![lr(0.03, When::Now)]),
        case("<enter>0.35<esc>", vec![]),
        case("<enter><enter>", vec![]),
        case("<enter><back>1<enter>", vec![lr(0.1, When::Now)]),
        // What changes nothing is not sent, what changes it sooner is.
        case("<enter>0.2<enter>", vec![]),
        case(":lr 0.2<enter>", vec![]),
        case(":lr 0.2e<enter>", vec![]),
        case(":mixup off<enter>", vec![]),
        case(":lr 0.3e<enter>:lr 0.3e<enter>", vec![lr(0.3, When::NextEpoch)]),
        case(":lr 0.3@900<enter>:lr 0.3<enter>", vec![lr(0.3, When::Step(900)), lr(0.3, When::Now)]),
        case(":batch 64<enter>:batch 64<enter>", vec![edit("train.batch", Value::Int(64), When::NextEpoch)]),
        case("<enter>0,1<enter>", vec![]),
        case("<enter>-1<enter>", vec![]),
        case("<enter><up><up><enter>", vec![lr(0.31, When::Now)]),
        // Steps.
        case("+", vec![lr(0.25, When::Now)]),
        case("-", vec![lr(0.16, When::Now)]),
        case("++", vec![lr(0.25, When::Now), lr(0.31, When::Now)]),
        case("j+", vec![edit("optim.momentum", Value::Float(0.91), When::Now)]),
        // Switches, in the tricks' pane.
        case("2jjjjjj<space>", vec![mixup(true)]),
        case("2jjjjjj<space><space>", vec![mixup(true), mixup(false)]),
        case("2jjjjjj<enter>0.4<enter>", vec![edit("tricks.mixup.alpha", Value::Float(0.4), When::Now)]),
        case("2jjjjjj<right><space>", vec![mixup(true)]),
        case("2jjjjjjl+h<space>", vec![edit("tricks.mixup.alpha", Value::Float(0.25), When::Now), mixup(true)]),
        case("2jjjjjj+", vec![edit("tricks.mixup.alpha", Value::Float(0.25), When::Now)]),
        case("2jjjjjjljj+", vec![edit("tricks.mixup.off_epochs", Value::Int(1), When::Now)]),
        case("2jj<enter>+", vec![]),
        // The command line.
        case(":lr 0.1<enter>", vec![lr(0.1, When::Now)]),
        case(":set schedule.base_lr=0.1@900<enter>", vec![lr(0.1, When::Step(900))]),
        case(":mixup on<enter>", vec![mixup(true)]),
        case(":steps 10<enter>", vec![send(Command::Steps(10))]),
        case(":save<enter>", vec![send(Command::Save)]),
        case(":eval<enter>", vec![send(Command::Evaluate)]),
        case(
            ":predict my photo.jpg<enter>",
            vec![send(Command::Predict { id: 1, path: PathBuf::from("my photo.jpg") })],
        ),
        case(":predict ph<tab><esc>", vec![Effect::Paths("ph".into())]),
        case(":predict<enter><esc>", vec![]),
        case(":nonsense<enter><esc>", vec![]),
        case(":lr 0.1<esc>", vec![]),
        // Running.
        case("p", vec![send(Command::Pause)]),
        case("pp", vec![send(Command::Pause), send(Command::Resume)]),
        case("s", vec![send(Command::Steps(1))]),
        case("S10<enter>", vec![send(Command::Steps(10))]),
        case("w", vec![send(Command::Save)]),
        case("E", vec![send(Command::Evaluate)]),
        // Undo sends the old value.
        case("+u", vec![lr(0.25, When::Now), lr(0.2, When::Now)]),
        case("u", vec![]),
        case("+uu", vec![lr(0.25, When::Now), lr(0.2, When::Now)]),
        // Rolling back, forking.
        case("U", vec![send(Command::RollBack { id: 1 })]),
        case(":rollback<enter>", vec![send(Command::RollBack { id: 1 })]),
        // Command lines come back.
        case(":pause<enter>:<up><enter>", vec![send(Command::Pause), send(Command::Pause)]),
        case(
            ":eval<enter>:pause<enter>:<up><up><enter>",
            vec![send(Command::Evaluate), send(Command::Pause), send(Command::Evaluate)],
        ),
        case(":pause<enter>:eva<up><down>l<enter>", vec![send(Command::Pause), send(Command::Evaluate)]),
        case("f", vec![]),
        case("fk", vec![]),
        case(
            "fh",
            vec![
                send(Command::Stop { save: true }),
                Effect::Start(Begin::Fork(PathBuf::from("runs/quick-7"), Vec::new())),
            ],
        ),
        // Stopping.
        case("q", vec![]),
        case("qk", vec![]),
        case("q<esc>", vec![]),
        case("qs", vec![send(Command::Stop { save: true }), ended()]),
        case("qn", vec![send(Command::Stop { save: false }), ended()]),
        case("qsq", vec![send(Command::Stop { save: true }), ended(), Effect::Leave]),
        case("<c-c>", vec![]),
        case("<c-c><c-c>", vec![send(Command::Stop { save: true }), Effect::Leave]),
        case("?<c-c><c-c>", vec![send(Command::Stop { save: true }), Effect::Leave]),
        case(":wq<enter>", vec![send(Command::Stop { save: true }), Effect::Leave]),
        case("m", vec![Effect::Mouse(true)]),
        case("mm", vec![Effect::Mouse(true), Effect::Mouse(false)]),
        // A knob of a new run is never sent to this one.
        case(":depth 32<enter>k", vec![]),
        case(":depth 32<enter>x", vec![]),
        // Nothing is destroyed by Esc.
        case("<esc><esc><esc>", vec![]),
        // Looking around changes nothing.
        case("3zyxz4567TTT1/mix<enter>/<esc>?jjG<esc>", vec![]),
        // The pane "Inside" is looked at as long as it is on the screen.
        case("7<tab><tab>", vec![look(PICTURES), look(LAYERS)]),
        case("9", vec![look(LAYERS)]),
        case("9jjkG1jj", vec![look(LAYERS)]),
        case("93", vec![look(LAYERS), look(None)]),
        case("9z1", vec![look(LAYERS), look(None)]),
        case("9939", vec![look(LAYERS), look(None), look(LAYERS)]),
    ];
    lead_to(cases);
}

#[test]
fn a_rollback_takes_curves_marks_and_values_back_and_leaves_a_ghost() {
    let mut screen = Screen::running(100);
    screen.keys("1+");
    screen.steps(60);
    let dots = |screen: &mut Screen| {
        let picture = screen.text(120, 36);
        (picture.contains("lr 0.25"), picture.contains("step   160"))
    };
    assert_eq!(dots(&mut screen), (true, true));
    let back = RolledBack {
        step: 100,
        epoch: 100.0 / STEPS_PER_EPOCH as f64,
        from: 160,
        edits: vec![1],
        best: Some(Score { figure: Figure::Top1, value: 0.6 }),
        best_epoch: None,
        recipe: recipe(),
    };
    screen.event(Event::RolledBack(Box::new(back)));
    assert_eq!(dots(&mut screen), (false, false));
    assert_eq!(screen.state.recipe().schedule.base_lr, 0.2);
    // Nothing is left of the edit that could be undone.
    screen.taken();
    screen.keys("u");
    assert_eq!(screen.taken(), []);
    // Steps go on from there.
    screen.script.step = 100;
    screen.steps(5);
    assert!(screen.text(120, 36).contains("step   105"));
}

#[test]
fn a_value_is_pending_until_the_trainer_has_applied_it() {
    let mut screen = Screen::running(100);
    screen.answers = false;
    screen.keys("1<enter>0.35<enter>");
    assert_eq!(screen.state.recipe().schedule.base_lr, 0.2);
    assert!(screen.text(80, 24).contains("0.2 → 0.35 wait"));
    let applied = screen.script.apply(1, knob("schedule.base_lr"), Value::Float(0.35));
    screen.event(applied);
    assert_eq!(screen.state.recipe().schedule.base_lr, 0.35);
    assert!(!screen.text(80, 24).contains("wait"));
}

#[test]
fn a_refused_edit_says_why_and_leaves_the_value() {
    let mut screen = Screen::running(100);
    screen.answers = false;
    screen.keys("1<enter>0.35<enter>");
    screen.event(Event::Refused { id: 1, reason: "the run is about to end".into() });
    let text = screen.text(80, 24);
    assert!(text.contains("refused: the run is about to end") && !text.contains("wait"), "{text}");
}

#[test]
fn knobs_that_only_make_sense_together_change_together() {
    let mut screen = Screen::running(100);
    // Ten epochs of warmup do not fit a run of five: the pair is valid only together.
    let change = |path: &str, from, to| Change { knob: knob(path), from, to };
    let changes = vec![
        change("train.epochs", Value::Int(15), Value::Int(20)),
        change("schedule.warmup.epochs", Value::Float(1.0), Value::Float(18.0)),
    ];
    screen.event(Event::Applied { id: 9, edit: 1, step: 100, changes, by: None });
    assert_eq!((screen.state.recipe().train.epochs, screen.state.recipe().schedule.warmup.epochs), (20, 18.0));
}

#[test]
fn a_new_run_starts_when_the_present_one_has_saved_and_ended() {
    let mut screen = Screen::running(100);
    screen.taken();
    screen.answers = false;
    screen.keys(":depth 32<enter>");
    assert!(matches!(screen.state.modal(), Some(Modal::Fork)));
    screen.keys("n");
    assert_eq!(screen.taken(), [send(Command::Stop { save: true })]);
    let end = screen.script.end(train::State::Stopped);
    screen.event(end);
    let wanted = recipe().with([(knob("net.depth"), Value::Int(32))]).unwrap();
    assert_eq!(screen.taken(), [Effect::Start(Begin::New(Box::new(wanted)))]);
    assert_eq!(screen.state.run_state(), train::State::Starting);
}

#[test]
fn after_the_end_an_edit_is_for_a_new_run() {
    let mut screen = Screen::running(100);
    let end = screen.script.end(train::State::Done);
    screen.event(end);
    screen.taken();
    screen.keys("p");
    assert_eq!(screen.taken(), []);
    screen.keys("1+fn");
    let wanted = recipe().with([(knob("schedule.base_lr"), Value::Float(0.25))]).unwrap();
    assert_eq!(screen.taken(), [Effect::Start(Begin::New(Box::new(wanted)))]);
}

#[test]
fn a_search_that_is_given_up_leaves_the_cursor_where_it_was() {
    for (keys, knob_there) in [("1jj", "optim.weight_decay"), ("2jjj", "tricks.no_bias_decay")] {
        let mut screen = Screen::running(100);
        screen.keys(keys);
        assert_eq!(screen.state.selected(), Some(knob(knob_there)));
        screen.keys("/mixup");
        assert_eq!(screen.state.selected(), Some(knob("tricks.mixup.on")));
        screen.keys("<esc>");
        assert_eq!(screen.state.selected(), Some(knob(knob_there)), "{keys}");
    }
    let mut screen = Screen::running(100);
    screen.keys("3/mixup<esc>");
    assert_eq!(screen.state.selected(), None, "a chart had the focus");
    screen.keys("/mixup<enter>");
    assert_eq!(screen.state.selected(), Some(knob("tricks.mixup.on")));
}

#[test]
fn keys_say_what_they_do_where_the_screen_was_opened_from() {
    let ended = |open: fn(&mut tricktop::app::State)| {
        let mut screen = Screen::running(100);
        open(&mut screen.state);
        let end = screen.script.end(train::State::Stopped);
        screen.event(end);
        screen.taken();
        screen
    };
    let last = |screen: &mut Screen| screen.text(120, 36).lines().last().unwrap().to_string();
    assert!(last(&mut ended(|_| {})).contains("r go on  q leave"));
    // Whoever trains the suite begins its runs.
    let mut screen = ended(tricktop::app::State::visit);
    let keys = last(&mut screen);
    assert!(!keys.contains("r go on") && keys.contains("q back"), "{keys}");
    for keys in ["r", "f", ":depth 32<enter>", "+", ":resume<enter>", ":fork<enter>", ":pause<enter>"] {
        screen.keys(keys);
        assert!(screen.text(120, 36).contains("a suite trains this run"), "{keys}");
        assert!(screen.state.modal().is_none() && screen.taken().is_empty(), "{keys}");
        screen.keys("<esc>");
    }
    assert!(last(&mut ended(tricktop::app::State::browse)).contains("r go on  q back"));
    let stops = |open: fn(&mut tricktop::app::State)| {
        let mut screen = Screen::running(100);
        open(&mut screen.state);
        screen.keys("q");
        screen.text(120, 36)
    };
    assert!(stops(tricktop::app::State::visit).contains("d  back to the suite"));
    assert!(stops(tricktop::app::State::attach).contains("d  leave the screen; the run goes on"));
    assert!(stops(|_| {}).contains("d  leave the screen, the run goes on; tricktop attach"));
}

#[test]
fn signals_save_and_leave_once_and_a_lost_trainer_is_said() {
    let mut screen = Screen::running(100);
    screen.taken();
    screen.answers = false;
    screen.send(Msg::Signal);
    screen.send(Msg::Signal);
    assert_eq!(screen.taken(), [send(Command::Stop { save: true })]);
    let end = screen.script.end(train::State::Stopped);
    screen.event(end);
    assert_eq!(screen.taken(), [Effect::Leave]);

    let mut screen = Screen::running(100);
    screen.send(Msg::Lost("the trainer ended without a word: out of memory".into()));
    assert_eq!(screen.state.run_state(), train::State::Failed);
    assert!(screen.text(120, 36).contains("out of memory"));
    let lines = screen.state.closing_lines();
    assert_eq!(lines[0], "failed at step 100, best top-1 74.0 % (epoch 1), 0:00");
    assert_eq!(lines[1], "error: the trainer ended without a word: out of memory");
}

#[test]
fn a_run_goes_on_without_its_screen() {
    for keys in ["qd", ":detach<enter>", ""] {
        let mut screen = Screen::running(100);
        screen.taken();
        screen.keys(keys);
        if keys.is_empty() {
            screen.send(Msg::Gone);
            screen.send(Msg::Gone);
        }
        screen.steps(50);
        assert_eq!(screen.taken(), [Effect::LetGo], "{keys}");
        let end = screen.script.end(train::State::Done);
        screen.event(end);
        assert_eq!(screen.taken(), [Effect::Leave], "{keys}");
    }

    // Another process trains the run: nothing that closes the screen stops it.
    for msg in [Msg::Gone, Msg::Signal] {
        let mut screen = Screen::running(100);
        screen.state.attach();
        screen.taken();
        screen.send(msg);
        assert_eq!(screen.taken().pop(), Some(Effect::Leave));
    }
    let mut screen = Screen::running(100);
    screen.state.attach();
    screen.taken();
    screen.keys("qd");
    assert_eq!(screen.taken(), [Effect::LetGo, Effect::Leave]);
    assert!(screen.state.parting_lines()[0].contains("tricktop attach runs/quick-7"));

    let mut screen = Screen::running(100);
    let end = screen.script.end(train::State::Done);
    screen.event(end);
    screen.taken();
    screen.send(Msg::Gone);
    assert_eq!(screen.taken(), [Effect::LetGo, Effect::Leave]);
}

#[test]
fn a_run_that_has_ended_goes_on_with_what_was_edited_since() {
    let ended = |state| {
        let mut screen = Screen::running(100);
        let end = screen.script.end(state);
        screen.event(end);
        screen.taken();
        screen
    };
    let again = |sets| [Effect::Start(Begin::TakeUp(PathBuf::from("runs/quick-7"), sets))];
    let mut screen = ended(train::State::Stopped);
    screen.keys("r");
    assert_eq!(screen.taken(), again(vec![]));

    // The net cannot change in a run: that value stays marked.
    let mut screen = ended(train::State::Failed);
    screen.keys(":lr 0.05<enter>:depth 32<enter><esc>r");
    assert_eq!(screen.taken(), again(vec![(knob("schedule.base_lr"), Value::Float(0.05))]));
    assert_eq!(screen.state.planned().net.depth, 20);
    screen.keys("f");
    assert!(matches!(screen.state.modal(), Some(Modal::Fork)));

    let mut screen = ended(train::State::Done);
    screen.keys("r");
    assert_eq!(screen.taken(), []);
    assert!(screen.text(120, 36).contains("its epochs are done"));
    screen.keys(":epochs 40<enter>:resume<enter>");
    assert_eq!(screen.taken(), again(vec![(knob("train.epochs"), Value::Int(40))]));
}

#[test]
fn the_second_interrupt_must_come_soon() {
    let mut screen = Screen::running(100);
    screen.taken();
    screen.tick(1_000);
    screen.keys("<c-c>");
    screen.tick(60_000);
    screen.keys("<c-c>");
    assert_eq!(screen.taken(), []);
    screen.keys("<c-c>");
    assert_eq!(screen.taken(), [send(Command::Stop { save: true }), Effect::Leave]);
}

#[test]
fn the_screen_changes_only_when_something_did() {
    let mut screen = Screen::running(100);
    screen.tick(10_000);
    let revision = screen.state.revision();
    for i in 0..1000 {
        screen.tick(10_000 + 100 * i);
    }
    assert_eq!(screen.state.revision(), revision);
    screen.keys("j");
    assert_ne!(screen.state.revision(), revision);
}

#[test]
fn the_closing_lines_name_result_directory_and_command() {
    let mut screen = Screen::running(100);
    screen.keys("+");
    let end = screen.script.end(train::State::Done);
    screen.event(end);
    let want = ["done at step 100, best top-1 92.1 % (epoch 9), 2:32", "runs/quick-7", "tricktop replay runs/quick-7"];
    assert_eq!(screen.state.closing_lines(), want);
}

/// Whatever is pressed and whatever the trainer says meanwhile: no panic, and the recipe stays what the trainer has.
#[test]
fn any_keys_and_events_in_any_order() {
    let keys = [
        "<enter>", "<esc>", "<space>", "<up>", "<down>", "<left>", "<right>", "<tab>", "<back>", "<c-c>", "<c-e>",
        "<c-u>", "+", "-", "u", "p", "s", "S", "E", "w", "f", ":", "/", "j", "k", "h", "l", "g", "G", "1", "2", "3",
        "4", "5", "6", "7", "9", "z", "y", "x", "T", "m", "?", "q", "n", "a", "e", "@", "0.1", "lr 0.3", "é",
        "depth 26", "mixup on", "[1, 2]", "8", "theme ", "0,1",
    ];
    let sizes = [(80, 24), (120, 36), (200, 60), (61, 17), (50, 12), (7, 3)];
    let mut seed = 7u64;
    let mut pick = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for _ in 0..30 {
        let mut screen = if pick(4) == 0 { Screen::starting() } else { Screen::running(90) };
        for i in 0..400 {
            match pick(20) {
                0 => screen.steps(2),
                1 => screen.tick(500 * i),
                2 if pick(2) == 0 => {
                    let msg = changed(&screen, &[("optim.momentum", Value::Float(0.1 * pick(9) as f64))]);
                    screen.send(msg);
                }
                2 => screen.send(Msg::Paste("0.5@700\n".into())),
                3 => screen.event(Event::Refused { id: 1, reason: "not now".into() }),
                4 => screen.event(Event::Alarm { step: 1, kind: AlarmKind::NonFinite, message: "not finite".into() }),
                5 if pick(2) == 0 => screen.event(Event::Layers(Box::new(inside(pick(400) as u64)))),
                5 => {
                    let (width, height) = sizes[pick(sizes.len())];
                    screen.draw(width, height);
                }
                _ => screen.keys(keys[pick(keys.len())]),
            }
            if screen.effects.iter().any(|e| matches!(e, Effect::Start(_) | Effect::Leave)) {
                break;
            }
            assert_eq!(*screen.state.recipe(), screen.script.recipe);
        }
    }
}

#[test]
fn an_edit_for_later_and_its_undo_leave_nothing_on_the_row() {
    let mut screen = Screen::running(100);
    screen.keys("1<enter>0.35@500<enter>");
    assert!(screen.text(80, 24).contains("0.2 → 0.35 @500"));
    screen.keys("u");
    let text = screen.text(80, 24);
    assert!(!text.contains("0.2 → "), "{text}");
}
