//! Markdown pages: their headings, links and code.

use crate::root;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::fs;
use std::path::{Path, PathBuf};

/// A part of a page.
pub struct Part {
    /// Its line in the page, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
}

/// A page of the documentation.
#[derive(Default)]
pub struct Page {
    /// Its path in the repository.
    pub path: PathBuf,
    /// Anchors of the headings, as GitHub makes them.
    pub anchors: Vec<String>,
    /// Where links and pictures lead.
    pub links: Vec<Part>,
    /// Sentences and headings, without the code in them.
    pub words: Vec<Part>,
    /// Code within sentences.
    pub spans: Vec<Part>,
    /// Blocks of code, with their languages.
    pub blocks: Vec<(String, Part)>,
}

impl Page {
    /// Where a part stands, for a message.
    pub fn place(&self, part: &Part) -> String {
        format!("{}:{}", self.path.display(), part.line)
    }

    fn read(path: &Path) -> Page {
        Page::parse(path, &fs::read_to_string(root().join(path)).unwrap())
    }

    /// Takes a text apart.
    pub fn parse(path: &Path, text: &str) -> Page {
        let mut page = Page { path: path.to_path_buf(), ..Page::default() };
        let (mut heading, mut block): (Option<String>, Option<(String, Part)>) = (None, None);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = 1 + text[..range.start].matches('\n').count();
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.anchors.extend(heading.take().map(|text| anchor(&text))),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Part { line, text: dest_url.into_string() });
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    block = Some((language, Part { line, text: String::new() }));
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&code));
                    page.spans.push(Part { line, text: code.into_string() });
                }
                Event::Text(words) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&words));
                    match &mut block {
                        Some((_, part)) => part.text.push_str(&words),
                        None => page.words.push(Part { line, text: words.into_string() }),
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

/// Every page of the repository that a reader may come to.
pub fn pages() -> Vec<Page> {
    let mut paths = ["README.md", "CHANGELOG.md", "assets/README.md"].map(PathBuf::from).to_vec();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

#[test]
fn a_page_is_taken_apart() {
    let text = "# On a `GPU`: it works\n\n[a](b.md#c) `tricktop runs`\n\n```sh\ntricktop\n```\n";
    let page = Page::parse(Path::new("a.md"), text);
    assert_eq!(page.anchors, ["on-a-gpu-it-works"]);
    assert_eq!((page.links[0].text.as_str(), page.links[0].line), ("b.md#c", 3));
    assert_eq!(page.spans.iter().map(|span| &*span.text).collect::<Vec<_>>(), ["GPU", "tricktop runs"]);
    assert_eq!(page.words.iter().map(|words| &*words.text).collect::<Vec<_>>(), ["On a ", ": it works", "a", " "]);
    assert_eq!((page.blocks[0].0.as_str(), page.blocks[0].1.text.as_str()), ("sh", "tricktop\n"));
}
