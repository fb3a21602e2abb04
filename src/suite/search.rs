//! Searches: the rows of a suite out of values of knobs, every combination of them or draws.

use crate::random::{Purpose, rng};
use crate::recipe::preset::parse_set;
use crate::recipe::{Changes, Kind, Knob, Value};
use rand::Rng;
use ron::value::RawValue;
use serde::Deserialize;

/// Draws after which a combination that is there already is taken to be the last.
const TRIES: u64 = 1000;

/// Values that a knob is tried with, as written.
#[derive(Deserialize)]
#[serde(rename = "axis", deny_unknown_fields)]
pub(super) struct Text<'t> {
    knob: String,
    /// Each of these.
    #[serde(default, borrow)]
    values: Vec<&'t RawValue>,
    /// Draws from here to there.
    #[serde(default)]
    between: Option<(f64, f64)>,
    /// Draws from here to there on a scale of powers.
    #[serde(default)]
    log: Option<(f64, f64)>,
}

/// Values that a knob is tried with.
pub(super) struct Axis {
    pub knob: &'static Knob,
    values: Values,
}

enum Values {
    Of(Vec<Value>),
    Between(f64, f64),
    Log(f64, f64),
}

impl Text<'_> {
    /// The knob, and values that it can have.
    pub fn read(&self) -> Result<Axis, String> {
        let knob = &self.knob;
        let set = |text: &str| parse_set(&format!("{knob}={text}")).map_err(|e| e.to_string());
        let range = |(least, most): (f64, f64), what: &str, lowest: f64| {
            if !(least < most && least > lowest && most.is_finite()) {
                return Err(format!(
                    "axis {knob}: {what} is ({least}, {most}); it needs two numbers, the smaller first"
                ));
            }
            Ok((set(&rounded(least))?.0, set(&rounded(most))?.0))
        };
        let (found, values) = match (&self.values[..], self.between, self.log) {
            (values, None, None) if !values.is_empty() => {
                let values: Vec<_> = values.iter().map(|raw| set(raw.trim().get_ron())).collect::<Result<_, _>>()?;
                (values[0].0, Values::Of(values.into_iter().map(|(_, value)| value).collect()))
            }
            ([], Some(between), None) => {
                (range(between, "between", f64::NEG_INFINITY)?.0, Values::Between(between.0, between.1))
            }
            ([], None, Some(log)) => (range(log, "log", 0.0)?.0, Values::Log(log.0, log.1)),
            _ => return Err(format!("axis {knob}: one of `values`, `between` and `log` says what it is tried with")),
        };
        Ok(Axis { knob: found, values })
    }
}

/// A number with three digits, or a whole one, as a preset spells it.
fn rounded(value: f64) -> String {
    let short: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    if short.fract() == 0.0 && short.abs() < 1e15 { format!("{short:.0}") } else { short.to_string() }
}

impl Axis {
    /// A value for a number of 0 to 1.
    fn at(&self, share: f64) -> Result<Value, String> {
        let number = match &self.values {
            Values::Of(values) => {
                return Ok(values[((share * values.len() as f64) as usize).min(values.len() - 1)].clone());
            }
            Values::Between(least, most) => least + share * (most - least),
            Values::Log(least, most) => least * (most / least).powf(share),
        };
        let whole = matches!(self.knob.kind, Kind::Int { .. });
        let text = if whole { format!("{:.0}", number.round()) } else { rounded(number) };
        parse_set(&format!("{}={text}", self.knob.path)).map(|(_, value)| value).map_err(|e| e.to_string())
    }
}

/// Every combination of the values, the first axis changing last.
pub(super) fn grid(axes: &[Axis], most: usize) -> Result<Vec<Changes>, String> {
    let mut rows = vec![Changes::new()];
    for axis in axes {
        let Values::Of(values) = &axis.values else {
            return Err(format!("axis {}: a Grid needs `values`; draws are for the design Random", axis.knob.path));
        };
        if rows.len() * values.len() > most {
            return Err(format!("has more than {most} rows"));
        }
        let with = |row: &Changes, value: &Value| row.iter().cloned().chain([(axis.knob, value.clone())]).collect();
        rows = rows.iter().flat_map(|row| values.iter().map(move |value| with(row, value))).collect();
    }
    Ok(rows)
}

