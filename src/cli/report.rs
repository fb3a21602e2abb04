//! Runs or a suite as one HTML page.

use super::args::{At, Report as Args};
use super::suites::{self, Opened};
use super::{Failure, find_run, pipe, print, say, set_threads};
use crate::recipe::bundled::SUITES;
use crate::report::{self, Run, SHOWN, Told};
use crate::runs::{RECIPE, RunError};
use crate::train::write_whole;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the page, and says where it is and how large.
pub(super) fn report(args: &Args) -> Result<ExitCode, Failure> {
    set_threads(&args.threads)?;
    let printed = args.output == Path::new("-");
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    // This is checked before images are looked at, which takes a while.
    if let Some(lost) = folder.filter(|folder| !printed && !folder.is_dir()) {
        let lost = lost.display();
        return Err(Failure::Inspect(format!("{} cannot be written: {lost} is no directory", args.output.display())));
    }
    let page = match asked(&args.targets)? {
        Asked::Suite(file) => suite(&file, &args.at)?,
        Asked::Runs(dirs) => runs(&dirs, &args.at)?,
    };
    if printed {
        return pipe(&page);
    }
    let wrong = |cause| Failure::Run(RunError::Write { path: args.output.clone(), cause });
    write_whole(&args.output, page.as_bytes()).map_err(wrong)?;
    print(&format!("{}  {} kB\n", args.output.display(), page.len().div_ceil(1000)))
}

/// What a report is of.
enum Asked {
    Suite(PathBuf),
    Runs(Vec<PathBuf>),
}

/// Finds out what is named: runs, or one suite.
fn asked(targets: &[PathBuf]) -> Result<Asked, Failure> {
    let bundled = |target: &Path| SUITES.iter().any(|suite| Path::new(suite.name) == target);
    let is_suite = |target: &PathBuf| !find_run(target).is_dir() && (target.is_file() || bundled(target));
    if let [suite] = targets
        && is_suite(suite)
    {
        return Ok(Asked::Suite(suite.clone()));
    }
    let dir = |target: &PathBuf| {
        let dir = find_run(target);
        let shown = target.display();
        let why = match (dir.join(RECIPE).is_file(), dir.is_dir()) {
            (true, _) => return Ok(dir),
            (false, true) => format!("{} is no run directory: it has no {RECIPE}; name the runs in it", dir.display()),
            _ if is_suite(target) => format!("{shown} is no run directory; a report is of runs, or of one suite alone"),
            _ => {
                format!("there is no run {shown}, here or in runs/, and no suite of this name (`tricktop presets`)")
            }
        };
        Err(Failure::Inspect(why))
    };
    targets.iter().map(dir).collect::<Result<_, _>>().map(Asked::Runs)
}

fn runs(dirs: &[PathBuf], at: &At) -> Result<String, Failure> {
    if at.seeds.is_some() || at.runs.is_some() || !at.collect.is_empty() {
        let why = "--seeds, --runs and --collect are for the report of a suite; runs are named by their directories";
        return Err(Failure::Inspect(why.into()));
    }
    let mut read = Vec::new();
    for (place, dir) in dirs.iter().enumerate() {
        let mut run = Run::read(dir).map_err(Failure::Run)?;
        if place < SHOWN {
            say(&format!("{}: looking at test images", dir.display()));
            run.samples = Some(report::look(dir).map_err(|e| e.to_string()));
        }
        read.push(run);
    }
    Ok(report::runs(&read))
}

fn suite(file: &Path, at: &At) -> Result<String, Failure> {
    let opened = Opened::open(file, at)?;
    suites::notes(&opened);
    let Opened { suite, dir, runs, results, .. } = &opened;
    let read = |ran: &Option<crate::suite::Ran>| ran.as_ref().map(|ran| Run::read(&ran.dir)).transpose();
    let read = results.ran.iter().map(read).collect::<Result<_, _>>().map_err(Failure::Run)?;
    Ok(report::suite(&Told { suite, dir, runs, results, read }))
}
