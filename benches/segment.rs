//! Times whole training steps of nets that give every pixel a class, on made-up images: net, dropout, upsampling, loss,
//! gradients, optimiser. `cargo bench --bench segment -- NET [--steps N]` prints one JSON object; `segment_against_torch.py`
//! sets it beside PyTorch's.

#![allow(clippy::unwrap_used, clippy::panic)]

use dfdx::prelude::Cpu;
use std::time::Instant;
use tricktop::kernels::buffer::keep_freed_memory;
use tricktop::kernels::profile;
use tricktop::nn::{Init, Net, NetSpec, Tuning};
use tricktop::ops::{Dropout, Ops, PixelObjective};
use tricktop::recipe::settings::{Form, Net as Settings, Settings as All};
use tricktop::train::Gradients;
use tricktop::train::optim::Optimiser;

// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps before the clock starts.
const WARM: usize = 2;

struct Case {
    net: Settings,
    batch: usize,
    edge: usize,
    channels: usize,
    classes: usize,
}

fn case(name: &str) -> Case {
    let small = Settings { output_stride: 2, ..Settings::default() };
    let large = Settings { form: Form::ImageNet, depth: 50, output_stride: 8, ..Settings::default() };
    match name {
        "fcn-resnet20d-64" => Case { net: small, batch: 16, edge: 64, channels: 1, classes: 11 },
        "fcn-resnet50d-224" => Case { net: large, batch: 2, edge: 224, channels: 3, classes: 21 },
        other => panic!("{other} is neither fcn-resnet20d-64 nor fcn-resnet50d-224"),
    }
}

fn main() {
    keep_freed_memory();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let name = words.first().cloned().unwrap_or("fcn-resnet20d-64".to_string());
    let steps = words.iter().position(|word| word == "--steps").and_then(|at| words.get(at + 1));
    let steps = steps.map_or(8, |steps| steps.parse().unwrap());
    let Case { net, batch, edge, channels, classes } = case(&name);
    let (dev, pixels) = (Cpu::default(), batch * edge * edge);
    let mut net = Net::<f32, Cpu>::new(&dev, &NetSpec::segmenting(&net, true, channels, classes)).unwrap();
    net.initialise(Init::He, false, 0).unwrap();
    let mut optimiser = Optimiser::default();
    let settings = All::default();
    let images: Vec<f32> = (0..pixels * channels).map(|i| ((i * 7919) % 2003) as f32 / 1001.5 - 1.0).collect();
    let labels: Vec<u8> = (0..pixels).map(|i| ((i / 13) % classes) as u8).collect();
    let mut fastest = f64::INFINITY;
    for step in 0..steps + WARM {
        if step == WARM {
            profile::take();
        }
        let (images, labels) = (images.clone(), labels.clone());
        let begun = Instant::now();
        let updated = <Cpu as Ops<f32>>::enter(|| {
            let x = dev.upload(images, (batch, edge, edge, channels)).unwrap();
            let dropout = Dropout { share: 0.1, seed: 0, epoch: 0, batch: step as u64 };
            let (logits, beside) = net
                .forward_both(x.put_tape(<Cpu as Ops<f32>>::tape()), Tuning { dropout: Some(dropout), ..Tuning::ALL })
                .unwrap();
            let objective = PixelObjective {
                labels,
                partners: None,
                smoothing: (1.0, 0.0),
                teacher: None,
                hard: 1.0,
                soft: 0.0,
                temperature: 1.0,
                aux_weight: 0.5,
            };
            let loss = Cpu::pixel_loss(logits, beside, objective, 1.0).unwrap();
            let mut gradients = Gradients::of(loss).unwrap();
            optimiser
                .update(net.params_mut().into_iter().map(|p| (p, Some(1.0))).collect(), &mut gradients, 0.01, &settings)
                .unwrap()
                .updated
        });
        assert!(updated);
        if step >= WARM {
            fastest = fastest.min(begun.elapsed().as_secs_f64());
        }
    }
    let of_step = |time: std::time::Duration| time.as_secs_f64() * 1e3 / steps as f64;
    let work: Vec<String> =
        profile::take().into_iter().map(|(work, time)| format!("\"{work}\": {:.1}", of_step(time))).collect();
    println!(
        "{{\"net\": \"{name}\", \"batch\": {batch}, \"step_ms\": {:.2}, \"work_ms\": {{{}}}}}",
        fastest * 1e3,
        work.join(", ")
    );
}
