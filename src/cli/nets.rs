//! `tricktop nets`: the nets, their sizes and what training them needs.

use super::Failure;
use crate::nn::{Cost, Design, Memory, Training, edge};
use crate::ops::Precision;
use crate::ops::memory::Backend;
use crate::recipe::settings::{Family, Form, Net, Settings, Task, Variant, is_resnet};
use crate::train::optim::slots;
use serde::Serialize;

/// Classes that the sizes are told for; where every pixel has one, those of ADE20K, of its crops and in batches of at most
/// this size, or of scenes.
const CLASSES: usize = 1000;
const CLASSES_OF_PIXELS: usize = 150;
const CROP: usize = 480;
const SCENE: usize = 64;
const BATCH_OF_PIXELS: usize = 16;

/// The nets that are listed: family, form, depth, variant.
const NETS: &[(Family, Form, u64, Variant)] = &[
    (Family::ResNet, Form::ImageNet, 18, Variant::D),
    (Family::ResNet, Form::ImageNet, 34, Variant::D),
    (Family::ResNet, Form::ImageNet, 50, Variant::A),
    (Family::ResNet, Form::ImageNet, 50, Variant::B),
    (Family::ResNet, Form::ImageNet, 50, Variant::C),
    (Family::ResNet, Form::ImageNet, 50, Variant::D),
    (Family::ResNet, Form::ImageNet, 101, Variant::D),
    (Family::ResNet, Form::ImageNet, 152, Variant::D),
    (Family::ResNeXt, Form::ImageNet, 50, Variant::B),
    (Family::SeResNet, Form::ImageNet, 50, Variant::B),
    (Family::SeResNeXt, Form::ImageNet, 50, Variant::B),
    (Family::MobileNet, Form::ImageNet, 28, Variant::B),
    (Family::DenseNet, Form::ImageNet, 121, Variant::B),
    (Family::DenseNet, Form::ImageNet, 201, Variant::B),
    (Family::Inception, Form::ImageNet, 48, Variant::B),
    (Family::ResNet, Form::Small, 20, Variant::D),
    (Family::ResNet, Form::Small, 18, Variant::D),
    (Family::SeResNet, Form::Small, 20, Variant::D),
    (Family::MobileNet, Form::Small, 28, Variant::B),
    (Family::DenseNet, Form::Small, 121, Variant::B),
];

/// The nets that give every pixel a class, with their output strides.
const FOR_PIXELS: &[(Form, u64, u64)] = &[(Form::ImageNet, 50, 8), (Form::ImageNet, 101, 8), (Form::Small, 20, 2)];

/// The nets that are listed; Inception without its auxiliary head and with it.
fn designs() -> impl Iterator<Item = Design> {
    let nets = NETS.iter().flat_map(|&(family, form, depth, variant)| {
        let heads: &[bool] = if family == Family::Inception { &[false, true] } else { &[false] };
        heads.iter().map(move |&auxiliary| Net { family, form, depth, variant, auxiliary, ..Net::default() })
    });
    let for_pixels =
        FOR_PIXELS.iter().map(|&(form, depth, output_stride)| Net { form, depth, output_stride, ..Net::default() });
    let of = |task| move |net| Design { task, net, auxiliary: true };
    nets.map(of(Task::Classify)).chain(for_pixels.map(of(Task::Segment)))
}

fn is_zero(stride: &u64) -> bool {
    *stride == 0
}

/// A net and its sizes.
#[derive(Serialize)]
struct Row {
    name: String,
    family: &'static str,
    form: &'static str,
    depth: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    auxiliary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'static str>,
    #[serde(skip_serializing_if = "is_zero")]
    output_stride: u64,
    /// Edge of an image.
    input: usize,
    classes: usize,
    parameters: usize,
    /// For one image.
    multiply_adds: u64,
    batch: usize,
    /// A training step on the CPU; `activations` are the maps kept from the forward to the backward pass.
    memory: Memory,
    /// The same on a GPU.
    memory_on_card: Memory,
    /// The same in mixed precision.
    memory_on_card_mixed: Memory,
}

