//! How far a download is, on the terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of bytes; it is cleared when what is done with it ends.
pub(super) fn with_bar<T>(work: impl FnOnce(&mut dyn FnMut(&str, u64, Option<u64>)) -> T) -> T {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg}  {bytes} of {total_bytes}  {wide_bar}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let done = work(&mut |file, have, all| {
        bar.set_message(file.to_string());
        bar.set_length(all.unwrap_or(have));
        bar.set_position(have);
    });
    bar.finish_and_clear();
    done
}
