//! A model card: what the hub shows of weights, as Markdown with its front matter. It holds what the run has recorded; what
//! a person alone can say is left to them.

use super::Run;
use super::page::{count, loss, millions, of, percent};
use crate::app::number;
use crate::files::shell_word;
use crate::nn::{Design, timm};
use crate::recipe::Recipe;
use crate::recipe::settings::Task;
use crate::runs;
use crate::text::shown;
use crate::train::{EpochEnd, Score, Signature};
use std::path::Path;

/// Programs that load the weights; `docs/guide/nets.md` has them too.
const TIMM: &str = include_str!("timm.py");
const ONNX: &str = include_str!("onnx.py");
const MASKS: &str = include_str!("masks.py");

/// Classes that stand in the card as they are; more are folded.
const OPEN: usize = 20;

/// The weights that a card goes with.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// Steps done.
    pub step: u64,
    /// Whether they were chosen because their epoch ended best.
    pub best: bool,
    /// What the net sees and says; checkpoints of older versions do not tell.
    pub signature: Option<&'a Signature>,
    /// What their file will be called.
    pub weights: &'a str,
    /// What the ONNX model will be called.
    pub onnx: &'a str,
}

/// The card of weights of a run.
pub fn card(run: &Run, carried: &Carried<'_>) -> String {
    let parts = [
        front(run),
        title(run, carried),
        figures(run, carried),
        data(run, carried),
        recipe(run),
        loading(run, carried),
        "## Licence and use\n\nThe licence stands in the front matter once it is chosen. What the model is for, and what it is \
         not for, is for its author to say.\n"
            .to_string(),
    ];
    parts.join("\n")
}

/// A text of anywhere as a line of Markdown has it.
fn plain(text: &str) -> String {
    let escape = |c: char| if "\\`*_[]<>|#&$~".contains(c) { format!("\\{c}") } else { c.to_string() };
    shown(text).chars().map(escape).collect()
}

/// A table of Markdown; the cells are Markdown.
fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(ToString::to_string).collect();
    let rule = "|---".repeat(heads.len()) + "|\n";
    line(&heads) + &rule + &rows.into_iter().map(|cells| line(&cells)).collect::<String>()
}

/// A block of code.
fn block(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_end())
}

fn front(run: &Run) -> String {
    let in_timm = timm(&Design::of(&run.recipe)).is_some();
    let library = if in_timm { "library_name: timm\n" } else { "" };
    let tag = if in_timm { "- timm\n" } else { "" };
    let task = match run.recipe.task {
        Task::Classify => "image-classification",
        Task::Segment => "image-segmentation",
    };
    format!(
        "---\n# license: the licence that you give, such as apache-2.0\n# datasets: the images, where the hub has them\n\
         {library}pipeline_tag: {task}\ntags:\n- {task}\n{tag}- tricktop\n---\n"
    )
}

fn title(run: &Run, carried: &Carried<'_>) -> String {
    let net = run.ready.as_ref().map_or(String::new(), |ready| {
        format!("{}, {} parameters, for {} classes. ", plain(&ready.net), millions(ready.parameters), run.classes.len())
    });
    let versions = run.versions.join(", then ");
    let from = match (runs::parent(&run.dir), run.recipe.net.weights.as_str()) {
        (Some(parent), _) => format!("from a checkpoint of the run {}", plain(&parent)),
        (None, "") => "from random weights".to_string(),
        (None, weights) => format!("from the weights {}", plain(weights)),
    };
    format!(
        "# {}\n\n{net}Trained {from} with tricktop {versions}; these are the weights after step {}.\n",
        plain(&run.name),
        count(carried.step)
    )
}

/// The evaluation of the weights themselves, and where it is from.
fn figures(run: &Run, carried: &Carried<'_>) -> String {
    let ended = run.epochs.iter().find(|end| end.evaluation.step == carried.step);
    let Some(EpochEnd { epoch, evaluation, .. }) = ended else {
        return format!("## Figures\n\nNone: the run was not evaluated after step {}.\n", count(carried.step));
    };
    let images = run.ready.as_ref().map_or(String::new(), |ready| {
        format!(
            " on the {} images of {} that the run validates with",
            count(ready.test_images as u64),
            plain(&ready.data)
        )
    });
    let row = |score: Score| vec![score.figure.title().to_string(), percent(score.value)];
    let mut rows = vec![row(evaluation.figures.score())];
    if let Some(second) = run.second(evaluation) {
        rows.push(row(second));
    }
    rows.push(vec!["cross entropy".into(), loss(evaluation.loss)]);
    let title = run.figures()[0].title();
    let chosen = if carried.best {
        format!(
            " These weights were chosen because their epoch had the best {title} on the same images, so the figures are a \
             little too good; images that the run has never seen tell more (`tricktop eval`)."
        )
    } else {
        String::new()
    };
    format!(
        "## Figures\n\n{}\nFrom the evaluation at the end of epoch {epoch}{images}, as `metrics.jsonl` of the run has \
         it.{chosen}\n",
        table(&["figure", "value"], rows)
    )
}

