//! What the browser of runs may be given.

use super::{Look, Threads, path};
use crate::browse::Order;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Runs {
    /// Words that a run must have in its name, tags, note or state, or values of knobs, e.g. `mixup=on`
    #[arg(value_name = "WORD")]
    pub(in crate::cli) filter: Vec<String>,
    /// Directory of run directories; suites have theirs in it
    #[arg(long, value_parser = path(), value_name = "DIR", default_value = "runs")]
    pub(in crate::cli) runs: PathBuf,
    /// The newest, the first by name or the best come first
    #[arg(long, value_name = "ORDER", default_value = "when", value_parser = order())]
    pub(in crate::cli) sort: Order,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
    /// Lines instead of the screen, as without a terminal
    #[arg(long, conflicts_with_all = ["theme", "ascii", "kitty"])]
    pub(in crate::cli) plain: bool,
    /// One JSON object a run instead of the screen
    #[arg(long, conflicts_with_all = ["theme", "ascii", "kitty", "plain"])]
    pub(in crate::cli) json: bool,
}

fn order() -> impl TypedValueParser<Value = Order> {
    PossibleValuesParser::new(Order::ALL.map(Order::word))
        .map(|word| Order::ALL.into_iter().find(|order| order.word() == word).unwrap_or_default())
}
