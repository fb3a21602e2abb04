//! The layers of the program: an arrow may only point left. Scans the paths in `src/` against one table.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module and the modules it stands on; what those stand on is allowed too.
///
/// ```text
/// kernels <- ops <- nn <--+
/// hub <- recipe <- data, tricks <- train <- runs <- app, batch <- suite, browse <- view, report <- tui <- cli <- main
/// ```
const LAYERS: &[(&str, &[&str])] = &[
    ("random", &[]),
    ("text", &[]),
    ("signals", &[]),
    ("hardware", &[]),
    ("files", &[]),
    ("http", &[]),
    ("hub", &["http"]),
    ("protobuf", &[]),
    ("kernels", &[]),
    ("ops", &["kernels", "random"]),
    ("nn", &["ops", "recipe", "random", "protobuf"]),
    ("recipe", &["files", "text", "hub"]),
    ("data", &["recipe", "random"]),
    // (the groups of parameters that decay are those of the nets)
    ("tricks", &["recipe", "random", "nn"]),
    ("train", &["nn", "data", "tricks"]),
    ("runs", &["train", "text"]),
    ("watch", &["recipe"]),
    ("app", &["runs", "hardware"]),
    ("batch", &["runs"]),
    // (the screen of a suite takes the keys of a run's)
    ("suite", &["app", "batch"]),
    ("browse", &["app"]),
    ("report", &["suite"]),
    ("view", &["suite", "browse"]),
    ("tui", &["view", "signals"]),
    ("doctor", &["train", "hardware"]),
    ("config", &["suite", "browse"]),
    ("cli", &["tui", "report", "watch", "doctor", "config"]),
    ("main", &["cli"]),
];

/// What `module` may name: itself and everything to its left.
fn allowed(module: &str) -> BTreeSet<&'static str> {
    let (name, below) = LAYERS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| {
        panic!("the module `{module}` has no row in LAYERS: say what it stands on");
    });
    let mut all = BTreeSet::from([*name]);
    below.iter().for_each(|name| all.extend(allowed(name)));
    all
}

#[test]
fn arrows_point_left() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > LAYERS.len(), "only {} files below {}", files.len(), src.display());

    let mut wrong = Vec::new();
    for file in files {
        let place = file.strip_prefix(&src).unwrap();
        let Some((module, depth)) = module(place) else { continue };
        let allowed = allowed(&module);
        for (line, name) in uses(&fs::read_to_string(&file).unwrap(), depth) {
            if !allowed.contains(name.as_str()) {
                wrong.push(format!("src/{}:{line}: `{module}` must not use `{name}`", place.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_row_of_the_table_is_a_module() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (name, _) in LAYERS {
        let found = src.join(name).is_dir() || src.join(name).with_extension("rs").is_file();
        assert!(found, "src has no module `{name}`");
        allowed(name);
    }
}

/// Every Rust file below `dir` that is not only there for tests.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    let text = fs::read_to_string(dir.join("mod.rs")).unwrap_or_default();
    for path in entries {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if text.contains(&format!("#[cfg(test)]\nmod {stem};"))
            || text.contains(&format!("#[cfg(test)]\npub(crate) mod {stem};"))
        {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The top module of a file, and how many `super` lead from it to the root. None for the root itself.
fn module(place: &Path) -> Option<(String, usize)> {
    let mut parts: Vec<_> = place.with_extension("").iter().map(|p| p.to_str().unwrap().to_string()).collect();
    if parts.last().is_some_and(|p| p == "mod") {
        parts.pop();
    }
    (parts != ["lib"]).then(|| (parts[0].clone(), parts.len()))
}

/// The modules of this crate that a text names outside comments and tests, with their lines.
fn uses(text: &str, depth: usize) -> Vec<(usize, String)> {
    let mut code = String::new();
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            break;
        }
        code += line.split("//").next().unwrap();
        code.push('\n');
    }
    let roots = ["crate::".to_string(), "tricktop::".to_string(), "super::".repeat(depth)];
    let mut found = Vec::new();
    for root in &roots {
        for (at, _) in code.match_indices(root.as_str()) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = 1 + code[..at].matches('\n').count();
            found.extend(names(&code[at + root.len()..]).into_iter().map(|name| (line, name)));
        }
    }
    found.retain(|(_, name)| name.starts_with(|c: char| c.is_ascii_lowercase()) && name != "super");
    found.sort();
    found
}

/// The first name of a path, or of every path of a group in braces.
fn names(path: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![ident(path)] };
    let mut names = vec![ident(group)];
    let mut open = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => open += 1,
            '}' if open == 1 => break,
            '}' => open -= 1,
            ',' if open == 1 => names.push(ident(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

#[test]
fn the_scanner_sees_every_way_to_name_a_module() {
    let text = "use crate::app;\nuse crate::{\n    runs::{Line, Lines},\n    view,\n};\n// crate::nn\nfn f() { super::tui::run(); \
                $crate::ops::g(); x::crate::no; super::super::cli::h() }\n#[cfg(test)]\nmod tests { use crate::data; }\n";
    let names = |depth| uses(text, depth).into_iter().map(|(line, name)| format!("{line} {name}")).collect::<Vec<_>>();
    assert_eq!(names(1), ["1 app", "2 runs", "2 view", "7 ops", "7 tui"]);
    assert_eq!(names(2), ["1 app", "2 runs", "2 view", "7 cli", "7 ops"]);
    assert!(!allowed("app").contains("view") && allowed("cli").contains("kernels"));
}
