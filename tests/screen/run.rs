//! The whole screen as pictures of text, in every size and state that matters.

use crate::script::*;
use insta::assert_snapshot;
use ratatui::style::Color;
use tricktop::app::Msg;
use tricktop::app::hardware::{Gpu, Sample};
use tricktop::recipe::Value;
use tricktop::train::{
    self, AlarmKind, Change, Confusion, EpochEnd, Evaluation, Event, Figure, Figures, RolledBack, Scaling, Score,
    StepRecord,
};

/// A run after four epochs in which mixup was switched on.
fn mid_run() -> Screen {
    let mut screen = Screen::running(286);
    let applied = screen.script.apply(0, knob("tricks.mixup.on"), Value::Bool(true));
    screen.event(applied);
    screen.steps(114);
    screen.tick(90_000);
    screen
}

/// Pictures in the sizes that the layouts differ in.
fn pictures(name: &str, make: impl Fn() -> Screen) {
    pictures_of(name, &[(80, 24), (120, 36), (160, 50), (50, 12)], make);
}

fn pictures_of(name: &str, sizes: &[(u16, u16)], make: impl Fn() -> Screen) {
    for &(width, height) in sizes {
        assert_snapshot!(format!("{name}_{width}x{height}"), make().text(width, height));
    }
}

#[test]
fn starting() {
    pictures("starting", Screen::starting);
}

#[test]
fn running() {
    pictures("running", mid_run);
}

/// An epoch's end with a top-1 of `top1`.
pub fn epoch(number: u64, top1: f64, best: bool, classes: u32) -> Event {
    let confusion = Confusion { classes, counts: (0..classes.into()).map(|class| [class, class, 9]).collect() };
    let (step, epoch) = (number * STEPS_PER_EPOCH, number as f64);
    let evaluation = Evaluation { step, epoch, loss: 0.3, figures: Figures::Classes { top1, top5: 1.0 }, confusion };
    Event::Epoch(Box::new(EpochEnd { epoch: number, train_loss: 0.2, img_s: 1200.0, evaluation, best }))
}

#[test]
fn the_best_figure_stands_with_its_epoch() {
    let mut screen = Screen::running(10);
    for (number, top1, best) in [(1, 0.7, true), (2, 0.906, true), (3, 0.9, false)] {
        screen.event(epoch(number, top1, best, 10));
    }
    for (width, height, places) in [(80, 24, 0), (120, 36, 1), (160, 50, 2), (50, 12, 1)] {
        let text = screen.text(width, height);
        assert_eq!(text.matches("best 90.6 % (epoch 2)").count(), places, "{width}x{height}: {text}");
    }
    screen.keys("5");
    assert!(screen.text(80, 24).contains("best 90.6 % (epoch 2)"));
    let back = |step: u64, best: Option<f64>, best_epoch| {
        let (epoch, recipe, edits) = (step as f64 / STEPS_PER_EPOCH as f64, recipe(), vec![]);
        let best = best.map(|value| Score { figure: Figure::Top1, value });
        Event::RolledBack(Box::new(RolledBack { step, epoch, from: 300, edits, best, best_epoch, recipe }))
    };
    screen.event(back(100, Some(0.7), Some(1)));
    assert!(screen.text(80, 24).contains("best 70.0 % (epoch 1)"));
    screen.event(back(50, None, None));
    assert!(!screen.text(80, 24).contains("best 70.0 %"));
    let end = screen.script.end(train::State::Done);
    screen.event(end);
    assert!(screen.text(120, 36).contains("best top-1 92.1 % (epoch 9), 2:32"));
    // Of a run of an older program there is the figure alone.
    let mut screen = Screen::running(10);
    let Event::Ended(end) = screen.script.end(train::State::Done) else { return };
    screen.event(Event::Ended(Box::new(train::Summary { best_epoch: None, ..*end })));
    assert!(screen.text(120, 36).contains("best top-1 92.1 %, 2:32"));
}

