//! The field's own words.

use crate::assert_none;
use crate::markdown::pages;

/// Words that are not used, and what stands for them.
const WORDS: [(&str, &str); 5] =
    [("card", "GPU"), ("cards", "GPUs"), ("processor", "CPU"), ("processors", "CPUs"), ("shortened", "clipped")];

/// Pages whose sentences are history or the program's own.
const LEFT_ALONE: [&str; 2] = ["CHANGELOG.md", "docs/reference"];

#[test]
fn the_documentation_speaks_of_gpus_and_cpus() {
    let mut wrong = Vec::new();
    for page in pages().iter().filter(|page| !LEFT_ALONE.iter().any(|path| page.path.starts_with(path))) {
        for part in &page.words {
            // The hub's own word for the page of a model.
            let words = part.text.to_lowercase().replace("model card", "model's page");
            for word in words.split(|c: char| !c.is_alphanumeric()) {
                let better = WORDS.iter().find(|(old, _)| *old == word);
                wrong.extend(better.map(|(old, new)| format!("{}: {new} instead of {old}", page.place(part))));
            }
        }
    }
    assert_none(&wrong);
}
