//! Terminals that can show no screen: lines, without a code or a carriage return.

use crate::pty::Terminal;
use crate::tiny;
use portable_pty::CommandBuilder;
use std::path::Path;

fn on(kind: &str, dir: &Path, args: &[&str]) -> (u32, String) {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(args);
    command.cwd(dir);
    let (code, bytes) = Terminal::open_as(kind, command, 80, 24).written();
    let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    assert!(!text.contains(['\x1b', '\r']), "TERM={kind} {args:?}: {text:?}");
    (code, text)
}

#[test]
fn a_dumb_terminal_gets_lines_instead_of_a_screen() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, why) in [("dumb", "TERM=dumb: this terminal cannot show a screen"), ("", "TERM is not set")] {
        let train = |first: &[&str], more: &str| {
            let sets = tiny::sets();
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            on(kind, dir.path(), &[first, &sets, &["--threads=1", more]].concat())
        };
        let (code, text) = train(&["quick"], "--set=train.epochs=2");
        assert_eq!(code, 0, "{text}");
        assert!(text.starts_with(why) && text.contains("lines instead") && text.contains("done: best top-1"), "{text}");
        assert!(text.contains("step     10  epoch"), "steps are lines where there is no bar: {text}");
        let (code, text) = train(&["--batch", "quick"], "--set=train.epochs=1");
        assert!(code == 0 && text.starts_with("run quick-2") || text.starts_with("run quick-4"), "{text}");

        // Going on, and what lists and suites print.
        let (code, text) = on(kind, dir.path(), &["resume", "quick", "--set", "train.epochs=3"]);
        assert!(code == 0 && text.starts_with(why) || text.contains("epochs are done"), "{text}");
        assert!(on(kind, dir.path(), &["runs"]).1.contains("begun (UTC)"));
        let recipe = tiny::with(&[("epochs: 2", "epochs: 1")]);
        let suite = format!("(title: \"t\", base: (name: \"only\", recipe: {recipe}), cells: [], seeds: 1)");
        std::fs::write(dir.path().join("s.ron"), suite).unwrap();
        let (code, text) = on(kind, dir.path(), &["suite", "s.ron"]);
        assert!(code == 0 && text.contains("top-1"), "{text}");

        // What can only be a screen is refused, and says why.
        let (code, text) = on(kind, dir.path(), &["attach", "quick"]);
        assert!(code == 2 && text.contains(why), "{code} {text}");
    }
}
