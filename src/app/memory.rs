//! The alarm about the memory of the run's GPU: the trainer works out what it takes at the start, but only the driver
//! knows what others take.

use super::hardware::Gpu;
use super::state::State;
use super::{Effect, Occasion, Tone, number};
use crate::recipe::settings::Act;

/// Shares of its memory at which a GPU is full, and at which it is no longer.
const FULL: f64 = 0.95;
const FREE: f64 = 0.90;

/// Looks at the last sample: tells once when the run's GPU is nearly full.
pub(crate) fn watch(state: &mut State) -> Vec<Effect> {
    let alarms = &state.recipe.alarms;
    if state.run.state.ended() || !alarms.on || alarms.memory == Act::Off {
        return Vec::new();
    }
    let device = state.run.info.as_ref().map_or("", |info| info.device.as_str());
    let number = device.strip_prefix("cuda ").and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse().ok());
    let is_ours = |gpu: &&Gpu| {
        number.is_some() && (number == Some(gpu.index) || gpu.processes.iter().flatten().any(|process| process.own))
    };
    let ours = state.panes.hardware.gpus().iter().filter(is_ours);
    let used = ours.filter_map(|gpu| Some((gpu.index, gpu.memory_used?, gpu.memory_total)));
    let share = |(_, used, total): &(u32, u64, u64)| *used as f64 / *total as f64;
    let Some(fullest) = used.max_by(|a, b| share(a).total_cmp(&share(b))) else { return Vec::new() };
    if share(&fullest) < FREE {
        state.panes.hardware.full = false;
    }
    if share(&fullest) < FULL || state.panes.hardware.full {
        return Vec::new();
    }
    let (index, of) = (fullest.0, number::bytes_of(fullest.1, fullest.2));
    let message = format!(
        "GPU {index} is nearly full, {of} are in use: a smaller train.batch takes less, and so does half precision"
    );
    state.panes.hardware.full = true;
    state.note(Tone::Alarm, message.clone());
    state.alarm = Some(message.clone());
    vec![Effect::Tell(Occasion::Alarm, message)]
}
