//! A person's own image: asked about by `:predict FILE`, whose path Tab completes, and what the net makes of it.

use super::commands::PREDICT;
use super::modal::{Line, Modal};
use super::state::State;
use super::{Effect, Tone, number};
use crate::train::{Command, Predicted};

/// Asks the trainer.
pub(crate) fn ask(state: &mut State, file: &str) -> Vec<Effect> {
    let id = state.edits.name();
    state.predicting = Some(id);
    state.notify(Tone::Plain, format!("looking at {file} before the next step"));
    vec![Effect::Send(Command::Predict { id, path: file.into() })]
}

/// Shows an answer to who asked: in front of the panes, or as a line where something else is in front.
pub(crate) fn show(state: &mut State, predicted: Box<Predicted>) {
    if state.predicting != Some(predicted.id) {
        return;
    }
    (state.predicting, state.notice) = (None, None);
    if state.modal.is_none() {
        state.modal = Some(Modal::Predicted(predicted));
        return;
    }
    let named = predicted.named.iter().take(3).map(|named| named.parts());
    let classes = named.map(|(class, share)| format!("{} {class}", number::percent(share)));
    let text = format!("{}: {}", predicted.path.display(), classes.collect::<Vec<_>>().join(", "));
    state.notify(Tone::Plain, text);
}

/// The path that is typed behind the command, where that is what the line holds.
pub(crate) fn typed(line: &str) -> Option<&str> {
    let rest = line.trim_start().trim_start_matches(':').strip_prefix(PREDICT)?;
    rest.starts_with(' ').then(|| rest.trim_start())
}

/// Completes the path as far as the files that begin with it agree.
pub(crate) fn complete(line: &mut Line, path: &str, found: Vec<String>) {
    if typed(line.text()) != Some(path) {
        return;
    }
    let Some(first) = found.first() else {
        return line.offer(Vec::new(), Some(format!("no image or folder begins with {path:?}")));
    };
    let common = found.iter().skip(1).fold(first.clone(), |common, name| {
        common.chars().zip(name.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    });
    *line = Line::new(&format!("{PREDICT} {common}"));
    // Of a path only its end is news.
    let end = |path: &String| path.trim_end_matches('/').rfind('/').map_or(path.clone(), |at| path[at + 1..].into());
    let offers = if found.len() > 1 { found.iter().map(end).collect() } else { Vec::new() };
    line.offer(offers, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_completed_as_far_as_it_is_clear() {
        let tab = |text: &str, found: &[&str]| {
            let mut line = Line::new(text);
            let path = typed(text).unwrap_or_default().to_string();
            complete(&mut line, &path, found.iter().map(ToString::to_string).collect());
            (line.text().to_string(), line.offers.clone(), line.hint.clone().is_some())
        };
        assert_eq!(tab(":predict ph", &["photos/"]), ("predict photos/".into(), vec![], false));
        let both = ["a b/cat 1.jpg", "a b/cat 2.jpg"];
        assert_eq!(
            tab("predict a b/c", &both),
            ("predict a b/cat ".into(), vec!["cat 1.jpg".into(), "cat 2.jpg".into()], false)
        );
        assert_eq!(tab("predict x", &[]), ("predict x".into(), vec![], true));
        assert_eq!((typed("predict"), typed("predictor x"), typed("lr 1")), (None, None, None));
    }
}
