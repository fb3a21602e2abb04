//! The browser of runs: keys in, effects out, on real directories; and pictures of it.

use crate::run_dirs::{Made, NOW, make, runs};
use crate::script::{assert_plain, key, options, text};
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tricktop::app::{self, Ghost, Key, Options};
use tricktop::browse::keys::{Action, BINDINGS};
use tricktop::browse::{Effect, Msg, Order, State, View, update};
use tricktop::runs::{self as run, Notes, RunIndex};
use tricktop::tui::browse::change;
use tricktop::view::browse::render;

/// A browser whose effects are carried out, but for those that open another screen.
struct Screen {
    state: State,
    surveyor: RunIndex,
    effects: Vec<Effect>,
    at: Duration,
    root: TempDir,
}

impl Screen {
    fn of(root: TempDir) -> Screen {
        let state = State::new(options(), root.path(), String::new(), Order::When);
        let surveyor = RunIndex::new(root.path());
        let mut screen = Screen { state, surveyor, effects: Vec::new(), at: Duration::ZERO, root };
        screen.pass(1);
        screen
    }

    fn new() -> Screen {
        Screen::of(runs())
    }

    /// Lets seconds pass.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..2 {
            self.at += Duration::from_millis(500 * seconds);
            self.send(Msg::Screen(app::Msg::Tick(self.at)));
        }
    }

    fn send(&mut self, msg: Msg) {
        let mut queue = vec![msg];
        while let Some(msg) = queue.pop() {
            for effect in update(&mut self.state, msg) {
                match effect.clone() {
                    Effect::Look => queue.push(Msg::Found(self.surveyor.look().map_err(|e| e.to_string()), NOW)),
                    Effect::Read(dir, step) => {
                        let curves = run::history(&dir).map(|events| Ghost::of(&events).map(Box::new));
                        queue.push(Msg::Curves(dir, step, curves.map_err(|e| e.to_string())));
                    }
                    effect => queue.extend(change(&self.state.root, effect)),
                }
                if !matches!(effect, Effect::Look | Effect::Read(..)) {
                    self.effects.push(effect);
                }
            }
        }
    }

    fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let pressed = named.map_or(Key::plain(crossterm::event::KeyCode::Char(c)), |(name, _)| key(name));
            rest = named.map_or(&rest[c.len_utf8()..], |(_, after)| after);
            self.send(Msg::Screen(app::Msg::Key(pressed)));
        }
    }

    /// The names in the list, with the lines of the tree.
    fn names(&self) -> Vec<String> {
        let row = |row: &tricktop::browse::Row| format!("{}{}", row.stem, self.state.runs[row.run].name);
        self.state.rows.iter().map(row).collect()
    }

    fn at(&self) -> &str {
        self.state.selected().map_or("", |run| &run.name)
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn said(&self) -> &str {
        self.state.notice().map_or("", |(text, _)| text)
    }

    fn draw(&self, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        render(&self.state, &mut buffer, area);
        buffer
    }

    /// The picture, with a directory that is called the same every time.
    fn text(&self, width: u16, height: u16) -> String {
        let root = self.root.path().display().to_string();
        text(&self.draw(width, height)).replace(&root, "/tmp/.tmpabcdef")
    }
}

#[test]
fn keys_are_as_a_person_set_them() {
    let set = [(Action::Tree, vec!["L".parse().unwrap()])];
    let mut screen = Screen::new();
    screen.state.keys = app::with_keys(BINDINGS, &set.into()).unwrap();
    let before = screen.text(120, 36);
    screen.keys("t");
    assert_eq!(screen.text(120, 36), before);
    screen.keys("L");
    assert!(screen.text(120, 36).contains("└"));
}

#[test]
fn keys_lead_to_effects() {
    let open = |name: &str| vec![Effect::Open(PathBuf::from(name))];
    let resume = |name: &str| vec![Effect::Resume(PathBuf::from(name))];
    // In the order of their beginnings: lower-2, lower, mixup, ladder/00-base, killed, quick.
    let cases: [(&str, Vec<Effect>); 13] = [
        ("<enter>", open("lower-2")),
        ("jj<enter>", open("mixup")),
        ("G<enter>", open("quick")),
        ("jr", resume("lower")),
        ("jjjjr", resume("killed")),
        // It is done.
        ("Gr", vec![]),
        ("xk", vec![]),
        ("x<esc>", vec![]),
        ("n<esc>", vec![]),
        ("Rquick<esc>", vec![]),
        ("u", vec![]),
        ("?jjq<esc>ddcc-ytsT", vec![]),
        ("q", vec![Effect::Leave]),
    ];
    for (keys, want) in cases {
        let mut screen = Screen::new();
        screen.keys(keys);
        let root = screen.root.path().to_path_buf();
        let below = |effect: Effect| match effect {
            Effect::Open(dir) => Effect::Open(dir.strip_prefix(&root).unwrap().into()),
            Effect::Resume(dir) => Effect::Resume(dir.strip_prefix(&root).unwrap().into()),
            effect => effect,
        };
        let effects: Vec<Effect> = std::mem::take(&mut screen.effects).into_iter().map(below).collect();
        assert_eq!(effects, want, "{keys}");
    }
}

