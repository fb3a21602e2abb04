//! A net as an ONNX model: any description, its weights under their own names.
//!
//! The input `images` is `(batch, channels, height, width)`, normalised; the output `logits` is `(batch, classes)`. The
//! batch is free. A norm stays a `BatchNormalization`, so that every weight is found under timm's name; what runs the model
//! folds it into the convolution.

use super::layer::{Gate, Layer, Residual, Unit};
use super::state::TensorData;
use super::{Head, NetSpec, StateError};
use crate::kernels::geometry::{ConvGeometry, Pool};
use crate::ops::memory::Extent;
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
    /// A pool whose last window is cut off and counts the padding: no version of the operators has it as PyTorch does.
    #[error("its pool {0:?} has no like in ONNX")]
    Pool(Pool),
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
    let images = Map { name: INPUT.into(), at: Extent { h: height, w: width, c: channels } };
    let end = graph.layers(&spec.layers, images)?;
    let mean = graph.node("GlobalAveragePool", "pool", &[&end.name], Vec::new());
    let flat = graph.node("Flatten", "flatten", &[&mean], vec![int("axis", 1)]);
    let [weight, bias] = ["weight", "bias"].map(|field| graph.weight(format!("{}.{field}", spec.head)));
    graph.node_to("Gemm", &spec.head, &[&flat, &weight, &bias], OUTPUT, vec![int("transB", 1)]);
    let graph = Message::default()
        .messages(1, &graph.nodes)
        .text(2, &spec.name)
        .messages(5, &graph.weights)
        .message(11, &value(INPUT, &[channels, height, width]))
        .message(12, &value(OUTPUT, &[spec.classes]));
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
fn value(name: &str, shape: &[usize]) -> Message {
    let batch = Message::default().text(2, "batch");
    let dims = shape.iter().map(|size| Message::default().int(1, *size as u64));
    let shape = dims.fold(Message::default().message(1, &batch), |shape, dim| shape.message(1, &dim));
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

/// A map in the graph.
#[derive(Clone)]
struct Map {
    name: String,
    at: Extent,
}

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

    fn layers(&mut self, layers: &[Layer], x: Map) -> Result<Map, OnnxError> {
        layers.iter().try_fold(x, |x, layer| self.layer(layer, x))
    }

    fn layer(&mut self, layer: &Layer, x: Map) -> Result<Map, OnnxError> {
        match layer {
            Layer::Unit(unit) => Ok(self.unit(unit, x)),
            Layer::Norm { name, .. } => {
                let y = self.norm(name, &x.name);
                Ok(Map { name: self.relu(name, &y), ..x })
            }
            Layer::MaxPool(pool) => self.pool("MaxPool", pool, x),
            Layer::AveragePool(pool) => self.pool("AveragePool", pool, x),
            Layer::Residual(block) => self.residual(block, x),
            Layer::Concat(branches) if branches.is_empty() => Ok(x),
            Layer::Concat(branches) => {
                let ends = branches.iter().map(|branch| self.layers(branch, x.clone()));
                let ends: Vec<Map> = ends.collect::<Result<_, _>>()?;
                self.joins += 1;
                let names: Vec<&str> = ends.iter().map(|end| end.name.as_str()).collect();
                let name = self.node("Concat", &format!("join{}", self.joins), &names, vec![int("axis", 1)]);
                Ok(Map { name, at: Extent { c: ends.iter().map(|end| end.at.c).sum(), ..ends[0].at } })
            }
        }
    }

    fn unit(&mut self, unit: &Unit, x: Map) -> Map {
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
        let mut name = self.node("Conv", conv_name, &[&x.name, &weight], attributes);
        if let Some(norm) = norm_name {
            name = self.norm(norm, &name);
            if *relu {
                name = self.relu(norm, &name);
            }
        }
        let ConvGeometry { oh, ow, .. } = ConvGeometry::new(*conv, 1, x.at.h, x.at.w);
        Map { name, at: Extent { h: oh, w: ow, c: conv.c_out } }
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
    fn pool(&mut self, op: &str, pool: &Pool, x: Map) -> Result<Map, OnnxError> {
        let Pool { kernel, stride, padding, count_padding, .. } = *pool;
        let (h, w) = (pool.out(x.at.h), pool.out(x.at.w));
        let after = |out: usize, size: usize| ((out - 1) * stride + kernel).saturating_sub(size + padding);
        let (below, right) = (after(h, x.at.h), after(w, x.at.w));
        let averages = op == "AveragePool";
        if averages && count_padding && below.max(right) > padding {
            return Err(OnnxError::Pool(*pool));
        }
        let counted = if averages { u64::from(count_padding) } else { 0 };
        // Where the padding counts it is that of the pool, also where no window reaches it.
        let [below, right] = [below, right].map(|after| after.max(padding));
        let mut attributes = vec![
            ints("kernel_shape", [kernel; 2]),
            ints("strides", [stride; 2]),
            ints("pads", [padding, padding, below, right]),
        ];
        attributes.extend(averages.then(|| int("count_include_pad", counted)));
        self.pools += 1;
        let name = self.node(op, &format!("pool{}", self.pools), &[&x.name], attributes);
        Ok(Map { name, at: Extent { h, w, c: x.at.c } })
    }

    fn residual(&mut self, block: &Residual, x: Map) -> Result<Map, OnnxError> {
        let shortcut = self.layers(&block.shortcut, x.clone())?;
        let y = block.body.iter().fold(x, |y, unit| self.unit(unit, y));
        let gated = match &block.gate {
            Some(gate) => self.gate(gate, &y.name),
            None => y.name,
        };
        self.joins += 1;
        let join = format!("join{}", self.joins);
        let sum = self.node("Add", &join, &[&gated, &shortcut.name], Vec::new());
        Ok(Map { name: self.relu(&join, &sum), at: y.at })
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

    /// A layer of a gate: a 1x1 with bias.
    fn linear(&mut self, name: &str, x: &str) -> String {
        let [weight, bias] = ["weight", "bias"].map(|field| self.weight(format!("{name}.{field}")));
        self.node("Conv", name, &[x, &weight, &bias], vec![ints("kernel_shape", [1; 2])])
    }
}
