//! Charts as SVG inside the page.
//!
//! They are made by hand, not by a charting library: those write colours and sizes into every element, while here a
//! class says what something is, so that the style sheet gives it the colour of light, dark and print, and text keeps
//! its size on a phone. Lengths are percentages of the chart; the curves alone lie in an inner picture that is
//! stretched.

use super::curve::{Axis, MOST, Point, thin, tick};
use maud::{Markup, html};
use std::fmt::Write;

/// Colours of curves; after so many they come again, with dashes.
const COLOURS: usize = 8;

/// Marks nearer to each other than this share of the width have one number.
const APART: f64 = 0.03;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Line,
    /// A line that stays behind the others.
    Faint,
    /// A line with its points.
    Dotted,
}

pub(super) struct Series {
    pub(super) name: String,
    /// Its place among the colours.
    pub(super) colour: usize,
    pub(super) look: Look,
    pub(super) points: Vec<Point>,
}

/// An edit.
pub(super) struct Mark {
    pub(super) x: f64,
    /// Its number in the list of edits.
    pub(super) number: String,
    pub(super) title: String,
    /// That of its run's curve, where there are several.
    pub(super) colour: Option<usize>,
}

pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// What the numbers are.
    pub(super) unit: &'a str,
    pub(super) series: Vec<Series>,
    pub(super) marks: &'a [Mark],
    /// Where the run is to end, in epochs.
    pub(super) epochs: f64,
    /// Whether a range over more than a decade is drawn logarithmically.
    pub(super) wide: bool,
}

/// The classes of a curve's colour.
fn colour(place: usize) -> String {
    let dash = match place / COLOURS % 3 {
        0 => "",
        1 => " dashed",
        _ => " dots",
    };
    format!("c{}{dash}", place % COLOURS)
}

