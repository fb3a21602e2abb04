//! Designs: how the rows of a suite follow from its cells, or from the axes of a search.

use super::file::Part;
use super::search;
use crate::recipe::{Changes, Knob};
use serde::Deserialize;

/// Rows that a suite may have.
const MOST_CELLS: usize = 512;

/// How the rows follow from the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(super) enum Design {
    /// Every row has the changes of all cells up to its own.
    #[default]
    Ladder,
    /// Every row has the changes of its own cell alone.
    Alone,
    /// The base has all changes; every other row lacks those of its cell.
    LeaveOneOut,
    /// A row for every choice of cells.
    Full,
    /// A row for every combination of the values of the axes.
    Grid,
    /// Rows with values drawn from the axes.
    Random {
        /// How many.
        trials: u64,
        /// What they are drawn with.
        #[serde(default)]
        seed: u64,
    },
}

/// A row as its design makes it; numbers are places, the base's is 0.
pub(super) struct Row {
    pub name: String,
    /// The parts whose changes it has.
    pub has: Vec<usize>,
    /// Changes of its own: a point of a search.
    pub point: Option<Changes>,
    /// The row that it is compared with.
    pub over: usize,
    /// The first row of its ladder.
    pub base: usize,
    pub paper: Option<(f64, f64)>,
}

/// The knobs of a search, and the rows.
///
/// # Errors
/// Why there are none.
pub(super) fn rows(
    design: Design,
    parts: &[Part],
    axes: &[search::Text],
) -> Result<(Vec<&'static Knob>, Vec<Row>), String> {
    let many = match design {
        Design::Full => parts.len() > 1 + MOST_CELLS.ilog2() as usize,
        _ => parts.len() > MOST_CELLS,
    };
    if many {
        return Err(format!("has more than {MOST_CELLS} rows"));
    }
    let compared = parts.iter().find(|part| part.base || part.over.is_some());
    if let (Some(part), false) = (compared, matches!(design, Design::Ladder | Design::Alone)) {
        return Err(format!("`{}` has `base` or `over`: they are for the designs Ladder and Alone", part.name));
    }
    let searches = matches!(design, Design::Grid | Design::Random { .. });
    match (searches, axes.is_empty(), parts.len()) {
        (true, true, _) => return Err("a search needs `axes`: the knobs and what they are tried with".into()),
        (true, _, 2..) => return Err("a search has `axes` and no `cells`".into()),
        (false, false, _) => return Err("`axes` are for the designs Grid and Random".into()),
        _ => {}
    }
    let axes: Vec<search::Axis> = axes.iter().map(search::Text::read).collect::<Result<_, _>>()?;
    let points = match design {
        Design::Grid => search::grid(&axes, MOST_CELLS)?,
        Design::Random { trials, .. } if trials == 0 || trials > MOST_CELLS as u64 => {
            return Err(format!("trials is {trials}; it must be from 1 to {MOST_CELLS}"));
        }
        Design::Random { trials, seed } => search::random(&axes, trials, seed)?,
        _ => return Ok((Vec::new(), design.rows(parts))),
    };
    let row = |point: Changes| Row {
        name: search::name(&point),
        has: vec![0],
        point: Some(point),
        over: 0,
        base: 0,
        paper: None,
    };
    let base = Row { name: parts[0].name.clone(), point: None, paper: parts[0].paper, ..row(Changes::new()) };
    Ok((axes.iter().map(|axis| axis.knob).collect(), [base].into_iter().chain(points.into_iter().map(row)).collect()))
}

impl Design {
    /// The rows, for the base and the cells.
    fn rows(self, parts: &[Part]) -> Vec<Row> {
        let cells = 1..parts.len();
        let row = |name: String, has, paper| Row { name, has, point: None, over: 0, base: 0, paper };
        let own = |place: usize, has| row(parts[place].name.clone(), has, parts[place].paper);
        match self {
            Design::Ladder | Design::Alone => {
                let mut base = 0;
                let rows = (0..parts.len()).map(|place| {
                    base = if parts[place].base { place } else { base };
                    let (has, over) = match self {
                        _ if place == base => (vec![place], place),
                        Design::Alone => (vec![base, place], base),
                        _ => ((base..=place).collect(), place - 1),
                    };
                    Row { over, base, ..own(place, has) }
                });
                rows.collect()
            }
            Design::LeaveOneOut => {
                let without = |out: usize| {
                    let rest = (0..parts.len()).filter(|place| *place != out).collect();
                    row(format!("without {}", parts[out].name), rest, None)
                };
                std::iter::once(own(0, (0..parts.len()).collect())).chain(cells.map(without)).collect()
            }
            Design::Full => {
                let choice = |bits: usize| {
                    let chosen: Vec<usize> = cells.clone().filter(|place| bits >> (place - 1) & 1 == 1).collect();
                    let names: Vec<&str> = chosen.iter().map(|place| parts[*place].name.as_str()).collect();
                    let has = std::iter::once(0).chain(chosen.iter().copied()).collect();
                    if bits == 0 { own(0, has) } else { row(names.join(", "), has, None) }
                };
                (0..1 << cells.len()).map(choice).collect()
            }
            // Their rows are points.
            Design::Grid | Design::Random { .. } => Vec::new(),
        }
    }
}