fn data(run: &Run, carried: &Carried<'_>) -> String {
    let mut text = String::from("## Data\n\n");
    if let Some(ready) = &run.ready {
        let (train, test) = (count(ready.train_images as u64), count(ready.test_images as u64));
        text += &format!("{}: {train} images for training, {test} to validate with.\n\n", plain(&ready.data));
    }
    if let Some(Signature { image: [height, width, channels], edge, mean, std, .. }) = carried.signature {
        let shares = |of: &[f32]| of.iter().map(|v| format!("{:.4}", v / 255.0)).collect::<Vec<_>>().join(", ");
        text += &format!(
            "The net sees {height} x {width} pixels of {}: the shorter edge is resized to {edge}, the \
             middle is cut out, and values of 0 to 1 are normalised with mean {} and deviation {}.\n\n",
            of(*channels, "channel", "channels"),
            shares(mean),
            shares(std)
        );
    }
    let rows = run.classes.iter().enumerate().map(|(label, class)| vec![label.to_string(), plain(class)]);
    let classes = table(&["label", "class"], rows);
    text + &match run.classes.len() {
        0 => String::new(),
        n if n <= OPEN => classes,
        n => format!("<details><summary>{n} classes</summary>\n\n{classes}\n</details>\n"),
    }
}

fn recipe(run: &Run) -> String {
    let default = Recipe::default();
    let cell = |text: String| if text.is_empty() { String::new() } else { plain(&text) };
    let differs = default.changes_to(&run.recipe);
    let rows = differs.iter().map(|(knob, value)| {
        vec![format!("`{}`", knob.path), cell(value.to_string()), cell(default.get(knob).to_string())]
    });
    let mut text = format!(
        "## Recipe\n\nThe knobs of recipe {} that differ from tricktop's defaults:\n\n{}",
        plain(&run.recipe.name),
        table(&["knob", "value", "default"], rows)
    );
    if !run.edits.is_empty() {
        let rows = run.edits.iter().map(|edit| {
            let changes = edit
                .changes
                .iter()
                .map(|c| format!("`{}` {} → {}", c.knob.path, plain(&c.from.to_string()), plain(&c.to.to_string())));
            vec![count(edit.step), changes.collect::<Vec<_>>().join(", ")]
        });
        text += &format!("\nEdits while it ran:\n\n{}", table(&["after step", "change"], rows));
    }
    let facts = [
        ("device", run.devices.join(", then ")),
        ("epochs", run.epochs.len().to_string()),
        ("started", run.time.map_or(String::new(), |(first, _)| format!("{} UTC", number::date(first)))),
    ];
    let facts = facts
        .into_iter()
        .filter(|(_, said)| !said.is_empty())
        .map(|(what, said)| format!("- {what}: {}\n", plain(&said)));
    text + "\n" + &facts.collect::<String>()
}

fn loading(run: &Run, carried: &Carried<'_>) -> String {
    let Carried { weights, onnx, .. } = carried;
    let mut text = String::from("## Load\n\n");
    if timm(&Design::of(&run.recipe)).is_some() {
        let program = TIMM.replace("weights.safetensors", weights);
        text += &format!("In timm:\n\n{}\n", block("python", &program));
    }
    let (program, of_pixels) = match run.recipe.task {
        Task::Classify => (ONNX, ""),
        Task::Segment => (MASKS, ", batch x classes x height x width"),
    };
    text += &format!(
        "In onnxruntime, of `{onnx}` (opset 17; input `images`, batch x channels x height x width, normalised; output \
         `logits`{of_pixels}):\n\n{}\n",
        block("python", &program.replace("model.onnx", onnx))
    );
    let mut sets = Design::of(&run.recipe).knobs();
    sets.extend(run.recipe.net.auxiliary.then(|| "net.auxiliary=true".to_string()));
    let sets: String = sets.iter().map(|set| format!(" --set {set}")).collect();
    let file = shell_word(Path::new(weights));
    text + &format!(
        "In tricktop, as weights to start from:\n\n{}",
        block("sh", &format!("tricktop photos --set data.path=DIR{sets} --set net.weights={file}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::fake::{epoch, session};

    fn recorded(recipe: Recipe) -> (tempfile::TempDir, Run) {
        let runs = tempfile::tempdir().unwrap();
        let session = session(recipe, runs.path(), |mut stage| {
            stage.started();
            stage.steps(1..=20);
            stage.send(epoch(1, 0.5));
        });
        while session.events.recv().is_ok() {}
        let dir = session.dir.clone();
        drop(session);
        let run = Run::read(&dir).unwrap();
        (runs, run)
    }

    fn carried(step: u64) -> Carried<'static> {
        Carried { step, best: true, signature: None, weights: "model.safetensors", onnx: "model.onnx" }
    }

    #[test]
    fn a_card_has_the_figures_of_its_weights_and_no_others() {
        let (_runs, run) = recorded(Recipe::default());
        let step = run.epochs[0].evaluation.step;
        let text = card(&run, &carried(step));
        assert!(text.starts_with("---\n# license: ") && text.contains("| top-1 | 50.00 % |"), "{text}");
        assert!(text.contains("From the evaluation at the end of epoch 1 on the "), "{text}");
        assert!(text.contains("chosen because their epoch had the best top-1"), "{text}");
        let other = card(&run, &carried(step + 1));
        assert!(other.contains("None: the run was not evaluated after step") && !other.contains("50.00"), "{other}");
        // The default net is none of timm's.
        assert!(!text.contains("timm.create_model") && text.contains("onnxruntime.InferenceSession(\"model.onnx\")"));
    }

    #[test]
    fn names_are_no_markdown() {
        let (_runs, mut run) = recorded(Recipe::default());
        run.classes = vec!["a|b".into(), "<img src=x>\n# c".into()];
        let text = card(&run, &carried(1));
        assert!(text.contains(r"| 0 | a\|b |") && text.contains(r"| 1 | \<img src=x\>\\n\# c |"), "{text}");
    }

    #[test]
    fn the_programs_are_those_of_the_guide() {
        let page = include_str!("../../../docs/guide/nets.md");
        for program in [TIMM, ONNX, MASKS] {
            assert!(page.contains(&block("python", program)), "docs/guide/nets.md lacks this program:\n{program}");
        }
    }
}
