//! What a list of thousands of runs takes to open: `cargo bench --bench browse`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/screen/run_dirs.rs"]
#[allow(dead_code)]
mod run_dirs;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use run_dirs::{Made, NOW, make};
use std::fs;
use std::path::Path;
use std::time::Instant;
use tricktop::app::Options;
use tricktop::browse::{Msg, Order, State, update};
use tricktop::runs::RunIndex;
use tricktop::view::browse::render;

// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..2000).map(|i| format!("run-{i}")).collect();
    for name in &names {
        make(root.path(), &Made { name, log_lines: 500, ..Made::default() });
    }
    let bytes = |dir: &Path| fs::read_dir(dir).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum::<u64>();
    let all: u64 = names.iter().map(|name| bytes(&root.path().join(name))).sum();
    let mut surveyor = RunIndex::new(root.path());
    for what in ["first look", "next look"] {
        let start = Instant::now();
        let survey = surveyor.look().unwrap();
        let looked = start.elapsed();
        assert_eq!((survey.runs.len(), survey.left_out.len()), (2000, 0));
        let mut state = State::new(Options::default(), root.path(), String::new(), Order::When);
        update(&mut state, Msg::Found(Ok(survey), NOW));
        let area = Rect::new(0, 0, 120, 36);
        render(&state, &mut Buffer::empty(area), area);
        let shown = start.elapsed();
        println!(
            "{what}: 2000 runs of {} MB in {} ms, on the screen after {} ms",
            all / 1_000_000,
            looked.as_millis(),
            shown.as_millis()
        );
    }
}
