//! Weights in the layout of cuDNN, `(K, R, S, C)`, and their gradients. Ours are `(RSC, K)`: the same matrix, turned over.
//!
//! A net's weights are turned over together before a pass, and the gradients of all of them after it: a launch each.

use super::context::{Context, Squares, code, place};
use super::held::{Grads, Map, Slot};
use super::kernels::{Turn, TurnJob};
use super::pool::{Block, Kind, Place};
use crate::ops::{Matrix, Precision};
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

/// A weight, turned over.
pub struct Kept {
    rows: usize,
    cols: usize,
    turned: RefCell<Option<(Precision, Block)>>,
    gradient: RefCell<Option<(Precision, Block)>>,
    /// Whether the gradient of this pass is there, turned over.
    came: Cell<bool>,
    /// Whether a pass of its net brings it up to date and gathers its gradient.
    of_net: bool,
}

/// The weights of a net by the format of its images: an evaluation's may differ from training's.
#[derive(Default)]
pub struct Ready(Vec<(Precision, Set)>);

struct Set {
    places: Vec<Place>,
    kept: Vec<Rc<Kept>>,
}

impl Kept {
    fn new(w: &Matrix<f32, Cuda>, of_net: bool) -> Kept {
        let (rows, cols) = *w.shape();
        let (turned, gradient, came) = (RefCell::default(), RefCell::default(), Cell::default());
        Kept { rows, cols, turned, gradient, came, of_net }
    }

    /// Room for the weights in a format.
    fn room(&self, context: &Context, precision: Precision) -> Result<Place, Error> {
        let block = context.pool.take((self.rows * self.cols) as u64 * precision.bytes(), Kind::Kept)?;
        let place = block.place();
        *self.turned.borrow_mut() = Some((precision, block));
        Ok(place)
    }

    /// The weights `w` for a convolution in a format.
    ///
    /// # Errors
    /// The driver's.
    pub fn of(context: &Context, w: &Matrix<f32, Cuda>, precision: Precision) -> Result<(Rc<Kept>, Place), Error> {
        let from = place(w)?;
        let ready = context.weights.borrow().get(&from).and_then(|kept| kept.upgrade());
        let kept = ready.filter(|k| (k.rows, k.cols) == *w.shape()).unwrap_or_else(|| Rc::new(Kept::new(w, false)));
        if let Some((_, block)) = kept.turned.borrow().as_ref().filter(|(of, _)| *of == precision) {
            return Ok((kept.clone(), block.place()));
        }
        let to = kept.room(context, precision)?;
        turn(context, &[job((from, Precision::Single), (to, precision), kept.rows, kept.cols)], false)?;
        Ok((kept, to))
    }

    /// Has `f` write the turned gradient in a format, and brings it to its place on the tape where no net does.
    ///
    /// # Errors
    /// The driver's.
    pub fn gather(
        &self,
        context: &Context,
        precision: Precision,
        (slot, grads): (&Slot, &mut Grads),
        f: impl FnOnce(Place) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let len = self.rows * self.cols;
        let block = match self.gradient.borrow_mut().take().filter(|(of, _)| *of == precision) {
            Some((_, block)) => block,
            None => context.pool.take(len as u64 * precision.bytes(), Kind::Kept)?,
        };
        f(block.place())?;
        if !self.of_net {
            let ours = context.floats(len)?;
            let to = (ours.place(), Precision::Single);
            turn(context, &[job((block.place(), precision), to, self.cols, self.rows)], false)?;
            let to = slot.place(grads)?;
            context.cast((ours.place(), Precision::Single), (to, Precision::Single), len, true)?;
        }
        self.came.set(true);
        *self.gradient.borrow_mut() = Some((precision, block));
        Ok(())
    }

    /// Whether a pass of its net gathers its gradient.
    pub fn of_net(&self) -> bool {
        self.of_net
    }
}

