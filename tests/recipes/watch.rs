//! The watcher on real files, saved in the ways of different editors.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tricktop::recipe::{Mistakes, Preset, preset};
use tricktop::watch::{Change, Watcher};

/// A folder with `presets/mine.ron`, which extends `parts/base.ron`, being watched.
struct Scene {
    folder: TempDir,
    changes: Receiver<Change>,
    watcher: Option<Watcher>,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        for name in ["presets/fashion", "parts"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let (sender, changes) = mpsc::channel();
        let mut scene = Scene { folder, changes, watcher: None };
        scene.write("parts/base.ron", "(train: (batch: 64))");
        scene.write("presets/mine.ron", &mine(3));
        let sets = ["train.seed=7".to_string()];
        let preset = preset::load_with(&scene.path("presets/mine.ron"), &sets).unwrap();
        scene.watcher = Some(Watcher::start(&preset, &scene.path("presets"), sender).unwrap());
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn change(&self) -> Change {
        self.changes.recv_timeout(Duration::from_secs(20)).expect("no change came")
    }

    fn preset(&self) -> Result<Box<Preset>, Mistakes> {
        match self.change() {
            Change::Preset(preset) => preset,
            other => panic!("{other:?}"),
        }
    }

    fn folder(&self) -> Vec<String> {
        match self.change() {
            Change::Folder(names) => names,
            other => panic!("{other:?}"),
        }
    }

    /// The next change is a preset with this number of epochs and the option of the start.
    fn expect_epochs(&self, epochs: u64) {
        let recipe = self.preset().unwrap_or_else(|m| panic!("{m}")).recipe;
        assert_eq!((recipe.train.epochs, recipe.train.seed), (epochs, 7));
    }
}

fn mine(epochs: u64) -> String {
    format!("(extends: \"../parts/base.ron\", train: (epochs: {epochs}))")
}

#[test]
fn a_write_in_place_is_seen_at_once() {
    let scene = Scene::new();
    let seconds = (4..8).map(|epochs| {
        let start = Instant::now();
        scene.write("presets/mine.ron", &mine(epochs));
        scene.expect_epochs(epochs);
        start.elapsed().as_secs_f64()
    });
    // Without events a look comes every two seconds.
    let fastest = seconds.fold(f64::INFINITY, f64::min);
    assert!(fastest < 1.5, "{fastest} s");
}

#[test]
fn a_rename_over_the_file_is_seen() {
    let scene = Scene::new();
    for epochs in [4, 5] {
        scene.write("presets/.mine.ron.tmp", &mine(epochs));
        scene.rename("presets/.mine.ron.tmp", "presets/mine.ron");
        scene.expect_epochs(epochs);
    }
}

#[test]
fn a_backup_made_by_renaming_the_old_file_is_seen_as_one_change() {
    let scene = Scene::new();
    scene.rename("presets/mine.ron", "presets/mine.ron~");
    scene.write("presets/mine.ron", &mine(4));
    scene.remove("presets/mine.ron~");
    scene.expect_epochs(4);
    scene.write("presets/new.ron", "()");
    assert_eq!(scene.folder(), ["mine", "new"]);
}

#[test]
fn a_file_deleted_and_made_again_is_never_reported_as_broken() {
    let scene = Scene::new();
    for epochs in [4, 5] {
        scene.remove("presets/mine.ron");
        scene.write("presets/mine.ron", &mine(epochs));
        scene.expect_epochs(epochs);
    }
}

#[test]
fn a_file_that_stays_away_is_reported_and_so_is_its_return() {
    let scene = Scene::new();
    scene.remove("presets/mine.ron");
    let mistakes = scene.preset().unwrap_err().to_string();
    assert!(mistakes.contains("mine.ron: does not exist"), "{mistakes}");
    assert!(scene.folder().is_empty());
    scene.write("presets/mine.ron", &mine(3));
    scene.expect_epochs(3);
    assert_eq!(scene.folder(), ["mine"]);
}

#[test]
fn a_save_without_a_change_sends_nothing() {
    let scene = Scene::new();
    scene.write("presets/mine.ron", &mine(3));
    scene.write("parts/unrelated.ron", "((");
    scene.write("presets/fashion/new.ron", "()");
    assert_eq!(scene.folder(), ["fashion/new", "mine"]);
    scene.write("presets/.mine.ron.tmp", &mine(3));
    scene.rename("presets/.mine.ron.tmp", "presets/mine.ron");
    scene.rename("presets/fashion/new.ron", "presets/fashion/old.ron");
    assert_eq!(scene.folder(), ["fashion/old", "mine"]);
}

#[test]
fn a_broken_file_is_reported_and_so_is_its_mending() {
    let scene = Scene::new();
    scene.write("presets/mine.ron", "(train: (epochs: 0, batcch: 3))");
    let mistakes = scene.preset().unwrap_err();
    assert_eq!(mistakes.list().len(), 2, "{mistakes}");
    scene.write("presets/mine.ron", &mine(3));
    scene.expect_epochs(3);
}

#[test]
fn a_change_of_an_extended_file_is_seen_also_of_one_extended_later() {
    let scene = Scene::new();
    scene.write("parts/base.ron", "(train: (batch: 32))");
    assert_eq!(scene.preset().unwrap().recipe.train.batch, 32);

    fs::create_dir(scene.path("other")).unwrap();
    scene.write("other/base.ron", "(train: (batch: 16))");
    scene.write("presets/mine.ron", "(extends: \"../other/base.ron\")");
    assert_eq!(scene.preset().unwrap().recipe.train.batch, 16);
    scene.write("other/base.ron", "(train: (batch: 8))");
    assert_eq!(scene.preset().unwrap().recipe.train.batch, 8);
}

#[test]
fn folders_that_are_replaced_are_watched_anew() {
    let scene = Scene::new();
    fs::create_dir(scene.path("new")).unwrap();
    scene.write("new/mine.ron", &mine(4));
    scene.rename("presets", "old");
    scene.rename("new", "presets");
    scene.expect_epochs(4);
    scene.write("presets/mine.ron", &mine(5));
    scene.expect_epochs(5);

    fs::remove_dir_all(scene.path("parts")).unwrap();
    assert!(scene.preset().is_err());
    fs::create_dir(scene.path("parts")).unwrap();
    scene.write("parts/base.ron", "(train: (batch: 32))");
    assert_eq!(scene.preset().unwrap().recipe.train.batch, 32);
}

#[cfg(unix)]
#[test]
fn a_preset_behind_a_link_is_watched_where_it_is() {
    let scene = Scene::new();
    scene.write("parts/real.ron", &mine(4));
    std::os::unix::fs::symlink("../parts/real.ron", scene.path("presets/.link.ron")).unwrap();
    scene.rename("presets/.link.ron", "presets/mine.ron");
    scene.expect_epochs(4);
    scene.write("parts/real.ron", &mine(5));
    scene.expect_epochs(5);
}

#[test]
fn a_change_before_the_start_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    fs::write(&path, "(train: (epochs: 3))").unwrap();
    let preset = preset::load(&path).unwrap();
    fs::write(&path, "(train: (epochs: 4))").unwrap();
    let (sender, changes) = mpsc::channel();
    let _watcher = Watcher::start(&preset, &folder.path().join("missing"), sender).unwrap();
    match changes.recv_timeout(Duration::from_secs(20)).unwrap() {
        Change::Preset(Ok(preset)) => assert_eq!(preset.recipe.train.epochs, 4),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_hides_a_bundled_preset_may_go_and_come_back() {
    let scene = Scene::new();
    scene.write("presets/mine.ron", "(extends: \"quick.ron\")");
    scene.expect_epochs(preset::load("quick".as_ref()).unwrap().recipe.train.epochs);
    for epochs in [100, 200] {
        let _ = fs::remove_file(scene.path("presets/quick.ron"));
        scene.write("presets/quick.ron", &format!("(train: (epochs: {epochs}))"));
        scene.expect_epochs(epochs);
        if epochs == 100 {
            assert_eq!(scene.folder(), ["mine", "quick"]);
        }
    }
}

#[test]
fn dropping_the_watcher_ends_its_thread() {
    let mut scene = Scene::new();
    drop(scene.watcher.take());
    assert_eq!(scene.changes.try_recv(), Err(TryRecvError::Disconnected));
}

/// Saves in the ways of editors at random intervals; the last content must be what is seen, and soon.
fn storm(saves: u64, soon: Duration) {
    let mut draws = ChaCha8Rng::seed_from_u64(11);
    let scene = Scene::new();
    let (mut saved, mut slowest) = (0, Duration::ZERO);
    while saved < saves {
        for _ in 0..draws.gen_range(1..=20) {
            saved += 1;
            let text = mine(saved % 300 + 1);
            let (half, rest) = text.split_at(text.len() / 2);
            match draws.gen_range(0..6) {
                0 => scene.write("presets/mine.ron", &text),
                1 => {
                    scene.write("presets/mine.ron", half);
                    let mut file = fs::File::options().append(true).open(scene.path("presets/mine.ron")).unwrap();
                    std::thread::sleep(Duration::from_millis(draws.gen_range(0..5)));
                    file.write_all(rest.as_bytes()).unwrap();
                }
                2 => {
                    scene.write("presets/.mine.swp", &text);
                    scene.rename("presets/.mine.swp", "presets/mine.ron");
                }
                3 => {
                    scene.rename("presets/mine.ron", "presets/mine.ron~");
                    scene.write("presets/mine.ron", &text);
                    scene.remove("presets/mine.ron~");
                }
                4 => {
                    scene.remove("presets/mine.ron");
                    scene.write("presets/mine.ron", &text);
                }
                _ => {
                    scene.write("elsewhere", &text);
                    fs::copy(scene.path("elsewhere"), scene.path("presets/mine.ron")).unwrap();
                }
            }
            std::thread::sleep(Duration::from_millis(draws.gen_range(0..30)));
        }
        let since = Instant::now();
        loop {
            let left = Duration::from_secs(20).saturating_sub(since.elapsed());
            match scene.changes.recv_timeout(left).unwrap_or_else(|e| panic!("save {saved}: {e}")) {
                Change::Preset(Ok(preset)) if preset.recipe.train.epochs == saved % 300 + 1 => break,
                _ => {}
            }
        }
        slowest = slowest.max(since.elapsed());
    }
    println!("{saved} saves, the last content seen after {slowest:?} at most");
    assert!(slowest < soon, "{slowest:?}");
}

#[test]
fn a_storm_of_saves_ends_with_the_last_one() {
    storm(100, Duration::from_secs(20));
}

#[test]
#[ignore = "takes minutes: cargo test --release --test recipes -- --ignored --nocapture ten_thousand"]
fn ten_thousand_saves_end_with_the_last_one_within_a_second() {
    storm(10_000, Duration::from_secs(1));
}
