//! Searches: grids, draws, successive halving, and single runs of a suite as a scheduler trains them.

use crate::suites::{Desk, rows};
use serde_json::Value as Json;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

/// Five rows over `tiny.ron`; after one epoch three of them go on, after two epochs two.
const HALVED: &str = r#"(
    title: "A tiny search",
    base: (name: "plain", preset: "tiny.ron", recipe: (train: (epochs: 4))),
    design: Grid,
    axes: [
        (knob: "schedule.base_lr", values: [0.1, 0.001]),
        (knob: "tricks.smoothing.on", values: [true, false]),
    ],
    halving: (factor: 2, from: 1),
    seeds: 1,
)"#;

#[test]
fn grids_and_draws_make_their_rows() {
    let desk = Desk::new();
    let grid = desk.load(
        r#"design: Grid, axes: [(knob: "schedule.base_lr", values: [0.2, 0.3]), (knob: "schedule.decay", values: [Step, Cosine])]"#,
    );
    let grid = grid.unwrap();
    let names: Vec<String> = rows(&grid).into_iter().map(|(name, _)| name).collect();
    let points = [
        "b",
        "base_lr 0.2, decay Step",
        "base_lr 0.2, decay Cosine",
        "base_lr 0.3, decay Step",
        "base_lr 0.3, decay Cosine",
    ];
    assert_eq!(names, points);
    assert_eq!(rows(&grid)[1].1, ["schedule.base_lr=0.2", "schedule.decay=Step"]);
    // A point that is the base is not trained twice.
    let base = grid.cells[0].recipe.schedule.base_lr;
    let with_base =
        desk.load(&format!(r#"design: Grid, axes: [(knob: "schedule.base_lr", values: [{base:?}, 0.3])]"#)).unwrap();
    let names: Vec<String> = rows(&with_base).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [format!("b (base_lr {base:?})"), "base_lr 0.3".into()]);
    let random = |trials: u64| {
        let axes =
            r#"[(knob: "schedule.base_lr", log: (0.01, 1.0)), (knob: "tricks.mixup.on", values: [true, false])]"#;
        rows(&desk.load(&format!("design: Random(trials: {trials}, seed: 3), axes: {axes}")).unwrap())
    };
    assert_eq!((random(6).len(), &random(6)[..4]), (7, &random(3)[..]));
    let why = |fields: &str| desk.load(fields).unwrap_err();
    for (fields, told) in [
        (r#"design: Grid"#, "a search needs `axes`"),
        (r#"design: Grid, axes: [(knob: "net.dept", values: [8])]"#, "net.dept"),
        (r#"design: Grid, axes: [(knob: "schedule.base_lr", log: (0.1, 1.0))]"#, "a Grid needs `values`"),
        (
            r#"axes: [(knob: "schedule.base_lr", values: [0.2])], cells: []"#,
            "`axes` are for the designs Grid and Random",
        ),
        (r#"cells: [], halving: (factor: 1, from: 2)"#, "halving is (factor: 1, from: 2)"),
        (r#"design: Grid, axes: [(knob: "train.seed", values: [3, 4])]"#, "are the same recipe"),
        (r#"cells: [], halving: (factor: 2, from: 2)"#, "compares after 2 epochs, and runs have 2"),
        (
            r#"cells: [(name: "x", recipe: (train: (patience: 3)))], halving: (factor: 2, from: 1)"#,
            "`x` has train.patience",
        ),
        (
            r#"design: Grid, axes: [(knob: "train.epochs", values: [3, 4])], halving: (factor: 2, from: 1)"#,
            "all need the same train.epochs",
        ),
    ] {
        assert!(why(fields).contains(told), "{fields}: {}", why(fields));
    }
}

/// The hashes of a run's last state; the link itself depends on when checkpoints were written.
fn state(dir: &Path) -> Json {
    let chain = fs::read_to_string(dir.join("chain.jsonl")).unwrap();
    let mut last: Json = serde_json::from_str(chain.lines().last().unwrap()).unwrap();
    assert!(last["weights"].is_string() && last.as_object_mut().unwrap().remove("link").is_some(), "{last}");
    last
}

#[test]
fn rows_fall_out_and_those_that_go_on_are_the_same_to_the_bit() {
    let desk = Desk::new();
    desk.write("halved.ron", HALVED);
    let text = desk.prints("suite halved.ron --plain");
    assert!(text.contains("Rows fell out after comparisons"), "{text}");
    let table = desk.table("halved.ron");
    let of = |field: &str| table["rows"].as_array().unwrap().iter().map(|row| row[field].clone()).collect::<Vec<_>>();
    let epochs: Vec<u64> = of("epochs").iter().map(|epochs| epochs.as_u64().unwrap()).collect();
    // Four rows: one of the points is the base.
    assert_eq!((epochs, table["missing"].as_u64()), (vec![4, 2, 1, 1], Some(0)), "{table}");
    // The best first, and among those with as many epochs too.
    let score = |place: usize| of("top1")[place]["mean"].as_f64().unwrap();
    assert!(score(2) >= score(3));
    assert!(
        of("base").iter().filter(|gain| !gain.is_null()).count() <= 1,
        "gains are between rows with as many epochs"
    );
    // The one that went to its end is the run that nobody compared.
    let best = of("cell")[0].as_str().unwrap().to_string();
    let list = desk.prints("suite halved.ron --list --runs alone");
    let runs: Vec<_> =
        fs::read_dir(desk.0.path().join("runs/halved")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let whole = |dir: &Path| {
        let log = fs::read_to_string(dir.join("metrics.jsonl")).unwrap_or_default();
        log.lines().filter(|line| line.contains("\"epoch_end\"")).count() == 4
    };
    let best_dir = runs.iter().find(|dir| whole(dir)).unwrap_or_else(|| panic!("{best} is in none of {runs:?}"));
    let name = best_dir.file_name().unwrap().to_str().unwrap();
    let line = list.lines().find(|line| line.contains(&format!("name={name}"))).unwrap();
    let line = line.trim_start_matches("# done: ").replacen("tricktop", env!("CARGO_BIN_EXE_tricktop"), 1);
    assert!(Command::new("sh").arg("-c").arg(&line).current_dir(desk.0.path()).output().unwrap().status.success());
    assert_eq!(state(best_dir), state(&desk.0.path().join("alone").join(name)));
    // The same command finds nothing to do.
    let lines = |dir: &Path| fs::read_to_string(dir.join("log.jsonl")).unwrap().lines().count();
    let before: Vec<usize> = runs.iter().filter(|dir| dir.is_dir()).map(|dir| lines(dir)).collect();
    desk.prints("suite halved.ron --plain");
    assert_eq!(before, runs.iter().filter(|dir| dir.is_dir()).map(|dir| lines(dir)).collect::<Vec<_>>());
    // Numbers for programs name the knobs.
    let csv = desk.prints("table halved.ron --format csv");
    assert!(csv.starts_with("cell,schedule.base_lr,tricks.smoothing.on,epochs,runs,top1,"), "{csv}");
}

#[test]
fn tasks_of_a_scheduler_give_the_table_of_the_whole_suite() {
    let desk = Desk::new();
    desk.write("halved.ron", HALVED);
    desk.prints("suite halved.ron --plain");
    let wanted = desk.table("halved.ron");
    let elsewhere = Desk::new();
    elsewhere.write("halved.ron", HALVED);
    // Three arrays behind each other, as many as there are comparisons and one more; tasks of an array in any order.
    for _ in 0..3 {
        for place in [2, 0, 3, 1] {
            elsewhere.prints(&format!("suite halved.ron --run {place}"));
        }
    }
    assert_eq!(elsewhere.table("halved.ron"), wanted);
    let runs = fs::read_dir(elsewhere.0.path().join("runs/halved"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(runs.count(), 4, "no run was begun twice");
    let Output { status, stderr, .. } = elsewhere.output("suite halved.ron --run 4");
    let told = String::from_utf8(stderr).unwrap();
    assert!(status.code() == Some(1) && told.contains("the runs of this suite are 0 to 3"), "{told}");
}

/// A task that is told to stop saves, ends with the code that has it begun again, and goes on to the same bits.
#[test]
#[cfg(unix)]
fn a_task_that_is_requeued_goes_on_where_it_was() {
    let desk = Desk::new();
    let suite = HALVED.replace("halving: (factor: 2, from: 1),", "").replace("epochs: 4", "epochs: 30");
    desk.write("long.ron", &suite);
    let mut task = desk.command("suite long.ron --run 1").spawn().unwrap();
    let dir = desk.0.path().join("runs/long");
    let begun = || {
        let steps = |dir: &Path| fs::read_to_string(dir.join("metrics.jsonl")).unwrap_or_default().lines().count() > 3;
        fs::read_dir(&dir).is_ok_and(|entries| entries.flatten().any(|entry| steps(&entry.path())))
    };
    while !begun() {
        sleep(Duration::from_millis(20));
    }
    // Nobody else trains it meanwhile.
    let other = desk.output("suite long.ron --run 1");
    assert_eq!(other.status.code(), Some(75));
    let told = String::from_utf8(other.stderr).unwrap();
    assert!(told.contains(&format!("process {} on ", task.id())) && told.contains("begun again later"), "{told}");
    assert!(Command::new("kill").args(["-USR2", &task.id().to_string()]).status().unwrap().success());
    assert_eq!(task.wait().unwrap().code(), Some(75));
    desk.prints("suite long.ron --run 1");
    let runs: Vec<_> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert_eq!(runs.len(), 1, "a second run was begun: {runs:?}");
    let whole = Desk::new();
    whole.write("long.ron", &suite);
    whole.prints("suite long.ron --run 1");
    assert_eq!(state(&runs[0]), state(&whole.0.path().join("runs/long").join(runs[0].file_name().unwrap())));
}

#[test]
fn clusters_get_scripts_and_a_machine_without_one_says_so() {
    let desk = Desk::new();
    desk.write("halved.ron", HALVED);
    desk.write("whole.ron", &HALVED.replace("halving: (factor: 2, from: 1),", ""));
    let minutes = HALVED.replace("halving: (factor: 2, from: 1),", "budget: Minutes(1.0),");
    desk.write("minutes.ron", &minutes);
    let Output { status, stderr, .. } = desk.output("suite minutes.ron --run 0");
    assert!(status.code() == Some(1) && String::from_utf8(stderr).unwrap().contains("its budget is in minutes"));
    let script = desk.prints("suite halved.ron --slurm --dry-run --jobs 2");
    assert!(script.starts_with("#!/bin/bash\n#SBATCH --job-name=halved\n#SBATCH --array=0-3%2\n"), "{script}");
    let rounds = desk.output("suite halved.ron --kubernetes me/tricktop:1");
    assert!(String::from_utf8(rounds.stderr).unwrap().contains("a Job has no rounds"));
    let job: Json = serde_json::from_str(&desk.prints("suite whole.ron --kubernetes me/tricktop:1")).unwrap();
    assert_eq!((&job["kind"], &job["spec"]["completions"]), (&"Job".into(), &4.into()));
    let mut command = desk.command("suite halved.ron --slurm -- --time=1:00");
    let Output { status, stderr, .. } = command.env("PATH", "/nowhere").output().unwrap();
    let told = String::from_utf8(stderr).unwrap();
    assert!(
        status.code() == Some(1) && told.contains("sbatch") && told.contains("a machine of the cluster?"),
        "{told}"
    );
}