#[test]
fn the_list_is_filtered_sorted_and_a_tree() {
    let mut screen = Screen::new();
    assert_eq!(screen.names(), ["lower-2", "lower", "mixup", "ladder/00-base", "killed", "quick"]);
    screen.keys("jj");
    screen.keys("s");
    assert_eq!(screen.names(), ["killed", "ladder/00-base", "lower", "lower-2", "mixup", "quick"]);
    screen.keys("s");
    assert_eq!(screen.names()[..2], ["mixup", "quick"]);
    assert_eq!(screen.at(), "mixup", "the cursor stays on its run");
    screen.keys("sst");
    assert_eq!(screen.names(), ["killed", "ladder/00-base", "mixup", "quick", "└ lower", "  └ lower-2"]);
    screen.keys("Gh");
    assert_eq!(screen.at(), "lower");
    screen.keys("hl");
    assert_eq!(screen.at(), "lower");
    screen.keys("hh");
    assert!(screen.said().contains("was not forked"));
    // A run whose parent is not found hangs on the nearest that is.
    screen.keys("<esc>/state=x<esc>/paper<enter>");
    assert_eq!(screen.names(), ["mixup", "quick"]);
    screen.keys("<esc>/lr=0.05<enter>");
    assert_eq!(screen.names(), ["lower", "└ lower-2"]);

    let cases = [
        ("MIXUP=on", "mixup"),
        ("tricks.mixup.on=true", "mixup"),
        ("failed", "lower-2"),
        ("killed", "killed"),
        ("#nothing", ""),
        ("jumps", "quick"),
        ("epochs=3 mix", ""),
        ("ladder/ done", "ladder/00-base"),
        ("nonsense=1", ""),
    ];
    for (filter, want) in cases {
        let mut screen = Screen::new();
        screen.keys(&format!("/{filter}<enter>"));
        let names = screen.names();
        assert_eq!(names, if want.is_empty() { vec![] } else { vec![want.to_string()] }, "{filter}");
        screen.draw(80, 24);
        screen.keys("<enter>xnr <esc><esc>");
        assert_eq!(screen.names().len(), 6, "{filter}");
    }
}

#[test]
fn a_run_is_renamed_and_its_forks_stay_connected() {
    let mut screen = Screen::new();
    screen.keys("Gt/qui<enter>");
    screen.keys("R<c-u>../x<enter>");
    assert!(screen.text(80, 24).contains("it begins with a dot"), "{}", screen.text(80, 24));
    screen.keys("<esc>R<c-u>mixup<enter>");
    assert!(screen.said().contains("mixup: is there already"), "{}", screen.said());
    screen.keys("R<c-u>first<enter>");
    assert!(screen.said().contains("renamed") && screen.said().contains("u takes it back"), "{}", screen.said());
    assert!(screen.dir("first/recipe.ron").is_file() && !screen.dir("quick").exists());
    screen.keys("<esc><esc>");
    assert_eq!(screen.at(), "first");
    assert!(screen.names().ends_with(&["first".into(), "└ lower".into(), "  └ lower-2".into()]));
    assert!(!run::behind(&screen.dir("lower")).is_empty(), "the curve of the parent is there");

    screen.keys("u");
    assert!(
        screen.names().ends_with(&["quick".into(), "└ lower".into(), "  └ lower-2".into()]),
        "{:?}",
        screen.names()
    );
    assert_eq!(screen.at(), "quick");
    screen.keys("u");
    assert!(screen.said().contains("nothing to take back"));
}

