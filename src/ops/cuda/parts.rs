//! Pools, means, maps side by side, gates, and changes of format: a launch each way.

use super::context::Context;
use super::held::{Map, Target, pooled};
use super::kernels::{ChannelsArgs, GateArgs, Kernels, MeanArgs, PoolArgs};
use super::pool::{Block, Kind};
use crate::kernels::geometry::Pool;
use crate::ops::{Precision, Size};
use cudarc::driver::DriverError;
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;
use std::rc::Rc;

/// A kernel of a pool.
type PoolKernel = fn(&Kernels, Precision, &PoolArgs) -> Result<(), DriverError>;

/// See [`crate::ops::Ops::max_pool`].
pub fn max_pool<T: Tape<f32, Cuda>>(x: Map<T>, pool: &Pool) -> Result<Map<T>, Error> {
    windows(x, pool, true, [Kernels::max_pool, Kernels::max_pool_back])
}

/// See [`crate::ops::Ops::average_pool`].
pub fn average_pool<T: Tape<f32, Cuda>>(x: Map<T>, pool: &Pool) -> Result<Map<T>, Error> {
    windows(x, pool, false, [Kernels::average_pool, Kernels::average_pool_back])
}

fn windows<T: Tape<f32, Cuda>>(
    x: Map<T>,
    pool: &Pool,
    chooses: bool,
    [forward, back]: [PoolKernel; 2],
) -> Result<Map<T>, Error> {
    let (x, mut tape) = x.split_tape();
    let (context, precision, (n, h, w, c)) = (x.context()?, x.precision(), x.size());
    let (oh, ow) = (pool.out(h), pool.out(w));
    let y = context.map(n * oh * ow * c, precision)?;
    let chosen = context.pool.take(if chooses { (n * oh * ow * c) as u64 } else { 0 }, Kind::Maps)?;
    let args = PoolArgs {
        x: x.place()?,
        y: y.place(),
        chosen: chosen.place(),
        n: n as u32,
        h: h as u32,
        w: w as u32,
        c: c as u32,
        oh: oh as u32,
        ow: ow as u32,
        kernel: pool.kernel as u32,
        stride: pool.stride as u32,
        padding: pool.padding as u32,
        count_padding: pool.count_padding.into(),
        add: 0,
    };
    forward(&context.kernels, precision, &args)?;
    let out = pooled(y, precision, (n, oh, ow, c));
    let (gx, gy) = (Target::of(&x), Target::of(&out));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        let _chosen = chosen;
        gx.gather(&context, grads, |gx, add| {
            Ok(back(&context.kernels, precision, &PoolArgs { x: gx, y: gy.place(), add: add.into(), ..args })?)
        })
    });
    Ok(out.put_tape(tape))
}

/// See [`crate::ops::Ops::global_average`].
pub fn global_average<T: Tape<f32, Cuda>>(x: Map<T>) -> Result<Map<T>, Error> {
    let (x, mut tape) = x.split_tape();
    let (context, precision, (n, h, w, c)) = (x.context()?, x.precision(), x.size());
    let y = context.map(n * c, Precision::Single)?;
    let (hw, rows, channels) = ((h * w) as u32, n as u32, c as u32);
    let args = MeanArgs { x: x.place()?, y: y.place(), n: rows, hw, c: channels, add: 0 };
    context.kernels.mean(precision, &args)?;
    let out = pooled(y, Precision::Single, (n, 1, 1, c));
    let (gx, gy) = (Target::of(&x), Target::of(&out));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        gx.gather(&context, grads, |gx, add| {
            let args = MeanArgs { x: gx, y: gy.place(), add: add.into(), ..args };
            Ok(context.kernels.mean_back(precision, &args)?)
        })
    });
    Ok(out.put_tape(tape))
}

