//! A scripted run: the events of a trainer without a trainer, the same every time.

// (each test program uses a part of it)
#![allow(dead_code)]

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use std::path::PathBuf;
use std::time::Duration;
use tricktop::app::hardware::{Gpu, Process, Sample};
use tricktop::app::{Effect, Key, Msg, Occasion, Options, State, update};
use tricktop::recipe::knobs::find;
use tricktop::recipe::{Knob, Recipe, Value};
use tricktop::train::{
    self, Change, Command, Confusion, EpochEnd, Evaluation, Event, Figure, Figures, Inside, LayerStats, Output,
    RunInfo, Score, StepRecord, Summary, Target, When,
};
use tricktop::tricks::schedule::lr_after;
use tricktop::view::render;

pub const STEPS_PER_EPOCH: u64 = 93;

pub fn options() -> Options {
    Options::default()
}

pub fn knob(path: &str) -> &'static Knob {
    find(path).unwrap_or_else(|| panic!("no knob {path}"))
}

pub fn recipe() -> Recipe {
    let changes =
        [("name", Value::Word("quick".into())), ("schedule.base_lr", Value::Float(0.2)), ("train.seed", Value::Int(7))];
    Recipe::default().with(changes.map(|(p, v)| (knob(p), v))).unwrap()
}

pub fn info(recipe: &Recipe) -> RunInfo {
    let classes = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"];
    RunInfo {
        name: "quick-7".into(),
        dir: Some(PathBuf::from("runs/quick-7")),
        recipe: recipe.clone(),
        net: "resnet20-D".into(),
        parameters: 272_474,
        multiply_adds: 31_000_000,
        data: "fashion-12k".into(),
        train_images: 12_000,
        test_images: 2_000,
        classes: classes.map(String::from).to_vec(),
        notes: Vec::new(),
        device: "cpu avx2 x2".into(),
        memory: 310_000_000,
        steps_per_epoch: STEPS_PER_EPOCH,
        step: 0,
    }
}

/// A number from 0 to 1 that looks random.
fn noise(i: u64) -> f64 {
    let mut v = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    v ^= v >> 31;
    v = v.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (v >> 40) as f64 / (1u64 << 24) as f64
}

/// What a look inside a ResNet-20 sees in a step: one layer dead, one that moves too fast.
pub fn inside(step: u64) -> Inside {
    let mut names = vec!["conv1".to_string()];
    for (stage, block) in (1..=3).flat_map(|stage| (0..3).map(move |block| (stage, block))) {
        names.extend([1, 2].map(|conv| format!("layer{stage}.{block}.conv{conv}")));
        names.extend((stage > 1 && block == 0).then(|| format!("layer{stage}.0.downsample.0")));
    }
    names.push("fc".into());
    let row = |(i, name): (usize, String)| {
        let random = |of: u64| noise(step + 97 * of + i as u64) as f32;
        let fast = if name == "fc" { 500.0 } else { 1.0 };
        let output = match name.as_str() {
            "layer2.1.conv1" => Output { mean: 0.0, std: 0.0, zeros: 1.0 },
            "fc" => Output { mean: -0.02, std: 2.4, zeros: 0.0 },
            _ => Output { mean: 0.3 + random(1), std: 0.5 + random(2), zeros: 0.3 + 0.3 * random(3) },
        };
        let (gradient, update) = (10f32.powf(-3.0 * random(4)), fast * 1e-3 * (0.2 + random(5)));
        LayerStats { name, gradient, weight: 2.0 + 9.0 * random(6), update, output: Some(output), frozen: false }
    };
    let layers: Vec<LayerStats> = names.into_iter().enumerate().map(row).collect();
    Inside { step, gradient: layers.iter().map(|l| f64::from(l.gradient).powi(2)).sum::<f64>().sqrt(), layers }
}

/// The trainer's part: what it would report.
pub struct Script {
    pub recipe: Recipe,
    pub step: u64,
}

impl Script {
    pub fn epoch(&self) -> f64 {
        self.step as f64 / STEPS_PER_EPOCH as f64
    }

    pub fn record(&mut self) -> StepRecord {
        self.step += 1;
        let epoch = self.epoch();
        let mixed = if self.recipe.tricks.mixup.on { 0.25 } else { 0.0 };
        let loss =
            0.18 + 2.1 * (-epoch / 1.3).exp() + 0.25 * (-epoch / 8.0).exp() + mixed + 0.16 * (noise(self.step) - 0.5);
        let img_s = 1204.0 + 30.0 * (noise(self.step + 7) - 0.5);
        StepRecord {
            step: self.step,
            epoch,
            loss: loss as f32,
            lr: lr_after(epoch, &self.recipe),
            img_s,
            wait: 0.003,
            scaling: None,
        }
    }