impl Chart<'_> {
    pub(super) fn html(&self) -> Markup {
        let thinned: Vec<Vec<Point>> = self.series.iter().map(|series| thin(&series.points, MOST)).collect();
        let values = thinned.iter().flatten().map(|(_, y)| *y);
        // With few epochs, fractions of one are written.
        let whole = |x: &f64| x.fract() == 0.0 || self.epochs < 3.0;
        let far = thinned.iter().flatten().map(|(x, _)| *x).fold(self.epochs, f64::max);
        let (x, y) = (Axis::exact(0.0, far), if self.wide { Axis::wide(values) } else { Axis::linear(values) });
        html! {
            figure.chart {
                figcaption { b { (self.title) } " " span.unit { (self.unit) } }
                @if thinned.iter().all(Vec::is_empty) {
                    p.none { "nothing was recorded" }
                } @else {
                    div.plot {
                        svg.axes role="img" aria-label={ (self.title) ", " (self.unit) } {
                            title { (self.title) ", " (self.unit) }
                            @for value in y.ticks() { (grid(&y, value)) }
                            @for (i, value) in x.ticks().into_iter().filter(whole).enumerate() {
                                (below(&x, value, i == 0))
                            }
                            @for (x, number) in numbers(&x, self.marks) {
                                text.number x=(x) y="0" dy="-4" { (number) }
                            }
                            svg.curves width="100%" height="100%" viewBox="0 0 1000 1000" preserveAspectRatio="none" {
                                @for mark in self.marks {
                                    @let line = format!("M{} 0V1000", thousandth(x.place(mark.x)));
                                    @let colour = mark.colour.map(|place| format!("mark c{}", place % COLOURS));
                                    @let class = colour.as_deref().unwrap_or("mark");
                                    path class=(class) d=(line) { title { (mark.title) } }
                                }
                                @for (series, points) in self.series.iter().zip(&thinned) {
                                    (curve(series, points, &x, &y))
                                }
                            }
                        }
                    }
                    p.legend {
                        @for (series, _) in self.series.iter().zip(&thinned).filter(|(_, points)| !points.is_empty()) {
                            span.key.faint[series.look == Look::Faint] {
                                svg.swatch width="22" height="8" { path class=(colour(series.colour)) d="M1 4H21" {} }
                                (series.name)
                            }
                        }
                        @if !self.marks.is_empty() {
                            span.key { svg.swatch width="8" height="12" { path.mark d="M4 0V12" {} } "edit" }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn grid(axis: &Axis, value: f64) -> Markup {
    let y = percent(1.0 - axis.place(value));
    html! {
        line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
        text.left x="0" y=(y) dx="-8" dy="4" { (tick(value)) }
    }
}

fn below(axis: &Axis, value: f64, first: bool) -> Markup {
    let unit = if first { "epoch " } else { "" };
    html! { text.below x=(percent(axis.place(value))) y="100%" dy="17" { (unit) (tick(value)) } }
}

fn curve(series: &Series, points: &[Point], x: &Axis, y: &Axis) -> Markup {
    let colour = colour(series.colour);
    let mut line = String::new();
    let mut dots = String::new();
    for (i, point) in points.iter().enumerate() {
        let (left, top) = (thousandth(x.place(point.0)), thousandth(1.0 - y.place(point.1)));
        // Writing to a string cannot fail.
        let _ = write!(line, "{}{left} {top}", if i == 0 { 'M' } else { 'L' });
        let _ = write!(dots, "M{left} {top}h0");
    }
    let few = points.len() <= 60;
    html! {
        path class={ "curve " (colour) @if series.look == Look::Faint { " faint" } } d=(line) {
            title { (series.name) }
        }
        // A point is a line without length: only its round ends show, and they are not stretched.
        @if points.len() == 1 || (series.look == Look::Dotted && few) {
            path class={ "points " (colour.split(' ').next().unwrap_or_default()) } d=(dots) {}
        }
    }
}

/// The numbers of marks with their places; those that stand close together as a range.
fn numbers(x: &Axis, marks: &[Mark]) -> Vec<(String, String)> {
    let mut groups: Vec<(f64, &str, &str)> = Vec::new();
    for mark in marks {
        let place = x.place(mark.x);
        match groups.last_mut() {
            Some((before, _, last)) if place - *before < APART => *last = &mark.number,
            _ => groups.push((place, &mark.number, &mark.number)),
        }
    }
    let text = |(place, first, last): (f64, &str, &str)| {
        (percent(place), if first == last { first.to_string() } else { format!("{first}–{last}") })
    };
    groups.into_iter().map(text).collect()
}

/// A share of the width or height as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

/// A share in the units of the inner picture.
fn thousandth(share: f64) -> String {
    format!("{}", (share * 10_000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<Point>, marks: &[Mark]) -> String {
        let series = vec![Series { name: "<run>".into(), colour: 9, look: Look::Dotted, points }];
        Chart { title: "Accuracy", unit: "%", series, marks, epochs: 10.0, wide: false }.html().into_string()
    }

    #[test]
    fn curves_marks_and_names_stand_where_they_belong() {
        let mark = |x, n: &str| Mark { x, number: n.into(), title: "lr 0.1 → 0.05".into(), colour: None };
        let html =
            chart(vec![(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)], &[mark(2.5, "1"), mark(2.6, "2"), mark(9.0, "3")]);
        for part in [
            "d=\"M0 1000L500 500L1000 0\"",
            "class=\"curve c1 dashed\"",
            "d=\"M250 0V1000\"><title>lr 0.1 → 0.05</title>",
            ">1–2</text>",
            ">3</text>",
            "&lt;run&gt;",
        ] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        assert!(!html.contains("<run>"));
    }

    #[test]
    fn a_curve_of_nothing_says_so() {
        assert!(chart(vec![(1.0, f64::NAN)], &[]).contains("nothing was recorded"));
        assert!(chart(vec![(1.0, 7.0)], &[]).contains("h0"));
    }
}