#[test]
fn top_5_of_five_classes_is_not_shown() {
    for (classes, told) in [(5, false), (6, true)] {
        let mut screen = Screen::starting();
        let names = (0..classes).map(|class| format!("class {class}")).collect();
        screen.event(Event::Started(Box::new(train::RunInfo { classes: names, ..info(&recipe()) })));
        for number in 1..=2 {
            screen.steps(10);
            screen.event(epoch(number, 0.7, true, classes));
        }
        screen.keys("5<left>");
        for (width, height) in [(80, 24), (120, 36), (160, 50), (240, 60)] {
            let text = screen.text(width, height);
            assert_eq!(text.contains("top-5"), told && text.contains("top-1"), "{classes} classes: {text}");
        }
    }
}

/// Of a run that is taken up again only the logged steps are known.
#[test]
fn edits_of_the_past_have_their_own_steps() {
    let mut screen = Screen::starting();
    let change = Change { knob: knob("optim.momentum"), from: Value::Float(0.9), to: Value::Float(0.8) };
    for (edit, step) in [(1, 3), (2, 257)] {
        screen.event(Event::Applied { id: 0, edit, step, changes: vec![change.clone()], by: None });
    }
    screen.event(epoch(3, 0.8, true, 10));
    let lines: Vec<String> =
        screen.text(120, 36).lines().filter_map(|l| Some(l.rsplit_once("││")?.1.to_string())).collect();
    let step = |what: &str| {
        let line = lines.iter().rfind(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {lines:?}"));
        line.split_whitespace().next().unwrap().to_string()
    };
    assert!(lines.iter().any(|line| line.trim().starts_with("3  momentum 0.9")), "{lines:?}");
    assert_eq!((step("momentum"), step("epoch 3:")), ("257".into(), "279".into()));
}

#[test]
fn wide() {
    assert_snapshot!("running_240x60", mid_run().text(240, 60));
    assert_snapshot!("running_100x30", mid_run().text(100, 30));
    assert_snapshot!("running_60x16", mid_run().text(60, 16));
}

#[test]
fn typing_a_rate() {
    pictures("typing", || {
        let mut screen = mid_run();
        screen.keys("1<enter>0.35");
        screen
    });
}

#[test]
fn typing_a_mistake() {
    let mut screen = mid_run();
    screen.keys("1<enter>-3");
    assert_snapshot!("typing_mistake_80x24", screen.text(80, 24));
}

#[test]
fn a_trick_is_on_its_way() {
    pictures("pending", || {
        let mut screen = mid_run();
        screen.answers = false;
        screen.keys("2jjjjj<space>j<right>");
        screen.keys(":alpha 0.4@500<enter>");
        let alpha = knob("tricks.mixup.alpha");
        screen.event(Event::Scheduled { id: 2, knob: alpha, to: Value::Float(0.4), when: train::When::Step(500) });
        screen
    });
}

#[test]
fn paused() {
    pictures("paused", || {
        let mut screen = mid_run();
        screen.keys("p");
        screen.tick(200_000);
        screen
    });
}

/// A run that is looked into.
fn looked_into(keys: &str) -> Screen {
    let mut screen = mid_run();
    screen.keys("9");
    screen.event(Event::Layers(Box::new(inside(400))));
    screen.keys(keys);
    screen.tick(200_000);
    screen
}

#[test]
fn inside_the_net() {
    pictures_of("inside", &[(80, 24), (120, 36), (240, 60), (50, 12)], || looked_into("jjjjjjjjjjj"));
    assert_snapshot!("inside_zoom_80x24", looked_into("zG").text(80, 24));
    assert_snapshot!("inside_beside_the_knobs_120x36", looked_into("1jj").text(120, 36));
    let mut screen = plain(mid_run(), false, true);
    screen.keys("9jj");
    screen.event(Event::Layers(Box::new(inside(400))));
    assert_snapshot!("inside_ascii_80x24", screen.text(80, 24));
}

#[test]
fn half_precision_on_a_processor_is_called_emulated() {
    let mut screen = mid_run();
    let scaling = Some(Scaling { loss_scale: 32768.0, overflows: 2 });
    let record = StepRecord { scaling, ..screen.script.record() };
    screen.event(Event::Steps(vec![record]));
    let text = screen.text(120, 36);
    assert!(text.contains("emulated  f16 x 32") && text.contains("768, 2 overflows"), "{text}");
}

#[test]
fn alarm() {
    pictures("alarm", || {
        let mut screen = mid_run();
        let message = "the loss is not finite (NaN): paused before it spoils the weights".to_string();
        screen.event(Event::Alarm { step: 400, kind: AlarmKind::NonFinite, message });
        screen.event(Event::State(train::State::Paused));
        screen
    });
}

#[test]
fn stop_dialog() {
    pictures("stop", || {
        let mut screen = mid_run();
        screen.keys("q");
        screen
    });
}

#[test]
fn help() {
    pictures("help", || {
        let mut screen = mid_run();
        screen.keys("?");
        screen
    });
}

#[test]
fn rolled_back() {
    pictures_of("rolled_back", &[(80, 24), (120, 36)], || {
        let mut screen = mid_run();
        let back = train::RolledBack {
            step: 286,
            epoch: 286.0 / STEPS_PER_EPOCH as f64,
            from: 400,
            edits: vec![0],
            best: Some(Score { figure: Figure::Top1, value: 0.87 }),
            best_epoch: None,
            recipe: recipe(),
        };
        screen.event(Event::RolledBack(Box::new(back)));
        screen.script = Script { recipe: recipe(), step: 286 };
        screen.steps(40);
        screen
    });
}

#[test]
fn fork_dialog() {
    let mut screen = mid_run();
    screen.keys("f");
    assert_snapshot!("fork_from_here_80x24", screen.text(80, 24));
    let mut screen = mid_run();
    screen.keys(":depth 32<enter><esc>:width 2<enter>");
    assert_snapshot!("fork_80x24", screen.text(80, 24));
}

#[test]
fn preset_difference() {
    pictures("preset", || {
        let mut screen = mid_run();
        let changes = [
            (knob("schedule.base_lr"), Value::Float(0.4)),
            (knob("train.batch"), Value::Int(256)),
            (knob("tricks.smoothing.on"), Value::Bool(true)),
            (knob("net.depth"), Value::Int(32)),
        ];
        let recipe = screen.state.recipe().with(changes).unwrap();
        screen.send(Msg::PresetChanged("presets/mine.ron".into(), Box::new(Ok(recipe))));
        screen
    });
}

#[test]
fn done() {
    pictures("done", || {
        let mut screen = mid_run();
        screen.steps(15 * STEPS_PER_EPOCH - 400);
        let end = screen.script.end(train::State::Done);
        screen.event(end);
        screen.tick(300_000);
        screen
    });
}

/// The sizes in which there is a pane of the hardware.
const FRAMED: &[(u16, u16)] = &[(80, 24), (100, 30), (120, 36), (160, 50)];

/// A run on a machine with GPUs that `edit` changes, with the pane of the hardware chosen.
fn with_gpus(gpus: u32, edit: fn(&mut Gpu)) -> Screen {
    let mut screen = mid_run();
    for i in 0..30 {
        let mut sample = gpu_sample(gpus, i);
        sample.gpus.iter_mut().for_each(edit);
        screen.send(Msg::Hardware(sample));
    }
    screen.keys("6");
    screen
}

#[test]
fn a_graphics_card() {
    pictures_of("gpu", FRAMED, || with_gpus(1, |_| ()));
}

/// Two GPUs are throttled, and a third gives hardly anything.
#[test]
fn eight_graphics_cards() {
    let make = || {
        with_gpus(8, |gpu| match gpu.index {
            2 => gpu.throttle = Some(vec!["thermal"]),
            5 => gpu.throttle = Some(vec!["power cap"]),
            6 => *gpu = Gpu { index: 6, name: "GPU".into(), ..Gpu::default() },
            _ => {}
        })
    };
    pictures_of("gpus", FRAMED, make);
    let mut zoomed = make();
    zoomed.keys("z");
    assert_snapshot!("gpus_zoom_120x36", zoomed.text(120, 36));
}

#[test]
fn a_throttled_card() {
    let make = || with_gpus(1, |gpu| gpu.throttle = Some(vec!["thermal", "power cap"]));
    pictures_of("throttled", FRAMED, make);
    let mut elsewhere = make();
    elsewhere.keys("3");
    assert_snapshot!("throttled_beside_80x24", elsewhere.text(80, 24));
}

#[test]
fn a_narrow_pane_has_a_short_form_of_memory() {
    let mut screen = mid_run();
    screen.send(Msg::Hardware(Sample { memory_used: 786_000_000, memory_total: 25_300_000_000, ..sample(0) }));
    for (width, height, memory) in [(100, 30, "memory    0.8/25 GB "), (120, 36, "memory    786 MB of 25.3 GB ")] {
        let text = screen.text(width, height);
        assert!(text.contains(memory), "{text}");
    }
}

#[test]
fn zoomed_with_log_scale() {
    let mut screen = mid_run();
    screen.keys("3zy");
    assert_snapshot!("zoom_80x24", screen.text(80, 24));
}

fn plain(mut screen: Screen, color: bool, ascii: bool) -> Screen {
    let options = tricktop::app::Options { color, ascii, ..options() };
    let mut state = tricktop::app::State::new(options, recipe());
    tricktop::app::update(&mut state, Msg::Event(Event::Started(Box::new(info(&recipe())))));
    let mut script = Script { recipe: recipe(), step: 0 };
    for event in script.steps(400) {
        tricktop::app::update(&mut state, Msg::Event(event));
    }
    screen.state = state;
    screen
}

#[test]
fn without_colours_nothing_is_coloured_in_any_state() {
    for keys in ["", "q", "?", "1<enter>0.3", "1<enter>-3", ":lr", "2<space>", ":depth 32<enter>"] {
        let mut screen = plain(mid_run(), false, false);
        screen.send(Msg::Hardware(gpu_sample(2, 0)));
        screen.keys(keys);
        let buffer = screen.draw(120, 36);
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys}");
        }
    }
}