    pub fn evaluation(&self) -> Evaluation {
        let epoch = self.epoch();
        let top1 = 0.925 - 0.35 * (-epoch / 1.6).exp() + 0.01 * (noise(self.step) - 0.5);
        Evaluation {
            step: self.step,
            epoch,
            loss: 0.26 + 0.9 * (-epoch / 1.5).exp() + 0.02 * noise(self.step + 3),
            figures: Figures::Classes { top1, top5: 0.998 - 0.05 * (-epoch / 1.2).exp() },
            confusion: Confusion { classes: 10, counts: (0..10).map(|class| [class, class, 200]).collect() },
        }
    }

    /// The events of the next `n` steps, with the ends of epochs.
    pub fn steps(&mut self, n: u64) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..n {
            events.push(Event::Steps(vec![self.record()]));
            if self.step.is_multiple_of(STEPS_PER_EPOCH) {
                let evaluation = self.evaluation();
                events.push(Event::Epoch(Box::new(EpochEnd {
                    epoch: self.step / STEPS_PER_EPOCH,
                    train_loss: evaluation.loss * 0.9,
                    img_s: 1204.0,
                    evaluation,
                    best: true,
                })));
                events.push(Event::Checkpoint {
                    step: self.step,
                    path: PathBuf::from("runs/quick-7/checkpoints/last.safetensors"),
                    bytes: 1_100_000,
                    ms: 6.0,
                    score: None,
                    link: None,
                });
            }
        }
        events
    }

    /// What a trainer answers to a command.
    pub fn answer(&mut self, command: &Command) -> Vec<Event> {
        match command {
            Command::Edit { id, changes, when: When::Now } => {
                changes.iter().map(|(k, v)| self.apply(*id, k, v.clone())).collect()
            }
            Command::Edit { id, changes, when } => {
                let (id, when) = (*id, *when);
                changes.iter().map(|(knob, v)| Event::Scheduled { id, knob, to: v.clone(), when }).collect()
            }
            Command::Pause => vec![Event::State(train::State::Paused)],
            Command::Resume => vec![Event::State(train::State::Running)],
            Command::Stop { .. } => vec![self.end(train::State::Stopped)],
            _ => Vec::new(),
        }
    }

    pub fn apply(&mut self, id: u64, knob: &'static Knob, to: Value) -> Event {
        let from = self.recipe.get(knob);
        self.recipe = self.recipe.with([(knob, to.clone())]).unwrap();
        Event::Applied { id, edit: id, step: self.step, changes: vec![Change { knob, from, to }], by: None }
    }

    pub fn end(&self, state: train::State) -> Event {
        Event::Ended(Box::new(Summary {
            state,
            step: self.step,
            best: Some(Score { figure: Figure::Top1, value: 0.9213 }),
            best_epoch: Some(9),
            seconds: 152.0,
            dir: Some(PathBuf::from("runs/quick-7")),
            broken: 0,
            early: None,
            error: None,
        }))
    }
}

/// A screen, the script behind it and every effect so far.
pub struct Screen {
    pub state: State,
    pub script: Script,
    pub effects: Vec<Effect>,
    /// Whether the script answers commands by itself.
    pub answers: bool,
}

impl Screen {
    /// A screen whose run is about to start.
    pub fn starting() -> Screen {
        let recipe = recipe();
        let script = Script { recipe: recipe.clone(), step: 0 };
        Screen { state: State::new(options(), recipe), script, effects: Vec::new(), answers: true }
    }

    /// A screen whose run has done `steps` steps.
    pub fn running(steps: u64) -> Screen {
        let mut screen = Screen::starting();
        let info = info(&screen.script.recipe);
        screen.event(Event::Started(Box::new(info)));
        screen.event(Event::State(train::State::Running));
        for i in 0..30 {
            screen.send(Msg::Hardware(sample(i)));
        }
        screen.steps(steps);
        screen
    }

    pub fn steps(&mut self, n: u64) {
        for event in self.script.steps(n) {
            self.event(event);
        }
    }

    pub fn event(&mut self, event: Event) {
        self.send(Msg::Event(event));
    }

