//! Plans: how a convolution is computed, chosen among what cuDNN's heuristics offer.

use super::descriptor::{Descriptor, Kind, Value};
use super::error::CudnnError;
use super::handle::Target;
use super::library::Table;
use super::offers::{Refused, Wanted};
use crate::kernels::geometry::ConvGeometry;
use crate::ops::Precision;
use std::fmt;
use std::rc::Rc;

/// Identifiers of images, filter and output in every graph.
pub const TENSORS: [i64; 3] = [1, 2, 3];
/// The multiple of bytes that tensors and workspace are promised to lie at. Below 16, few engines are left.
pub const ALIGNMENT: u64 = 16;

/// Single precision, the format of sums and of alpha and beta.
const F32: i32 = 0;
/// Modes of the heuristics: the ones that PyTorch asks for, too.
const MODE_A: i32 = 3;
const MODE_FALLBACK: i32 = 2;

/// What is computed of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The output.
    Forward,
    /// The gradient of the images.
    Data,
    /// The gradient of the filter.
    Filter,
}

/// A convolution as cuDNN is to compute it. Images `(N, H, W, C)`, filter `(O, KH, KW, C/groups)` and output
/// `(N, OH, OW, O)` are in one format; sums are in single precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Which of the three is computed of the others.
    pub pass: Pass,
    /// Sizes.
    pub geometry: ConvGeometry,
    /// The format of all three.
    pub precision: Precision,
    /// Whether the result is added to what is there, or replaces it.
    pub accumulate: bool,
    /// Whether tensor cores may round factors in single precision to TF32's 10 bits.
    pub tf32: bool,
}

impl fmt::Display for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (g, c) = (&self.geometry, &self.geometry.conv);
        let pass = match self.pass {
            Pass::Forward => "",
            Pass::Data => "the gradient of the images of ",
            Pass::Filter => "the gradient of the filter of ",
        };
        write!(f, "{pass}a {}x{} convolution of {} images of {}x{}", c.kernel.0, c.kernel.1, g.n, g.h, g.w)?;
        write!(
            f,
            ", {} to {} channels, stride {}, padding {}x{}",
            c.c_in, c.c_out, c.stride, c.padding.0, c.padding.1
        )?;
        write!(f, ", dilation {}, groups {}, in {}", c.dilation, c.groups, self.precision.name())?;
        f.write_str(if self.accumulate { ", added to what is there" } else { "" })
    }
}

impl Convolution {
    /// The number of its format: `cudnnDataType_t`.
    fn format(&self) -> i32 {
        match self.precision {
            Precision::Single => F32,
            Precision::Half => 2,
            Precision::BrainHalf => 9,
        }
    }

    /// Sizes of images, filter and output in cuDNN's order, which is N, C, H, W whatever the layout.
    fn sizes(&self) -> [[usize; 4]; 3] {
        let (g, c) = (&self.geometry, &self.geometry.conv);
        [[g.n, c.c_in, g.h, g.w], [c.c_out, c.c_in / c.groups, c.kernel.0, c.kernel.1], [g.n, c.c_out, g.oh, g.ow]]
    }

    /// A tensor with its channels last and nothing between its values.
    fn tensor(&self, table: &'static Table, id: i64, sizes: [usize; 4]) -> Result<Descriptor, CudnnError> {
        let sizes = sizes.map(|size| size as i64);
        let [_, c, h, w] = sizes;
        let strides = [h * w * c, 1, w * c, c];
        Descriptor::new(
            table,
            Kind::Tensor,
            &[
                (900, Value::Ints(&[ALIGNMENT as i64])),
                (901, Value::Format(self.format())),
                (902, Value::Ints(&sizes)),
                (903, Value::Ints(&strides)),
                (906, Value::Ints(&[id])),
            ],
        )
    }

    /// The convolution without its tensors.
    fn window(&self, table: &'static Table) -> Result<Descriptor, CudnnError> {
        let conv = &self.geometry.conv;
        let both = |size: usize| [size as i64; 2];
        let padding = [conv.padding.0 as i64, conv.padding.1 as i64];
        Descriptor::new(
            table,
            Kind::Convolution,
            &[
                (100, Value::Format(F32)),
                // (nets do not flip their filters)
                (101, Value::Correlation(1)),
                (102, Value::Ints(&both(conv.dilation))),
                (103, Value::Ints(&both(conv.stride))),
                // Padding behind and before. What is behind the last window is not read.
                (104, Value::Ints(&padding)),
                (105, Value::Ints(&padding)),
                (106, Value::Ints(&[2])),
            ],
        )
    }

