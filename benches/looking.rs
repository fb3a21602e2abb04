//! What looking costs a run: `cargo bench --bench looking [-- pictures|inside]`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/training/running.rs"]
#[allow(dead_code)]
mod running;
#[path = "../tests/common/tiny.rs"]
mod tiny;

use running::{Run, recipe, steps};
use std::time::Instant;
use tricktop::data::Thumbnail;
use tricktop::recipe::Value;
use tricktop::train::{Command, Event, State, Target};

// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wants = |name: &str| asked.is_empty() || asked.iter().any(|word| word == name);
    if wants("pictures") {
        pictures();
    }
    if wants("inside") {
        inside();
    }
}

/// What is done once a second while somebody looks at the images of a batch.
fn pictures() {
    for shape in [[28, 28, 1], [224, 224, 3]] {
        let pixels = vec![0.3; shape.iter().product()];
        let begun = Instant::now();
        let made: usize =
            (0..240).map(|_| Thumbnail::new(&pixels, shape, &[0.5; 3], &[60.0; 3]).unwrap().width()).sum();
        println!("24 of {shape:?}: {:.2} ms ({made})", begun.elapsed().as_secs_f64() * 100.0);
    }
}

/// Images a second of a short run, looked at and not, in turn.
fn inside() {
    let changes = [
        ("net.depth", Value::Int(20)),
        ("net.width", Value::Float(1.0)),
        ("data.train_images", Value::Int(4000)),
        ("train.batch", Value::Int(128)),
        ("train.epochs", Value::Int(100)),
    ];
    let seconds = |looks: bool| {
        let mut run = Run::start(recipe(&changes), None);
        run.wait_state(State::Running);
        if looks {
            run.send(Command::Look { screen: 0, at: Some(Target::Layers) });
        }
        let begun = run.wait(|e| if let Event::Steps(_) = e { Some(Instant::now()) } else { None });
        let count = steps(&run.seen).len();
        run.wait(|e| matches!(e, Event::Steps(s) if s.last().is_some_and(|s| s.step >= 60)).then_some(()));
        let done = steps(&run.seen).len() - count;
        let speed = 128.0 * done as f64 / begun.elapsed().as_secs_f64();
        let looks = run.seen.iter().filter(|e| matches!(e, Event::Layers(_))).count();
        run.send(Command::Stop { save: false });
        (speed, looks)
    };
    let mut best = [0.0f64; 2];
    for turn in 0..6 {
        let looked = turn % 2 == 1;
        let (speed, looks) = seconds(looked);
        best[usize::from(looked)] = best[usize::from(looked)].max(speed);
        println!("{} {speed:.1} images a second, {looks} looks", if looked { "looked at" } else { "plain    " });
    }
    println!("fastest: plain {:.1}, looked at {:.1}: {:+.2} %", best[0], best[1], 100.0 * (best[1] / best[0] - 1.0));
}
