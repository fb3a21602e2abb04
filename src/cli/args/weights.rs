//! What the commands about weights of the hub may be given.

use crate::hub::Name;
use clap::{Args, Subcommand};

/// Reads a name of the hub.
fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).ok_or_else(|| "it is OWNER/MODEL, such as timm/resnet50.a1_in1k".to_string())
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Model {
    /// Model of the hub, such as timm/resnet50.a1_in1k
    #[arg(value_parser = name, value_name = "OWNER/MODEL")]
    pub(in crate::cli) name: Name,
    /// Branch, tag or commit [default: main]
    #[arg(long, value_name = "REV")]
    pub(in crate::cli) revision: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Weights {
    /// Fetches weights into the hub's cache and verifies them; run it again to go on after a break
    Get {
        #[command(flatten)]
        model: Model,
        /// Looks into the cache alone
        #[arg(long)]
        offline: bool,
    },
    /// Lists the weights in the hub's cache
    List,
    /// Prints the file of weights in the hub's cache
    Where {
        #[command(flatten)]
        model: Model,
    },
}
