//! Commands, knobs, presets, tests and files that the documentation names.

use crate::markdown::{Page, Part, pages};
use crate::shell::commands;
use crate::{assert_none, root};
use clap::ArgMatches;
use clap::error::ErrorKind;
use std::fs;
use std::path::{Path, PathBuf};
use tricktop::cli::reference;
use tricktop::recipe::{bundled, knobs, preset};
use tricktop::train::bench::CASES;

/// Names that stand for what a reader has.
const EXAMPLES: [&str; 4] = ["PRESET", "mine.ron", "presets/mine.ron", "my-suite.ron"];

/// Languages of blocks; those of `sh` are checked, so a block must say what it is.
const LANGUAGES: [&str; 6] = ["sh", "text", "ron", "python", "json", "rust"];

/// Where a command stands.
#[derive(Clone, Copy, PartialEq)]
enum Stands {
    /// In a block for a shell: it must run as it stands.
    Block,
    /// In a sentence, which may name it without its arguments.
    Sentence,
}

/// Every command of a page: those in blocks for a shell, and `tricktop …` in sentences.
fn all_commands(page: &Page) -> Vec<(&Part, Stands, Vec<String>)> {
    let blocks = page.blocks.iter().filter(|(language, _)| language == "sh").map(|(_, part)| (part, Stands::Block));
    let spans = page.spans.iter().filter(|span| {
        let program = ["tricktop ", "cargo "].iter().any(|program| span.text.starts_with(program));
        program && !span.text.contains('…')
    });
    let parts = blocks.chain(spans.map(|part| (part, Stands::Sentence)));
    parts.flat_map(|(part, at)| commands(&part.text).into_iter().map(move |words| (part, at, words))).collect()
}

/// What is wrong with a `tricktop` command.
fn understood(words: &[String], at: Stands) -> Result<(), String> {
    let example = |word: &String| match word.as_str() {
        "N" | "STEP" => "1".into(),
        "NET" => CASES[0].name.into(),
        _ => word.clone(),
    };
    let error = match reference::command().try_get_matches_from(words.iter().map(example)) {
        Ok(matches) => return named(&matches),
        Err(error) => error,
    };
    let named_only = match error.kind() {
        ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => true,
        ErrorKind::InvalidValue => words.last().is_some_and(|word| word.starts_with("--")),
        _ => false,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
        _ if named_only && at == Stands::Sentence => Ok(()),
        _ => Err(error.to_string().lines().next().unwrap_or_default().to_string()),
    }
}

/// Whether the knobs, presets and suites that a command names exist.
fn named(matches: &ArgMatches) -> Result<(), String> {
    let sets = matches.try_get_many::<String>("sets").ok().flatten().into_iter().flatten();
    sets.map(String::as_str).try_for_each(set)?;
    for id in ["presets", "file", "targets"] {
        let paths = matches.try_get_many::<PathBuf>(id).ok().flatten().into_iter().flatten();
        for path in paths.filter(|path| id != "targets" || path.starts_with("suites")) {
            let text = path.to_str().unwrap();
            let known = bundled::find(path).is_some() || root().join(path).is_file() || EXAMPLES.contains(&text);
            if !known && !text.contains('$') && text != "SUITE" {
                return Err(format!("there is no preset or suite {text}"));
            }
        }
    }
    matches.subcommand().map_or(Ok(()), |(_, matches)| named(matches))
}

/// Whether a `KNOB=VALUE` names a knob and a value that it may have; a variable of the shell may be any.
fn set(set: &str) -> Result<(), String> {
    let (path, value) = set.split_once('=').unwrap_or((set, ""));
    if path == "KNOB" || (value.contains('$') && knobs::find(path).is_some()) {
        return Ok(());
    }
    preset::parse_set(set).map(drop).map_err(|e| e.to_string())
}

#[test]
fn every_command_is_understood() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in &pages() {
        for (part, at, words) in all_commands(page).iter().filter(|(.., words)| words[0].ends_with("tricktop")) {
            count += 1;
            if let Err(why) = understood(words, *at) {
                wrong.push(format!("{}: {}: {why}", page.place(part), words.join(" ")));
            }
        }
    }
    assert!(count > 100, "only {count} commands are found");
    assert_none(&wrong);
}

#[test]
fn a_command_that_does_not_exist_is_refused() {
    let tried = |line: &str, at| understood(&commands(line)[0], at);
    let why = |line: &str| tried(line, Stands::Sentence).unwrap_err();
    assert!(why("tricktop resume quick --sett a=1").contains("--sett"));
    assert!(why("tricktop resume quick --set schedule.lr=1").contains("schedule.lr"));
    assert!(why("tricktop --batch quick --set train.epochs=0").contains("train.epochs is 0"));
    assert!(why("tricktop fashion/all-of-them").contains("no preset"));
    assert_eq!(tried("tricktop replay quick --until N --verify", Stands::Block), Ok(()));
    assert_eq!(tried("tricktop eval --data", Stands::Sentence), Ok(()));
    assert!(
        tried("tricktop eval", Stands::Block).is_err() && tried("tricktop eval quick --data", Stands::Block).is_err()
    );
}

