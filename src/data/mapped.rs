//! Files of many gigabytes as slices: the system reads the pages that are looked at.

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// A file mapped into memory, to read.
#[derive(Debug)]
pub(super) struct Mapped(Mmap);

impl Mapped {
    /// Maps a whole file.
    pub fn open(path: &Path) -> io::Result<Mapped> {
        let file = File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // SAFETY: the map is read only, and every byte pattern is a valid `u8`. Another process that cuts the file while
        // it is mapped ends this one with a signal, as with every program that maps data; `pack` and `get` write whole
        // new files and rename them, so that no file that is in use is ever changed by this program.
        unsafe { Mmap::map(&file) }.map(Mapped)
    }
}

impl Deref for Mapped {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}
