//! Makes a run again and compares it with what was recorded.

use super::dir::{LOG, METRICS};
use super::{Line, Record, RunError, logs, spawn};
use crate::train::{Digests, Event, Link, Options, StepRecord};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::channel;

/// What a comparison found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Last step that was compared.
    pub step: u64,
    /// Checkpoints whose hashes are the same.
    pub links: usize,
    /// Steps of the metrics that are the same.
    pub steps: usize,
    /// Where the run made again first differs, as a sentence.
    pub difference: Option<String>,
}

/// Makes the run in `dir` again up to `until` or its last checkpoint, without writing anything, and compares losses,
/// rates, and the hashes of every checkpoint. It ends at the first difference.
///
/// # Errors
/// A run that cannot be read, has no checkpoint, or whose journal cannot be made again.
pub fn verify(dir: &Path, until: Option<u64>) -> Result<Verdict, RunError> {
    let log = logs::read(&dir.join(LOG))?;
    let mut devices: Vec<String> = log.into_iter().filter_map(device).collect();
    let mut verdict = compare(dir, until, &mut devices)?;
    if let Some(difference) = &mut verdict.difference
        && devices.iter().any(|device| device.starts_with("cuda"))
    {
        *difference += "; a card computed, and it adds in an order that differs from run to run";
    }
    Ok(verdict)
}

fn device(line: Line) -> Option<String> {
    if let Line::Ready { device, .. } = line { Some(device) } else { None }
}

/// Compares; what computes now is added to `devices`.
fn compare(dir: &Path, until: Option<u64>, devices: &mut Vec<String>) -> Result<Verdict, RunError> {
    let stuck = |why: String| RunError::Stuck { path: dir.to_path_buf(), why };
    let record = Record::read(dir)?;
    let recipe = record.recipe.with_edits(Vec::new()).map_err(|(_, why)| stuck(why))?;
    let links: BTreeMap<u64, Link> = record.chain.iter().map(|link| (link.step, link.clone())).collect();
    let links: BTreeMap<u64, Link> = links.into_iter().filter(|(step, _)| until.is_none_or(|u| *step <= u)).collect();
    let Some(last) = links.keys().next_back().copied() else {
        return Err(stuck("has no checkpoint to compare with".into()));
    };
    let mut verdict = Verdict { step: 0, links: 0, steps: 0, difference: broken(&record.chain) };
    if verdict.difference.is_some() {
        return Ok(verdict);
    }
    let logged: BTreeMap<u64, (f32, f64)> = logs::read(&dir.join(METRICS))?
        .into_iter()
        .filter_map(|line| match line {
            Line::Step { step, loss, lr, .. } => Some((step, (loss, lr))),
            _ => None,
        })
        .collect();
    let options = Options {
        edits: Some(record.waiting(0)),
        until: Some(until.unwrap_or(last)),
        probes: links.keys().copied().collect(),
        ..Options::default()
    };
    let (sender, events) = channel();
    let sink = Box::new(move |event| drop(sender.send(event)));
    let (_commands, _worker) = spawn(recipe, options, sink).map_err(RunError::Thread)?;
    for event in events {
        match event {
            Event::Steps(steps) => {
                for step in steps {
                    verdict.step = step.step;
                    if let Some(recorded) = logged.get(&step.step) {
                        verdict.difference = other_step(recorded, &step);
                        verdict.steps += 1;
                    }
                    if verdict.difference.is_some() {
                        return Ok(verdict);
                    }
                }
            }
            Event::Started(info) => devices.push(info.device),
            Event::Hashed { step, digests } => {
                verdict.step = step;
                verdict.difference = links.get(&step).and_then(|link| other_state(link, &digests));
                if verdict.difference.is_some() {
                    return Ok(verdict);
                }
                verdict.links += 1;
            }
            Event::Refused { reason, .. } => return Err(stuck(format!("an edit cannot be made again: {reason}"))),
            Event::Ended(summary) => {
                if let Some(error) = summary.error {
                    return Err(stuck(error));
                }
                if verdict.links < links.len() {
                    let (step, of) = (summary.step, links.len());
                    verdict.difference =
                        Some(format!("it ends after step {step}, {} of {of} checkpoints", verdict.links));
                }
            }
            _ => {}
        }
    }
    Ok(verdict)
}

/// The first link that does not follow from those before it.
fn broken(chain: &[Link]) -> Option<String> {
    let mut before: Option<&Link> = None;
    for link in chain {
        if Link::after(before, link.step, link.digests.clone()) != *link {
            return Some(format!("the chain is broken at step {}: it was changed after it was written", link.step));
        }
        before = Some(link);
    }
    None
}

fn other_step((loss, lr): &(f32, f64), found: &StepRecord) -> Option<String> {
    let StepRecord { step, loss: new, lr: rate, .. } = found;
    match (loss.to_bits() == new.to_bits(), lr.to_bits() == rate.to_bits()) {
        (true, true) => None,
        (_, false) => Some(format!("step {step}: the rate is {rate}, recorded is {lr}")),
        (false, true) => Some(format!("step {step}: the loss is {new}, recorded is {loss}")),
    }
}

fn other_state(link: &Link, found: &Digests) -> Option<String> {
    let parts = link.digests.differences(found);
    (!parts.is_empty()).then(|| format!("step {}: {} differ from what was recorded", link.step, parts.join(" and ")))
}
