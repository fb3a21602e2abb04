//! The program `tricktop`.

use std::io::Write;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tricktop::cli::run().unwrap_or_else(|failure| {
        let code = failure.code();
        // When standard error is closed, there is nowhere left to say so.
        let _ =
            writeln!(std::io::stderr(), "{}", tricktop::text::printed(&format!("{:#}", anyhow::Error::from(failure))));
        code
    })
}