#[test]
fn every_block_says_what_it_is() {
    let mut wrong = Vec::new();
    for page in pages() {
        for (language, part) in page.blocks.iter().filter(|(language, _)| !LANGUAGES.contains(&&**language)) {
            wrong.push(format!("{}: a block of code in the language {language:?}", page.place(part)));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_knob_that_is_named_exists() {
    let mut wrong = Vec::new();
    for page in pages().iter().filter(|page| page.path != Path::new("CHANGELOG.md")) {
        for span in &page.spans {
            let words: Vec<&str> = span.text.split_whitespace().collect();
            for pair in words.windows(2).filter(|pair| pair[0] == "--set") {
                wrong.extend(set(pair[1]).err().map(|why| format!("{}: {why}", page.place(span))));
            }
            let field = |part: &str| part.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c));
            let section = span.text.split_once('.').map_or("", |(section, _)| section);
            let path = words.len() == 1 && span.text.split('.').all(field) && knobs::fields("").contains(&section);
            if path && knobs::find(&span.text).is_none() && knobs::fields(&span.text).is_empty() {
                wrong.push(format!("{}: there is no knob {}", page.place(span), span.text));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_test_bench_and_file_that_is_named_exists() {
    let mut wrong = Vec::new();
    for page in pages().iter().filter(|page| page.path != Path::new("CHANGELOG.md")) {
        for (part, _, words) in all_commands(page) {
            let why = if words[0] == "cargo" { cargo(&words) } else { None };
            let files = words.iter().filter(|word| word.ends_with(".py") || word.ends_with(".sh"));
            let files = files.filter(|word| word.contains('/') && !is_file(word));
            let lost = files.map(|file| format!("there is no {file}"));
            wrong.extend(why.into_iter().chain(lost).map(|why| format!("{}: {why}", page.place(part))));
        }
        let code = |span: &&Part| {
            span.text.contains('/') && !span.text.contains(' ') && [".rs", ".py"].iter().any(|e| span.text.ends_with(e))
        };
        for span in page.spans.iter().filter(code).filter(|span| !is_file(&span.text)) {
            wrong.push(format!("{}: there is no {}", page.place(span), span.text));
        }
    }
    assert_none(&wrong);
}

/// Whether a path is a file of the repository or of its `src`.
fn is_file(path: &str) -> bool {
    root().join(path).is_file() || root().join("src").join(path).is_file()
}

/// What a `cargo` command names that does not exist: a test program, a test in it, a bench, a feature.
fn cargo(words: &[String]) -> Option<String> {
    let after =
        |option: &str| words.windows(2).filter(|pair| pair[0] == option).map(|pair| &*pair[1]).collect::<Vec<_>>();
    let program = |folder: &str, name: &str| {
        let path = root().join(folder).join(name);
        path.join("main.rs").is_file() || path.with_extension("rs").is_file()
    };
    let lost = after("--test").into_iter().find(|name| !program("tests", name));
    let lost = lost.or_else(|| after("--bench").into_iter().find(|name| !program("benches", name)));
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let lost =
        lost.or_else(|| after("--features").into_iter().find(|name| !manifest.contains(&format!("\n{name} = ["))));
    if lost.is_some() || words.get(1).is_none_or(|word| word != "test") {
        return lost.map(|lost| format!("there is no {lost} for {}", words.join(" ")));
    }
    let filters = words.iter().skip_while(|word| *word != "--").skip(1).filter(|word| !word.starts_with('-'));
    let programs = after("--test");
    let text: String = programs.iter().map(|name| sources(&root().join("tests").join(name))).collect();
    let functions: Vec<&str> = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    let found = |filter: &str| {
        functions.iter().any(|name| name.contains(filter)) || programs.iter().any(|name| is_module(name, filter))
    };
    let mut lost = filters.filter(|filter| !programs.is_empty() && !found(filter));
    lost.next().map(|filter| format!("there is no test {filter} in {}", programs.join(", ")))
}

/// Whether a test program has a module of this name.
fn is_module(program: &str, module: &str) -> bool {
    root().join("tests").join(program).join(module).with_extension("rs").is_file()
}

/// The text of a test program: a file, or the files of a folder.
fn sources(path: &Path) -> String {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::read_to_string(path.with_extension("rs")).unwrap_or_default();
    };
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "rs"));
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn a_test_that_does_not_exist_is_found() {
    let why = |line: &str| cargo(&commands(line)[0]);
    assert_eq!(why("cargo test --test docs -- --ignored every_knob"), None);
    assert!(why("cargo test --test doc").is_some_and(|why| why.contains("no doc for")));
    assert!(why("cargo test --test docs -- no_such_test").is_some_and(|why| why.contains("no test no_such_test")));
    assert!(why("cargo bench --bench kernel").is_some() && why("cargo install --path . --features gpu").is_some());
}
