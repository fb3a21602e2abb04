//! The screen of a suite: keys in, effects out, and pictures of it, without a trainer.

use crate::script::{assert_plain, info, key, options, text};
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::path::PathBuf;
use std::time::Duration;
use tricktop::app::{self, Key, Options};
use tricktop::batch::Outcome;
use tricktop::suite::screen::{Effect, Msg, State, update};
use tricktop::suite::{self, Course, Ran, Results, Stage, Suite, Tally};
use tricktop::train::{self, Command, Confusion, EpochEnd, Evaluation, Event, Figures, StepRecord, Summary};
use tricktop::view::suite::render;

const LADDER: &str = r#"(
    title: "Training refinements, after table 6",
    source: "table 6 of the paper",
    base: (name: "efficient", recipe: (train: (epochs: 6)), paper: (75.87, 92.70)),
    cells: [
        (name: "+ cosine decay", recipe: (schedule: (decay: Step)), paper: (76.35, 92.9)),
        (name: "+ label smoothing", recipe: (tricks: (smoothing: (on: true))), paper: (76.72, 93.1)),
        (name: "+ distillation", recipe: (tricks: (distill: (on: true)))),
        (name: "+ mixup", recipe: (tricks: (mixup: (on: true)))),
    ],
    seeds: 3,
)"#;

/// The suite of this text, with so many of its runs done.
fn tally(text: &str, done: usize) -> Tally {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("refinements.ron");
    std::fs::write(&file, text).unwrap();
    let suite: Suite = suite::load(&file).unwrap_or_else(|e| panic!("{e}"));
    let runs = suite.runs(None).unwrap();
    let gain = |cell: usize| [0.0, 0.9, -0.8, 0.1, 0.4].get(cell % 5).copied().unwrap_or_default();
    let ran = |(place, run): (usize, &suite::Run)| {
        let epochs = run.recipe.train.epochs;
        let wobble = [0.0, 0.3, -0.2][run.seed as usize % 3] + 0.05 * (place % 4) as f64;
        let top1 = |epoch: u64| 90.0 + gain(run.cell) + wobble - 9.0 / epoch as f64;
        (place < done).then(|| Ran {
            dir: PathBuf::from(format!("runs/refinements/{}", run.recipe.name)),
            stage: Stage::Done,
            classes: Vec::new(),
            scores: (1..=epochs).map(|epoch| (top1(epoch), 99.0)).collect(),
            parameters: Some(272_474),
            multiply_adds: Some(31_000_000),
            images: Some(12_000),
            img_s: Some(1200.0),
        })
    };
    let results = Results {
        ran: runs.iter().enumerate().map(ran).collect(),
        courses: vec![Course::Whole; runs.len()],
        queued: vec![None; runs.len()],
        notes: Vec::new(),
    };
    Tally::new(suite, runs, results, 1)
}

/// A screen and every effect so far.
struct Screen {
    state: State,
    effects: Vec<Effect>,
    at: Duration,
}

impl Screen {
    fn of(tally: Tally) -> Screen {
        Screen { state: State::new(options(), tally), effects: Vec::new(), at: Duration::ZERO }
    }

    /// Two seeds of the first rows are done, and the run of `+ label smoothing` is in its fourth epoch.
    fn mid() -> Screen {
        let mut screen = Screen::of(tally(LADDER, 7));
        screen.begins(7);
        (1..=3).for_each(|epoch| screen.epoch(7, epoch));
        screen.steps(7, 3.4);
        screen
    }

    fn send(&mut self, msg: Msg) {
        self.effects.extend(update(&mut self.state, msg));
    }

    fn event(&mut self, place: usize, event: Event) {
        self.at += Duration::from_secs(10);
        self.send(Msg::Run { place, at: self.at, event });
    }

    fn begins(&mut self, place: usize) {
        let recipe = &self.state.tally.runs[place].recipe;
        let dir = Some(PathBuf::from(format!("runs/refinements/{}", recipe.name)));
        let started = Event::Started(Box::new(train::RunInfo { dir, ..info(recipe) }));
        self.event(place, Event::State(train::State::Starting));
        self.event(place, started);
        self.event(place, Event::State(train::State::Running));
        self.steps(place, 0.01);
    }