#[test]
fn ascii_is_ascii_in_every_size() {
    for (width, height) in [(80, 24), (120, 36), (160, 50), (50, 12)] {
        let mut screen = plain(mid_run(), false, true);
        screen.keys("1<enter>0.35");
        let text = screen.text(width, height);
        assert!(text.is_ascii(), "{text}");
        assert!(!text.contains('?') || text.contains("? help"), "{text}");
    }
    let mut screen = plain(mid_run(), false, true);
    screen.send(Msg::Hardware(gpu_sample(2, 0)));
    screen.keys("6");
    let text = screen.text(120, 36);
    assert!(text.is_ascii() && text.contains("61  C"), "{text}");
    assert_snapshot!("ascii_80x24", plain(mid_run(), false, true).text(80, 24));
    assert_snapshot!("ascii_120x36", plain(mid_run(), false, true).text(120, 36));
}

/// Nothing panics and nothing is drawn outside, from one cell to a wall of them, whatever is in front.
#[test]
fn every_size_in_every_state() {
    for keys in ["", "?", "q", "1<enter>0.3", ":depth 32<enter>", "3z", "7z", "/mix", ":mixpu<enter>", "6"] {
        let mut screen = mid_run();
        screen.keys(keys);
        draw_in_every_size(screen);
    }
    for gpus in [1, 2, 8, 40] {
        for keys in ["", "z"] {
            let mut screen = with_gpus(gpus, |gpu| gpu.throttle = Some(vec!["thermal"; 9]));
            screen.keys(keys);
            draw_in_every_size(screen);
        }
    }
}

fn draw_in_every_size(mut screen: Screen) {
    for width in (1..=30).chain([40, 59, 60, 79, 80, 99, 100, 190, 300]) {
        for height in (1..=24).chain([29, 30, 50, 80]) {
            screen.draw(width, height);
        }
    }
}

/// The picture for the README.
#[test]
fn svg_of_the_screen() {
    let mut screen = mid_run();
    screen.keys("2jjjjjjj");
    let svg = tricktop::view::svg::svg(&screen.draw(120, 36));
    assert!(svg.starts_with("<svg") && svg.contains("mixup") && svg.ends_with("</svg>\n"));
}
