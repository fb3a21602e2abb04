//! Files that are something else than was wanted, told by what they hold, whatever their names end in.

use super::{shell_word, without_mark};
use std::path::Path;

/// Bytes at either end of a zip archive in which the names of its files are looked for.
const NAMES: usize = 64 << 10;
/// Bytes before the first tag of a web page.
const BEFORE_TAG: usize = 512;

/// Characters of a text that are shown.
const SHOWN: usize = 60;

/// Converts a checkpoint of PyTorch; `load` makes a dictionary of tensors, or one that holds it.
const CONVERT: [&str; 2] = [
    "import sys, torch; from safetensors.torch import save_file; ",
    "d = d.get('state_dict', d.get('model', d)); \
     save_file({k: v.contiguous() for k, v in d.items() if torch.is_tensor(v)}, sys.argv[2])",
];

/// First bytes of packed files, what they are called, and what unpacks them.
const PACKED: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "compressed with gzip", "gunzip"),
    (b"BZh", "compressed with bzip2", "bunzip2"),
    (b"\xfd7zXZ\0", "compressed with xz", "unxz"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "7z x"),
    (b"Rar!\x1a\x07", "a RAR archive", "unrar x"),
];

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// No byte.
    Empty,
    /// A pointer to a file that Git LFS keeps.
    LfsPointer,
    /// HTML.
    WebPage,
    /// A checkpoint of PyTorch: a zip archive with a pickle in it, or a pickle.
    Pickle,
    /// A program of PyTorch with its weights.
    TorchScript,
    /// An archive of files.
    Archive,
    /// Packed: what it is called, and what unpacks it.
    Packed(&'static str, &'static str),
    /// Text, with how it begins.
    Text(String),
}

impl Foreign {
    /// What the bytes of a file are; none when nothing tells.
    pub fn of(bytes: &[u8]) -> Option<Foreign> {
        let text = without_mark(bytes).trim_ascii_start();
        if bytes.is_empty() {
            return Some(Foreign::Empty);
        }
        if is_safetensors(bytes) {
            return None;
        }
        if text.starts_with(b"version https://git-lfs.github.com/spec/") {
            return Some(Foreign::LfsPointer);
        }
        if is_web_page(&text[..text.len().min(BEFORE_TAG)]) {
            return Some(Foreign::WebPage);
        }
        if bytes.starts_with(b"PK\x03\x04") {
            let ends = [&bytes[..bytes.len().min(NAMES)], &bytes[bytes.len().saturating_sub(NAMES)..]];
            let has = |name: &[u8]| ends.iter().any(|end| end.windows(name.len()).any(|part| part == name));
            return Some(match () {
                () if has(b"/constants.pkl") => Foreign::TorchScript,
                () if has(b"/data.pkl") => Foreign::Pickle,
                () => Foreign::Archive,
            });
        }
        // A pickle begins with its protocol; older checkpoints of PyTorch are several in a row.
        if matches!(bytes, [0x80, 2..=5, ..]) {
            return Some(Foreign::Pickle);
        }
        let packed = PACKED.iter().find(|(magic, ..)| bytes.starts_with(magic));
        packed.map(|(_, what, with)| Foreign::Packed(what, with)).or_else(|| beginning(text).map(Foreign::Text))
    }

    /// What it is and what to do, as a predicate; `wanted` says what should be in it, e.g. `weights`.
    pub fn told(&self, file: &Path, wanted: &str) -> String {
        let name = shell_word(file);
        let convert = |load: &str| {
            let (to, [begin, end]) = (shell_word(&file.with_extension("safetensors")), CONVERT);
            format!("python3 -c \"{begin}d = {load}; {end}\" {name} {to}")
        };
        match self {
            Foreign::Empty => "is empty: it was not written or fetched to its end".to_string(),
            Foreign::LfsPointer => {
                format!(
                    "is a pointer of Git LFS, not the {wanted}; in its repository, this fetches the file itself: git lfs pull"
                )
            }
            Foreign::WebPage => format!(
                "is a web page (HTML), no {wanted}; fetch the file itself: the address behind \"download\" or \"raw\" (of \
                 Hugging Face with /resolve/ for /blob/)"
            ),
            Foreign::Pickle => format!(
                "is a pickle of PyTorch; only safetensors files are read, and with the Python packages torch and \
                 safetensors this makes one: {}",
                convert("torch.load(sys.argv[1], map_location='cpu', weights_only=True)")
            ),
            Foreign::TorchScript => format!(
                "is a TorchScript program; only safetensors files are read, and with the Python packages torch and \
                 safetensors this makes one of its weights: {}",
                convert("torch.jit.load(sys.argv[1], map_location='cpu').state_dict()")
            ),
            Foreign::Archive => format!("is a zip archive; unpack it: unzip {name}"),
            Foreign::Packed(what, with) => format!("is {what}; unpack it: {with} {name}"),
            Foreign::Text(begins) => format!("is text, no {wanted}; it begins with {begins:?}"),
        }
    }
}

