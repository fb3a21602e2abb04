//! Pages that the program writes.

use crate::root;
use std::fs;
use tricktop::cli::reference;

/// `TRICKTOP_BLESS=1 cargo test --test docs` writes the pages.
#[test]
fn generated_pages_are_up_to_date() {
    for page in reference::pages() {
        let path = root().join(page.path);
        if std::env::var_os("TRICKTOP_BLESS").is_some() {
            fs::write(&path, &page.text).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == page.text,
            "{} is out of date: run TRICKTOP_BLESS=1 cargo test --test docs",
            page.path
        );
    }
}
