//! What weights of the hub are called: `timm/resnet50.a1_in1k`, with `@REVISION` behind it where it is not `main`.

use std::fmt;

/// What timm writes before a name.
const PREFIXES: [&str; 2] = ["hf-hub:", "hf_hub:"];

/// The branch that is meant where no revision is named.
pub const MAIN: &str = "main";

/// A model of the hub at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    owner: String,
    model: String,
    revision: String,
}

impl Name {
    /// Reads `OWNER/MODEL` or `OWNER/MODEL@REVISION`, also behind `hf-hub:`; none for what is no such name.
    pub fn parse(text: &str) -> Option<Name> {
        let text = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        let (model, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let (owner, model) = model.split_once('/')?;
        let is_file = model.ends_with(".safetensors") || model.ends_with(".pth") || model.ends_with(".bin");
        let name = Name { owner: owner.into(), model: model.into(), revision: revision.into() };
        (is_part(owner) && is_part(model) && !is_file && is_revision(revision)).then_some(name)
    }

    /// The same model at another revision; none for what is no revision.
    pub fn at(&self, revision: &str) -> Option<Name> {
        is_revision(revision).then(|| Name { revision: revision.into(), ..self.clone() })
    }

    /// A branch, a tag or a commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Whether the revision is a commit in full.
    pub(super) fn is_commit(&self) -> bool {
        self.revision.len() == 40 && self.revision.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Its folder in the cache.
    pub(super) fn folder(&self) -> String {
        format!("models--{}--{}", self.owner, self.model)
    }

    /// The name that a folder of the cache has, at a revision.
    pub(super) fn of_folder(folder: &str, revision: &str) -> Option<Name> {
        let (owner, model) = folder.strip_prefix("models--")?.split_once("--")?;
        Name::parse(&format!("{owner}/{model}@{revision}"))
    }

    /// The path of a file of it below the address of the hub.
    pub(super) fn url_path(&self, revision: &str, file: &str) -> String {
        // A branch such as refs/pr/1 is one part of the path.
        format!("{}/{}/resolve/{}/{file}", self.owner, self.model, revision.replace('/', "%2F"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.model)?;
        if self.revision == MAIN { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

/// Whether a text may be the name of an owner or a model: it becomes a part of a path.
fn is_part(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty()
        && text.len() <= 96
        && text.chars().all(plain)
        && !text.starts_with(['.', '-'])
        && !text.contains("..")
        && !text.contains("--")
}

/// Whether a text may be the name of a branch, a tag or a commit.
fn is_revision(text: &str) -> bool {
    text.len() <= 200 && text.split('/').all(|part| is_part(&part.replace("--", "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        for (text, shown) in [
            ("timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k"),
            ("hf-hub:timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k"),
            ("timm/resnet18.a1_in1k@main", "timm/resnet18.a1_in1k"),
            ("me/net@refs/pr/1", "me/net@refs/pr/1"),
        ] {
            assert_eq!(Name::parse(text).map(|name| name.to_string()), Some(shown.into()), "{text}");
        }
        let paths = [
            "",
            "resnet50",
            "/a/b",
            "a/b/c",
            "./a",
            "../a",
            "~/a",
            "a/b.safetensors",
            "a/..",
            "a/b@../c",
            "a/b@",
            "a b/c",
            "timm/resnet50.pth",
            "a--b/c",
        ];
        for text in paths {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_is_that_of_its_folder() {
        let name = Name::parse("timm/resnet50.a1_in1k@v1").unwrap();
        assert_eq!(name.folder(), "models--timm--resnet50.a1_in1k");
        assert_eq!(Name::of_folder(&name.folder(), "v1"), Some(name.clone()));
        assert_eq!(
            name.at("refs/pr/1").unwrap().url_path("refs/pr/1", "a"),
            "timm/resnet50.a1_in1k/resolve/refs%2Fpr%2F1/a"
        );
    }
}
