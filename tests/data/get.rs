//! Fetching sets from a server on the loopback that breaks off, lies, and knows ranges or not.
use flate2::{Compression, write::GzEncoder};
use md5::{Digest, Md5};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tricktop::data::{Published, Remote, get};

/// What the server does with each request in turn; the last goes on for ever.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Sends what is asked for.
    Honest,
    /// Sends half of it and hangs up.
    HalfWay,
    /// Sends the whole file whatever range is asked for.
    NoRanges,
    /// Has no such file.
    Missing,
}

/// A server of one file; its address, and the ranges that were asked for.
fn serve(content: Vec<u8>, moods: Vec<Mood>) -> (String, Arc<Mutex<Vec<u64>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/sets/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            answer(&stream.unwrap(), &content, moods[i.min(moods.len() - 1)], &heard);
        }
    });
    (address, asked)
}

fn answer(mut stream: &TcpStream, content: &[u8], mood: Mood, asked: &Mutex<Vec<u64>>) {
    let lines = BufReader::new(stream).lines().map(|l| l.unwrap());
    let head: Vec<String> = lines.take_while(|l| !l.is_empty()).collect();
    let range = head.iter().find_map(|l| l.to_lowercase().strip_prefix("range: bytes=").map(String::from));
    let from: u64 = range.unwrap().trim_end_matches('-').parse().unwrap();
    asked.lock().unwrap().push(from);
    let (status, body) = match mood {
        Mood::Missing => ("404 Not Found", &b"no"[..]),
        Mood::NoRanges => ("200 OK", content),
        _ if from as usize >= content.len() => ("416 Range Not Satisfiable", &b""[..]),
        _ => ("206 Partial Content", &content[from as usize..]),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let sent = if mood == Mood::HalfWay { &body[..body.len() / 2] } else { body };
    // (the client may have hung up)
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent));
}

fn md5(content: &[u8]) -> &'static str {
    let hash = Md5::digest(content);
    hash.iter().map(|b| format!("{b:02x}")).collect::<String>().leak()
}

/// A set of one file.
fn set(name: &'static str, file: &'static str, content: &[u8], size: bool) -> Published {
    let remote = Remote { name: file, bytes: size.then_some(content.len() as u64), md5: md5(content) };
    Published { name, base: "http://127.0.0.1:1/", files: Box::leak(Box::new([remote])) }
}

fn content() -> Vec<u8> {
    (0..300_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect()
}

fn fetch(set: &Published, dir: &Path, mirror: &str) -> Result<std::path::PathBuf, String> {
    get(set, dir, Some(mirror), &mut |_, _, _| {}).map_err(|e| e.to_string())
}

#[test]
fn a_broken_connection_is_gone_on_with_where_it_broke() {
    for (moods, size, expected) in [
        (vec![Mood::HalfWay, Mood::HalfWay, Mood::Honest], true, vec![0, 150_000, 225_000]),
        (vec![Mood::HalfWay, Mood::Honest], false, vec![0, 150_000]),
        (vec![Mood::HalfWay, Mood::NoRanges], true, vec![0, 150_000]),
        (vec![Mood::Honest], true, vec![0]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let set = set("set", "file.bin", &content(), size);
        let (address, asked) = serve(content(), moods);
        assert_eq!(fetch(&set, dir.path(), &address).unwrap(), dir.path().join("set"));
        assert!(fs::read(dir.path().join("set/file.bin")).unwrap() == content());
        assert_eq!(*asked.lock().unwrap(), expected);
        // What is there and verifies is not asked for again.
        fetch(&set, dir.path(), &address).unwrap();
        assert_eq!(asked.lock().unwrap().len(), expected.len());
        assert_eq!(fs::read_dir(dir.path().join("set")).unwrap().count(), 1);
    }
}

#[test]
fn a_server_that_does_not_give_the_file_is_named_and_what_arrived_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let set = set("set", "file.bin", &content(), true);
    let (address, asked) = serve(content(), vec![Mood::HalfWay]);
    let error = fetch(&set, dir.path(), &address).unwrap_err();
    assert!(error.starts_with(&format!("{address}file.bin: broke off at byte ")), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 4);
    let kept = fs::metadata(dir.path().join("set/file.bin.part")).unwrap().len();
    assert_eq!(kept, 300_000 - 300_000 / 16);
    let (address, asked) = serve(content(), vec![Mood::Honest]);
    fetch(&set, dir.path(), &address).unwrap();
    assert_eq!(*asked.lock().unwrap(), [kept]);

    let (address, _) = serve(content(), vec![Mood::Missing]);
    let error = fetch(&set_named("other"), dir.path(), &address).unwrap_err();
    assert!(error.contains("answers with status 404") && error.contains("--mirror URL"), "{error}");
    let nobody = fetch(&set_named("other"), dir.path(), "http://127.0.0.1:1").unwrap_err();
    assert!(nobody.starts_with("http://127.0.0.1:1/file.bin: "), "{nobody}");
}

fn set_named(name: &'static str) -> Published {
    set(name, "file.bin", &content(), true)
}

#[test]
fn another_file_is_thrown_away() {
    let mut other = content();
    other[1000] ^= 1;
    for (served, expected) in [(other, "has the MD5 "), (content()[..1000].to_vec(), "has 1000 bytes, expected 300000")]
    {
        let dir = tempfile::tempdir().unwrap();
        let (address, _) = serve(served, vec![Mood::Honest]);
        let error = fetch(&set_named("set"), dir.path(), &address).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(!dir.path().join("set/file.bin").exists());
    }
}

#[test]
fn an_archive_is_unpacked_and_thrown_away() {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in [("top/train/a/1.txt", "one"), ("top/train/b/2.txt", "two")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let archive = tar.into_inner().unwrap().finish().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let set = set("pets", "pets.tar.gz", &archive, false);
    let (address, asked) = serve(archive, vec![Mood::Honest]);
    for _ in 0..2 {
        assert_eq!(fetch(&set, dir.path(), &address).unwrap(), dir.path().join("pets"));
    }
    assert_eq!(fs::read_to_string(dir.path().join("pets/train/b/2.txt")).unwrap(), "two");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn the_program_takes_a_mirror() {
    let dir = tempfile::tempdir().unwrap();
    let (address, _) = serve(vec![1; 1000], vec![Mood::Honest]);
    let output = Command::new(env!("CARGO_BIN_EXE_tricktop"))
        .args(["data", "get", "mnist", "--mirror", &address])
        .current_dir(dir.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains(&format!("{address}train-images-idx3-ubyte.gz: has 1000 bytes, expected 9912422")),
        "{error}"
    );
}
