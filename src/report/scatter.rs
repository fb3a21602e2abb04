//! What a search found: the figure of every row against the values of each knob.

use super::chart::{grid, percent};
use super::curve::{Axis, tick};
use crate::recipe::Value;
use crate::suite::{Row, Table};
use maud::{Markup, html};

/// Charts of all knobs, where the suite is a search of which something is done.
pub(super) fn section(table: &Table) -> Markup {
    let rows: Vec<(&Row, f64)> = table.rows.iter().filter_map(|row| Some((row, row.score()?.mean))).collect();
    if table.axes.is_empty() || rows.is_empty() {
        return html! {};
    }
    let longest = rows.iter().filter_map(|(row, _)| row.epochs).max();
    html! {
        section.charts {
            h3 { "Knobs" }
            p.note {
                (table.title_of(0)) " of every row by the value of each knob, the mean over its seeds."
                @if longest.is_some() { " Rows that fell out are pale: their figures are those of fewer epochs." }
            }
            div.pair {
                @for (i, axis) in table.axes.iter().enumerate() {
                    (chart(axis, table.title_of(0), &rows, i, longest))
                }
            }
        }
    }
}

/// Where values stand along the chart, and what is written below it.
fn places(values: &[&Value]) -> (Vec<f64>, Vec<(f64, String)>) {
    let number = |value: &Value| match value {
        Value::Float(v) => Some(*v),
        Value::Int(v) => Some(*v as f64),
        _ => None,
    };
    if let Some(numbers) = values.iter().map(|value| number(value)).collect::<Option<Vec<f64>>>() {
        let axis = Axis::wide(numbers.iter().copied());
        let ticks = axis.ticks().into_iter().map(|value| (axis.place(value), tick(value)));
        return (numbers.iter().map(|value| axis.place(*value)).collect(), ticks.collect());
    }
    let mut words: Vec<String> = values.iter().map(ToString::to_string).collect();
    words.sort();
    words.dedup();
    let middle = |i: usize| (i as f64 + 0.5) / words.len() as f64;
    let place = |value: &&Value| words.iter().position(|word| *word == value.to_string()).map_or(0.5, middle);
    let at = values.iter().map(place).collect();
    (at, words.iter().enumerate().map(|(i, word)| (middle(i), word.clone())).collect())
}

fn chart(knob: &str, unit: &str, rows: &[(&Row, f64)], axis: usize, longest: Option<u64>) -> Markup {
    let values: Vec<&Value> = rows.iter().map(|(row, _)| &row.values[axis]).collect();
    let (places, ticks) = places(&values);
    let y = Axis::linear(rows.iter().map(|(_, score)| *score));
    html! {
        figure.chart {
            figcaption { b { (knob) } " " span.unit { (unit) } }
            div.plot {
                svg.axes role="img" aria-label={ (knob) ", " (unit) } {
                    title { (knob) ", " (unit) }
                    @for value in y.ticks() { (grid(&y, value)) }
                    @for (place, text) in &ticks {
                        text.below x=(percent(*place)) y="100%" dy="17" { (text) }
                    }
                    @for ((row, score), place) in rows.iter().zip(&places) {
                        circle.found.out[row.epochs != longest] cx=(percent(*place)) cy=(percent(1.0 - y.place(*score))) r="4" {
                            title { (row.cell) ": " (format!("{score:.2}")) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_on_a_scale_and_words_side_by_side() {
        let values = [Value::Float(0.01), Value::Float(0.1), Value::Float(1.0)];
        let (at, ticks) = places(&values.iter().collect::<Vec<_>>());
        assert!((at[1] - 0.5).abs() < 1e-9 && at[0] < at[1] && at[1] < at[2], "{at:?}");
        assert!(ticks.iter().any(|(_, text)| text == "0.1"), "{ticks:?}");
        let words = [Value::Bool(true), Value::Bool(false), Value::Bool(true)];
        let (at, ticks) = places(&words.iter().collect::<Vec<_>>());
        assert_eq!(at, [0.75, 0.25, 0.75]);
        assert_eq!(ticks, [(0.25, "false".to_string()), (0.75, "true".to_string())]);
    }
}