impl Row {
    fn new(design: &Design, batch: usize) -> Row {
        let &Net { family, form, depth, variant, auxiliary, output_stride, .. } = &design.net;
        let (input, classes, batch) = match (design.task, form) {
            (Task::Classify, _) => (edge(family, form), CLASSES, batch),
            (Task::Segment, Form::ImageNet) => (CROP, CLASSES_OF_PIXELS, batch.min(BATCH_OF_PIXELS)),
            (Task::Segment, Form::Small) => (SCENE, CLASSES_OF_PIXELS, batch.min(BATCH_OF_PIXELS)),
        };
        let spec = design.spec(3, classes);
        let cost = spec.cost(input, input);
        let Cost { parameters, multiply_adds, .. } = cost;
        let optimiser = Settings::default().optim.name;
        let memory = |backend| {
            Training {
                net: &spec,
                teacher: None,
                size: (input, input),
                frozen: 0,
                averaged: false,
                shard: 0,
                slots: slots(optimiser).len(),
                backend,
            }
            .memory(batch)
        };
        let cuda = |precision| Backend::Cuda { precision, cudnn: true };
        let backends = [Backend::Cpu(Precision::Single), cuda(Precision::Single), cuda(Precision::Half)];
        let [cpu, single, half] = backends.map(memory);
        Row {
            name: spec.name.clone(),
            family: family.word(),
            form: form.word(),
            depth,
            variant: is_resnet(family).then_some(variant.word()),
            auxiliary,
            task: (design.task == Task::Segment).then_some(design.task.word()),
            output_stride,
            input,
            classes,
            parameters,
            multiply_adds,
            batch,
            memory: cpu,
            memory_on_card: single,
            memory_on_card_mixed: half,
        }
    }

    fn cells(&self) -> [String; 9] {
        let Row { family, form, depth, .. } = self;
        let variant = self.variant.map_or(String::new(), |v| format!(", variant: {v}"));
        let auxiliary = if self.auxiliary { ", auxiliary: true" } else { "" };
        let task = self.task.map_or(String::new(), |task| format!("task: {task}, "));
        let stride =
            if self.output_stride > 0 { format!(", output_stride: {}", self.output_stride) } else { String::new() };
        [
            self.name.clone(),
            format!("{} px", self.input),
            format!("{:.2} M", self.parameters as f64 / 1e6),
            format!("{:.3} G", self.multiply_adds as f64 / 1e9),
            format!("{:.0} MB", self.memory.activations as f64 / 1e6),
            format!("{:.0} MB", self.memory.total() as f64 / 1e6),
            format!("{:.0} MB", self.memory_on_card.total() as f64 / 1e6),
            format!("{:.0} MB", self.memory_on_card_mixed.total() as f64 / 1e6),
            format!("{task}net: (family: {family}, form: {form}, depth: {depth}{variant}{auxiliary}{stride})"),
        ]
    }
}

/// All nets, as a table or as one JSON array.
pub(super) fn list(batch: usize, json: bool) -> Result<String, Failure> {
    let rows: Vec<Row> = designs().map(|design| Row::new(&design, batch)).collect();
    if json {
        return serde_json::to_string_pretty(&rows).map(|text| text + "\n").map_err(|e| Failure::Print(e.into()));
    }
    let head =
        ["net", "input", "parameters", "multiply-adds", "activations", "on a CPU", "on a GPU", "mixed", "in a preset"];
    let cells: Vec<_> = std::iter::once(head.map(String::from)).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|r| r[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String; 9]| {
        let figures = row[1..8].iter().zip(&widths[1..]).map(|(cell, w)| format!("  {cell:>w$}"));
        format!("{:w$}{}  {}\n", row[0], figures.collect::<String>(), row[8], w = widths[0])
    };
    let table: String = cells.iter().map(line).collect();
    Ok(table
        + &format!(
            "\nFor {CLASSES} classes; multiply-adds of one image, memory of training on a batch of {batch} (--batch), about.\n\
             With task: Segment for {CLASSES_OF_PIXELS} classes and a batch of at most {BATCH_OF_PIXELS}.\n"
        ))
}
