//! What `+` and `-` make of a value.

use super::panes::beside;
use crate::recipe::knobs::Step;
use crate::recipe::{Kind, Knob, Recipe, Value};

/// Below this a value that is multiplied becomes 0 where 0 is allowed, and 0 becomes this on the way up.
const SMALLEST: f64 = 1e-6;
/// Steps tried until the recipe allows the value (a ResNet has 6n+2 layers).
const TRIES: usize = 128;

/// The next value up or down that the recipe allows, or none: the knob is at its end, or is not stepped.
pub(crate) fn step(recipe: &Recipe, knob: &'static Knob, from: &Value, up: bool) -> Option<Value> {
    let mut value = from.clone();
    for _ in 0..TRIES {
        let next = once(knob, &value, up)?;
        if next == value {
            return None;
        }
        if recipe.with([(knob, next.clone())]).is_ok() {
            return Some(next);
        }
        value = next;
    }
    None
}

fn once(knob: &Knob, value: &Value, up: bool) -> Option<Value> {
    match (knob.kind, value) {
        (Kind::Switch, Value::Bool(on)) => Some(Value::Bool(!on)),
        (Kind::Choice(words), Value::Word(word)) => {
            let at = words.iter().position(|w| w == word)?;
            Some(Value::Word(words[beside(at, words.len(), up)].to_string()))
        }
        (Kind::Int { min, max }, Value::Int(v)) => {
            let v = match (knob.step, up) {
                (Step::Add(by), true) => v.saturating_add(by as u64),
                (Step::Add(by), false) => v.saturating_sub(by as u64),
                (Step::Times(by), true) => ((*v as f64 * by).round() as u64).max(v.saturating_add(1)),
                (Step::Times(by), false) => (*v as f64 / by).round() as u64,
            };
            Some(Value::Int(v.clamp(min, max)))
        }
        (Kind::Float { min, open, max }, Value::Float(v)) => {
            let next = match (knob.step, up) {
                (Step::Add(by), _) => round(v + if up { by } else { -by }, 9),
                (Step::Times(_), true) if *v == 0.0 => SMALLEST,
                (Step::Times(by), true) => digits(v * by),
                (Step::Times(by), false) => digits(v / by),
            };
            let next = if next < SMALLEST && !open && min == 0.0 { 0.0 } else { next };
            let below = if open { next <= min } else { next < min };
            match below {
                true if open => None,
                true => Some(Value::Float(min)),
                false => Some(Value::Float(next.min(max))),
            }
        }
        _ => None,
    }
}

fn round(v: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (v * scale).round() / scale
}

/// Two digits that count, halves rounded up, through text so that nothing like 0.30000000000000004 is left.
fn digits(v: f64) -> f64 {
    format!("{:.1e}", v * (1.0 + 1e-9)).parse().unwrap_or(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    fn walk(path: &str, up: bool, n: usize) -> Vec<String> {
        let knob = find(path).unwrap();
        let mut recipe = Recipe::default();
        let mut seen = Vec::new();
        for _ in 0..n {
            let Some(next) = step(&recipe, knob, &recipe.get(knob), up) else { break };
            recipe = recipe.with([(knob, next.clone())]).unwrap();
            seen.push(next.to_string());
        }
        seen
    }

    #[test]
    fn steps_are_round_and_stay_in_range() {
        let cases: &[(&str, bool, usize, &[&str])] = &[
            ("schedule.base_lr", true, 5, &["0.13", "0.16", "0.2", "0.25", "0.31"]),
            ("schedule.base_lr", false, 3, &["0.08", "0.064", "0.051"]),
            (
                "optim.momentum",
                true,
                12,
                &["0.91", "0.92", "0.93", "0.94", "0.95", "0.96", "0.97", "0.98", "0.99", "0.9999"],
            ),
            ("optim.weight_decay", true, 3, &["0.001", "0.002", "0.004"]),
            ("train.batch", true, 2, &["256", "512"]),
            ("train.batch", false, 9, &["64", "32", "16", "8", "4", "2", "1"]),
            ("net.depth", true, 2, &["26", "32"]),
            ("net.depth", false, 4, &["18", "14", "8"]),
            ("tricks.mixup.alpha", true, 3, &["0.25", "0.3", "0.35"]),
            ("tricks.mixup.alpha", false, 9, &["0.15", "0.1", "0.05"]),
            ("tricks.smoothing.epsilon", false, 9, &["0.05", "0.0"]),
            ("schedule.decay", true, 4, &["Step", "Constant", "Poly", "Cosine"]),
            (
                "schedule.warmup.epochs",
                true,
                99,
                &[
                    "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0", "5.5", "6.0", "6.5", "7.0", "7.5", "8.0",
                    "8.5", "9.0", "9.5", "10.0", "10.5", "11.0", "11.5", "12.0", "12.5", "13.0", "13.5", "14.0",
                    "14.5", "15.0",
                ],
            ),
            ("data.path", true, 1, &[]),
            ("schedule.milestones", true, 1, &[]),
        ];
        for (path, up, n, want) in cases {
            assert_eq!(walk(path, *up, *n), *want, "{path}");
        }
    }

    #[test]
    fn weight_decay_reaches_zero_and_comes_back() {
        let seen = walk("optim.weight_decay", false, 99);
        assert_eq!(seen.last().unwrap(), "0.0");
        let knob = find("optim.weight_decay").unwrap();
        let up = step(&Recipe::default(), knob, &Value::Float(0.0), true);
        assert_eq!(up, Some(Value::Float(1e-6)));
    }
}
