//! Weights of the hub: fetched, found in the cache, started from; what is wrong is refused before a run begins.
use crate::hub_server::{COMMIT, Model, Mood, Server, sha256};
use crate::pictures::{png, put};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tricktop::nn::{NetSpec, TensorData};
use tricktop::recipe::settings::{Net, Variant};
use tricktop::train::weights_file;

const NAME: &str = "timm/resnet8.test";
const FOLDER: &str = "models--timm--resnet8.test";

const CONFIG: &str = r#"{"architecture": "resnet8", "num_classes": 5, "pretrained_cfg": {"mean": [0.5, 0.25, 0.125],
    "std": [0.2, 0.4, 0.5], "input_size": [3, 24, 24], "crop_pct": 0.875, "interpolation": "bicubic"}}"#;

/// A net that trains in a second, on images of which it does not say how they come to the net.
const PRESET: &str = "(
    data: (path: \"photos\"),
    net: (depth: 8, width: 0.25, weights: \"timm/resnet8.test\"),
    train: (epochs: 1, batch: 6, log_every: 1),
    schedule: (warmup: (on: false)),
)";

/// Weights of a small ResNet for five classes.
fn weights(depth: u64) -> Vec<u8> {
    let net = Net { depth, width: 0.25, variant: Variant::D, ..Net::default() };
    let params = NetSpec::new(&net, 3, 5).params().into_iter();
    let tensors: BTreeMap<String, TensorData> = params
        .map(|p| {
            let values = (0..p.len()).map(|i| 0.1 + (i % 7) as f32 / 50.0).collect();
            (p.name, TensorData { shape: p.layout.torch_shape(p.shape), values })
        })
        .collect();
    weights_file(tensors).unwrap()
}

fn model(depth: u64) -> Model {
    Model { name: NAME, weights: weights(depth), config: Some(CONFIG.into()) }
}

/// A folder to work in, with a cache and a hub.
struct Desk {
    dir: tempfile::TempDir,
    endpoint: String,
}

impl Desk {
    fn at(endpoint: &str) -> Desk {
        let dir = tempfile::tempdir().unwrap();
        for (c, class) in ["ant", "bee", "cat"].iter().enumerate() {
            for i in 0..6 {
                let split = if i < 4 { "train" } else { "val" };
                put(dir.path(), &format!("photos/{split}/{class}/{i}.png"), &png(32, 28, c as u32 * 100 + i));
            }
        }
        fs::write(dir.path().join("tiny.ron"), PRESET).unwrap();
        Desk { dir, endpoint: endpoint.into() }
    }

    fn of(server: &Server) -> Desk {
        Desk::at(&server.endpoint)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// A path in the folder of the model in the cache.
    fn cached(&self, path: &str) -> PathBuf {
        self.path("hf/hub").join(FOLDER).join(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        for variable in ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN", "HF_TOKEN_PATH"] {
            command.env_remove(variable);
        }
        command.args(args).current_dir(self.dir.path()).env("HF_HOME", self.path("hf"));
        command.env("HF_ENDPOINT", &self.endpoint);
        command
    }

    fn done(&self, args: &[&str]) -> String {
        done(&mut self.command(args))
    }

    /// What is printed and told.
    fn told(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        let (out, told) = text(&output);
        assert!(output.status.success(), "{args:?}: {told}");
        out + &told
    }

    fn refused(&self, args: &[&str]) -> String {
        refused(&mut self.command(args))
    }

    /// Files of the cache but for its locks, sorted.
    fn files(&self) -> Vec<String> {
        fn below(dir: &Path, before: &str, found: &mut Vec<String>) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let name = format!("{before}{}", entry.file_name().to_str().unwrap());
                match entry.file_type().unwrap().is_dir() {
                    true => below(&entry.path(), &format!("{name}/"), found),
                    false => found.push(name),
                }
            }
        }
        let mut found = Vec::new();
        below(&self.cached(""), "", &mut found);
        found.sort();
        found
    }
}

