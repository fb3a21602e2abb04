//! A hub on the loopback: it answers as huggingface.co does, and sends large files from an address of its own.

#![allow(dead_code)]

use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The commit that `main` is at.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the place of large files does with each request in turn; the last goes on for ever.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    /// Sends what is asked for.
    Honest,
    /// Sends half of it and hangs up.
    HalfWay,
    /// Sends as many other bytes.
    Lies,
}

/// What the hub has.
pub struct Model {
    /// `OWNER/MODEL`.
    pub name: &'static str,
    /// Its weights.
    pub weights: Vec<u8>,
    /// Its configuration, where it has one.
    pub config: Option<String>,
}

/// A request: method, path, and the headers in small letters.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<String>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A hub that answers as long as the test program lives.
pub struct Server {
    /// Its address.
    pub endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect()
}

impl Server {
    /// Serves a model; `moods` are those of the place of its weights.
    pub fn of(model: Model, moods: &[Mood]) -> Server {
        // Another host: it must not see the token.
        let large = TcpListener::bind("127.0.0.2:0").unwrap();
        let small = TcpListener::bind("127.0.0.1:0").unwrap();
        let cdn = format!("http://{}/cdn/{}", large.local_addr().unwrap(), sha256(&model.weights));
        let endpoint = format!("http://{}", small.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (heard, moods, weights) = (Arc::clone(&asked), moods.to_vec(), model.weights.clone());
        std::thread::spawn(move || {
            for (i, stream) in large.incoming().enumerate() {
                send(&stream.unwrap(), &weights, moods[i.min(moods.len() - 1)], &heard);
            }
        });
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in small.incoming() {
                answer(&stream.unwrap(), &model, &cdn, &heard);
            }
        });
        Server { endpoint, asked }
    }

    /// What was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn read(stream: &TcpStream, heard: &Mutex<Vec<Asked>>) -> Asked {
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ').map(String::from);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = lines.take_while(|line| !line.is_empty());
    let lower = |line: String| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
        None => line,
    };
    let asked = Asked { method, path, headers: headers.map(lower).collect() };
    heard.lock().unwrap().push(asked.clone());
    asked
}

fn reply(mut stream: &TcpStream, status: &str, headers: &[(&str, String)], length: usize, body: &[u8]) {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    // The client may have hung up.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// The place of large files.
fn send(stream: &TcpStream, content: &[u8], mood: Mood, heard: &Mutex<Vec<Asked>>) {
    let asked = read(stream, heard);
    let from = asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok());
    let from: usize = from.unwrap_or(0);
    if from >= content.len() {
        return reply(stream, "416 Range Not Satisfiable", &[], 0, b"");
    }
    let mut body = content[from..].to_vec();
    if mood == Mood::Lies {
        body.iter_mut().for_each(|byte| *byte ^= 0x55);
    }
    let sent = if mood == Mood::HalfWay { body.len() / 2 } else { body.len() };
    reply(stream, "206 Partial Content", &[], body.len(), &body[..sent]);
}

fn answer(stream: &TcpStream, model: &Model, cdn: &str, heard: &Mutex<Vec<Asked>>) {
    let asked = read(stream, heard);
    let refuse = |status: &str, code: &str| reply(stream, status, &[("X-Error-Code", code.to_string())], 0, b"");
    // A model that was renamed leads to its new name.
    if let Some(rest) = asked.path.strip_prefix("/timm/renamed/") {
        return reply(stream, "307 Temporary Redirect", &[("Location", format!("/{}/{rest}", model.name))], 0, b"");
    }
    let Some(rest) = asked.path.strip_prefix(&format!("/{}/resolve/", model.name)) else {
        return refuse("401 Unauthorized", "RepoNotFound");
    };
    let (revision, file) = rest.split_once('/').unwrap_or_default();
    if ![COMMIT, "main", "refs%2Fpr%2F1"].contains(&revision) {
        return refuse("404 Not Found", "RevisionNotFound");
    }
    let commit = ("X-Repo-Commit", COMMIT.to_string());
    match (file, &model.config) {
        ("model.safetensors", _) => {
            let length = ("X-Linked-Size", model.weights.len().to_string());
            let etag = ("X-Linked-Etag", format!("\"{}\"", sha256(&model.weights)));
            let headers = [commit, length, etag, ("ETag", "\"of-the-redirect\"".into()), ("Location", cdn.to_string())];
            reply(stream, "302 Found", &headers, 0, b"");
        }
        ("config.json", Some(config)) => {
            let body = if asked.method == "HEAD" { b"" } else { config.as_bytes() };
            let etag = ("ETag", "\"00112233445566778899aabbccddeeff00112233\"".to_string());
            reply(stream, "200 OK", &[commit, etag], config.len(), body);
        }
        _ => refuse("404 Not Found", "EntryNotFound"),
    }
}
