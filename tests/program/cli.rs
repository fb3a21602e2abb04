//! The program as a user calls it.

use assert_cmd::Command;
use std::fs;
use std::path::Path;

/// A call in an empty directory.
struct Call {
    dir: tempfile::TempDir,
}

/// What a call left behind.
#[derive(Debug)]
struct Left {
    code: i32,
    out: String,
    err: String,
}

impl Call {
    fn new() -> Call {
        Call { dir: tempfile::tempdir().unwrap() }
    }

    fn file(self, name: &str, text: &str) -> Call {
        fs::write(self.dir.path().join(name), text).unwrap();
        self
    }

    fn run(&self, args: &[&str]) -> Left {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        command.env("TRICKTOP_CONFIG", self.dir.path());
        let output = command.args(args).current_dir(self.dir.path()).output().unwrap();
        Left {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn runs(&self) -> std::path::PathBuf {
        self.dir.path().join("runs")
    }
}

fn run(args: &[&str]) -> Left {
    Call::new().run(args)
}

#[test]
fn wrong_usage_is_told_on_standard_error_and_starts_nothing() {
    struct Case {
        args: &'static [&'static str],
        says: &'static [&'static str],
    }
    let cases = [
        Case { args: &["--batch"], says: &["PRESET", "Usage"] },
        Case { args: &["--batch", "nowhere.ron"], says: &["nowhere.ron", "1 mistake; nothing was started"] },
        Case { args: &["--batch", "nonsense/name"], says: &["nonsense/name"] },
        Case { args: &["--batch", "broken.ron"], says: &["broken.ron:1:20: unknown field `epochz`", "epochs"] },
        Case {
            args: &["--batch", "broken.ron", "other.ron", "quick"],
            says: &["broken.ron:1:", "other.ron:1:", "2 mistakes"],
        },
        Case { args: &["--batch", "quick", "--set", "train.epochs=0"], says: &["--set: train.epochs is 0"] },
        Case { args: &["--batch", "quick", "--set", "train.epoch=1"], says: &["did you mean `train.epochs`?"] },
        Case { args: &["--batch", "quick", "--set", "epochs"], says: &["has no value"] },
        Case { args: &["--batch", "quick", "teacher", "--set", "lr=1"], says: &["unknown knob `lr`", "1 mistake;"] },
        Case { args: &["--batch", "idx.ron"], says: &["idx.ron: ", "no-such-dir"] },
        Case {
            args: &["--batch", "imagenet/resnet50d"],
            says: &["imagenet/resnet50d: ", "datasets/imagenet: does not exist"],
        },
        #[cfg(not(feature = "cuda"))]
        Case {
            args: &["--batch", "quick", "--set", "device=Cuda(0)"],
            says: &["device: Cuda(0) cannot be used: ", "built without CUDA", "Auto or Cpu trains on the CPU"],
        },
        Case { args: &["--json", "quick"], says: &["--batch"] },
        Case { args: &["--batch", "quick", "--ascii"], says: &["--ascii", "cannot be used with"] },
        Case { args: &["--batch", "quick", "--theme", "dark"], says: &["--theme"] },
        Case { args: &["--batch", "quick", "--threads", "0"], says: &["--threads"] },
        Case { args: &["--theme", "pink"], says: &["dark", "light", "safe"] },
        Case { args: &["quick", "teacher"], says: &["the screen trains one preset"] },
        Case { args: &["data"], says: &["subset"] },
        Case { args: &["data", "subest"], says: &["subset"] },
        Case { args: &["bench", "resnet99"], says: &["resnet20d-28", "resnet18d-32"] },
        Case { args: &["bench", "--steps", "0"], says: &["--steps"] },
        Case { args: &["completions", "tcsh"], says: &["bash"] },
        Case { args: &["knobs", "--markdwon"], says: &["--markdown"] },
        Case { args: &["--frobnicate"], says: &["--frobnicate"] },
        Case { args: &[], says: &["not a terminal", "--batch"] },
        Case { args: &["quick"], says: &["not a terminal", "--batch"] },
        // An unknown subcommand can only be a preset.
        Case { args: &["frobnicate"], says: &["frobnicate: ", "tricktop presets"] },
    ];
    let call = Call::new()
        .file("broken.ron", "(train: (batch: 1, epochz: 3))")
        .file("other.ron", "(name: 3)")
        .file("idx.ron", "(data: (kind: Idx, path: \"no-such-dir\"))");
    let mut wrong = Vec::new();
    for Case { args, says } in cases {
        let left = call.run(args);
        let silent: Vec<_> = says.iter().filter(|s| !left.err.contains(**s)).collect();
        if left.code != 2 || !left.out.is_empty() || !silent.is_empty() {
            wrong.push(format!("{args:?} does not say {silent:?}: {left:#?}"));
        }
        if call.runs().exists() {
            wrong.push(format!("{args:?} made a directory of runs"));
            fs::remove_dir_all(call.runs()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kernels_that_the_machine_does_not_have_are_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    let output = command.arg("presets").env("TRICKTOP_SIMD", "sse2").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("TRICKTOP_SIMD is `sse2`; this machine has plain"), "{said}");
}

#[test]
fn a_bench_takes_a_batch_size() {
    let left = run(&["bench", "resnet20d-28", "--batch", "3", "--steps", "1", "--json"]);
    let timing: serde_json::Value = serde_json::from_str(&left.out).unwrap();
    assert_eq!(timing["batch"], 3, "{timing}");
    let (mean, rate) = (timing["step_ms_mean"].as_f64().unwrap(), timing["img_s"].as_f64().unwrap());
    assert!((3e3 / mean / rate - 1.0).abs() < 0.02, "one step, whose mean is its time: {timing}");
}

#[test]
fn help_shows_every_option_and_examples() {
    let left = run(&["--help"]);
    assert_eq!((left.code, left.err.as_str()), (0, ""));
    let parts = ["--batch", "--set", "--runs", "--json", "--theme", "--ascii", "--threads", "Examples:", "Exit codes:"];
    for part in parts.iter().chain(&[
        "presets",
        "knobs",
        "resume",
        "replay",
        "inspect",
        "export",
        "bench",
        "data",
        "completions",
    ]) {
        assert!(left.out.contains(part), "--help lacks {part}:\n{}", left.out);
    }
    let version = run(&["--version"]).out;
    assert_eq!(version, format!("tricktop {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn presets_are_listed_with_what_they_show() {
    let left = run(&["presets"]);
    assert_eq!(left.code, 0);
    for bundled in tricktop::recipe::bundled::BUNDLED {
        let line = left.out.lines().find(|l| l.split_whitespace().next() == Some(bundled.name));
        assert!(line.is_some_and(|l| l.ends_with(bundled.summary())), "{} is missing:\n{}", bundled.name, left.out);
    }
}

#[test]
fn knobs_are_listed_as_columns_and_as_markdown() {
    let (columns, markdown) = (run(&["knobs"]).out, run(&["knobs", "--markdown"]).out);
    assert_eq!(columns.lines().count(), tricktop::recipe::KNOBS.len() + 1);
    for knob in tricktop::recipe::KNOBS {
        let line = columns.lines().find(|l| l.split_whitespace().next() == Some(knob.path)).unwrap();
        for part in [knob.help, knob.applies.word(), &knob.kind.to_string()] {
            assert!(line.contains(part), "{part:?} is missing: {line}");
        }
    }
    assert_eq!(markdown, std::fs::read_to_string("docs/reference/knobs.md").unwrap());
}

#[test]
fn man_pages_are_printed_and_written() {
    let left = run(&["man"]);
    assert_eq!((left.code, left.err.as_str()), (0, ""));
    assert!(left.out.contains(".TH tricktop 1") && left.out.contains("tricktop\\-resume(1)"), "{}", left.out);
    let call = Call::new();
    let left = call.run(&["man", "--dir", "man/man1"]);
    assert_eq!(left.code, 0, "{left:?}");
    for (page, option) in [("tricktop.1", "batch"), ("tricktop-resume.1", "set"), ("tricktop-data-pack.1", "edge")] {
        let text = fs::read_to_string(call.dir.path().join("man/man1").join(page)).unwrap();
        assert!(text.contains(&format!("\\-\\-{option}")), "{page}: {text}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let left = run(&["completions", shell]);
        assert_eq!(left.code, 0, "{shell}");
        assert!(left.out.contains("tricktop") && left.out.contains("batch"), "{shell}: {}", left.out);
    }
}

#[test]
fn the_doctor_tells_what_is_here() {
    let call = Call::new();
    let left = call.run(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&left.out).unwrap_or_else(|e| panic!("{e}: {left:?}"));
    assert!(report["threads"].as_u64() > Some(0) && report["kernels"].is_string(), "{left:?}");
    assert_eq!(report["terminal"]["present"], false);
    assert_eq!(report["cuda"], cfg!(feature = "cuda"));
    #[cfg(not(feature = "cuda"))]
    assert!(report["cards"]["Err"].as_str().is_some_and(|why| why.contains("built without CUDA")), "{left:?}");
    let text = call.run(&["doctor"]).out;
    let parts = ["tricktop", "system", "CPU", "toolkit", "driver", "GPU", "terminal"];
    assert!(parts.iter().all(|part| text.lines().any(|line| line.starts_with(part))), "{text}");
}

#[test]
fn a_preset_may_be_called_like_a_subcommand() {
    let call = Call::new().file("presets", "(train: (epochs: 0))");
    for args in [["--batch", "presets"], ["--batch", "./presets"]] {
        let left = call.run(&args);
        assert!(left.code == 2 && left.err.contains("train.epochs is 0"), "{args:?}: {left:?}");
    }
}

#[test]
fn a_run_that_is_not_there_is_told() {
    for args in [
        &["resume", "nowhere", "--batch"][..],
        &["replay", "nowhere"],
        &["replay", "nowhere", "--verify"],
        &["inspect", "nowhere"],
        &["export", "nowhere", "--csv"],
    ] {
        let call = Call::new();
        let left = call.run(args);
        assert!(left.code == 1 && left.err.contains("nowhere: is no run directory"), "{args:?}: {left:?}");
        assert!(!call.runs().exists() && left.out.is_empty(), "{args:?}: {left:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_a_failure() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let program = env!("CARGO_BIN_EXE_tricktop");
    let output = std::process::Command::new(program).arg("presets").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"));
}

#[test]
fn a_subset_of_a_directory_without_images_says_what_is_missing() {
    let call = Call::new();
    let left = call.run(&["data", "subset", ".", "out"]);
    assert_eq!(left.code, 1);
    assert!(left.err.contains("no file of"), "{}", left.err);
    assert!(!Path::new(&call.dir.path().join("out")).exists());
}

#[test]
fn the_configuration_is_printed_as_its_own_file() {
    let text = Call::new().run(&["config"]).out;
    assert!(
        text.contains("config.ron")
            && text.contains("Pause: [\"p\"]")
            && text.contains("Rename: [\"R\"]")
            && text.contains("Skip: [\"x\", \"s\"]"),
        "{text}"
    );
    let again = Call::new().file("config.ron", &text).run(&["config"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    let rest = |text: &str| text.split_once('\n').unwrap().1.to_string();
    assert_eq!(rest(&again.out), rest(&text));
}

#[test]
fn a_mistake_of_the_configuration_is_told_with_its_place() {
    let cases = [
        ("(\n theem: \"dark\",\n)", "config.ron: 2:2", "theem"),
        ("(keys: {Puase: [\"p\"]})", "config.ron: 1:9", "Puase"),
        ("(keys: {Pause: [\"hyper\"]})", "config.ron: 1:", "\"hyper\" is no key"),
        ("(keys: {Pause: [\"u\"]})", "config.ron: keys", "both Undo and Pause"),
        ("(runs_keys: {Delete: [\"u\"]})", "config.ron: runs_keys", "both Delete and Undo"),
        ("(suite_keys: {Stop: [\"a\"]})", "config.ron: suite_keys", "Stop keeps its keys"),
        ("(notify: (on: [Endd]))", "config.ron: 1:", "Endd"),
    ];
    for (text, place, problem) in cases {
        let left = Call::new().file("config.ron", text).run(&["--batch", "quick"]);
        assert_eq!(left.code, 2, "{text}: {left:?}");
        assert!(left.err.contains(place) && left.err.contains(problem), "{text}: {}", left.err);
    }
}