fn text(output: &Output) -> (String, String) {
    let of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (of(&output.stdout), of(&output.stderr))
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, error) = text(&output);
    assert!(output.status.success(), "{command:?}: {error}");
    out
}

fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, error) = text(&output);
    assert!(!output.status.success(), "{command:?}: {out}");
    error
}

#[test]
fn a_model_is_fetched_into_the_layout_of_the_hub_and_the_token_goes_to_the_hub_alone() {
    let server = Server::of(model(8), &[Mood::Honest]);
    let desk = Desk::of(&server);
    let sha = sha256(&weights(8));
    let out = done(desk.command(&["weights", "get", NAME]).env("HF_TOKEN", "hf_secret"));
    assert!(out.contains(&format!("{NAME} (01234567): complete and verified, in ")), "{out}");
    assert!(out.contains("--set net.depth=8 --set net.variant=D --set net.width=0.25"), "{out}");
    assert!(out.contains("images of 24 x 24, resized to 27"), "{out}");
    let small = "00112233445566778899aabbccddeeff00112233";
    let mut expected = vec![
        format!("blobs/{small}"),
        format!("blobs/{sha}"),
        "refs/main".into(),
        format!("snapshots/{COMMIT}/config.json"),
        format!("snapshots/{COMMIT}/model.safetensors"),
    ];
    expected.sort();
    assert_eq!(desk.files(), expected);
    assert_eq!(fs::read_to_string(desk.cached("refs/main")).unwrap(), COMMIT);
    let link = fs::read_link(desk.cached(&format!("snapshots/{COMMIT}/model.safetensors"))).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(&sha));
    let asked = server.asked();
    let (large, hub): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| asked.path.starts_with("/cdn/"));
    assert!(hub.iter().all(|asked| asked.header("authorization") == Some("Bearer hf_secret")), "{hub:?}");
    assert!(large.len() == 1 && large[0].header("authorization").is_none(), "{large:?}");

    let again = desk.done(&["weights", "get", NAME]);
    assert!(again.contains("nothing had to be fetched"), "{again}");
    assert!(server.asked().iter().all(|asked| asked.method == "HEAD"));
    let list = desk.done(&["weights", "list"]);
    assert!(list.starts_with(&format!("{NAME}  01234567  ")) && list.contains("MB  resnet8\n"), "{list}");
    let file = desk.done(&["weights", "where", NAME]);
    assert_eq!(fs::read(file.trim()).unwrap(), weights(8));
}

#[test]
fn revisions_are_kept_beside_one_another() {
    let server = Server::of(model(8), &[Mood::Honest]);
    let desk = Desk::of(&server);
    desk.done(&["weights", "get", NAME, "--revision", "refs/pr/1"]);
    assert_eq!(fs::read_to_string(desk.cached("refs/refs/pr/1")).unwrap(), COMMIT);
    let why = desk.refused(&["weights", "where", NAME]);
    assert!(why.contains(&format!("{NAME} is not in the cache of the hub")), "{why}");
    for revision in [COMMIT, "refs/pr/1"] {
        desk.done(&["weights", "where", NAME, "--revision", revision]);
        desk.done(&["weights", "where", &format!("{NAME}@{revision}")]);
    }
    assert!(desk.done(&["weights", "list"]).starts_with(&format!("{NAME}@refs/pr/1  ")));
    let renamed = desk.done(&["weights", "get", "timm/renamed"]);
    assert!(renamed.contains("timm/renamed (01234567): complete"), "{renamed}");
}

