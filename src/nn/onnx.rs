//! A net as an ONNX model: any description, its weights under their own names.
//!
//! The input `images` is `(batch, channels, height, width)`, normalised; the output `logits` is `(batch, classes)`, or
//! `(batch, classes, height, width)` of a net that gives every pixel a class. The batch is free, and so are height and width
//! where pixels have classes. A norm stays a `BatchNormalization`, so that every weight is found under timm's name; what runs the model
//! folds it into the convolution.

use super::layer::{Gate, Layer, Residual, Unit};
use super::state::TensorData;
use super::{Head, Logits, NetSpec, StateError};
use crate::kernels::geometry::Pool;
use crate::protobuf::Message;
use std::collections::BTreeMap;
use thiserror::Error;

/// The version of the operators.
const OPSET: u64 = 17;
/// The version of the format that goes with them.
const IR: u64 = 8;
/// Most bytes of a message.
const LARGEST: usize = i32::MAX as usize;

/// Number formats and kinds of attributes.
const FLOAT: u64 = 1;
const F: u64 = 1;
const I: u64 = 2;
const S: u64 = 3;
const INTS: u64 = 7;

/// Name of the input.
const INPUT: &str = "images";
/// Name of the output.
const OUTPUT: &str = "logits";

/// Why a net cannot be written.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// The tensors are of another net.
    #[error(transparent)]
    State(#[from] StateError),
    /// More than a message can hold.
    #[error("its weights take {0} bytes, and an ONNX file holds 2 GB")]
    TooLarge(usize),
    /// A pool whose last window may be cut off and counts the padding: no version of the operators has it as PyTorch does.
    #[error("its pool {0:?} has no like in ONNX")]
    Pool(Pool),
}

/// A side of an input or output: so long, or free under a name.
#[derive(Clone, Copy)]
enum Side {
    Of(usize),
    Free(&'static str),
}

/// The bytes of a model: the net with these weights for images of height, width and channels, and texts beside it.
///
/// # Errors
/// Tensors of another net, or too many.
pub fn onnx(
    spec: &NetSpec,
    tensors: &BTreeMap<String, TensorData>,
    [height, width, channels]: [usize; 3],
    about: &BTreeMap<String, String>,
) -> Result<Vec<u8>, OnnxError> {
    spec.fit(tensors, Head::Fits)?;
    let bytes: usize = tensors.values().map(|t| 4 * t.values.len()).sum();
    if bytes > LARGEST - (1 << 20) {
        return Err(OnnxError::TooLarge(bytes));
    }
    let mut graph = Graph { tensors, eps: spec.eps, nodes: Vec::new(), weights: Vec::new(), pools: 0, joins: 0 };
    let end = graph.layers(&spec.layers, INPUT.into())?;
    let (channels, classes) = (Side::Of(channels), Side::Of(spec.classes));
    let (input, output) = match spec.logits {
        Logits::Image => {
            graph.classified(&spec.head, &end);
            (vec![channels, Side::Of(height), Side::Of(width)], vec![classes])
        }
        Logits::Pixels { corners } => {
            graph.upsampled(&spec.head, &end, corners);
            let sides = [Side::Free("height"), Side::Free("width")];
            ([&[channels][..], &sides].concat(), [&[classes][..], &sides].concat())
        }
    };
    let graph = Message::default()
        .messages(1, &graph.nodes)
        .text(2, &spec.name)
        .messages(5, &graph.weights)
        .message(11, &value(INPUT, &input))
        .message(12, &value(OUTPUT, &output));
    let model = Message::default()
        .int(1, IR)
        .text(2, "tricktop")
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, &graph)
        .message(8, &Message::default().int(2, OPSET));
    let about = about.iter().map(|(key, text)| Message::default().text(1, key).text(2, text));
    Ok(about.fold(model, |model, entry| model.message(14, &entry)).into_bytes())
}

