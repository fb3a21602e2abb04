//! Links between pages.

use crate::markdown::{Page, pages};
use crate::{assert_none, root};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Lines of the front page: what is longer belongs into the guide.
const FRONT: usize = 200;

/// A path without `.` and `..` in it.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Where a link of a page leads in the repository, and its anchor; none for one that leads out of it.
fn target<'a>(page: &Page, link: &'a str) -> Option<(PathBuf, &'a str)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = page.path.parent().unwrap();
    Some((if file.is_empty() { page.path.clone() } else { plain(&folder.join(file)) }, anchor))
}

/// What is wrong with the links of pages.
fn broken(pages: &[Page]) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in pages {
        for link in &page.links {
            let Some((path, anchor)) = target(page, &link.text) else { continue };
            if !root().join(&path).exists() {
                wrong.push(format!("{}: there is no {}", page.place(link), path.display()));
            }
            let headings = pages.iter().find(|other| other.path == path).map(|other| &other.anchors);
            if !anchor.is_empty() && !headings.is_some_and(|all| all.iter().any(|heading| heading == anchor)) {
                wrong.push(format!("{}: {} has no heading #{anchor}", page.place(link), path.display()));
            }
        }
    }
    wrong
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let all = pages();
    assert!(all.iter().map(|page| page.links.len()).sum::<usize>() > 50, "the links are not found any more");
    assert_none(&broken(&all));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let text = "# One\n[a](gone.md) [b](../../README.md) [c](#one) [d](#two) [e](https://example.com/x.md)";
    let page = Page::parse(Path::new("docs/dev/asks.md"), text);
    let expected = [
        "docs/dev/asks.md:2: there is no docs/dev/gone.md",
        "docs/dev/asks.md:2: docs/dev/asks.md has no heading #two",
    ];
    assert_eq!(broken(&[page]), expected);
}

#[test]
fn the_front_page_is_short_and_lists_every_page() {
    let pages = pages();
    let front = pages.iter().find(|page| page.path == Path::new("README.md")).unwrap();
    let listed: Vec<_> =
        front.links.iter().filter_map(|link| target(front, &link.text)).map(|(path, _)| path).collect();
    let missing = pages.iter().filter(|page| page.path != front.path && !listed.contains(&page.path));
    assert_none(&missing.map(|page| format!("README.md does not link {}", page.path.display())).collect::<Vec<_>>());
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= FRONT, "README.md has {lines} lines, more than {FRONT}");
}