#[test]
fn a_broken_transfer_is_gone_on_with() {
    let server = Server::of(model(8), &[Mood::HalfWay, Mood::HalfWay, Mood::HalfWay, Mood::HalfWay, Mood::Honest]);
    let (desk, all) = (Desk::of(&server), weights(8).len());
    let why = desk.refused(&["weights", "get", NAME]);
    assert!(why.contains("broke off at byte ") && why.contains("the same command goes on"), "{why}");
    let part = desk.cached(&format!("blobs/{}.incomplete", sha256(&weights(8))));
    let have = fs::metadata(&part).unwrap().len();
    assert!(have as usize > all / 2 && (have as usize) < all);
    assert!(!desk.cached("refs/main").exists());
    server.asked();
    desk.done(&["weights", "get", NAME]);
    let ranges: Vec<_> = server.asked().iter().filter(|asked| asked.path.starts_with("/cdn/")).cloned().collect();
    assert_eq!((ranges.len(), ranges[0].header("range")), (1, Some(&*format!("bytes={have}-"))));
    assert!(!part.exists());
    assert_eq!(fs::read(desk.done(&["weights", "where", NAME]).trim()).unwrap(), weights(8));
}

#[test]
fn a_file_of_another_checksum_is_refused_and_thrown_away() {
    let server = Server::of(model(8), &[Mood::Lies, Mood::Honest]);
    let desk = Desk::of(&server);
    let why = desk.refused(&["weights", "get", NAME]);
    let sha = sha256(&weights(8));
    assert!(why.contains("has the SHA-256 ") && why.contains(&format!("expected {sha}; it was thrown away")), "{why}");
    assert!(desk.files().iter().all(|file| !file.contains(&sha) && !file.contains("model.safetensors")));
    desk.done(&["weights", "get", NAME]);

    // One that was damaged since is refused by a run, and mended by the command.
    let blob = desk.cached(&format!("blobs/{sha}"));
    let mut bytes = fs::read(&blob).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    let why = desk.refused(&["--batch", "tiny.ron"]);
    assert!(why.contains(&format!("{NAME}: ")) && why.contains("in the cache is damaged: has the SHA-256"), "{why}");
    assert!(why.contains(&format!("tricktop weights get {NAME}")) && !desk.path("runs").exists(), "{why}");
    desk.done(&["weights", "get", NAME]);
    assert_eq!(fs::read(&blob).unwrap(), weights(8));
}

#[test]
fn what_the_hub_has_not_is_named() {
    let server = Server::of(Model { config: None, ..model(8) }, &[Mood::Honest]);
    let desk = Desk::of(&server);
    for (args, told) in [
        (
            &["weights", "get", "timm/nothing"][..],
            "there is no model timm/nothing, or not everybody may have it: HF_TOKEN",
        ),
        (&["weights", "get", NAME, "--revision", "v9"], "timm/resnet8.test has no revision \"v9\""),
        (&["weights", "get", NAME, "--revision", "../up"], "cannot be the name of a branch"),
        (&["weights", "get", "resnet50"], "it is OWNER/MODEL, such as timm/resnet50.a1_in1k"),
    ] {
        let why = desk.refused(args);
        assert!(why.contains(told), "{why}");
    }
    assert!(desk.files().is_empty(), "{:?}", desk.files());
    // Without a configuration the weights can be had, and a recipe must say what is missing.
    let out = desk.done(&["weights", "get", NAME]);
    assert!(out.contains("its config.json is not in the cache"), "{out}");
    let why = desk.refused(&["--batch", "tiny.ron"]);
    assert!(why.contains("config.json is not in the cache; set data.size, data.resize and data.normalise"), "{why}");
    let sets = ["data.size=16", "data.resize=20", "data.normalise=Set"];
    let args: Vec<&str> =
        ["--batch", "tiny.ron"].into_iter().chain(sets.iter().flat_map(|set| ["--set", set])).collect();
    desk.done(&args);

    // An address that is no hub, and one where nobody is.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let page = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The request is read first: a connection that is closed over unread bytes is reset.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    for (endpoint, told) in [
        ("http://127.0.0.1:1", "127.0.0.1:1/timm/other/resolve/main/model.safetensors: "),
        (&page, "answers without X-Repo-Commit, so it is no hub"),
    ] {
        let why = Desk::at(endpoint).refused(&["weights", "get", "timm/other"]);
        assert!(why.contains(told) && why.contains("HF_ENDPOINT names another hub"), "{why}");
    }
}