#[test]
fn a_deleted_run_is_in_the_trash_and_comes_back() {
    let mut screen = Screen::new();
    screen.keys("Gkx");
    assert!(screen.text(80, 24).contains("Delete killed?"));
    // A key that repeats itself deletes nothing.
    screen.keys("xx");
    assert!(screen.dir("killed").is_dir());
    screen.keys("t");
    let there = screen.dir(".trash/killed");
    assert!(screen.said().contains(&there.display().to_string()), "{}", screen.said());
    assert!(there.join("recipe.ron").is_file() && !screen.dir("killed").exists());
    assert_eq!(screen.names(), ["lower-2", "lower", "mixup", "ladder/00-base", "quick"]);
    assert_eq!(screen.at(), "quick");
    screen.keys("u");
    assert!(screen.dir("killed/recipe.ron").is_file() && !there.exists());
    assert_eq!((screen.names().len(), screen.at()), (6, "killed"));

    // Somebody trains it: the screen knows, and so does the disk.
    let lock = fs::File::create(screen.dir("killed/lock")).unwrap();
    lock.lock().unwrap();
    screen.keys("xt");
    assert!(screen.said().contains("another tricktop is at work"), "{}", screen.said());
    let log = fs::read_to_string(screen.dir("killed/log.jsonl")).unwrap();
    fs::write(screen.dir("killed/log.jsonl"), log + "{\"event\":\"alarm\",\"step\":1,\"message\":\"\"}\n").unwrap();
    screen.pass(4);
    screen.keys("xR");
    assert!(screen.said().contains("is being trained"), "{}", screen.said());
    assert!(screen.text(80, 24).contains("▸ running"));
    assert!(screen.dir("killed").is_dir());
}

#[test]
fn notes_and_tags_are_in_the_directory() {
    let mut screen = Screen::new();
    screen.keys("jjn<c-u>the \"best\" so far<enter>");
    screen.keys("#<c-u>paper, #table-6 paper<enter>");
    let notes = Notes::read(&screen.dir("mixup")).unwrap();
    assert_eq!((notes.note.as_str(), notes.tags.join(" ")), ("the \"best\" so far", "paper table-6".into()));
    assert!(screen.text(80, 24).contains("#table-6"));
    screen.keys("/table-6<enter>");
    assert_eq!(screen.names(), ["mixup"]);
    // A file of something else is left alone.
    fs::write(screen.dir("mixup/notes.json"), "mine").unwrap();
    screen.keys("nx<enter>");
    assert_eq!(fs::read_to_string(screen.dir("mixup/notes.json")).unwrap(), "mine");
}

#[test]
fn six_runs_are_marked_and_keep_their_letters() {
    let mut screen = Screen::new();
    make(screen.root.path(), &Made { name: "seventh", ..Made::default() });
    screen.pass(4);
    screen.keys("g j j j j j j j ");
    assert!(screen.said().contains("6 runs are marked"), "{}", screen.said());
    let letters = |screen: &Screen| {
        let marked = screen.state.marked();
        marked.iter().map(|(slot, run)| format!("{slot} {}", run.name)).collect::<Vec<_>>()
    };
    let before = letters(&screen);
    screen.keys("ss");
    assert_eq!(letters(&screen), before);
    screen.keys("/mixup<enter> <esc><esc>");
    assert_eq!(letters(&screen).len(), 5);
    screen.keys("/quick<enter> <esc>");
    let after = letters(&screen);
    assert!(after.len() == 6 && after.iter().all(|mark| before.contains(mark) || mark.ends_with("quick")), "{after:?}");
    screen.keys("-");
    assert!(letters(&screen).is_empty());
}

#[test]
fn curves_are_read_when_they_are_wanted() {
    let mut screen = Screen::new();
    screen.pass(1);
    assert!(screen.text(120, 36).contains("Loss"));
    screen.keys("j j c");
    screen.pass(1);
    let text = screen.text(120, 36);
    assert!(text.contains("A lower") && text.contains("B mixup") && text.contains("Learning rate"), "{text}");
    screen.keys("j d");
    assert!(matches!(screen.state.view, View::Table(..)));
    screen.keys("<esc>-d");
    assert!(screen.said().contains("space marks runs"));
}

#[test]
fn the_screen_is_drawn_again_only_when_something_changed() {
    let mut screen = Screen::new();
    screen.pass(10);
    let revision = screen.state.revision();
    screen.pass(10);
    assert_eq!(screen.state.revision(), revision);
    screen.keys("j");
    assert_ne!(screen.state.revision(), revision);
}

/// Pictures in the sizes that the layouts differ in.
fn pictures(name: &str, screen: &Screen) {
    for (width, height) in [(80, 24), (120, 36)] {
        assert_snapshot!(format!("{name}_{width}x{height}"), screen.text(width, height));
    }
}

#[test]
fn the_list() {
    let mut screen = Screen::new();
    screen.keys("jj");
    screen.pass(1);
    pictures("runs", &screen);
    assert_snapshot!("runs_50x12", screen.text(50, 12));
}

#[test]
fn the_tree_with_marked_runs() {
    let mut screen = Screen::new();
    screen.keys("tG k k");
    screen.pass(10);
    pictures("runs_tree", &screen);
}

#[test]
fn the_charts_and_the_table() {
    let mut screen = Screen::new();
    screen.keys("j j Gk c");
    screen.pass(10);
    pictures("runs_charts", &screen);
    screen.keys("d");
    pictures("runs_table", &screen);
}

