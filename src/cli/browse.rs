//! `tricktop runs`: the runs that there are, on a screen or as lines.

use super::args::Runs;
use super::{Failure, print, say, screen, set_threads, settings};
use crate::app::Begin;
use crate::browse::{self, State};
use crate::runs::RunIndex;
use crate::{text, tui};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

/// Shows the runs.
pub(super) fn runs(args: &Runs) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    if args.runs != Path::new("runs") && !args.runs.is_dir() {
        return Err(Failure::Inspect(format!("--runs: {} is no directory", args.runs.display())));
    }
    let filter = args.filter.join(" ");
    if args.plain || args.json || !io::stdout().is_terminal() || text::plain_terminal().is_some() {
        return lines(args, &filter);
    }
    let (options, bindings) = settings::chosen(&args.look)?;
    let mut state = State::new(options, &args.runs, filter, args.sort);
    state.keys = bindings.runs;
    let visit = |begin: Begin| match &begin {
        Begin::Attach(dir) | Begin::TakeUp(dir, _) => screen::visit(&dir.clone(), begin),
        _ => Err("only a run that is there can be opened".into()),
    };
    let start = |dir: &Path, begin| screen::start(begin, None, screen::beside(dir)).map_err(|e| e.to_string());
    tui::browse::browse(state, visit, start).map_err(Failure::Screen)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the runs.
fn lines(args: &Runs, filter: &str) -> Result<ExitCode, Failure> {
    let survey = RunIndex::new(&args.runs).look().map_err(Failure::Run)?;
    for left_out in &survey.left_out {
        say(&format!("left out: {left_out}"));
    }
    let runs = browse::list(&survey, &args.runs, filter, args.sort);
    let text = if args.json { browse::json(&runs).map_err(|e| Failure::Print(e.into()))? } else { browse::text(&runs) };
    print(&text)
}
