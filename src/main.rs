//! The program `tricktop`.

use std::error::Error;
use std::io::Write;
use std::iter::successors;
use std::process::ExitCode;
use tricktop::kernels::buffer::keep_freed_memory;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_freed_memory();
    tricktop::cli::run().unwrap_or_else(|failure| {
        let code = failure.code();
        // When standard error is closed, there is nowhere left to say so.
        let _ = writeln!(std::io::stderr(), "{}", tricktop::text::printed(&chain(&failure)));
        code
    })
}

/// An error, what caused it and what caused that, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let errors = successors(Some(error), |&error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