/// Runs that were started alike and edited otherwise differ in what was edited.
#[test]
fn edits_on_the_way_are_differences() {
    let root = tempfile::tempdir_in("/tmp").unwrap();
    for (hours_ago, name) in [(1.0, "left"), (2.0, "right")] {
        make(root.path(), &Made { name, hours_ago, ..Made::default() });
    }
    let edit = |number: u64, step: u64, from: f64, to: f64| {
        let change = format!("{{\"knob\":\"schedule.base_lr\",\"from\":{from},\"to\":{to}}}");
        format!("{{\"event\":\"edit\",\"step\":{step},\"edit\":{number},\"changes\":[{change}]}}\n")
    };
    let journal = |name: &str, edits: &[String]| {
        fs::write(root.path().join(name).join("journal.jsonl"), edits.concat()).unwrap();
    };
    journal("right", &[edit(1, 300, 0.1, 0.05)]);
    let mut screen = Screen::of(root);
    screen.keys(" j");
    let about = screen.text(120, 36);
    assert!(about.contains("differs from A in lr 0.1 → 0.05 @ step 300"), "{about}");
    screen.keys("d");
    let table = screen.text(120, 36);
    assert!(table.contains("0.1 → 0.05 @ step 300") && table.contains("1 knob; all others are the same"), "{table}");

    screen.keys("<esc>/lr=0.05<enter>");
    assert_eq!(screen.names(), ["right"], "a value of an edit is found");
    screen.keys("/<esc>Gd");

    // The same edit in both is no difference.
    fs::write(screen.dir("left/journal.jsonl"), edit(4, 300, 0.1, 0.05)).unwrap();
    screen.pass(10);
    let table = screen.text(120, 36);
    assert!(table.contains("their recipes and edits are the same"), "{table}");
}

#[test]
fn dialogs() {
    let mut screen = Screen::new();
    screen.keys("jx");
    assert_snapshot!("runs_delete_80x24", screen.text(80, 24));
    screen.keys("k/lr=0.05");
    assert_snapshot!("runs_filter_80x24", screen.text(80, 24));
    screen.keys("<esc>?");
    assert_snapshot!("runs_help_80x24", screen.text(80, 24));
}

#[test]
fn without_colours_nothing_is_coloured_and_ascii_is_ascii() {
    for keys in ["", "x", "?", "jj j c", "j j d", "t", "/qu"] {
        let mut screen = Screen::new();
        screen.state.options = Options { color: false, ascii: true, ..options() };
        screen.keys(keys);
        screen.pass(1);
        assert_plain(|width, height| screen.draw(width, height));
    }
}

/// Nothing panics and nothing is drawn outside, from one cell to a wall of them, whatever is in front.
#[test]
fn every_size_in_every_state() {
    let nothing = Screen::of(tempfile::tempdir_in("/tmp").unwrap());
    for mut screen in [nothing, Screen::new()] {
        for keys in
            ["", "j j Gt", "c", "d", "jjllll", "<esc>x", "<esc>?", "<esc>nsome words", "<esc><esc>/nothing<enter>"]
        {
            screen.keys(keys);
            screen.pass(1);
            for width in (1..=24).chain([40, 59, 60, 80, 99, 100, 120, 200]) {
                for height in (1..=18).chain([24, 30, 40, 60]) {
                    screen.draw(width, height);
                }
            }
        }
    }
}

/// Runs that cannot be read are told of, and are no reason to show nothing.
#[test]
fn what_cannot_be_read_is_left_out_and_told() {
    let root = runs();
    make(root.path(), &Made { name: "odd", ..Made::default() });
    fs::write(root.path().join("odd/recipe.ron"), "(train: (epochs: 0))").unwrap();
    fs::remove_file(root.path().join("odd/log.jsonl")).unwrap();
    make(root.path(), &Made { name: "torn", ..Made::default() });
    for file in ["log.jsonl", "metrics.jsonl"] {
        fs::write(root.path().join("torn").join(file), "{\"event\":\"run_").unwrap();
    }
    fs::create_dir_all(root.path().join(".trash/x")).unwrap();
    fs::copy(root.path().join("torn/recipe.ron"), root.path().join(".trash/x/recipe.ron")).unwrap();
    let screen = Screen::of(root);
    assert_eq!(screen.state.left_out.len(), 1);
    assert!(screen.state.left_out[0].contains("train.epochs is 0"), "{:?}", screen.state.left_out);
    assert!(screen.names().contains(&"torn".to_string()) && screen.names().len() == 7);
    assert!(screen.text(80, 24).contains("1 left out"));
}
