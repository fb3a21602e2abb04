//! Gzip files that are the same whenever they are written.

use atomic_write_file::AtomicWriteFile;
use flate2::{Compression, GzBuilder};
use std::io::{self, Write};
use std::path::Path;

/// Writes a gzip file without name or time, and returns its bytes.
pub(super) fn write_gzip(file: &Path, content: &[u8], level: Compression) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), level);
    encoder.write_all(content)?;
    let bytes = encoder.finish()?;
    let mut output = AtomicWriteFile::open(file)?;
    output.write_all(&bytes)?;
    output.commit()?;
    Ok(bytes)
}
