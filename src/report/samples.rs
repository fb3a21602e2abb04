//! Images with what the net predicts of them.

use super::page::{count, percent};
use super::picks::{Pick, Samples};
use super::{Run, SHOWN};
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
    html! {
        p.note {
            "Predictions of the " (weights) ", epoch " (epoch) ", step " (count(*step)) " (" code { (file.display()) }
            "), for " (count(*images as u64)) " test images, of which they recognise " (percent(score.value)) "."
        }
        @if !wrong.is_empty() {
            h4 { "Mistaken with the greatest confidence" }
            (grid(run, wrong))
        }
        @if !right.is_empty() {
            h4 { "Recognised" }
            (grid(run, right))
        }
    }
}

fn grid(run: &Run, picks: &[Pick]) -> Markup {
    html! {
        div.images {
            @for Pick { data, size: (width, height), name, label, predicted, probability } in picks {
                figure {
                    img.pixels[*width.max(height) < 64] src=(data) width=(width) height=(height)
                        alt={ "an image of " (run.class(*label)) };
                    figcaption {
                        b.wrong[label != predicted] { (run.class(*predicted)) } " "
                        span.unit { (format!("{:.1}\u{a0}%", 100.0 * probability)) }
                        @if label != predicted { br; span.unit { "label " (run.class(*label)) } }
                        br;
                        span.file { (name) }
                    }
                }
            }
        }
    }
}