/// Draws, no two of them alike: draw i is the same however many there are.
pub(super) fn random(axes: &[Axis], trials: u64, seed: u64) -> Result<Vec<Changes>, String> {
    let mut rows: Vec<Changes> = Vec::new();
    for draw in 0..trials + TRIES {
        if rows.len() as u64 == trials {
            break;
        }
        let value = |(place, axis): (usize, &Axis)| {
            let share = rng(seed, Purpose::Search, draw, place as u64).gen_range(0.0..1.0);
            Ok((axis.knob, axis.at(share)?))
        };
        let row: Changes = axes.iter().enumerate().map(value).collect::<Result<_, String>>()?;
        let alike = |other: &Changes| other.iter().zip(&row).all(|((_, a), (_, b))| a == b);
        if !rows.iter().any(alike) {
            rows.push(row);
        }
    }
    if (rows.len() as u64) < trials {
        return Err(format!("its axes have {} combinations, and {trials} trials are asked for", rows.len()));
    }
    Ok(rows)
}

/// What a row is called: its values by the ends of their knobs.
pub(super) fn name(row: &Changes) -> String {
    let parts = |path: &'static str| path.rsplit('.').collect::<Vec<_>>();
    let end = |path: &'static str| {
        let own = parts(path);
        let alone = own[0] != "on" && row.iter().filter(|(knob, _)| parts(knob.path)[0] == own[0]).count() == 1;
        if alone || own.len() < 2 { own[0].to_string() } else { format!("{}.{}", own[1], own[0]) }
    };
    row.iter().map(|(knob, value)| format!("{} {value}", end(knob.path))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Result<Axis, String> {
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        options.from_str::<Text>(text).unwrap().read()
    }

    #[test]
    fn draws_lie_in_their_range_on_their_scale() {
        let log = axis(r#"(knob: "schedule.base_lr", log: (0.001, 1.0))"#).unwrap();
        let rows = random(&[log], 400, 1).unwrap();
        let drawn = |row: &Changes| if let Value::Float(v) = row[0].1 { v } else { panic!("no number") };
        let values: Vec<f64> = rows.iter().map(drawn).collect();
        assert!(values.iter().all(|v| (0.001..=1.0).contains(v)));
        // A third of them in every power of ten.
        for least in [0.001, 0.01, 0.1] {
            let share = values.iter().filter(|v| (least..10.0 * least).contains(*v)).count() as f64 / 400.0;
            assert!((share - 1.0 / 3.0).abs() < 0.08, "{share} from {least} on");
        }
        // Draws do not depend on how many there are.
        let log = axis(r#"(knob: "schedule.base_lr", log: (0.001, 1.0))"#).unwrap();
        assert_eq!(random(&[log], 7, 1).unwrap()[..7], rows[..7]);
        let whole = axis(r#"(knob: "train.batch", between: (16.0, 64.0))"#).unwrap();
        let rows = random(&[whole], 20, 3).unwrap();
        assert!(rows.iter().all(|row| matches!(row[0].1, Value::Int(16..=64))));
    }

    #[test]
    fn a_grid_has_every_combination_and_names_of_the_ends() {
        let axes = [
            axis(r#"(knob: "schedule.base_lr", values: [0.1, 0.2])"#).unwrap(),
            axis(r#"(knob: "tricks.mixup.on", values: [false, true])"#).unwrap(),
        ];
        let names: Vec<String> = grid(&axes, 512).unwrap().iter().map(name).collect();
        let expected = [
            "base_lr 0.1, mixup.on false",
            "base_lr 0.1, mixup.on true",
            "base_lr 0.2, mixup.on false",
            "base_lr 0.2, mixup.on true",
        ];
        assert_eq!(names, expected);
        assert!(grid(&axes, 3).unwrap_err().contains("more than 3 rows"));
        assert!(random(&axes, 5, 0).unwrap_err().contains("have 4 combinations, and 5 trials"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, told) in [
            (r#"(knob: "schedule.rate", values: [1])"#, "schedule.rate"),
            (r#"(knob: "schedule.base_lr", values: [Cosine])"#, "schedule.base_lr"),
            (r#"(knob: "schedule.base_lr")"#, "one of `values`, `between` and `log`"),
            (r#"(knob: "schedule.base_lr", log: (0.0, 1.0))"#, "log is (0, 1)"),
            (r#"(knob: "schedule.base_lr", between: (1.0, 0.5))"#, "between is (1, 0.5)"),
        ] {
            let why = axis(text).map(|_| ()).unwrap_err();
            assert!(why.contains(told), "{text}: {why}");
        }
    }
}
