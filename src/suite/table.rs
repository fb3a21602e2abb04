//! The table of a suite: what every row reached, and what it gains over the row above and over the base.

use super::columns::{COLUMNS, Column, Head};
use super::stats::NOISE;
use super::{Gain, Ran, Results, Run, Spread, Stage, Suite};
use crate::recipe::Value;
use crate::runs::RunStatus;
use crate::text;
use crate::train::Figure;
use serde::{Serialize, Serializer};

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns.
    #[default]
    Text,
    /// A Markdown table.
    Markdown,
    /// Comma-separated values, numbers alone.
    Csv,
    /// A LaTeX tabular, for the package booktabs.
    Latex,
    /// One JSON document.
    Json,
}

impl Format {
    /// Every format with its word.
    pub const WORDS: [(&str, Format); 5] = [
        ("text", Format::Text),
        ("markdown", Format::Markdown),
        ("csv", Format::Csv),
        ("latex", Format::Latex),
        ("json", Format::Json),
    ];
}

/// The table of a suite.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// What it is about.
    pub title: String,
    /// Where the paper's figures come from.
    pub source: String,
    /// Epochs of a run; none where rows differ.
    pub epochs: Option<u64>,
    /// Runs that are not done.
    pub missing: usize,
    /// Those of them that failed.
    pub failed: usize,
    /// Those of them that were killed.
    pub killed: usize,
    /// The rows, the base first.
    pub rows: Vec<Row>,
    /// Knobs that a search tries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<&'static str>,
    /// The figures of its rows.
    #[serde(skip)]
    figures: [Figure; 2],
}

/// A row: accuracies in percent, of the last epoch.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What a person calls it.
    pub cell: String,
    /// What it tries, of a search.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// Runs that are done, or out.
    pub runs: usize,
    /// Epochs after which its figures are, where rows fall out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Both figures.
    #[serde(serialize_with = "named", flatten)]
    pub figures: [(Figure, Option<Spread>); 2],
    /// Whether the second one tells anything of so few classes: else it stands where programs read alone.
    #[serde(skip)]
    pub second_tells: bool,
    /// Score over the row that it is compared with, seed by seed.
    pub above: Option<Gain>,
    /// Score over the base, seed by seed.
    pub base: Option<Gain>,
    /// Trained parameters.
    pub parameters: Option<usize>,
    /// Multiply-adds of an image.
    pub multiply_adds: Option<u64>,
    /// Seconds that the training steps of an epoch take.
    pub epoch_seconds: Option<f64>,
    /// Images a second.
    pub img_s: Option<f64>,
    /// Both figures in the paper.
    pub paper: Option<(f64, f64)>,
    /// Score in the paper over the row that it is compared with.
    pub paper_gain: Option<f64>,
}

/// The figures under their names.
fn named<S: Serializer>(figures: &[(Figure, Option<Spread>); 2], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(figures.iter().map(|(figure, spread)| (figure.key(), spread)))
}

impl Row {
    /// The figure that decides.
    pub fn score(&self) -> Option<Spread> {
        self.figures[0].1
    }
}