/// Brings the weights of a net, the linear layers' being marked, up to date for a pass of images, and has their gradients
/// gathered after it.
///
/// # Errors
/// The driver's.
pub fn ready<T: Tape<f32, Cuda>>(
    ready: &mut Ready,
    params: &[(&Matrix<f32, Cuda>, bool)],
    x: Map<T>,
) -> Result<Map<T>, Error> {
    let (x, mut tape) = x.split_tape();
    let context = x.context()?;
    let set = ready.set(&context, params, x.precision())?;
    let jobs = set.places.iter().zip(&set.kept).filter_map(|(from, kept)| {
        let turned = kept.turned.borrow();
        let (precision, to) = turned.as_ref().map(|(precision, block)| (*precision, block.place()))?;
        Some(job((*from, Precision::Single), (to, precision), kept.rows, kept.cols))
    });
    turn(&context, &jobs.collect::<Vec<_>>(), false)?;
    if T::OWNS_TAPE {
        context.statistics.borrow_mut().clear();
        let slots = params.iter().map(|(w, _)| Slot::of(w));
        let all = set.places.iter().zip(&set.kept).zip(slots);
        let all: Vec<_> = all.map(|((at, kept), slot)| (*at, kept.clone(), slot)).collect();
        all.iter().for_each(|(_, kept, _)| kept.came.set(false));
        context.squares.take();
        // What is put on a tape first runs last.
        tape.add_backward_op(move |grads| gather(&context, &all, grads));
    }
    Ok(x.put_tape(tape))
}

/// Brings the gradients of a net's weights to their places on the tape.
fn gather(context: &Context, all: &[(Place, Rc<Kept>, Slot)], grads: &mut Grads) -> Result<(), Error> {
    let (mut jobs, mut of) = (Vec::new(), HashSet::new());
    for (at, kept, slot) in all.iter().filter(|(_, kept, _)| kept.came.get()) {
        if let Some((precision, block)) = &*kept.gradient.borrow() {
            let to = (slot.place(grads)?, Precision::Single);
            jobs.push(job((block.place(), *precision), to, kept.cols, kept.rows));
            of.insert(*at);
        }
    }
    let made = turn(context, &jobs, true)?;
    context.squares.replace(made.map(|(block, count)| Squares { block, count, of }));
    Ok(())
}

impl Ready {
    /// The set of a format, made anew when the weights lie elsewhere than before.
    fn set(&mut self, context: &Context, params: &[(&Matrix<f32, Cuda>, bool)], of: Precision) -> Result<&Set, Error> {
        let places = params.iter().map(|(w, _)| place(w)).collect::<Result<Vec<_>, _>>()?;
        let i = match self.0.iter().position(|(precision, set)| *precision == of && set.places == places) {
            Some(i) => i,
            None => {
                let before = self.0.len();
                self.0.retain(|(_, set)| set.places == places);
                if self.0.len() < before {
                    context.forget();
                }
                let kept = params.iter().map(|(w, linear)| {
                    let kept = Kept::new(w, true);
                    kept.room(context, if *linear { Precision::Single } else { of })?;
                    Ok::<_, Error>(Rc::new(kept))
                });
                self.0.push((of, Set { places, kept: kept.collect::<Result<_, _>>()? }));
                self.0.len() - 1
            }
        };
        let set = &self.0[i].1;
        let weights = &mut *context.weights.borrow_mut();
        weights.retain(|_, kept| kept.strong_count() > 0);
        weights.extend(set.places.iter().copied().zip(set.kept.iter().map(Rc::downgrade)));
        Ok(set)
    }
}

/// A job whose first tile is still to be told.
fn job((from, of): (Place, Precision), (to, to_of): (Place, Precision), rows: usize, cols: usize) -> TurnJob {
    let (rows, cols) = (rows as u32, cols as u32);
    TurnJob { from, to, rows, cols, first_tile: 0, formats: code(of) + 4 * code(to_of) }
}

/// Turns matrices over; where `squares` are wanted, the sum of those of every tile.
fn turn(context: &Context, jobs: &[TurnJob], squares: bool) -> Result<Option<(Block, u32)>, Error> {
    let mut tiles = 0;
    let place_of = |job: &TurnJob| {
        let first_tile = tiles;
        tiles += job.tiles();
        TurnJob { first_tile, ..*job }
    };
    let jobs: Vec<_> = jobs.iter().map(place_of).collect();
    if jobs.is_empty() {
        return Ok(None);
    }
    let table = context.table(&jobs)?;
    let bytes = u64::from(tiles) * size_of::<f64>() as u64;
    let block = squares.then(|| context.pool.take(bytes, Kind::Workspace)).transpose()?;
    let at = block.as_ref().map_or(0, |block| block.place());
    let turn = Turn { jobs: table.place(), squares: at, count: jobs.len() as u32, pad: 0 };
    context.kernels.turn(&turn, tiles)?;
    Ok(block.map(|block| (block, tiles)))
}