    pub fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg);
        self.effects.extend(effects.iter().cloned());
        for effect in &effects {
            if let Effect::Send(command) = effect
                && self.answers
            {
                for event in self.script.answer(command) {
                    self.event(event);
                }
            }
        }
    }

    pub fn tick(&mut self, ms: u64) {
        self.send(Msg::Tick(Duration::from_millis(ms)));
    }

    /// Presses keys: letters as they are, others by name in angle brackets (`2<down><enter>0.3<enter>`).
    pub fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|r| r.split_once('>')).filter(|(name, _)| !name.is_empty());
            let key = match named {
                Some((name, after)) => {
                    rest = after;
                    key(name)
                }
                None => {
                    rest = &rest[c.len_utf8()..];
                    Key::plain(KeyCode::Char(c))
                }
            };
            self.send(Msg::Key(key));
        }
    }

    /// The effects since the last call.
    pub fn taken(&mut self) -> Vec<Effect> {
        let nameless = |effect| match effect {
            Effect::Send(Command::Edit { changes, when, .. }) => Effect::Send(Command::Edit { id: 0, changes, when }),
            effect => effect,
        };
        std::mem::take(&mut self.effects).into_iter().map(nameless).collect()
    }

    pub fn draw(&mut self, width: u16, height: u16) -> Buffer {
        self.send(Msg::Resize(width, height));
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        render(&self.state, &mut buffer, Rect::new(0, 0, width, height));
        buffer
    }

    pub fn text(&mut self, width: u16, height: u16) -> String {
        text(&self.draw(width, height))
    }
}

pub fn key(name: &str) -> Key {
    match name {
        "enter" => Key::plain(KeyCode::Enter),
        "esc" => Key::plain(KeyCode::Esc),
        "space" => Key::plain(KeyCode::Char(' ')),
        "up" => Key::plain(KeyCode::Up),
        "down" => Key::plain(KeyCode::Down),
        "left" => Key::plain(KeyCode::Left),
        "right" => Key::plain(KeyCode::Right),
        "tab" => Key::plain(KeyCode::Tab),
        "back" => Key::plain(KeyCode::Backspace),
        "c-c" => Key::ctrl('c'),
        "c-e" => Key::ctrl('e'),
        "c-u" => Key::ctrl('u'),
        _ => panic!("no key {name}"),
    }
}

pub fn text(buffer: &Buffer) -> String {
    let area = buffer.area();
    let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_string();
    (0..area.height).map(line).collect::<Vec<_>>().join("\n")
}

pub fn sample(i: u64) -> Sample {
    Sample {
        gpus: Vec::new(),
        gpu_note: Some("no driver"),
        cores: vec![98.0 - 20.0 * noise(i) as f32, 97.0 - 30.0 * noise(i + 99) as f32],
        memory_used: 3_400_000_000,
        memory_total: 23_000_000_000,
        process_memory: 410_000_000,
    }
}

/// A card in use, as the driver would tell.
pub fn gpu(index: u32, i: u64) -> Gpu {
    let random = |below: f64| below * noise(i + 31 * u64::from(index));
    Gpu {
        index,
        name: "NVIDIA H100 80GB HBM3".into(),
        utilisation: Some(90 - random(20.0) as u32),
        memory_used: Some(12_000_000_000 + random(9e9) as u64),
        memory_total: 80_000_000_000,
        temperature: Some(61 + index),
        power_w: Some(412.0),
        power_limit_w: Some(700.0),
        sm_mhz: Some(1755),
        memory_mhz: Some(2619),
        throttle: Some(Vec::new()),
        processes: Some(vec![
            Process { pid: 4242, own: true, memory: Some(1_200_000_000) },
            Process { pid: 4711, own: false, memory: Some(10_800_000_000) },
        ]),
    }
}

/// A sample of a machine with `cards` cards.
pub fn gpu_sample(cards: u32, i: u64) -> Sample {
    Sample { gpus: (0..cards).map(|index| gpu(index, i)).collect(), gpu_note: None, cores: vec![35.0; 26], ..sample(i) }
}

/// A person is told that the run is over.
pub fn ended() -> Effect {
    Effect::Tell(Occasion::End, String::new())
}

/// The effect without the words that a person is told.
pub fn untold(effect: Effect) -> Effect {
    if let Effect::Tell(occasion, _) = effect { Effect::Tell(occasion, String::new()) } else { effect }
}

/// The screen looks at something else, or no longer.
pub fn look(at: Option<Target>) -> Effect {
    Effect::Send(Command::Look { screen: 0, at })
}

pub const PICTURES: Option<Target> = Some(Target::Pictures);
pub const LAYERS: Option<Target> = Some(Target::Layers);

/// What keys on a running screen lead to.
pub fn lead_to(cases: impl IntoIterator<Item = (&'static str, Vec<Effect>)>) {
    let mut wrong = Vec::new();
    for (keys, effects) in cases {
        let mut screen = Screen::running(100);
        screen.taken();
        screen.keys(keys);
        let got: Vec<_> = screen.taken().into_iter().map(untold).collect();
        if got != effects {
            wrong.push(format!("{keys}\n  expected {effects:?}\n  got      {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Asserts of a screen without colours, in ASCII, that it has none and is.
pub fn assert_plain(draw: impl Fn(u16, u16) -> Buffer) {
    assert!(draw(120, 36).content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    for (width, height) in [(80, 24), (120, 36), (50, 12)] {
        let text = text(&draw(width, height));
        assert!(text.is_ascii(), "{text}");
    }
}