impl Table {
    /// The table of what is there.
    pub fn new(suite: &Suite, runs: &[Run], results: &Results) -> Table {
        let done = |cell: usize| {
            let ran = runs.iter().zip(&results.ran).filter(move |(run, _)| run.cell == cell);
            ran.filter_map(|(run, ran)| Some((run.seed, ran.as_ref().filter(|ran| ran.counts())?)))
        };
        // Seeds are compared after as many epochs.
        let epochs = |cell: usize| done(cell).map(|(_, ran)| ran.scores.len()).min();
        let scores = |cell: usize| -> Vec<(u64, f64, f64)> {
            let last = epochs(cell).and_then(|epochs| epochs.checked_sub(1)).filter(|_| suite.halving.is_some());
            let score = |ran: &Ran| last.map_or(ran.scores.last(), |last| ran.scores.get(last)).copied();
            done(cell).filter_map(|(seed, ran)| score(ran).map(|(score, second)| (seed, score, second))).collect()
        };
        let gain = |cell: usize, over: usize| {
            let apart = suite.halving.is_some() && epochs(cell) != epochs(over);
            let over = if cell == over || apart { Vec::new() } else { scores(over) };
            let pairs = scores(cell).into_iter().filter_map(|(seed, score, _)| {
                over.iter().find(|(other, ..)| *other == seed).map(|(_, before, _)| score - before)
            });
            Gain::of(&pairs.collect::<Vec<_>>())
        };
        let (ladder, figures) = (suite.is_ladder(), suite.figures());
        let row = |(place, cell): (usize, &super::Cell)| {
            let scores = scores(place);
            let column = |of: fn(&(u64, f64, f64)) -> f64| Spread::of(&scores.iter().map(of).collect::<Vec<_>>());
            let any = done(place).map(|(_, ran)| ran).next();
            let speeds: Vec<f64> = done(place).filter_map(|(_, ran)| ran.img_s).collect();
            let img_s = Spread::of(&speeds).map(|speed| speed.mean);
            let over = suite.cells[cell.over].paper.filter(|_| cell.over != place);
            Row {
                cell: cell.name.clone(),
                values: suite.axes.iter().map(|knob| cell.recipe.get(knob)).collect(),
                runs: scores.len(),
                epochs: epochs(place).map(|epochs| epochs as u64).filter(|_| suite.halving.is_some()),
                figures: [(figures[0], column(|(_, score, _)| *score)), (figures[1], column(|(.., second)| *second))],
                second_tells: any.is_none_or(|ran| ran.second_tells(figures)),
                above: if ladder { gain(place, cell.over) } else { None },
                base: gain(place, cell.base),
                parameters: any.and_then(|ran| ran.parameters),
                multiply_adds: any.and_then(|ran| ran.multiply_adds),
                epoch_seconds: img_s.zip(any.and_then(|ran| ran.images)).map(|(speed, n)| n as f64 / speed),
                img_s,
                paper: cell.paper,
                paper_gain: cell.paper.zip(over).map(|((now, _), (before, _))| now - before),
            }
        };
        let rows: Vec<Row> = suite.cells.iter().enumerate().map(row).collect();
        let stages = || results.ran.iter().flatten().map(|ran| &ran.stage);
        let count = |is: fn(&Stage) -> bool| stages().filter(|stage| is(stage)).count();
        let mut epochs: Vec<u64> = runs.iter().map(|run| run.recipe.train.epochs).collect();
        epochs.dedup();
        Table {
            title: suite.title.clone(),
            source: suite.source.clone(),
            epochs: epochs.first().copied().filter(|_| epochs.len() == 1),
            missing: runs.len() - rows.iter().map(|row| row.runs).sum::<usize>(),
            failed: count(|stage| matches!(stage, Stage::Failed(_))),
            killed: count(|stage| *stage == Stage::Part(RunStatus::Killed)),
            rows,
            axes: suite.axes.iter().map(|knob| knob.path).collect(),
            figures,
        }
    }

    /// The same; the rows of a search the best first: those that were trained the longest, and among them by their score.
    #[must_use]
    pub fn ranked(mut self) -> Table {
        if !self.axes.is_empty() {
            let rank = |row: &Row| (row.epochs.unwrap_or(0), row.score().map_or(f64::NEG_INFINITY, |score| score.mean));
            self.rows.sort_by(|a, b| {
                let ((a_epochs, a), (b_epochs, b)) = (rank(a), rank(b));
                b_epochs.cmp(&a_epochs).then(b.total_cmp(&a))
            });
        }
        self
    }

