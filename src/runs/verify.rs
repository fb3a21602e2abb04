//! Makes a run again and compares it with what was recorded.

use super::dir::{LOG, METRICS};
use super::{Line, Record, RunError, find_images, logs, spawn};
use crate::data::MANIFEST;
use crate::train::{Digests, Event, Link, Options, StepRecord};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::channel;

/// Largest distance of a loss from the recorded one, as a share of it, where a GPU computed: in single and in mixed
/// precision. Its sums have no order, so that no two runs are the same to the bit.
pub const ON_A_GPU: (f64, f64) = (1e-4, 2e-3);

/// What a comparison found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Last step that was compared.
    pub step: u64,
    /// Checkpoints whose hashes are the same; where a GPU computed, that were reached.
    pub links: usize,
    /// Steps of the metrics that are the same.
    pub steps: usize,
    /// Where a GPU computed: how far losses are from the recorded ones, at most, as a share of them.
    pub apart: Option<f64>,
    /// Where the run made again first differs, as a sentence.
    pub difference: Option<String>,
}

/// Makes the run in `dir` again up to `until` or its last checkpoint, without writing anything, and compares losses,
/// rates, and the hashes of every checkpoint; where a GPU computed, rates, and losses within [`ON_A_GPU`]. It ends at
/// the first difference.
///
/// # Errors
/// A run that cannot be read, has no checkpoint, or whose journal cannot be made again.
pub fn verify(dir: &Path, until: Option<u64>) -> Result<Verdict, RunError> {
    verify_at(dir, until, None)
}

/// The same for a run whose images are at another place now.
///
/// # Errors
/// As [`verify`].
pub fn verify_at(dir: &Path, until: Option<u64>, images_at: Option<&str>) -> Result<Verdict, RunError> {
    let log = logs::read(&dir.join(LOG))?;
    let on_a_gpu = log.into_iter().filter_map(device).any(|device| is_gpu(&device));
    compare(dir, until, images_at, on_a_gpu)
}

fn is_gpu(device: &str) -> bool {
    device.starts_with("cuda")
}

fn device(line: Line) -> Option<String> {
    if let Line::Ready { device, .. } = line { Some(device) } else { None }
}

/// Compares a run, of which a GPU has computed a part or has not.
fn compare(dir: &Path, until: Option<u64>, images_at: Option<&str>, on_a_gpu: bool) -> Result<Verdict, RunError> {
    let record = Record::read(dir)?;
    let recipe = record.recipe.with_edits(Vec::new()).map_err(|(_, e)| RunError::stuck(dir)(e))?;
    find_images(dir, &record, &recipe, images_at)?;
    let links: BTreeMap<u64, Link> = record.chain.iter().map(|link| (link.step, link.clone())).collect();
    let links: BTreeMap<u64, Link> = links.into_iter().filter(|(step, _)| until.is_none_or(|u| *step <= u)).collect();
    let Some(last) = links.keys().next_back().copied() else {
        return Err(RunError::stuck(dir)("has no checkpoint to compare with"));
    };
    let apart = on_a_gpu.then_some(0.0);
    let mut verdict = Verdict { step: 0, links: 0, steps: 0, apart, difference: broken(&record.chain) };
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
        again: true,
        unattended: true,
        manifest: Some(dir.join(MANIFEST)),
        images_at: images_at.map(String::from),
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
                        verdict.difference = other_step(recorded, &step, verdict.apart.as_mut());
                        verdict.steps += 1;
                    }
                    if verdict.difference.is_some() {
                        return Ok(verdict);
                    }
                }
            }
            Event::Started(info) if is_gpu(&info.device) => verdict.apart = Some(0.0),
            Event::Hashed { step, digests } => {
                verdict.step = step;
                let link = links.get(&step).filter(|_| verdict.apart.is_none());
                verdict.difference = link.and_then(|link| other_state(link, &digests));
                if verdict.difference.is_some() {
                    return Ok(verdict);
                }
                verdict.links += 1;
            }
            Event::Refused { reason, .. } => {
                return Err(RunError::stuck(dir)(format!("an edit cannot be made again: {reason}")));
            }
            Event::Ended(summary) => {
                if let Some(error) = summary.error {
                    return Err(RunError::stuck(dir)(error));
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

/// Where a GPU computed, `most` is how far losses are apart so far.
fn other_step((loss, lr): &(f32, f64), found: &StepRecord, most: Option<&mut f64>) -> Option<String> {
    let StepRecord { step, loss: new, lr: rate, scaling, .. } = found;
    if lr.to_bits() != rate.to_bits() {
        return Some(format!("step {step}: the rate is {rate}, recorded is {lr}"));
    }
    if loss.to_bits() == new.to_bits() {
        return None;
    }
    let other = format!("step {step}: the loss is {new}, recorded is {loss}");
    let Some(most) = most else { return Some(other) };
    let bound = if scaling.is_some() { ON_A_GPU.1 } else { ON_A_GPU.0 };
    let apart = f64::from((new - loss).abs() / loss.abs());
    *most = most.max(apart);
    // NaN is not near anything.
    let near = apart <= bound;
    (!near).then(|| {
        format!(
            "{other}, {apart:.0e} apart of {bound:.0e}; a GPU computed, where no two runs are the same to the bit and \
             what is apart grows with the steps (--until STEP compares fewer)"
        )
    })
}

fn other_state(link: &Link, found: &Digests) -> Option<String> {
    let parts = link.digests.differences(found);
    (!parts.is_empty()).then(|| format!("step {}: {} differ from what was recorded", link.step, parts.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Scaling;

    #[test]
    fn losses_of_a_card_may_be_apart_and_rates_may_not() {
        let found = |loss: f32, mixed: bool| {
            let scaling = mixed.then_some(Scaling { loss_scale: 1.0, overflows: 0 });
            StepRecord { step: 3, epoch: 0.5, loss, lr: 0.1, img_s: 1.0, wait: 0.0, scaling }
        };
        let recorded = (2.0, 0.1);
        let mut most = 0.0;
        assert_eq!(other_step(&recorded, &found(2.0001, false), Some(&mut most)), None);
        assert!((most - 5e-5).abs() < 1e-6, "{most}");
        assert_eq!(other_step(&recorded, &found(2.001, true), Some(&mut most)), None);
        assert!((most - 5e-4).abs() < 1e-6, "{most}");
        let far = |loss, mixed| other_step(&recorded, &found(loss, mixed), Some(&mut 0.0)).unwrap_or_default();
        assert!(far(2.001, false).contains("5e-4 apart of 1e-4; a GPU computed"), "{}", far(2.001, false));
        assert!(far(2.1, true).contains("of 2e-3"));
        assert!(far(f32::NAN, false).contains("the loss is NaN"));
        assert!(other_step(&recorded, &found(2.0001, false), None).is_some());
        assert!(other_step(&(2.0, 0.2), &found(2.0, false), Some(&mut most)).unwrap_or_default().contains("the rate"));
    }
}