#[test]
fn without_a_network_the_cache_is_enough() {
    let server = Server::of(model(8), &[Mood::Honest]);
    let desk = Desk::of(&server);
    for why in [
        desk.refused(&["weights", "get", NAME, "--offline"]),
        refused(desk.command(&["weights", "get", NAME]).env("HF_HUB_OFFLINE", "1")),
    ] {
        assert!(why.contains("is not in the cache of the hub (") && why.contains("keeps from asking the hub"), "{why}");
    }
    assert!(server.asked().is_empty());
    desk.done(&["weights", "get", NAME]);
    server.asked();
    let out = desk.done(&["weights", "get", NAME, "--offline"]);
    assert!(out.contains("the hub was not asked: --offline is set") && out.contains("complete and verified"), "{out}");
    assert!(server.asked().is_empty());
    let away = Desk { endpoint: "http://127.0.0.1:1".into(), ..desk };
    let out = away.done(&["weights", "get", NAME]);
    assert!(out.contains("the hub was not asked: http://127.0.0.1:1/"), "{out}");
}

#[test]
fn a_run_takes_size_and_normalisation_from_the_configuration_where_its_recipe_leaves_them_open() {
    let server = Server::of(model(8), &[Mood::Honest]);
    let desk = Desk::of(&server);
    let why = desk.refused(&["--batch", "tiny.ron"]);
    assert!(why.contains(&format!("this gets it: tricktop weights get {NAME}")) && server.asked().is_empty(), "{why}");
    desk.done(&["weights", "get", NAME]);
    server.asked();
    let lines = desk.told(&["--batch", "tiny.ron"]);
    assert!(server.asked().is_empty(), "a run asks nobody");
    let told = "as its configuration has it: data.size 24, data.resize 27, data.normalise mean 0.5, 0.25, 0.125 and \
                deviation 0.2, 0.4, 0.5; its images were resized bicubic, those here are bilinear";
    assert!(lines.contains(told), "{lines}");
    assert!(lines.contains("is of 5 classes: fc, of 3 here, starts anew"), "{lines}");
    let recipe = fs::read_to_string(desk.path("runs/tiny/recipe.ron")).unwrap();
    for said in ["size: 24", "resize: 27", "normalise: Weights"] {
        assert!(recipe.contains(said), "{recipe}");
    }
    let log = fs::read_to_string(desk.path("runs/tiny/log.jsonl")).unwrap();
    assert!(log.contains("as its configuration has it"), "{log}");

    // What the preset says stands, and is told.
    let lines = desk.told(&["--batch", "tiny.ron", "--set", "data.size=16", "--set", "name=own"]);
    assert!(lines.contains("data.size is 16 by the recipe, 24 by the configuration"), "{lines}");
    let recipe = fs::read_to_string(desk.path("runs/own/recipe.ron")).unwrap();
    assert!(recipe.contains("size: 16") && recipe.contains("resize: 18"), "{recipe}");

    // The run goes on, and is made again, where it was begun; it is gone on with where no cache is.
    desk.done(&["replay", "tiny", "--verify"]);
    fs::remove_dir_all(desk.path("hf")).unwrap();
    desk.done(&["resume", "tiny", "--batch", "--set", "train.epochs=2"]);
    desk.done(&["eval", "tiny"]);
}

#[test]
fn weights_of_another_net_are_refused_by_name_before_the_run() {
    let server = Server::of(model(14), &[Mood::Honest]);
    let desk = Desk::of(&server);
    desk.done(&["weights", "get", NAME]);
    let why = desk.refused(&["--batch", "tiny.ron"]);
    assert!(
        why.contains(&format!("{NAME}: is of another net than resnet8-D x0.25: it looks like resnet14-D x0.25")),
        "{why}"
    );
    assert!(why.contains("--set net.depth=14 --set net.variant=D --set net.width=0.25"), "{why}");
    let why = desk.refused(&["--batch", "tiny.ron", "--set", "net.weights=", "--set", "data.normalise=Weights"]);
    assert!(why.contains("data.normalise is Weights, and net.weights is \"\""), "{why}");
    assert!(!desk.path("runs").exists());
}
