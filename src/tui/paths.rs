//! Paths of a person's own images, as they are typed.

use crate::files::resolved;
use std::fs;
use std::path::{Path, PathBuf};

/// How files of images end.
const IMAGES: [&str; 8] = ["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"];
/// Most paths that are told.
const MOST: usize = 500;

/// A path from the root on, where there is one.
pub(super) fn whole(path: &Path) -> PathBuf {
    let path = resolved(path).unwrap_or_else(|_| path.to_path_buf());
    std::path::absolute(&path).unwrap_or(path)
}

/// Images, and folders with a slash behind them, whose paths begin so; sorted, and written as what is typed is.
pub(super) fn beginning(typed: &str) -> Vec<String> {
    let (folder, name) = typed.rfind('/').map_or(("", typed), |at| typed.split_at(at + 1));
    let place = if folder.is_empty() { PathBuf::from(".") } else { whole(Path::new(folder)) };
    let mut found = Vec::new();
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let Ok(file) = entry.file_name().into_string() else { continue };
        let hidden = file.starts_with('.') && !name.starts_with('.');
        if hidden || !file.starts_with(name) {
            continue;
        }
        // A link may lead to a folder.
        if entry.path().is_dir() {
            found.push(format!("{folder}{file}/"));
        } else if is_image(&file) {
            found.push(format!("{folder}{file}"));
        }
    }
    found.sort();
    found.truncate(MOST);
    found
}

fn is_image(file: &str) -> bool {
    let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| IMAGES.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_folders_are_found_by_how_they_begin() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["cat 1.jpg", "cat 2.PNG", "cat.txt", ".cat.png", "dog.jpg"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        fs::create_dir(dir.path().join("cats")).unwrap();
        let root = format!("{}/", dir.path().display());
        let below = |typed: &str| {
            let found = beginning(&format!("{root}{typed}"));
            found.into_iter().map(|path| path.strip_prefix(&root).unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(below("cat"), ["cat 1.jpg", "cat 2.PNG", "cats/"]);
        assert_eq!(below(".c"), [".cat.png"]);
        assert_eq!(below("cats/"), [""; 0]);
        assert_eq!(below("none/x"), [""; 0]);
        assert!(whole(Path::new("a")).is_absolute());
    }
}
