//! What a training step asks of a GPU, counted on an emulated one: `tests/cuda/counts.sh` runs this.
//!
//! Prints one JSON object of the second step, in which everything has its place already.

#![allow(clippy::unwrap_used, clippy::panic)]

use dfdx::prelude::Cuda;
use libloading::os::unix::Library;
use serde_json::{Value, json};
use std::ffi::{CStr, c_char};
use tricktop::data::{Synthetic, epoch_order, train_batch};
use tricktop::recipe::settings::{Augment, Crop, Form, MixedFormat, Settings, Variant};
use tricktop::train::Learner;
use tricktop::tricks::schedule::Position;

/// Images of a step, channels and edge.
type Images = (usize, usize, usize);

fn net(name: &str, s: &mut Settings) -> Images {
    let (form, depth, images) = match name {
        "resnet20d-28" => (Form::Small, 20, (8, 1, 28)),
        "resnet50d-64" => (Form::ImageNet, 50, (2, 3, 64)),
        _ => panic!("{name}: expected resnet20d-28 or resnet50d-64"),
    };
    (s.net.form, s.net.depth, s.net.variant) = (form, depth, Variant::D);
    images
}

/// Ends a step of the emulator's counting; a GPU has no such function.
fn mark(step: &CStr) {
    // SAFETY: the emulator's function takes a text with a zero at its end, and keeps nothing of it
    unsafe {
        let found = Library::this().get::<extern "C" fn(*const c_char)>(b"cuda_emu_mark\0");
        found.ok().inspect(|mark| mark(step.as_ptr()));
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--json").collect();
    let mut s = Settings::default();
    let Some(name) = args.first() else { panic!("a net is needed (tests/cuda/counts.sh)") };
    s.tricks.mixed.on = args.iter().any(|a| a == "--mixed" || a == "--bf16");
    if args.iter().any(|a| a == "--bf16") {
        s.tricks.mixed.format = MixedFormat::Bf16;
    }
    let (batch, channels, edge) = net(name, &mut s);
    s.augment = Augment { crop: Crop { on: false, pad: 0 }, flip: false, ..Augment::default() };
    let made = Synthetic { height: edge, width: edge, channels, classes: 10, train: 3 * batch, test: 10 };
    let data = made.build(0);
    let mut learner = Learner::new(Cuda::default(), &s, &data).unwrap();
    // One that no gradient overflows at, so that the second step is a whole one.
    learner.scaler.scale = 1.0;
    let order = epoch_order(data.train.len(), 0, 0);
    for (step, places) in order.chunks(batch).enumerate() {
        let images = train_batch(&data, places, 0, step as u64, &s.augment);
        mark([c"first", c"second", c"third"][step]);
        let at = Position { epoch: 0, batch: step as u64 + 1, batches: 3 };
        assert!(learner.step(images, at, &s).unwrap().updated);
    }
    mark(c"after");
    let Some(file) = std::env::var_os("CUDA_EMU_STATS") else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let steps = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let step = steps.into_iter().find(|l| l["step"] == "second").unwrap();
    let number = |path: &str| path.split('.').fold(&step, |at, part| &at[part]).as_u64().unwrap_or_default();
    let calls = |names: &[&str]| names.iter().map(|name| number(&format!("{name}.calls"))).sum::<u64>();
    // What a GPU with a perfect cache would move: sectors of kernels, operands of libraries.
    let both = |key: &str| number(&format!("{key}read")) + number(&format!("{key}written"));
    let touched = both("kernels.sector_bytes_") + both("cublas.bytes_") + both("cudnn.bytes_");
    let found = json!({
        "net": name,
        "calls": number("kernels.launches") + calls(&["cublas", "cudnn"]),
        "allocations": calls(&["allocations", "allocations_async", "frees", "frees_async"]),
        "host_to_device": number("copies_host_to_device.calls"),
        "device_to_device": number("copies_device_to_device.calls"),
        "synchronisations":
            calls(&["stream_synchronisations", "context_synchronisations", "event_synchronisations"]),
        "touched_mb": touched as f64 / 1e6,
        "atomics": number("kernels.atomics"),
        "peak_mb": number("peak_bytes") as f64 / 1e6,
    });
    println!("{found}");
    if std::env::var_os("TRICKTOP_COUNTS").is_some() {
        println!("{}", serde_json::to_string_pretty(&step).unwrap());
    }
}