    fn steps(&mut self, place: usize, epoch: f64) {
        let step = (epoch * 100.0) as u64;
        let record = StepRecord { step, epoch, loss: 0.5, lr: 0.1, img_s: 1204.0, wait: 0.0, scaling: None };
        self.event(place, Event::Steps(vec![record]));
    }

    fn epoch(&mut self, place: usize, epoch: u64) {
        let top1 = 0.905 - 0.12 / epoch as f64;
        let (step, loss, confusion) = (100 * epoch, 0.4, Confusion::default());
        let evaluation =
            Evaluation { step, epoch: epoch as f64, loss, figures: Figures::Classes { top1, top5: 0.99 }, confusion };
        let end = EpochEnd { epoch, train_loss: 0.4, img_s: 1204.0, evaluation, best: true };
        self.event(place, Event::Epoch(Box::new(end)));
    }

    fn ends(&mut self, place: usize, state: train::State) {
        let error = (state == train::State::Failed).then(|| "the loss is not finite (NaN)".to_string());
        let summary = Summary {
            state,
            step: 600,
            best: None,
            best_epoch: None,
            seconds: 60.0,
            dir: None,
            broken: 0,
            early: None,
            error,
        };
        self.event(place, Event::Ended(Box::new(summary)));
    }

    fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let pressed = named.map_or(Key::plain(crossterm::event::KeyCode::Char(c)), |(name, _)| key(name));
            rest = named.map_or(&rest[c.len_utf8()..], |(_, after)| after);
            self.send(Msg::Screen(app::Msg::Key(pressed)));
        }
    }

    fn taken(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn draw(&self, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        render(&self.state, &mut buffer, area);
        buffer
    }

    fn text(&self, width: u16, height: u16) -> String {
        text(&self.draw(width, height))
    }

    /// Lets notices go.
    fn calm(mut self) -> Screen {
        self.send(Msg::Screen(app::Msg::Tick(Duration::from_secs(1000))));
        self
    }
}

#[test]
fn keys_lead_to_effects() {
    let dir = |name: &str| PathBuf::from(format!("runs/refinements/{name}"));
    let pause = |on| Effect::Send(7, if on { Command::Pause } else { Command::Resume });
    // Rows: 0 and 1 have two seeds done, 2 is at work with its second, 3 and 4 have one done.
    let cases: [(&str, Vec<Effect>); 17] = [
        ("jj<enter>", vec![Effect::Open(dir("02-label-smoothing-s1"))]),
        // The better seed.
        ("<enter>", vec![Effect::Open(dir("00-efficient-s1"))]),
        ("jjp", vec![pause(true)]),
        ("p", vec![]),
        ("jjx", vec![Effect::LeaveOut(vec![7, 12])]),
        // Its run has not stopped yet.
        ("jjxx", vec![Effect::LeaveOut(vec![7, 12])]),
        ("Gx", vec![Effect::LeaveOut(vec![9, 14])]),
        ("Gsx", vec![Effect::LeaveOut(vec![9, 14]), Effect::PutBack(vec![9, 14])]),
        ("gkkjjp", vec![pause(true)]),
        ("q", vec![]),
        ("qk", vec![]),
        ("q<esc>", vec![]),
        ("qs", vec![Effect::Stop]),
        ("<c-c>", vec![]),
        ("<c-c><c-c>", vec![Effect::Stop]),
        ("?jjq<esc><esc>T", vec![]),
        ("zu:", vec![]),
    ];
    for (keys, effects) in cases {
        let mut screen = Screen::mid();
        screen.taken();
        screen.keys(keys);
        assert_eq!(screen.taken(), effects, "{keys}");
    }
}