    /// The graph, which is one operation.
    fn graph(&self, target: &Target) -> Result<Descriptor, CudnnError> {
        let table = target.table();
        let [x_size, w_size, y_size] = self.sizes();
        let x = self.tensor(table, TENSORS[0], x_size)?;
        let w = self.tensor(table, TENSORS[1], w_size)?;
        let y = self.tensor(table, TENSORS[2], y_size)?;
        let window = self.window(table)?;
        let (kind, first) = match self.pass {
            Pass::Forward => (Kind::Forward, 700),
            Pass::Data => (Kind::ToData, 706),
            Pass::Filter => (Kind::ToFilter, 712),
        };
        let beta = if self.accumulate { 1.0 } else { 0.0 };
        let operation = Descriptor::new(
            table,
            kind,
            &[
                (first, Value::Float(1.0)),
                (first + 1, Value::Float(beta)),
                (first + 2, Value::Descriptor(&window)),
                (first + 3, Value::Descriptor(&w)),
                (first + 4, Value::Descriptor(&x)),
                (first + 5, Value::Descriptor(&y)),
            ],
        )?;
        target.with(Kind::Graph, Some(800), None, &[(801, Value::Descriptor(&operation))])
    }
}

/// How a convolution is computed.
pub struct Plan {
    // (dropped in this order)
    plan: Descriptor,
    _configuration: Descriptor,
    _target: Rc<Target>,
    workspace: u64,
}

impl Plan {
    /// The first plan of those that the heuristics offer that gives the same bits in every run, computes as precisely as
    /// is wanted and needs no more than `limit` bytes of workspace.
    pub(super) fn new(target: &Rc<Target>, of: &Convolution, limit: u64) -> Result<Plan, CudnnError> {
        let graph = of.graph(target)?;
        let mut refused = Refused::new(Wanted { exact: of.precision == Precision::Single && !of.tf32, limit });
        let mut failure = None;
        for mode in [MODE_A, MODE_FALLBACK] {
            match Plan::offered(target, &graph, mode, &mut refused) {
                Ok(Some(plan)) => return Ok(plan),
                Ok(None) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            // Only then does cuDNN's own reason say more than the count.
            Some(error) if refused.none_offered() => Err(error),
            _ => Err(CudnnError::NoPlan { what: of.to_string(), refused }),
        }
    }

    fn offered(
        target: &Rc<Target>,
        graph: &Descriptor,
        mode: i32,
        refused: &mut Refused,
    ) -> Result<Option<Plan>, CudnnError> {
        let asked = [(200, Value::Mode(mode)), (201, Value::Descriptor(graph))];
        let heuristics = target.with(Kind::Heuristics, None, Some(204), &asked)?;
        for configuration in heuristics.descriptors(202, Kind::Configuration)? {
            // (before anything is made: some plans compile kernels)
            let engine = configuration.descriptors(300, Kind::Engine)?;
            let Some(engine) = engine.first() else {
                refused.failed();
                continue;
            };
            if !refused.notes_fit(&engine.notes(1303)?) {
                continue;
            }
            let made = target.with(Kind::Plan, Some(400), Some(407), &[(401, Value::Descriptor(&configuration))]);
            let Ok(plan) = made else {
                // Engines are offered that turn out not to do this convolution, or not on this GPU.
                refused.failed();
                continue;
            };
            let workspace = u64::try_from(plan.number(402)?).unwrap_or(u64::MAX);
            if refused.workspace_fits(workspace) {
                return Ok(Some(Plan { plan, _configuration: configuration, _target: target.clone(), workspace }));
            }
        }
        Ok(None)
    }

    /// Bytes of workspace that a run needs. Nothing has to be in them, and nothing is kept there.
    pub fn workspace(&self) -> u64 {
        self.workspace
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        &self.plan
    }
}