    /// What a figure of its rows is called.
    pub fn title_of(&self, figure: usize) -> &'static str {
        self.figures[figure].title()
    }

    /// The table as text.
    pub fn text(&self, format: Format) -> String {
        match format {
            Format::Text => self.aligned(),
            Format::Markdown => self.markdown(),
            Format::Csv => self.csv(),
            Format::Latex => self.latex(),
            Format::Json => serde_json::to_string_pretty(self).unwrap_or_default() + "\n",
        }
    }

    /// The columns that hold something.
    fn columns(&self) -> Vec<&'static Column> {
        COLUMNS.iter().filter(|column| self.rows.iter().any(|row| !(column.cell)(row).is_empty())).collect()
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let columns = self.columns();
        self.rows.iter().map(|row| columns.iter().map(|column| (column.cell)(row)).collect()).collect()
    }

    /// Heads and cells of the columns that hold something, the names of the rows first.
    pub fn grid(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        (self.columns().iter().map(|column| self.title(column)).collect(), self.cells())
    }

    /// What stands below the table.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.missing > 0 {
            let of = |n: usize, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
            let (failed, killed) = (of(self.failed, "failed"), of(self.killed, "killed"));
            let runs = if self.missing == 1 { "run is" } else { "runs are" };
            notes.push(format!("{} {runs} not done yet{failed}{killed}.", self.missing));
        }
        notes.push(format!(
            "{} in percent after the last epoch, mean ± standard deviation over seeds; gains of {} with their 95 % \
                 interval, paired by seed.",
            match self.figures[0] {
                Figure::Miou => "mIoU and pixAcc",
                _ => "Accuracies",
            },
            self.title_of(0)
        ));
        if self.rows.iter().flat_map(|row| [row.above, row.base]).flatten().any(|gain| !gain.is_clear()) {
            notes.push(format!("{NOISE} within its noise: the interval holds 0, or there is one seed."));
        }
        if self.rows.iter().any(|row| row.epochs.is_some()) {
            notes.push(
                "Rows fell out after comparisons: their figures are those of the epochs that they have, and gains are \
                 between rows with as many."
                    .into(),
            );
        }
        if self.rows.iter().any(|row| row.paper.is_some()) {
            notes.push(format!("paper: {}, on ImageNet.", self.source));
        }
        notes
    }

    fn title(&self, column: &Column) -> &'static str {
        match column.head {
            Head::Text(text) => text,
            Head::Figure(i) => self.title_of(i),
        }
    }

    /// What stands above it.
    pub fn head(&self) -> String {
        let epochs = self.epochs.map_or(String::new(), |epochs| format!(", {epochs} epochs"));
        format!("{}{epochs}", self.title)
    }

    fn aligned(&self) -> String {
        let columns = self.columns();
        let shown = |cells: Vec<String>| cells.iter().map(|cell| text::shown(cell).into_owned()).collect();
        let cells: Vec<Vec<String>> = self.cells().into_iter().map(shown).collect();
        let heads: Vec<String> = columns.iter().map(|column| self.title(column).to_string()).collect();
        let width =
            |i: usize| cells.iter().chain([&heads]).map(|cells| text::columns(&cells[i])).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let mut line = String::new();
            for (i, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                // Names to the left, numbers to the right.
                line += &if i == 0 { text::left(cell, *width) } else { format!("  {}", text::right(cell, *width)) };
            }
            line.trim_end().to_string() + "\n"
        };
        let body: String = cells.iter().map(line).collect();
        format!("{}\n\n{}{body}\n{}\n", text::shown(&self.head()), line(&heads), self.notes().join("\n"))
    }

    fn markdown(&self) -> String {
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let columns = self.columns();
        let heads = row(columns.iter().map(|column| self.title(column).to_string()).collect());
        let rule = row((0..columns.len()).map(|i| if i == 0 { "---" } else { "---:" }.to_string()).collect());
        // A line end would end the row.
        let plain = |cell: &String| cell.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ");
        let body: String = self.cells().iter().map(|cells| row(cells.iter().map(plain).collect())).collect();
        format!("**{}**\n\n{heads}{rule}{body}\n{}\n", self.head(), self.notes().join("\n"))
    }

    fn latex(&self) -> String {
        let row = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let columns = self.columns();
        let heads = row(columns.iter().map(|column| text::latex(self.title(column))).collect());
        let body: String =
            self.cells().iter().map(|cells| row(cells.iter().map(|cell| text::latex(cell)).collect())).collect();
        let notes: String = self.notes().iter().map(|note| format!("% {}\n", text::shown(note))).collect();
        let shape = format!("l{}", "r".repeat(columns.len() - 1));
        format!(
            "% {}\n\\begin{{tabular}}{{{shape}}}\n\\toprule\n{heads}\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n{notes}",
            text::shown(&self.head())
        )
    }

    fn csv(&self) -> String {
        let raw = || COLUMNS.iter().flat_map(|column| column.raw.iter().map(move |raw| (column, raw)));
        let mut text = String::from("cell");
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let halved = self.rows.iter().any(|row| row.epochs.is_some());
        self.axes.iter().copied().chain(halved.then_some("epochs")).for_each(|head| text += &format!(",{head}"));
        raw().for_each(|(column, (name, _))| {
            text += &match column.head {
                Head::Figure(i) => format!(",{}{name}", self.figures[i].key()),
                Head::Text(_) => format!(",{name}"),
            };
        });
        text.push('\n');
        for row in &self.rows {
            text += &quoted(&row.cell);
            row.values.iter().for_each(|value| text += &format!(",{}", quoted(&value.to_string())));
            if halved {
                text += &row.epochs.map_or(",".into(), |epochs| format!(",{epochs}"));
            }
            raw().for_each(|(_, (_, of))| text += &of(row).map_or(",".into(), |v| format!(",{v}")));
            text.push('\n');
        }
        text
    }
}