#[test]
fn a_paused_run_keeps_its_place_and_goes_on() {
    let mut screen = Screen::mid();
    screen.event(7, Event::State(train::State::Paused));
    screen.taken();
    screen.keys("jj");
    assert!(screen.text(120, 36).contains("‖ paused 4/6") && screen.text(120, 36).contains("p resume"));
    screen.keys("p");
    assert_eq!(screen.taken(), [Effect::Send(7, Command::Resume)]);
    screen.event(7, Event::State(train::State::Running));
    assert!(screen.text(120, 36).contains("▸ epoch 4/6"));
}

#[test]
fn a_skipped_row_stays_away_until_it_is_put_back() {
    let mut screen = Screen::mid();
    screen.keys("jjx");
    assert!(screen.text(120, 36).contains("■ stopping"));
    screen.ends(7, train::State::Stopped);
    assert!(screen.text(120, 36).contains("■ skipped") && screen.text(120, 36).contains("x put back"));
    screen.taken();
    screen.keys("x");
    assert_eq!(screen.taken(), [Effect::PutBack(vec![7, 12])]);
    assert!(screen.text(120, 36).contains("· waits"));
    // One that somebody stopped on its own screen stays away too; the other seeds of the row do not.
    screen.begins(7);
    screen.ends(7, train::State::Stopped);
    assert_eq!(screen.state.tally.away.iter().copied().collect::<Vec<_>>(), [7]);
}

#[test]
fn the_columns_fill_in_with_what_the_table_says() {
    let mut screen = Screen::mid();
    let before = screen.state.tally.table.rows[2].clone();
    (4..=6).for_each(|epoch| screen.epoch(7, epoch));
    assert_eq!(screen.state.tally.table.rows[2].runs, before.runs, "a run counts when it is done");
    screen.ends(7, train::State::Done);
    let tally = &screen.state.tally;
    let table = suite::Table::new(&tally.suite, &tally.runs, &tally.results);
    assert_eq!(tally.table.rows[2].runs, before.runs + 1);
    assert_eq!(format!("{:?}", table.rows), format!("{:?}", tally.table.rows));
    let gain = table.rows[2].above.unwrap().to_string();
    assert!(screen.text(120, 36).contains(&gain), "{gain}");
}

/// Somebody opened a run and changed it: the table leaves it out, and so does the screen.
#[test]
fn an_edited_run_does_not_count() {
    let mut screen = Screen::mid();
    screen.event(7, Event::Applied { id: 1, edit: 1, step: 5, changes: Vec::new(), by: None });
    assert!(screen.text(120, 36).contains("edited"));
    let runs = screen.state.tally.table.rows[2].runs;
    screen.ends(7, train::State::Done);
    assert_eq!(screen.state.tally.table.rows[2].runs, runs);
}

#[test]
fn the_suite_outlives_its_terminal_and_leaves_when_it_is_over() {
    let mut screen = Screen::mid();
    screen.taken();
    screen.send(Msg::Screen(app::Msg::Gone));
    screen.send(Msg::Screen(app::Msg::Gone));
    assert_eq!(screen.taken(), [Effect::LetGo]);
    screen.send(Msg::Over(Outcome::Done));
    assert_eq!(screen.taken(), [Effect::Leave]);

    for (how, keys) in [(Some(app::Msg::Signal), ""), (None, "qs")] {
        let mut screen = Screen::mid();
        screen.keys(keys);
        how.into_iter().for_each(|msg| screen.send(Msg::Screen(msg)));
        screen.ends(7, train::State::Stopped);
        screen.send(Msg::Screen(app::Msg::Signal));
        assert_eq!(screen.taken(), [Effect::Stop]);
        screen.send(Msg::Over(Outcome::Interrupted));
        assert_eq!(screen.taken(), [Effect::Leave]);
    }

    let mut screen = Screen::mid();
    screen.send(Msg::Over(Outcome::Done));
    assert_eq!(screen.taken(), [Effect::Tell(tricktop::app::Occasion::End, "the suite is over".into())]);
    screen.keys("q");
    assert_eq!(screen.taken(), [Effect::Leave]);
}