/// Whether bytes begin as a safetensors file: the length of its header in eight bytes, the header.
fn is_safetensors(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, 0, 0, 0, 0, b'{', ..])
}

/// The first line of a text, as much of it as a message has room for; none when the bytes are no text.
fn beginning(text: &[u8]) -> Option<String> {
    let first = &text[..text.len().min(BEFORE_TAG)];
    // The last character may be cut.
    let first = first.utf8_chunks().next().filter(|chunk| first.len() - chunk.valid().len() < 4)?.valid();
    let is_text = !first.is_empty() && !first.contains(|c: char| c.is_control() && !c.is_whitespace());
    is_text.then(|| first.lines().next().unwrap_or_default().chars().take(SHOWN).collect())
}

/// Whether a text begins as a page does, after comments and white space.
fn is_web_page(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let begins = |tag: &str| text.starts_with(tag);
    ["<!doctype html", "<html", "<head", "<body"].into_iter().any(begins)
        || (begins("<!--") || begins("<?xml")) && text.contains("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_what_they_hold() {
        let zip = |name: &str| [b"PK\x03\x04rest", name.as_bytes(), b"data"].concat();
        let text = |begins: &str| Some(Foreign::Text(begins.into()));
        let cases: [(&[u8], Option<Foreign>, &str); 17] = [
            (b"", Some(Foreign::Empty), "is empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", Some(Foreign::LfsPointer), "git lfs pull"),
            (b"\xef\xbb\xbf\r\n<!DOCTYPE html><p>", Some(Foreign::WebPage), "web page"),
            (b"<!-- x --><HTML lang=en>", Some(Foreign::WebPage), "web page"),
            (&zip("archive/data.pkl"), Some(Foreign::Pickle), "torch.load(sys.argv[1]"),
            (&zip("m/constants.pkl m/data.pkl"), Some(Foreign::TorchScript), "torch.jit.load(sys.argv[1]"),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", Some(Foreign::Pickle), "save_file("),
            (&zip("photos/a.jpg"), Some(Foreign::Archive), "unzip 'my net.pth'"),
            (b"\x1f\x8b\x08", Some(Foreign::Packed(PACKED[0].1, PACKED[0].2)), "gunzip 'my net.pth'"),
            (b"BZh91AY", Some(Foreign::Packed(PACKED[1].1, PACKED[1].2)), "bunzip2"),
            (b"\x58\x01\0\0\0\0\0\0{\"conv1.weight\":", None, ""),
            (b"\x1f\x8b\0\0\0\0\0\0{\"conv1.weight\":", None, ""),
            (b"404: Not Found", text("404: Not Found"), "it begins with \"404: Not Found\""),
            (b"{\"error\": 1}\n more", text("{\"error\": 1}"), "is text, no weights"),
            (b"[pac\x01kage]", None, ""),
            (b"text\xffand bytes", None, ""),
            (b"\xff\xd8\xff", None, ""),
        ];
        for (bytes, what, told) in cases {
            let found = Foreign::of(bytes);
            assert_eq!(found, what, "{:?}", String::from_utf8_lossy(bytes));
            let said = found.map_or(String::new(), |found| found.told(Path::new("my net.pth"), "weights"));
            assert!(said.contains(told), "{said}");
        }
        let pickle = Foreign::Pickle.told(Path::new("my net.pth"), "weights");
        assert!(pickle.ends_with("\" 'my net.pth' 'my net.safetensors'"), "{pickle}");
    }
}
