//! Successive halving (Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
//! AISTATS 2016, algorithm 1): all rows are trained for a few epochs, the best of them for more, and so on to the end.

use super::collect::{Course, Results, Stage};
use super::{Run, Suite};
use serde::Deserialize;

/// When rows are compared, and how many go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// One row of so many goes on.
    pub factor: u64,
    /// Epochs before the first comparison; before every later one so many times more as `factor` says.
    pub from: u64,
}

impl Halving {
    /// The epochs after which rows are compared, of runs of so many.
    pub(super) fn comparisons(self, epochs: u64) -> impl Iterator<Item = u64> {
        let next = move |at: &u64| at.checked_mul(self.factor);
        std::iter::successors(Some(self.from), next).take_while(move |at| *at < epochs)
    }

    /// Epochs that rows which are compared after `at` of their `epochs` take together from then on, of one seed.
    pub(super) fn later(self, mut rows: u64, at: u64, epochs: u64) -> u64 {
        let ends = self.comparisons(epochs).filter(|end| *end > at).chain([epochs]);
        ends.fold((0, at), |(sum, at), end| {
            rows = rows.div_ceil(self.factor);
            (sum + rows * (end - at), end)
        })
        .0
    }
}

/// How far every run is to go; marks those of rows that fell out. Of several seeds the mean counts; a row with a run that failed falls out; of two equal ones the upper goes
/// on.
pub(super) fn sort_out(suite: &Suite, runs: &[Run], results: &mut Results) -> Vec<Course> {
    let mut courses = vec![Course::Whole; runs.len()];
    let (Some(halving), Some(first)) = (suite.halving, runs.first()) else { return courses };
    let mut rows: Vec<usize> = (0..suite.cells.len()).collect();
    for at in halving.comparisons(first.recipe.train.epochs) {
        let of = |row: usize| (0..runs.len()).filter(move |place| runs[*place].cell == row);
        let failed = |row: usize| of(row).any(|place| matches!(stage(results, place), Some(Stage::Failed(_))));
        let score = |place: usize| Some(results.ran[place].as_ref()?.scores.get(at as usize - 1)?.0);
        let ready = |row: &usize| failed(*row) || of(*row).all(|place| score(place).is_some());
        if !rows.iter().all(ready) {
            let still = |place: &usize| rows.contains(&runs[*place].cell);
            (0..runs.len()).filter(still).for_each(|place| courses[place] = Course::Until(at));
            break;
        }
        let mean = |row: usize| {
            let scores: Option<Vec<f64>> = of(row).map(score).collect();
            let scores = scores.filter(|scores| !failed(row) && scores.iter().all(|score| score.is_finite()));
            scores.map_or(f64::NEG_INFINITY, |scores| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        let mut ranked: Vec<(usize, f64)> = rows.iter().map(|row| (*row, mean(*row))).collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let on = rows.len().div_ceil(halving.factor as usize);
        let goes_on = |(place, (_, mean)): (usize, &(usize, f64))| place < on && *mean > f64::NEG_INFINITY;
        let (on, out): (Vec<_>, Vec<_>) = ranked.iter().enumerate().partition(|(place, row)| goes_on((*place, row)));
        let out: Vec<usize> = out.into_iter().flat_map(|(_, (row, _))| of(*row)).collect();
        rows = on.into_iter().map(|(_, (row, _))| *row).collect();
        rows.sort_unstable();
        for place in out {
            courses[place] = Course::Out(at);
            if let Some(ran) = results.ran[place].as_mut().filter(|ran| matches!(ran.stage, Stage::Part(_))) {
                ran.stage = Stage::Out(at);
            }
        }
    }
    courses
}

fn stage(results: &Results, place: usize) -> Option<&Stage> {
    results.ran[place].as_ref().map(|ran| &ran.stage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, Value, knobs};
    use crate::runs::RunStatus;
    use crate::suite::{Cell, Ran};

    #[test]
    fn comparisons_come_later_and_later() {
        let at = |factor, from, epochs| Halving { factor, from }.comparisons(epochs).collect::<Vec<_>>();
        assert_eq!(at(3, 2, 60), [2, 6, 18, 54]);
        assert_eq!(at(2, 1, 4), [1, 2]);
        assert!(at(2, 4, 4).is_empty());
        // Nine rows after 2 epochs: 3 go on to 6, and 1 of them to 10.
        assert_eq!(Halving { factor: 3, from: 2 }.later(9, 2, 10), 3 * 4 + 4);
    }

    /// Four rows of 4 epochs with two seeds, of which half go on after 1, 2 and so on.
    fn suite(seeds: u64) -> (Suite, Vec<Run>) {
        let recipe = Recipe::default().with([(knobs::find("train.epochs").unwrap(), Value::Int(4))]).unwrap();
        let cell = |i: usize| Cell {
            name: format!("row {i}"),
            preset: "quick".into(),
            changes: Vec::new(),
            recipe: recipe.clone(),
            over: 0,
            base: 0,
            paper: None,
        };
        let suite = Suite {
            file: "made.ron".into(),
            name: "made".into(),
            title: String::new(),
            source: String::new(),
            cells: (0..4).map(cell).collect(),
            seeds,
            budget: None,
            axes: Vec::new(),
            halving: Some(Halving { factor: 2, from: 1 }),
        };
        let runs = suite.runs(None).unwrap();
        (suite, runs)
    }

    fn ran(stage: Stage, scores: &[f64]) -> Option<Ran> {
        Some(Ran {
            dir: "nowhere".into(),
            stage,
            classes: Vec::new(),
            scores: scores.iter().map(|score| (*score, 99.0)).collect(),
            parameters: None,
            multiply_adds: None,
            images: None,
            img_s: None,
        })
    }

    fn sorted(seeds: u64, ran: Vec<Option<Ran>>) -> Results {
        let (suite, runs) = suite(seeds);
        let mut results = Results { queued: vec![None; ran.len()], ran, ..Results::default() };
        results.courses = sort_out(&suite, &runs, &mut results);
        results
    }

    #[test]
    fn the_mean_of_all_seeds_decides_and_everybody_is_waited_for() {
        let rests = || Stage::Part(RunStatus::Stopped);
        // Places go seed by seed. Row 3 is the best of the first seed and not of both.
        let first = [50.0, 60.0, 40.0, 61.0].map(|score| ran(rests(), &[score]));
        let results = sorted(2, first.iter().cloned().chain(vec![None; 4]).collect());
        assert_eq!(results.courses, [Course::Until(1); 8]);
        let left: Vec<usize> = (0..8).filter(|place| results.is_open(*place)).collect();
        assert_eq!(left, [4, 5, 6, 7], "those that rest are not trained");
        let second = [55.0, 60.0, 40.0, 20.0].map(|score| ran(rests(), &[score]));
        let results = sorted(2, first.iter().cloned().chain(second).collect());
        let (on, out) = (Course::Until(2), Course::Out(1));
        assert_eq!(results.courses, [on, on, out, out, on, on, out, out]);
        assert_eq!(results.ran[2].as_ref().unwrap().stage, Stage::Out(1));
        // A seed that is added later is waited for again.
        let results = sorted(1, first.to_vec());
        assert_eq!(results.courses, [out, on, out, on]);
    }

    #[test]
    fn a_row_that_failed_falls_out_with_all_its_seeds() {
        let rests = |score: f64| ran(Stage::Part(RunStatus::Stopped), &[score]);
        let mut all = vec![rests(10.0), ran(Stage::Failed("lost".into()), &[90.0]), rests(30.0), rests(40.0)];
        all.extend([rests(10.0), None, rests(30.0), rests(40.0)]);
        let results = sorted(2, all);
        let (on, out) = (Course::Until(2), Course::Out(1));
        assert_eq!(results.courses, [out, out, on, on, out, out, on, on]);
        let left: Vec<usize> = (0..8).filter(|place| results.is_open(*place)).collect();
        assert_eq!(left, [2, 3, 6, 7], "neither the failed run nor one that was never begun is trained any more");
    }

    #[test]
    fn the_last_comparison_sends_the_best_to_its_end() {
        let rests = |scores: &[f64]| ran(Stage::Part(RunStatus::Stopped), scores);
        let results = sorted(1, vec![rests(&[1.0]), rests(&[5.0, 6.0]), rests(&[4.0, 7.0]), rests(&[2.0])]);
        assert_eq!(results.courses, [Course::Out(1), Course::Out(2), Course::Whole, Course::Out(1)]);
        assert!(results.is_open(2) && !results.is_open(1));
    }
}