/// An input or output of floats whose batch is free.
fn value(name: &str, shape: &[Side]) -> Message {
    let dims = [Side::Free("batch")].iter().chain(shape).map(|side| match side {
        Side::Of(size) => Message::default().int(1, *size as u64),
        Side::Free(name) => Message::default().text(2, name),
    });
    let shape = dims.fold(Message::default(), |shape, dim| shape.message(1, &dim));
    let tensor = Message::default().int(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

fn int(name: &str, value: u64) -> Message {
    Message::default().text(1, name).int(3, value).int(20, I)
}

fn ints(name: &str, values: impl IntoIterator<Item = usize>) -> Message {
    Message::default().text(1, name).ints(8, values).int(20, INTS)
}

fn float(name: &str, value: f32) -> Message {
    Message::default().text(1, name).float(2, value).int(20, F)
}

fn text(name: &str, value: &str) -> Message {
    Message::default().text(1, name).text(4, value).int(20, S)
}

/// Maps go by the names of what gives them.
struct Graph<'t> {
    tensors: &'t BTreeMap<String, TensorData>,
    eps: f64,
    nodes: Vec<Message>,
    weights: Vec<Message>,
    /// Pools and joins so far, which have no names of their own.
    pools: usize,
    joins: usize,
}

impl Graph<'_> {
    /// Adds an operator; gives the name of its output.
    fn node(&mut self, op: &str, name: &str, inputs: &[&str], attributes: Vec<Message>) -> String {
        let output = format!("{name}/{op}");
        self.node_to(op, name, inputs, &output, attributes);
        output
    }

    fn node_to(&mut self, op: &str, name: &str, inputs: &[&str], output: &str, attributes: Vec<Message>) {
        let node = Message::default().texts(1, inputs.iter().copied()).text(2, output);
        self.nodes.push(node.text(3, &format!("{name}/{op}")).text(4, op).messages(5, &attributes));
    }

    /// Adds a weight under its name.
    fn weight(&mut self, name: String) -> String {
        let TensorData { shape, values } = &self.tensors[&name];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let dims = Message::default().ints(1, shape.iter().copied());
        self.weights.push(dims.int(2, FLOAT).text(8, &name).bytes(9, &bytes));
        name
    }

    /// Logits of images: a linear layer on the mean over all pixels.
    fn classified(&mut self, head: &str, x: &str) {
        let mean = self.node("GlobalAveragePool", "pool", &[x], Vec::new());
        let flat = self.node("Flatten", "flatten", &[&mean], vec![int("axis", 1)]);
        let [weight, bias] = ["weight", "bias"].map(|field| self.weight(format!("{head}.{field}")));
        self.node_to("Gemm", head, &[&flat, &weight, &bias], OUTPUT, vec![int("transB", 1)]);
    }

    /// Logits of pixels: those of the last map in the size of the images.
    fn upsampled(&mut self, head: &str, x: &str, corners: bool) {
        let logits = self.linear(head, x);
        let classes = self.node("Shape", "classes", &[&logits], vec![int("start", 0), int("end", 2)]);
        let sides = self.node("Shape", "sides", &[INPUT], vec![int("start", 2)]);
        let size = self.node("Concat", "size", &[&classes, &sides], vec![int("axis", 0)]);
        let places = if corners { "align_corners" } else { "half_pixel" };
        let attributes = vec![text("coordinate_transformation_mode", places), text("mode", "linear")];
        self.node_to("Resize", "upsample", &[&logits, "", "", &size], OUTPUT, attributes);
    }

    fn layers(&mut self, layers: &[Layer], x: String) -> Result<String, OnnxError> {
        layers.iter().try_fold(x, |x, layer| self.layer(layer, x))
    }

    fn layer(&mut self, layer: &Layer, x: String) -> Result<String, OnnxError> {
        match layer {
            Layer::Unit(unit) => Ok(self.unit(unit, &x)),
            Layer::Norm { name, .. } => {
                let y = self.norm(name, &x);
                Ok(self.relu(name, &y))
            }
            Layer::MaxPool(pool) => self.pool("MaxPool", pool, &x),
            Layer::AveragePool(pool) => self.pool("AveragePool", pool, &x),
            Layer::Residual(block) => self.residual(block, x),
            Layer::Concat(branches) if branches.is_empty() => Ok(x),
            Layer::Concat(branches) => {
                let ends = branches.iter().map(|branch| self.layers(branch, x.clone()));
                let ends: Vec<String> = ends.collect::<Result<_, _>>()?;
                self.joins += 1;
                let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
                Ok(self.node("Concat", &format!("join{}", self.joins), &ends, vec![int("axis", 1)]))
            }
        }
    }

    fn unit(&mut self, unit: &Unit, x: &str) -> String {
        let Unit { conv_name, conv, norm_name, relu } = unit;
        let weight = self.weight(format!("{conv_name}.weight"));
        let (kernel, [pad_h, pad_w]) = ([conv.kernel.0, conv.kernel.1], [conv.padding.0, conv.padding.1]);
        let attributes = vec![
            ints("kernel_shape", kernel),
            ints("strides", [conv.stride; 2]),
            ints("pads", [pad_h, pad_w, pad_h, pad_w]),
            ints("dilations", [conv.dilation; 2]),
            int("group", conv.groups as u64),
        ];
        let mut name = self.node("Conv", conv_name, &[x, &weight], attributes);
        if let Some(norm) = norm_name {
            name = self.norm(norm, &name);
            if *relu {
                name = self.relu(norm, &name);
            }
        }
        name
    }

    fn norm(&mut self, name: &str, x: &str) -> String {
        let fields = ["weight", "bias", "running_mean", "running_var"];
        let [gamma, beta, mean, var] = fields.map(|field| self.weight(format!("{name}.{field}")));
        let eps = float("epsilon", self.eps as f32);
        self.node("BatchNormalization", name, &[x, &gamma, &beta, &mean, &var], vec![eps])
    }

    fn relu(&mut self, name: &str, x: &str) -> String {
        self.node("Relu", name, &[x], Vec::new())
    }

    /// A pool. Windows that the border cuts off are padded: not every program agrees on ONNX's own `ceil_mode`.
    fn pool(&mut self, op: &str, pool: &Pool, x: &str) -> Result<String, OnnxError> {
        let Pool { kernel, stride, padding, ceil, count_padding } = *pool;
        let averages = op == "AveragePool";
        if averages && ceil && count_padding {
            return Err(OnnxError::Pool(*pool));
        }
        // Where the last window is whole, so much more is too little for another one.
        let after = if ceil { padding + stride - 1 } else { padding };
        let mut attributes = vec![
            ints("kernel_shape", [kernel; 2]),
            ints("strides", [stride; 2]),
            ints("pads", [padding, padding, after, after]),
        ];
        attributes.extend(averages.then(|| int("count_include_pad", u64::from(count_padding))));
        self.pools += 1;
        Ok(self.node(op, &format!("pool{}", self.pools), &[x], attributes))
    }

    fn residual(&mut self, block: &Residual, x: String) -> Result<String, OnnxError> {
        let shortcut = self.layers(&block.shortcut, x.clone())?;
        let y = block.body.iter().fold(x, |y, unit| self.unit(unit, &y));
        let gated = match &block.gate {
            Some(gate) => self.gate(gate, &y),
            None => y,
        };
        self.joins += 1;
        let join = format!("join{}", self.joins);
        let sum = self.node("Add", &join, &[&gated, &shortcut], Vec::new());
        Ok(self.relu(&join, &sum))
    }

    fn gate(&mut self, gate: &Gate, y: &str) -> String {
        let name = &gate.name;
        let mean = self.node("GlobalAveragePool", name, &[y], Vec::new());
        let hidden = self.linear(&format!("{name}.fc1"), &mean);
        let hidden = self.relu(&format!("{name}.fc1"), &hidden);
        let factors = self.linear(&format!("{name}.fc2"), &hidden);
        let factors = self.node("Sigmoid", name, &[&factors], Vec::new());
        self.node("Mul", name, &[y, &factors], Vec::new())
    }

    /// A layer of a gate or on every pixel: a 1x1 with bias.
    fn linear(&mut self, name: &str, x: &str) -> String {
        let [weight, bias] = ["weight", "bias"].map(|field| self.weight(format!("{name}.{field}")));
        self.node("Conv", name, &[x, &weight, &bias], vec![ints("kernel_shape", [1; 2])])
    }
}
