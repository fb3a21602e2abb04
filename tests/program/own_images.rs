//! A person's own images: evaluated by name, kept as a run began with them, found when they were moved.
use crate::pictures::{png, put};
use serde_json::Value as Json;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A preset of a net that trains in a second.
const PRESET: &str = "(
    data: (path: \"photos\", size: 16, val_fraction: 0.3),
    net: (depth: 8, width: 0.25),
    train: (epochs: 2, batch: 8, log_every: 1),
    schedule: (warmup: (on: false)),
)";

const CLASSES: [&str; 3] = ["ant", "bee", "cat"];

struct Desk(tempfile::TempDir);

impl Desk {
    /// Twelve images to train on and six to validate with of each class.
    fn with_splits() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        for (c, class) in CLASSES.iter().enumerate() {
            for i in 0..18 {
                let split = if i < 12 { "train" } else { "val" };
                put(desk.0.path(), &format!("photos/{split}/{class}/{i:02}.png"), &png(20, 18, c as u32 * 100 + i));
            }
        }
        fs::write(desk.path("tiny.ron"), PRESET).unwrap();
        desk
    }

    /// The same images in one tree.
    fn with_one_tree() -> Desk {
        let desk = Desk::with_splits();
        for class in CLASSES {
            for i in 0..18 {
                let split = if i < 12 { "train" } else { "val" };
                let (from, to) = (format!("photos/{split}/{class}/{i:02}.png"), format!("tree/{class}/{i:02}.png"));
                put(desk.0.path(), &to, &fs::read(desk.path(&from)).unwrap());
            }
        }
        fs::remove_dir_all(desk.path("photos")).unwrap();
        fs::rename(desk.path("tree"), desk.path("photos")).unwrap();
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn run_in(&self, dir: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tricktop")).args(args).current_dir(self.path(dir)).output().unwrap()
    }

    fn done_in(&self, dir: &str, args: &[&str]) -> String {
        let output = self.run_in(dir, args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn done(&self, args: &[&str]) -> String {
        self.done_in(".", args)
    }

    /// What is said of what is refused, with this exit code.
    fn refused(&self, code: i32, args: &[&str]) -> String {
        let output = self.run_in(".", args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        error
    }

    fn eval(&self, args: &[&str]) -> Json {
        let args: Vec<&str> = ["eval", "tiny", "--json"].iter().chain(args).copied().collect();
        serde_json::from_str(&self.done(&args)).unwrap()
    }

    fn copy(&self, from: &str, to: &str) {
        crate::copy_folder(&self.path(from), &self.path(to));
    }
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn figures(report: &Json) -> [&Json; 4] {
    ["images", "top1", "loss", "confusion"].map(|key| &report[key])
}

#[test]
fn an_evaluation_takes_all_images_of_a_place_and_labels_them_by_name() {
    let desk = Desk::with_splits();
    desk.done(&["--batch", "tiny.ron", "--json"]);
    let own = desk.eval(&[]);
    assert_eq!((own["images"].as_u64(), own["of"]["images"].as_u64()), (Some(18), Some(18)));

    // Its own validation images, and a copy of them elsewhere: the run's own figures.
    assert_eq!(figures(&desk.eval(&["--data", "photos/val"])), figures(&own));
    desk.copy("photos/val", "other place");
    assert_eq!(figures(&desk.eval(&["--data", "other place"])), figures(&own));
    assert_eq!(figures(&desk.eval(&["--data", "photos", "--split", "val"])), figures(&own));
    assert_eq!(desk.eval(&["--data", "photos"])["images"], 54);
    assert_eq!(desk.eval(&["--data", "photos", "--split", "train"])["images"], 36);

    // Images of another size come to the net as those that it was trained on.
    desk.done(&["data", "pack", "photos", "photos.pack"]);
    assert_eq!(figures(&desk.eval(&["--data", "photos.pack", "--split", "val"])), figures(&own));

    // A part of the classes, against all outputs: the figures of these classes among all.
    fs::remove_dir_all(desk.path("other place/ant")).unwrap();
    let part = desk.eval(&["--data", "other place"]);
    let class = |report: &Json, name: &str| {
        let classes = report["classes"].as_array().unwrap();
        classes.iter().find(|c| c["name"] == name).unwrap().clone()
    };
    let count = |report: &Json, name: &str, of: &str| class(report, name)[of].as_u64().unwrap();
    assert_eq!((part["images"].as_u64(), part["of"]["classes"].as_u64()), (Some(12), Some(2)));
    assert_eq!(count(&part, "ant", "images"), 0);
    let correct: u64 = ["bee", "cat"].iter().map(|name| count(&own, name, "correct")).sum();
    assert_eq!(part["top1"].as_f64().unwrap(), correct as f64 / 12.0);
    for name in ["bee", "cat"] {
        assert_eq!(class(&part, name)["recall"], class(&own, name)["recall"]);
    }
    let text = desk.done(&["eval", "tiny", "--data", "other place"]);
    assert!(
        text.starts_with("12 images of 2 classes evaluated, of 12 that other place has; the net knows 3"),
        "{text}"
    );
    assert!(!text.contains("top-5"), "of three classes every image has its label among the first five: {text}");

    // One that the net does not know.
    fs::rename(desk.path("other place/bee"), desk.path("other place/wasp")).unwrap();
    let why = desk.refused(1, &["eval", "tiny", "--data", "other place"]);
    assert!(why.contains("has the classes wasp, which the net does not know: it knows ant, bee, cat"), "{why}");
    // (by their places cat is ant, and wasp is bee)
    let by_place = desk.eval(&["--data", "other place", "--by-place"]);
    assert_eq!((by_place["images"].as_u64(), count(&by_place, "ant", "images")), (Some(12), 6));
    let none = desk.refused(1, &["eval", "tiny", "--data", "other place", "--split", "val"]);
    assert!(none.contains("has no such split; it has none"), "{none}");
}

#[test]
fn weights_and_a_preset_are_evaluated_by_the_names_of_the_classes_in_the_file() {
    let desk = Desk::with_splits();
    desk.done(&["--batch", "tiny.ron", "--json"]);
    let own = desk.eval(&[]);
    desk.done(&["export", "tiny", "--weights", "tiny.safetensors"]);
    let command = ["eval", "tiny.safetensors", "--preset", "tiny.ron", "--json"];
    let eval = |args: &[&'static str]| [&command, args].concat();
    let report = |args: &[&'static str]| serde_json::from_str::<Json>(&desk.done(&eval(args))).unwrap();
    assert_eq!(figures(&report(&[])), figures(&own));
    // By the places of what is there bee would be ant.
    desk.copy("photos/val", "part");
    fs::remove_dir_all(desk.path("part/ant")).unwrap();
    assert_eq!(report(&["--data", "part"])["confusion"], desk.eval(&["--data", "part"])["confusion"]);
    fs::rename(desk.path("part/bee"), desk.path("part/wasp")).unwrap();
    let why = desk.refused(1, &eval(&["--data", "part"]));
    assert!(why.contains("has the classes wasp, which the net does not know: it knows ant, bee, cat"), "{why}");
}

#[test]
fn every_image_is_in_the_table_of_an_evaluation() {
    let desk = Desk::with_splits();
    desk.done(&["--batch", "tiny.ron", "--json"]);
    let report = desk.eval(&["--csv", "all.csv"]);
    let mut table = csv::Reader::from_path(desk.path("all.csv")).unwrap();
    assert_eq!(table.headers().unwrap(), vec!["path", "label", "predicted", "ant", "bee", "cat"]);
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let mut correct = 0;
    for row in &rows {
        let probabilities: Vec<f64> = row.iter().skip(3).map(|p| p.parse().unwrap()).collect();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let most = (0..3).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap();
        assert_eq!(&row[2], CLASSES[most]);
        assert!(desk.path(&row[0]).is_file() && row[0].contains(&format!("/{}/", &row[1])), "{row:?}");
        correct += usize::from(row[1] == row[2]);
        let said = desk.done(&["predict", "tiny", &row[0], "--json"]);
        let said: Json = serde_json::from_str(&said).unwrap();
        assert_eq!(said["classes"][0]["class"], row[2]);
        let shown = said["classes"][0]["probability"].as_f64().unwrap();
        assert!((shown - probabilities[most]).abs() < 1e-6, "{row:?}");
    }
    assert_eq!((rows.len(), correct as f64 / 18.0), (18, report["top1"].as_f64().unwrap()));
}

#[test]
fn a_run_goes_on_with_the_images_that_it_began_with() {
    let desk = Desk::with_one_tree();
    let events = lines(&desk.done(&["--batch", "tiny.ron", "--json"]));
    let ready = events.iter().find(|e| e["event"] == "ready").unwrap();
    assert_eq!((&ready["train_images"], &ready["test_images"]), (&39.into(), &15.into()));
    assert!(ready["notes"][0].as_str().unwrap().contains("one tree: 30 % of each class"), "{ready}");
    let before = desk.eval(&["--csv", "before.csv"]);

    for name in ["photos/ant/0000.png", "photos/bee/0000.png"] {
        put(desk.0.path(), name, &png(31, 18, 3));
    }
    let resumed = desk.done(&["resume", "tiny", "--batch", "--set", "train.epochs=3", "--json"]);
    let ready = lines(&resumed).into_iter().find(|e| e["event"] == "ready").unwrap();
    assert_eq!((&ready["train_images"], &ready["test_images"]), (&39.into(), &15.into()));
    assert!(ready["notes"][0].as_str().unwrap().contains("2 are new"), "{ready}");
    // What was trained since is made again to the bit, too.
    let verdict = desk.done(&["replay", "tiny", "--verify"]);
    assert!(verdict.contains("the same to the bit"), "{verdict}");
    let paths = |file: &str| {
        let mut table = csv::Reader::from_path(desk.path(file)).unwrap();
        table.records().map(|row| row.unwrap()[0].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(desk.eval(&["--csv", "after.csv"])["images"], before["images"]);
    assert_eq!(paths("before.csv"), paths("after.csv"));

    // One that is gone is told of; a run that is made again needs it.
    let first = paths("before.csv").remove(0);
    fs::rename(desk.path(&first), desk.path("photos/ant/another name.png")).unwrap();
    let text = desk.done(&["resume", "tiny", "--batch", "--set", "train.epochs=4"]);
    assert!(text.contains("1 are gone") && text.contains("3 are new"), "{text}");
    // (each on a line of its own, below that of the net)
    assert!(
        text.lines().any(|line| line.starts_with("  the images have changed since the run began: 3 are")),
        "{text}"
    );
    assert!(desk.refused(1, &["replay", "tiny", "--verify"]).contains("1 are gone"));

    // Other classes are refused by name, and nothing is written.
    let log = fs::read(desk.path("runs/tiny/log.jsonl")).unwrap();
    fs::rename(desk.path("photos/cat"), desk.path("photos/cow")).unwrap();
    let why = desk.refused(1, &["resume", "tiny", "--batch", "--set", "train.epochs=5"]);
    assert!(why.contains("no image of cat any more, a class of the run; it has cow"), "{why}");
    assert_eq!(fs::read(desk.path("runs/tiny/log.jsonl")).unwrap(), log);
}

#[test]
fn images_are_found_from_elsewhere_and_where_they_were_moved() {
    let desk = Desk::with_splits();
    desk.done(&["--batch", "tiny.ron", "--json"]);
    let own = desk.eval(&[]);
    fs::create_dir(desk.path("else")).unwrap();
    let there = |args: &[&str]| desk.done_in("else", args);
    let report: Json = serde_json::from_str(&there(&["eval", "../runs/tiny", "--json"])).unwrap();
    assert_eq!(figures(&report), figures(&own));
    there(&["resume", "../runs/tiny", "--batch", "--set", "train.epochs=3"]);
    assert!(there(&["replay", "../runs/tiny", "--verify"]).contains("the same to the bit"));
    there(&["fork", "../runs/tiny", "--batch", "--set", "train.epochs=4"]);
    // A teacher is meant that is here under this path, though one is there under it too.
    desk.copy("runs/tiny", "else/runs/tiny");
    let teacher = ["tricks.distill.on=true", "tricks.distill.teacher=runs/tiny/best.safetensors", "train.epochs=5"];
    let sets = teacher.iter().flat_map(|set| ["--set", set]);
    let taught: Vec<&str> = ["fork", "../runs/tiny", "--batch", "--json"].into_iter().chain(sets).collect();
    let taught = lines(&there(&taught));
    let whole = desk.path("else/runs/tiny/best.safetensors").canonicalize().unwrap();
    let edit = taught.iter().find(|line| line["event"] == "edit").unwrap().to_string();
    assert!(edit.contains(&*whole.to_string_lossy()), "{edit}");

    fs::rename(desk.path("photos"), desk.path("else/pictures")).unwrap();
    let why = desk.refused(1, &["eval", "tiny"]);
    assert!(why.contains("does not exist; expected a folder"), "{why}");
    let to = ["--set", "data.path=else/pictures"];
    let with = |args: &[&str]| desk.done(&[args, &to].concat());
    assert_eq!(figures(&desk.eval(&to))[0], 18);
    assert!(with(&["replay", "tiny", "--verify"]).contains("the same to the bit"));
    with(&["resume", "tiny", "--batch", "--set", "train.epochs=4"]);
    // (from now on it knows)
    desk.eval(&[]);
    // A directory of the run's name that is no run is not meant.
    fs::create_dir_all(desk.path("tiny/ant")).unwrap();
    desk.eval(&[]);
    desk.done(&["fork", "tiny-2", "--batch", "--set", "train.epochs=5", "--set", "data.path=else/pictures"]);
    // Other images are no such move.
    desk.copy("else/pictures", "wrong");
    fs::remove_file(desk.path("wrong/train/ant/03.png")).unwrap();
    let why = desk.refused(1, &["resume", "tiny", "--batch", "--set", "train.epochs=5", "--set", "data.path=wrong"]);
    assert!(why.contains("not the images that the run began with: 1 are gone (train/ant/03.png)"), "{why}");
    let why = desk.refused(2, &["eval", "tiny", "--set", "data.size=32"]);
    assert!(why.contains("data.size is as the run has it; only data.path can be told"), "{why}");
}

#[test]
fn a_run_of_an_older_version_is_not_split_anew() {
    let desk = Desk::with_one_tree();
    desk.done(&["--batch", "tiny.ron", "--json"]);
    // As it left it: without a list of images, and without the knob.
    fs::remove_file(desk.path("runs/tiny/images.tsv.gz")).unwrap();
    let recipe = fs::read_to_string(desk.path("runs/tiny/recipe.ron")).unwrap();
    fs::write(desk.path("runs/tiny/recipe.ron"), recipe.replace("        orient: Exif,\n", "")).unwrap();
    let resumed = lines(&desk.done(&["resume", "tiny", "--batch", "--set", "train.epochs=3", "--json"]));
    assert_eq!(resumed[0]["recipe"]["data.orient"], "Exif", "its checkpoint says so");
    let replayed = lines(&desk.done(&["replay", "tiny", "--until", "1", "--json"]));
    assert_eq!(replayed[0]["recipe"]["data.orient"], "Stored", "as that version read them");

    fs::remove_file(desk.path("runs/tiny/images.tsv.gz")).unwrap();
    put(desk.0.path(), "photos/ant/0000.png", &png(31, 18, 3));
    for args in [
        &["resume", "tiny", "--batch", "--set", "train.epochs=4"][..],
        &["replay", "tiny", "--verify"],
        &["replay", "tiny"],
    ] {
        let why = desk.refused(1, args);
        assert!(why.contains("did not list its 39 + 15 images, and now there are 39 + 16"), "{args:?}: {why}");
    }
}

#[test]
fn a_teacher_and_weights_to_start_from_are_matched_by_the_names_of_their_classes() {
    let desk = Desk::with_splits();
    desk.done(&["--batch", "tiny.ron", "--json"]);
    for split in ["train", "val"] {
        desk.copy(&format!("photos/{split}"), &format!("cars/{split}"));
        for (old, new) in [("ant", "audi"), ("bee", "fiat"), ("cat", "volvo")] {
            fs::rename(desk.path(&format!("cars/{split}/{old}")), desk.path(&format!("cars/{split}/{new}"))).unwrap();
        }
    }
    let run = |data: &str, sets: &[&str]| {
        let place = format!("data.path={data}");
        let sets = [&place, "name=other"].into_iter().chain(sets.iter().copied()).flat_map(|set| ["--set", set]);
        desk.run_in(".", &["--batch", "tiny.ron", "--json"].into_iter().chain(sets).collect::<Vec<_>>())
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let teacher = ["tricks.distill.on=true", "tricks.distill.teacher=runs/tiny/best.safetensors"];
    let others = "is of the classes ant, bee, cat; the images are of audi, fiat, volvo";
    let refused = run("cars", &teacher);
    let why = text(&refused.stderr);
    assert!(refused.status.code() == Some(2) && why.contains(others) && why.contains("by_place: true"), "{why}");
    let meant = run("cars", &[teacher[0], teacher[1], "tricks.distill.by_place=true"]);
    assert!(meant.status.success() && text(&meant.stderr).contains("teaches by the places"), "{}", text(&meant.stderr));
    let same = run("photos", &teacher);
    assert!(same.status.success() && text(&same.stderr).is_empty(), "{}", text(&same.stderr));
    // (the bundled one knows clothes)
    let bundled = text(&run("photos", &teacher[..1]).stderr);
    assert!(
        bundled.contains("Bundled: ") && bundled.contains("teacher for 3-channel images of 3 classes"),
        "{bundled}"
    );

    let weights = ["net.weights=runs/tiny/best.safetensors"];
    let anew = run("cars", &weights);
    assert!(anew.status.success() && text(&anew.stderr).contains(&format!("{others}: fc starts anew")));
    let taken = run("photos", &weights);
    assert!(taken.status.success() && text(&taken.stderr).is_empty(), "{}", text(&taken.stderr));
}

#[test]
fn a_run_that_goes_on_predicts_with_its_newest_checkpoint_and_says_which() {
    let desk = Desk::with_splits();
    let image = "photos/val/bee/12.png";
    let mut going = Command::new(env!("CARGO_BIN_EXE_tricktop"))
        .args(["--batch", "tiny.ron", "--set", "train.epochs=100000", "--set", "train.checkpoint_steps=2"])
        .current_dir(desk.path("."))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let newest = |told: &str| -> Option<u64> {
        let rest = told.strip_prefix("weights of step ")?;
        rest.split_once(", the newest of a run that goes on: ")?.0.parse().ok()
    };
    // Before there is a checkpoint it says so.
    let steps: Vec<u64> = std::iter::repeat_with(|| desk.run_in(".", &["predict", "tiny", image]))
        .inspect(|_| std::thread::sleep(std::time::Duration::from_millis(50)))
        .take(600)
        .filter_map(|output| {
            let told = String::from_utf8(output.stderr).unwrap();
            let none = told.contains("has no checkpoint yet") || told.contains("tiny: ") || told.contains("runs/");
            assert!(output.status.success() || none, "{told}");
            newest(&told)
        })
        .take(3)
        .collect();
    let killed = going.kill();
    going.wait().unwrap();
    killed.unwrap();
    assert!(steps.len() == 3 && steps.windows(2).all(|two| two[0] <= two[1]), "{steps:?}");
    let over = desk.run_in(".", &["predict", "tiny", image, "--json"]);
    let told = String::from_utf8(over.stderr).unwrap();
    assert!(told.starts_with("weights of step ") && !told.contains("goes on"), "{told}");
    let said: Json = serde_json::from_slice(&over.stdout).unwrap();
    assert!(said["step"].as_u64().is_some() && said["classes"].as_array().is_some_and(|all| all.len() == 3), "{said}");
}
