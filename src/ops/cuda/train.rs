//! The two ends of a step: the loss with the gradient of the logits, and the update of all parameters in one launch.

use super::context::{Context, place};
use super::held::{Grads, Map, Target};
use super::kernels::{LossArgs, ParamJob, UpdateArgs};
use super::pool::Kind;
use crate::ops::loss::AUXILIARY;
use crate::ops::{Descent, Loss, Matrix, Objective, Parameter, Precision, Rule, Updated};
use cudarc::driver::DevicePtr;
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;

/// Kinds of jobs.
const DECAYS: u32 = 1;
const STATISTIC: u32 = 2;
const KNOWN: u32 = 4;

/// Bytes of a number of single precision.
const FLOAT: u64 = 4;

/// See [`crate::ops::Ops::loss`]. The value stays on the GPU until the update is done.
pub fn loss(
    logits: Map<OwnedTape<f32, Cuda>>,
    auxiliary: Option<Map>,
    objective: Objective<f32, Cuda>,
    scale: f64,
) -> Result<Loss<f32, Cuda>, Error> {
    let (z, mut tape) = logits.split_tape();
    let (context, n, k) = (z.context()?, z.n, z.c);
    let rows = context.floats(2 * n)?;
    let args = LossArgs {
        z: z.place()?,
        q: objective.targets.place()?,
        teacher: objective.teacher.as_ref().map_or(Ok(0), |teacher| teacher.place())?,
        gz: 0,
        rows: rows.place(),
        total: context.numbers.place(),
        n: n as u32,
        k: k as u32,
        hard: objective.hard as f32,
        soft: objective.soft as f32,
        temperature: objective.temperature as f32,
        scale: scale as f32,
        add: 0,
    };
    let mut given = Vec::new();
    let mut run = |z: &Map, args: LossArgs| -> Result<(), Error> {
        let gz = context.map(z.len(), Precision::Single)?;
        context.kernels.loss_rows(&LossArgs { z: z.place()?, gz: gz.place(), ..args })?;
        given.push((Target::of(z), gz));
        Ok(())
    };
    run(&z, args)?;
    if let Some(auxiliary) = &auxiliary {
        run(auxiliary, LossArgs { teacher: 0, hard: AUXILIARY as f32, add: 1, ..args })?;
    }
    context.kernels.loss_total(&args)?;
    let seed = context.seed.clone();
    tape.add_backward_op(move |grads| given.into_iter().try_for_each(|(to, gz)| to.give(&context, grads, gz)));
    Ok(Loss { on_tape: seed.put_tape(tape), scale, value: None })
}

/// See [`crate::ops::Ops::update`]. It waits for the GPU: once a step.
pub fn update(
    descent: &Descent,
    params: &mut [Parameter<f32, Cuda>],
    slots: &mut [&mut Grads],
    grads: &mut Grads,
    loss: Option<f32>,
) -> Result<Updated, Error> {
    // A loss that the host knows is not one of this backend's, whose kernels would look at it themselves.
    if let Some(loss) = loss.filter(|loss| !loss.is_finite()) {
        return Ok(Updated { loss, updated: false });
    }
    let Some(first) = params.first() else { return Ok(Updated { loss: loss.unwrap_or_default(), updated: true }) };
    let context = Context::of(first.data.device())?;
    let known = context.squares.take();
    let mut jobs = Vec::new();
    for Parameter { data, decays, rate, missed } in params.iter() {
        let w = place(data)?;
        let counted = known.as_ref().is_some_and(|known| known.of.contains(&w));
        let kind = u32::from(*decays) * DECAYS + u32::from(counted) * KNOWN;
        let ((rows, cols), g) = (*data.shape(), gradient(grads, data)?);
        let (len, missed, rate) = ((rows * cols) as u32, counted_to(*missed), *rate as f32);
        let mut job = ParamJob { w, g, kind, len, missed, rate, ..ParamJob::default() };
        for (to, store) in job.slots.iter_mut().zip(slots.iter_mut()) {
            *to = gradient(store, data)?;
        }
        jobs.push(job);
    }
    let changed = std::mem::take(&mut *context.statistics.borrow_mut());
    for one in &changed {
        let (block, from) = &one.before;
        for (i, w) in one.running.into_iter().enumerate() {
            let g = block.place() + from + (i * one.channels) as u64 * FLOAT;
            jobs.push(ParamJob { w, g, kind: STATISTIC, len: one.channels as u32, ..ParamJob::default() });
        }
    }
    let chunks = counted(&mut jobs);
    let table = context.table(&jobs)?;
    let squares = context.pool.take(u64::from(chunks) * 2 * FLOAT, Kind::Workspace)?;
    let (total, done) = (context.numbers.place(), context.numbers.place() + 2 * FLOAT);
    let on_gpu = if loss.is_none() { total } else { 0 };
    let (jobs, count) = (table.place(), jobs.len() as u32);
    let (at, known_count) = known.as_ref().map_or((0, 0), |known| (known.block.place(), known.count));
    let squares_at = squares.place();
    let places = UpdateArgs {
        jobs,
        squares: squares_at,
        known: at,
        loss: on_gpu,
        done,
        count,
        chunks,
        known_count,
        ..UpdateArgs::default()
    };
    let args = arguments(descent, places);
    context.kernels.squares(&args)?;
    match descent.rule {
        Rule::Sgd { .. } => context.kernels.sgd(&args)?,
        Rule::AdamW { .. } => context.kernels.adamw(&args)?,
    }
    let done: Vec<f32> = context.copies.download(done, 4)?;
    Ok(Updated { loss: loss.unwrap_or(done[0]), updated: done[2] != 0.0 })
}

