//! The presets of the repository, and the messages that bad presets get.

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tricktop::recipe::bundled::{BUNDLED, SUITES};
use tricktop::recipe::{KNOBS, Kind, Knob, Preset, Recipe, Value, preset};

/// Every preset file under `folder`.
fn presets(folder: &Path) -> Vec<PathBuf> {
    let suites: BTreeSet<_> = SUITES.iter().map(|b| Path::new(b.path)).collect();
    files(folder).into_iter().filter(|path| !suites.contains(path.as_path())).collect()
}

/// Every `.ron` file under `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "ron") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn load(path: impl AsRef<Path>) -> Preset {
    preset::load(path.as_ref()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn every_preset_loads_from_its_file_and_from_the_program() {
    for path in presets(Path::new("presets")) {
        let text = fs::read_to_string(&path).unwrap();
        let preset = load(&path);
        assert_eq!(preset.recipe.name, path.file_stem().unwrap().to_str().unwrap());
        assert_eq!(preset.files().next(), Some(path.as_path()));
        assert!(text.starts_with("// "), "{} starts without a comment", path.display());
    }
    // A bare name means the file where there is one, so that an edit of it is seen.
    for bundled in BUNDLED {
        let named = load(bundled.name);
        assert_eq!(named.files().next(), Some(Path::new(bundled.path)), "{}", bundled.name);
        assert_eq!(named.recipe, load(bundled.path).recipe);
        assert_eq!(fs::read_to_string(bundled.path).unwrap(), bundled.text);
        assert!(bundled.summary().ends_with(['.', ':', ')']), "{}: {}", bundled.name, bundled.summary());
    }
}

#[test]
fn the_program_holds_every_preset() {
    let files: BTreeSet<_> = presets(Path::new("presets")).into_iter().collect();
    let bundled: BTreeSet<_> = BUNDLED.iter().map(|b| PathBuf::from(b.path)).collect();
    assert_eq!(files, bundled);
}

#[test]
fn each_fashion_preset_differs_from_the_baseline_in_its_trick_alone() {
    let tricks: &[(&str, &[&str])] = &[
        ("linear-scaling", &["schedule.linear_scaling"]),
        ("warmup", &["schedule.warmup.on"]),
        ("zero-gamma", &["tricks.zero_gamma"]),
        ("no-bias-decay", &["tricks.no_bias_decay"]),
        ("nesterov", &["optim.nesterov"]),
        ("augmentation", &["augment.crop.on", "augment.flip"]),
        ("cosine", &["schedule.decay"]),
        ("smoothing", &["tricks.smoothing.on"]),
        ("distillation", &["tricks.distill.on"]),
        ("mixup", &["tricks.mixup.on"]),
        ("ema", &["optim.ema.on", "optim.ema.decay"]),
        ("half-precision", &["tricks.mixed.on"]),
    ];
    let baseline = load("presets/fashion/baseline.ron").recipe;
    // Alarms, and what nets for pixels have, are no tricks.
    let trick = |k: &Knob| !k.path.starts_with("alarms.") && !k.path.starts_with("seg.");
    let off = |recipe: &Recipe| KNOBS.iter().filter(|k| recipe.get(k) == Value::Bool(true) && trick(k)).count();
    assert_eq!(off(&baseline), 0, "the baseline switches a trick on");
    for (name, knobs) in tricks {
        let recipe = load(format!("presets/fashion/{name}.ron")).recipe;
        let changed: Vec<_> =
            baseline.changes_to(&recipe).iter().map(|(k, _)| k.path).filter(|p| *p != "name").collect();
        assert_eq!(&changed, knobs, "{name}");
    }
    let files = presets(Path::new("presets/fashion")).len();
    assert_eq!(files, tricks.len() + 2, "a preset of the folder is not in this test");
}

#[test]
fn the_preset_with_everything_has_every_trick_on() {
    let all = load("presets/fashion/all.ron").recipe;
    // (the stages for photographs have no place on small grey images)
    let photographs = ["augment.resized", "augment.hue", "augment.saturation", "augment.brightness", "augment.pca"];
    // Half precision is for GPUs, random erasing and averages are none of the paper's, a teacher's outputs by place are no
    // trick, and the head is Inception's. Corners are of nets for pixels; scale, rotation and blur are for segmentation first.
    let others = [
        "tricks.mixed.on",
        "augment.erase.on",
        "tricks.distill.by_place",
        "net.auxiliary",
        "optim.ema.on",
        "net.corners",
        "seg.aux",
    ];
    let masks = ["augment.scale.on", "augment.rotate.on", "augment.blur.on"];
    let others = [&others[..], &masks].concat();
    let small = |k: &&Knob| !photographs.iter().any(|stage| k.path.starts_with(stage)) && !others.contains(&k.path);
    let switches = KNOBS.iter().filter(|k| k.kind == Kind::Switch).filter(small);
    let off: Vec<_> = switches.filter(|k| all.get(k) == Value::Bool(false)).map(|k| k.path).collect();
    assert!(off.is_empty(), "{off:?} are off");
}

/// `tests/bad_presets/NAME.ron` gets the message in `NAME.txt`. The folder `parts` holds files that these extend.
/// With TRICKTOP_BLESS=1 the messages are written instead, to be read before they are committed.
#[test]
fn bad_presets_get_their_messages() {
    let folder = Path::new("tests/bad_presets");
    let mut wrong = String::new();
    for path in presets(folder).into_iter().filter(|p| p.parent() == Some(folder)) {
        let found = match preset::load(&path) {
            Ok(_) => "no mistake was found".to_string(),
            Err(mistakes) => mistakes.to_string(),
        };
        let expected = path.with_extension("txt");
        if std::env::var_os("TRICKTOP_BLESS").is_some() {
            fs::write(&expected, format!("{found}\n")).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default().trim_end() != found {
            wrong += &format!("{} got\n{found}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_missing_preset_names_the_nearest_bundled_one() {
    let message = |path: &str| preset::load(Path::new(path)).unwrap_err().to_string();
    assert_eq!(
        message("presets/fashion/mixpu.ron"),
        "presets/fashion/mixpu.ron: does not exist; did you mean the bundled preset `fashion/mixup`?\n\
         1 mistake; nothing was started"
    );
    assert!(message("zzzzzzzz").contains("`tricktop presets` lists"));
    assert!(message("presets").starts_with("presets: cannot be read: "));
}

#[test]
fn large_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.ron");
    fs::write(&path, format!("(train: (epochs: 3)) // {}", "x".repeat(1 << 20))).unwrap();
    let message = preset::load(&path).unwrap_err().to_string();
    assert_eq!(
        message,
        format!("{}: is larger than 1 MB: not a preset\n1 mistake; nothing was started", path.display())
    );
}

#[test]
fn a_file_of_mistakes_alone_is_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.ron");
    let fields: String = (0..50_000).map(|i| format!("field{i}: {i},\n")).collect();
    fs::write(&path, format!("(\n{fields}{}: 1)", "x".repeat(100_000))).unwrap();
    let mistakes = preset::load(&path).unwrap_err();
    assert_eq!(mistakes.list().len(), 101);
    assert!(mistakes.to_string().contains("only the first 100 mistakes are listed"), "{mistakes}");

    fs::write(&path, format!("({}: 1)", "x".repeat(1_000_000))).unwrap();
    assert!(preset::load(&path).unwrap_err().to_string().len() < 400);
}

#[test]
fn control_characters_stay_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.ron");
    fs::write(&path, "(extends: \"\\u{1b}[31m\", train: (epochs: \"\u{1b}[2J\"), name: \"a/\u{7}\")").unwrap();
    let message = preset::load(&path).unwrap_err().to_string();
    assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let message = preset::load(Path::new("/dev/zero")).unwrap_err().to_string();
    assert_eq!(message, "/dev/zero: cannot be read: it is not a regular file\n1 mistake; nothing was started");
}

#[test]
fn deep_nesting_is_refused_without_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep.ron");
    for open in ["(", "[", "(a:", "Some(", "{1:", "/*"] {
        fs::write(&path, format!("(name: {}", open.repeat(100_000))).unwrap();
        assert_eq!(preset::load(&path).unwrap_err().list().len(), 1);
    }
}

#[test]
fn sets_come_on_top_and_share_the_report() {
    let sets = |sets: &[&str]| sets.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    let quick = Path::new("presets/quick.ron");
    let good = sets(&["train.epochs=3", "name=mine", "train.epochs = 4", "schedule.decay=step", "tricks.mixup.on=on"]);
    let recipe = preset::load_with(quick, &good).unwrap().recipe;
    assert_eq!((recipe.train.epochs, recipe.name.as_str(), recipe.tricks.mixup.on), (4, "mine", true));

    let bad = sets(&["lr=0.1", "tricks.mixup.alpha=-0.2", "train.epochs=", "flip"]);
    assert_eq!(
        preset::load_with(Path::new("tests/bad_presets/unknown-field.ron"), &bad).unwrap_err().to_string(),
        "tests/bad_presets/unknown-field.ron:4:31: unknown field `epsilonn` in tricks.smoothing; did you mean `epsilon`?\n\
         --set: unknown knob `lr`; did you mean `schedule.base_lr`?\n\
         --set: tricks.mixup.alpha is -0.2; it must be a number in (0, 10]\n\
         --set: train.epochs is empty; it must be a whole number from 1 to 100000\n\
         --set: `flip` has no value; write it as knob=value, e.g. train.epochs=30\n\
         5 mistakes; nothing was started"
    );
    let clash = preset::load_with(quick, &sets(&["net.depth=21"])).unwrap_err().to_string();
    assert!(clash.starts_with("--set: net.depth is 21; "), "{clash}");
}

#[test]
fn a_knob_is_read_under_the_name_that_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("old.ron");
    std::fs::write(&file, "(schedule: (per: 64))").unwrap();
    assert_eq!(load(&file).recipe.schedule.reference_batch, 64);
    let sets = ["schedule.per=32".to_string()];
    assert_eq!(preset::load_with(&file, &sets).unwrap().recipe.schedule.reference_batch, 32);
    std::fs::write(&file, "(schedule: (per: 64, reference_batch: 32))").unwrap();
    let mistakes = preset::load(&file).unwrap_err().to_string();
    assert!(mistakes.contains("duplicate field schedule.reference_batch; it is already set at 1:13"), "{mistakes}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Bytes of a preset changed, taken out or put in at random give a recipe or mistakes, never a panic.
    #[test]
    fn mangled_presets_never_panic(
        which in 0..BUNDLED.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..2usize, "[()\\[\\]{}:,\"'#/*\\-+.0-9a-zé \n\t\\\\]{0,3}"), 1..6),
    ) {
        let mut bytes = BUNDLED[which].text.as_bytes().to_vec();
        for (at, removed, put) in edits {
            let at = at.index(bytes.len());
            bytes.splice(at..(at + removed).min(bytes.len()), put.bytes());
            if bytes.is_empty() {
                bytes.push(b'(');
            }
        }
        load_bytes(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        load_bytes(&bytes);
    }
}

fn load_bytes(bytes: &[u8]) {
    let file = tempfile::Builder::new().prefix("mangled").suffix(".ron").tempfile().unwrap();
    fs::write(file.path(), bytes).unwrap();
    if let Err(mistakes) = preset::load(file.path()) {
        let lines = 1 + bytes.iter().filter(|b| **b == b'\n').count();
        for mistake in mistakes.list() {
            assert!(mistake.place.position.is_none_or(|(line, column)| (1..=lines).contains(&line) && column >= 1));
        }
    }
}