#[test]
fn it_is_drawn_again_only_when_something_changed() {
    let mut screen = Screen::mid();
    let revision = screen.state.revision();
    let tick = |screen: &mut Screen, ms| screen.send(Msg::Screen(app::Msg::Tick(Duration::from_millis(ms))));
    tick(&mut screen, 100);
    assert_eq!(screen.state.revision(), revision);
    screen.keys("j");
    assert_ne!(screen.state.revision(), revision);
}

/// Pictures in the sizes that the layouts differ in.
fn pictures(name: &str, screen: &Screen) {
    for (width, height) in [(80, 24), (120, 36), (50, 12)] {
        assert_snapshot!(format!("{name}_{width}x{height}"), screen.text(width, height));
    }
}

#[test]
fn in_mid_run() {
    let mut screen = Screen::mid();
    screen.keys("jj");
    pictures("suite", &screen.calm());
}

#[test]
fn a_row_is_paused_and_another_skipped() {
    let mut screen = Screen::mid();
    screen.event(7, Event::State(train::State::Paused));
    screen.keys("Gx");
    pictures("suite_paused", &screen.calm());
}

#[test]
fn the_end() {
    let mut screen = Screen::of(tally(LADDER, 14));
    screen.begins(14);
    screen.ends(14, train::State::Failed);
    screen.send(Msg::Over(Outcome::Failed));
    screen.keys("G");
    pictures("suite_end", &screen.calm());
}

#[test]
fn dialogs() {
    let mut screen = Screen::mid();
    screen.keys("q");
    assert_snapshot!("suite_stop_80x24", screen.text(80, 24));
    screen.keys("<esc>?");
    assert_snapshot!("suite_help_120x36", screen.text(120, 36));
}

/// Every choice of eight switches: 256 rows, which scroll.
fn many() -> Screen {
    let cell = |(i, path): (usize, &str)| format!("(name: \"t{i}\", recipe: ({path})),");
    let paths = [
        "tricks: (smoothing: (on: true))",
        "tricks: (mixup: (on: true))",
        "tricks: (distill: (on: true))",
        "tricks: (zero_gamma: true)",
        "schedule: (linear_scaling: true)",
        "optim: (nesterov: false)",
        "optim: (momentum: 0.8)",
        "train: (batch: 32)",
    ];
    let cells: String = paths.into_iter().enumerate().map(cell).collect();
    let text = format!("(title: \"All\", base: (name: \"none\"), design: Full, cells: [{cells}], seeds: 9)");
    Screen::of(tally(&text, 700))
}

#[test]
fn many_rows_scroll_and_many_seeds_are_counted() {
    let mut screen = many();
    assert_eq!(screen.state.tally.suite.cells.len(), 256);
    screen.keys("G");
    let shown = screen.calm();
    assert!(shown.text(80, 24).contains("256 of 256"));
    assert_snapshot!("suite_many_120x36", shown.text(120, 36));
}

#[test]
fn without_colours_nothing_is_coloured_and_ascii_is_ascii() {
    for keys in ["", "q", "?", "jjx", "Gx"] {
        let mut screen = Screen::mid();
        screen.state.options = Options { color: false, ascii: true, ..options() };
        screen.keys(keys);
        assert_plain(|width, height| screen.draw(width, height));
    }
}

/// Nothing panics and nothing is drawn outside, from one cell to a wall of them, whatever is in front.
#[test]
fn every_size_in_every_state() {
    let mut ended = Screen::of(tally(LADDER, 15));
    ended.send(Msg::Over(Outcome::Done));
    for mut screen in [Screen::of(tally(LADDER, 0)), Screen::mid(), ended] {
        for keys in ["", "G", "q", "<esc>?", "<esc>gjjx"] {
            screen.keys(keys);
            for width in (1..=30).chain([40, 59, 60, 79, 80, 120, 200]) {
                for height in (1..=20).chain([24, 40, 60]) {
                    screen.draw(width, height);
                }
            }
        }
    }
    let many = many();
    for (width, height) in [(1, 1), (9, 60), (60, 16), (200, 60), (200, 3)] {
        many.draw(width, height);
    }
}