/// See [`crate::ops::Ops::set_aside`]. It waits for the GPU.
pub fn set_aside(context: &Context, known: Option<f32>) -> Result<f32, Error> {
    context.squares.take();
    context.statistics.borrow_mut().clear();
    match known {
        Some(loss) => Ok(loss),
        None => Ok(context.copies.download::<f32>(context.numbers.place(), 1)?[0]),
    }
}

/// See [`crate::ops::Ops::average`]: one launch, which nothing waits for.
pub fn average(averages: &mut [&mut Matrix<f32, Cuda>], of: &[&Matrix<f32, Cuda>], share: f64) -> Result<(), Error> {
    let Some(first) = averages.first() else { return Ok(()) };
    let context = Context::of(first.device())?;
    let job = |(average, w): (&&mut Matrix<f32, Cuda>, &&Matrix<f32, Cuda>)| {
        let (rows, cols) = *w.shape();
        Ok(ParamJob { w: place(average)?, g: place(w)?, len: (rows * cols) as u32, ..ParamJob::default() })
    };
    let mut jobs = averages.iter().zip(of).map(job).collect::<Result<Vec<_>, Error>>()?;
    let chunks = counted(&mut jobs);
    let table = context.table(&jobs)?;
    let shares = UpdateArgs { rests: [(1.0 - share) as f32, 0.0], ..UpdateArgs::default() };
    let args = UpdateArgs { jobs: table.place(), count: jobs.len() as u32, chunks, ..shares };
    Ok(context.kernels.average(&args)?)
}

/// Tells jobs their first chunks; gives the number of all.
fn counted(jobs: &mut [ParamJob]) -> u32 {
    let mut chunks = 0;
    for job in jobs {
        job.first_chunk = chunks;
        chunks += job.chunks();
    }
    chunks
}

/// The place of a tensor's values in a store.
fn gradient(store: &mut Grads, of: &Matrix<f32, Cuda>) -> Result<u64, Error> {
    Ok(*store.get_or_alloc_mut(of)?.device_ptr())
}

/// A number of updates as a kernel has it: what is behind the largest needs no correction any more.
fn counted_to(updates: u64) -> u32 {
    u32::try_from(updates).unwrap_or(u32::MAX)
}

/// The numbers of an update, as the CPU's kernels have them.
fn arguments(descent: &Descent, args: UpdateArgs) -> UpdateArgs {
    let Descent { rule, lr, decay, clip_norm, scale } = *descent;
    let args = UpdateArgs { scale: scale as f32, clip: clip_norm as f32, lr: lr as f32, decay: decay as f32, ..args };
    match rule {
        Rule::Sgd { momentum, nesterov } => UpdateArgs { momentum: momentum as f32, nesterov: nesterov.into(), ..args },
        Rule::AdamW { betas, epsilon, number } => {
            let corrected = betas.map(|beta| 1.0 - beta.powf(number as f64));
            UpdateArgs {
                betas: betas.map(|b| b as f32),
                rests: betas.map(|b| (1.0 - b) as f32),
                rate: (lr / corrected[0]) as f32,
                root: (1.0 / corrected[1].sqrt()) as f32,
                epsilon: epsilon as f32,
                keep: (1.0 - lr * decay) as f32,
                number: counted_to(number),
                ..args
            }
        }
    }
}
