//! What commands print.

use super::Failure;
use crate::text;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

/// Lines, each with its end.
pub(super) fn lines_of(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

/// Prints what is for people, or is JSON, to standard output.
pub(super) fn print(text: &str) -> Result<ExitCode, Failure> {
    write(&text::printed(text))
}

/// Prints what other programs read as it is, unless a person sees it.
pub(super) fn pipe(text: &str) -> Result<ExitCode, Failure> {
    if io::stdout().is_terminal() { print(text) } else { write(text) }
}

/// Says something beside the output.
pub(super) fn say(message: &str) {
    // When standard error is closed, there is nowhere left to say so.
    let _ = writeln!(io::stderr(), "{}", text::printed(message));
}

/// Writes to standard output; a reader who has gone (`| head`) is no failure.
pub(super) fn write(text: &str) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::Print(e)),
        _ => Ok(ExitCode::SUCCESS),
    }
}
