//! The page around everything, and the small parts that its sections share.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Lets the page load nothing: pictures are in it.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// A whole page; `versions` are those of the program that trained.
pub(super) fn page(title: &str, body: Markup, versions: &[&str]) -> String {
    let mut versions = versions.to_vec();
    versions.sort();
    versions.dedup();
    let whole = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – tricktop" }
                // Without it a browser asks the server for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer {
                    "Trained by tricktop " (versions.join(", ")) "; this page was written by tricktop "
                    (env!("CARGO_PKG_VERSION")) "."
                }
            }
        }
    };
    whole.into_string()
}

/// A table: the first column for names, all others for numbers.
pub(super) fn numbers<H: maud::Render, C: maud::Render>(heads: &[H], rows: impl Iterator<Item = Vec<C>>) -> Markup {
    html! {
        div.scroll {
            table.numbers {
                (head(heads))
                tbody {
                    @for row in rows {
                        tr {
                            @for (i, cell) in row.iter().enumerate() {
                                @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The head of a table.
pub(super) fn head<H: maud::Render>(heads: &[H]) -> Markup {
    html! { thead { tr { @for head in heads { th scope="col" { (head) } } } } }
}

/// Names with what belongs to them; those without anything are left out.
pub(super) fn facts(list: &[(&str, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, what) in list.iter().filter(|(_, what)| !what.is_empty()) {
                div { dt { (name) } dd { (what) } }
            }
        }
    }
}

/// Large figures with their names below them.
pub(super) fn figures(list: &[(&str, Option<String>)]) -> Markup {
    html! {
        dl.figures {
            @for (name, figure) in list.iter().filter_map(|(name, figure)| Some((name, figure.as_ref()?))) {
                div { dt { (name) } dd { (figure) } }
            }
        }
    }
}

/// A command to copy.
pub(super) fn command(text: &str) -> Markup {
    html! { pre.command { code { (text) } } }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.2} %", 100.0 * share) } else { "–".into() }
}

/// A loss.
pub(super) fn loss(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { "not finite".into() }
}

/// Parameters.
pub(super) fn millions(n: usize) -> String {
    format!("{:.2} M", n as f64 / 1e6)
}

/// A whole number with its thousands apart.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join("\u{202f}")
}

/// A number of things, in their singular or plural.
pub(super) fn of(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(n as u64), if n == 1 { one } else { many })
}

/// A length of time.
pub(super) fn duration(seconds: f64) -> String {
    match seconds.max(0.0).round() as u64 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7199 => format!("{} min", (s + 30) / 60),
        s => format!("{:.1} h", s as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([1, 999, 1000, 1_234_567].map(count), ["1", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!([5.2, 130.0, 9000.0].map(duration), ["5 s", "2 min", "2.5 h"]);
        assert_eq!(
            (percent(0.91254), percent(f64::NAN), loss(f64::NAN)),
            ("91.25 %".into(), "–".into(), "not finite".into())
        );
    }

    #[test]
    fn what_a_person_wrote_is_text() {
        let page = page("<script>", html! { (facts(&[("a", "<b>&\"".into()), ("none", String::new())])) }, &["1", "1"]);
        assert!(page.contains("<title>&lt;script&gt; – tricktop</title>") && page.contains("&lt;b&gt;&amp;"), "{page}");
        assert!(page.contains("Trained by tricktop 1;") && !page.contains("none</dt>"));
    }
}
