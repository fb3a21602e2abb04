//! Images with what the net predicts of them.

use super::page::{count, percent};
use super::picks::{Pick, Said, Samples};
use super::{Run, SHOWN};
use crate::train::Figure;
use maud::{Markup, html};

/// The section of a run's images.
pub(super) fn section(run: &Run) -> Markup {
    html! {
        section {
            h3 { "Images" }
            @match &run.samples {
                None => p.none { "Images are shown of the first " (SHOWN) " runs of a report." },
                Some(Err(why)) => p.none { "There are none to show: " (why) },
                Some(Ok(samples)) => (shown(run, samples)),
            }
        }
    }
}

fn shown(run: &Run, samples: &Samples) -> Markup {
    let Samples { file, step, epoch, best, images, score, right, wrong } = samples;
    let weights = if *best { "best weights" } else { "newest checkpoint" };
    let reached = match run.figures()[0] {
        Figure::Miou => "with a mIoU of",
        _ => "of which they recognise",
    };
    let [recognised, mistaken] = match run.figures()[0] {
        Figure::Miou => ["Most pixels recognised", "Fewest pixels recognised"],
        _ => ["Recognised", "Mistaken with the greatest confidence"],
    };
    html! {
        p.note {
            "Predictions of the " (weights) ", epoch " (epoch) ", step " (count(*step)) " (" code { (file.display()) }
            "), for " (count(*images as u64)) " test images, " (reached) " " (percent(score.value)) "."
        }
        @if !wrong.is_empty() {
            h4 { (mistaken) }
            (grid(run, wrong))
        }
        @if !right.is_empty() {
            h4 { (recognised) }
            (grid(run, right))
        }
    }
}

fn grid(run: &Run, picks: &[Pick]) -> Markup {
    html! {
        div.images {
            @for Pick { pictures, size: (width, height), name, said } in picks {
                figure {
                    @for (data, of) in pictures.iter().zip(["", " under its labels", " under its predictions"]) {
                        img.pixels[*width.max(height) < 64] src=(data) width=(width) height=(height)
                            alt={ (about(run, said)) (of) };
                    }
                    figcaption {
                        @match said {
                            Said::Class { label, predicted, probability } => {
                                b.wrong[label != predicted] { (run.class(*predicted)) } " "
                                span.unit { (format!("{:.1}\u{a0}%", 100.0 * probability)) }
                                @if label != predicted { br; span.unit { "label " (run.class(*label)) } }
                            }
                            Said::Mask { accuracy } => {
                                "image, labels, predictions "
                                span.unit { (format!("pixAcc {:.1}\u{a0}%", 100.0 * accuracy)) }
                            }
                        }
                        br;
                        span.file { (name) }
                    }
                }
            }
        }
    }
}

/// What an image is, for those who do not see it.
fn about(run: &Run, said: &Said) -> String {
    match said {
        Said::Class { label, .. } => format!("an image of {}", run.class(*label)),
        Said::Mask { .. } => "an image".to_string(),
    }
}
