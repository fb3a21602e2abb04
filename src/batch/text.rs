//! A line of a run as text.

use crate::runs::Line;
use crate::text::{printed, shown};
use crate::train::{Change, Figures, Score};

/// As one JSON object, with its line end. `None` for what only the run directory keeps.
pub(super) fn json(line: &Line) -> Option<String> {
    match line {
        Line::Confusion { .. } => None,
        // A `Line` holds no map with keys that are not strings and nothing that fails: there is no error to report.
        line => serde_json::to_string(line).ok().map(|text| printed(&text).into_owned() + "\n"),
    }
}

/// For people, with its line end. `None` for what is no news, or goes to standard error. `classes` is their number.
pub(super) fn plain(line: &Line, classes: usize) -> Option<String> {
    let figures = |figures: &Figures| {
        let second = figures.second(classes).map_or(String::new(), |second| format!("  {}", scored(second)));
        format!("{}{second}", scored(figures.score()))
    };
    let text = match line {
        Line::RunStart { run, dir, .. } => format!("run {run}: recorded in {dir}"),
        Line::RunResume { run, dir, step, .. } => format!("run {run}: goes on after step {step}, recorded in {dir}"),
        Line::Ready {
            net,
            parameters,
            data,
            train_images,
            test_images,
            classes,
            notes,
            device,
            steps_per_epoch,
            ..
        } => {
            let millions = *parameters as f64 / 1e6;
            let classes = classes.len();
            let ready = format!(
                "{net}, {millions:.2} M parameters; {data}, {train_images} + {test_images} images of {classes} classes; \
                 {device}; {steps_per_epoch} steps an epoch"
            );
            let notes = notes.iter().map(|note| format!("  {}\n", shown(note)));
            return Some(format!("{}\n{}", shown(&ready), notes.collect::<String>()));
        }
        Line::Fork { parent, step } => format!("forked from {parent} after step {step}"),
        Line::Step { epoch, step, loss, lr, img_s, .. } => {
            format!("step {step:>6}  epoch {epoch:>7.2}  loss {loss:.4}  lr {lr:.5}{}", speed(*img_s))
        }
        Line::Edit { step, changes, by, .. } => {
            let one = |c: &Change| format!("{} {} -> {}", c.knob.path, c.from, c.to);
            let by = by.as_ref().map_or(String::new(), |by| format!(" (by {by})"));
            format!("step {step:>6}  {}{by}", changes.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Line::Rollback { step, from, .. } => format!("step {step:>6}  rolled back from step {from}"),
        Line::EpochEnd { epoch, step, train_loss, val_loss, figures: found, img_s, best } => format!(
            "step {step:>6}  epoch {epoch:>4} ends  train loss {train_loss:.4}  val loss {val_loss:.4}  \
             {}{}{}",
            figures(found),
            speed(*img_s),
            if *best { "  best" } else { "" }
        ),
        Line::Evaluation { epoch, step, val_loss, figures: found } => {
            format!("step {step:>6}  epoch {epoch:>7.2}  val loss {val_loss:.4}  {}", figures(found))
        }
        Line::Checkpoint { step, path, best: false, score, .. } => {
            let score = score.map_or(String::new(), |score| format!("  {}", scored(score)));
            format!("step {step:>6}  checkpoint {path}{score}")
        }
        Line::Skipped { step, image, problem, .. } => format!("step {step:>6}  skipped {image}: {problem}"),
        Line::RunEnd { state, step, best, best_epoch, seconds, broken, dir, reproduce, early, .. } => {
            let epoch = best_epoch.map_or(String::new(), |epoch| format!(" (epoch {epoch})"));
            let best = best.map_or("no evaluation".to_string(), |best| format!("best {}{epoch}", scored(best)));
            let broken = match broken {
                0 => String::new(),
                n => format!("; {n} broken images were skipped"),
            };
            let early = early.as_ref().map_or(String::new(), |why| format!("step {step:>6}  {why}\n"));
            let end = format!("step {step:>6}  {state}: {best} in {seconds:.1} s{broken}; {dir}");
            return Some(format!("{early}{}\nagain: {}\n", shown(&end), shown(reproduce)));
        }
        Line::Checkpoint { best: true, .. } | Line::Confusion { .. } | Line::Alarm { .. } | Line::Speed { .. } => {
            return None;
        }
    };
    Some(shown(&text).into_owned() + "\n")
}

fn speed(img_s: Option<f64>) -> String {
    img_s.map_or(String::new(), |img_s| format!("  {img_s:.0} img/s"))
}

fn scored(score: Score) -> String {
    format!("{} {:.2} %", score.figure.title(), score.percent())
}