/// See [`crate::ops::Ops::concat`].
pub fn concat<T: Tape<f32, Cuda>>(first: Map, rest: Vec<Map>, mut tape: T) -> Result<Map<T>, Error> {
    let (context, precision, (n, h, w, _)) = (first.context()?, first.precision(), first.size());
    let parts: Vec<Map> = std::iter::once(first).chain(rest).collect();
    together(precision, &parts);
    let of: usize = parts.iter().map(|part| part.c).sum();
    let y = context.map(n * h * w * of, precision)?;
    let mut targets = Vec::new();
    let mut before = 0;
    for part in &parts {
        let (rows, c, of, first) = ((n * h * w) as u32, part.c as u32, of as u32, before as u32);
        let args = ChannelsArgs { part: part.place()?, whole: y.place(), rows, c, of, first, add: 0 };
        context.kernels.channels_put(precision, &args)?;
        targets.push((Target::of(part), args));
        before += part.c;
    }
    let out = pooled(y, precision, (n, h, w, of));
    let gy = Target::of(&out);
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        targets.iter().try_for_each(|(to, args)| {
            to.gather(&context, grads, |part, add| {
                let args = ChannelsArgs { part, whole: gy.place(), add: add.into(), ..*args };
                Ok(context.kernels.channels_take(precision, &args)?)
            })
        })
    });
    Ok(out.put_tape(tape))
}

/// Maps that come together in an operation are of one format: a net casts its images and nothing else.
fn together(precision: Precision, maps: &[Map]) {
    assert!(maps.iter().all(|map| map.precision() == precision), "maps that come together are of one precision");
}

/// See [`crate::ops::Ops::excite`].
pub fn excite<T: Tape<f32, Cuda>>(x: Map, gate: Map<T>, residual: Map) -> Result<Map<T>, Error> {
    let (gate, mut tape) = gate.split_tape();
    let (context, precision, (n, h, w, c)) = (x.context()?, x.precision(), x.size());
    together(precision, std::slice::from_ref(&residual));
    let y = context.map(x.len(), precision)?;
    let args = GateArgs {
        x: x.place()?,
        gate: gate.place()?,
        residual: residual.place()?,
        y: y.place(),
        gy: 0,
        gx: 0,
        ggate: 0,
        gr: 0,
        n: n as u32,
        hw: (h * w) as u32,
        c: c as u32,
        add: 0,
    };
    context.kernels.gate(precision, &args)?;
    let out = pooled(y, precision, x.size());
    let [of_x, of_gate, of_residual] = [&x, &gate, &residual].map(Target::of);
    let z = out.clone();
    tape.add_backward_op(move |grads| {
        let Some(gy) = Target::of(&z).take() else { return Ok(()) };
        let mut args = GateArgs { gy: gy.place(), y: z.place()?, ..args };
        let _inputs = (x, gate);
        for (target, flag) in [(&of_x, 1), (&of_residual, 2), (&of_gate, 4)] {
            target.gather(&context, grads, |to, add| {
                args.add |= if add { flag } else { 0 };
                *match flag {
                    1 => &mut args.gx,
                    2 => &mut args.gr,
                    _ => &mut args.ggate,
                } = to;
                Ok(())
            })?;
        }
        Ok(context.kernels.gate_back(precision, &args)?)
    });
    Ok(out.put_tape(tape))
}

/// A map in another format, its gradient too.
pub fn cast<T: Tape<f32, Cuda>>(x: Map<T>, to: Precision) -> Result<Map<T>, Error> {
    let (x, mut tape) = x.split_tape();
    let (context, from, len) = (x.context()?, x.precision(), x.len());
    let y = context.map(len, to)?;
    context.cast((x.place()?, from), (y.place(), to), len, false)?;
    let out = pooled(y, to, x.size());
    let (gx, gy) = (Target::of(&x), Target::of(&out));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        gx.gather(&context, grads, |gx, add| context.cast((gy.place(), to), (gx, from), len, add))
    });
    Ok(out.put_tape(tape))
}

/// A map of values from the host.
pub fn upload(context: &Rc<Context>, values: &[f32], size: Size) -> Result<Map, Error> {
    let block: Block = context.map(values.len(), Precision::Single)?;
    context.copies.upload(values, block.place())?;
    Ok(pooled(block, Precision::Single, size))
}

/// The values of a map on the host; waits for all that was asked before.
pub fn values(x: &Map) -> Result<Vec<f32>, Error> {
    let context = x.context()?;
    if x.precision() == Precision::Single {
        return Ok(context.copies.download(x.place()?, x.len())?);
    }
    let wide = context.floats(x.len())?;
    context.cast((x.place()?, x.precision()), (wide.place(), Precision::Single), x.len(), false)?;
    Ok(context.copies.download(wide.place(), x.len())?)
}
