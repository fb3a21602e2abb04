//! Hands what is left of a suite over to a cluster.

use super::{Args, Failure, Opened};
use crate::cli::{print, say};
use crate::suite::cluster::Task;
use crate::suite::slurm;
use std::path::Path;
use std::process::ExitCode;

/// Submits an array to Slurm, or prints its script or a Job of Kubernetes.
pub(super) fn hand_over(opened: &Opened, args: &Args) -> Result<ExitCode, Failure> {
    let stuck = |what: &str, e: std::io::Error| Failure::Inspect(format!("{what}: {e}"));
    let (suite, store) = (&opened.suite, &opened.store);
    let program = std::env::current_exe().map_err(|e| stuck("the program", e))?;
    let from = std::env::current_dir().map_err(|e| stuck("this directory", e))?;
    let task = |program| Task { program, from: &from, suite: &suite.file, runs: store.dir(), seeds: args.of.at.seeds };
    if let Some(image) = &args.kubernetes {
        if suite.halving.is_some() {
            return Err(Failure::Inspect(
                "--kubernetes: a Job has no rounds, and halving compares runs between them; Slurm has an array for each".into(),
            ));
        }
        let (runs, jobs) = (opened.runs.len(), args.jobs.map_or(opened.runs.len(), |jobs| jobs.get()));
        return print(&task(Path::new("tricktop")).kubernetes(&suite.name, runs, jobs, image));
    }
    let left: Vec<usize> = (0..opened.runs.len()).filter(|place| opened.results.is_left(*place)).collect();
    // A queue that does not answer may have all of them.
    slurm::queued(store.dir()).map_err(|e| stuck("--slurm", e))?;
    if left.is_empty() {
        say("nothing is left to submit");
        return Ok(ExitCode::SUCCESS);
    }
    let script = |places: &[usize]| task(&program).slurm(&suite.name, places, args.jobs.map(|jobs| jobs.get()));
    let first = script(&left).map_err(|why| Failure::Inspect(format!("--slurm: {why}")))?;
    if args.dry_run {
        return print(&first);
    }
    super::lacking(suite, &opened.left(&opened.results))?;
    // Runs are compared when an array is over; those that do not fall out go on in the next one, with those that rest now.
    let unfinished = |place: &usize| opened.results.is_unfinished(*place) && opened.results.queued[*place].is_none();
    let later: Vec<usize> = (0..opened.runs.len()).filter(unfinished).collect();
    let mut behind = None;
    for _ in 0..suite.arrays(opened.runs.first().map_or(0, |run| run.recipe.train.epochs), &opened.results) {
        let places = if behind.is_none() { &left } else { &later };
        let script = script(places).map_err(|why| Failure::Inspect(format!("--slurm: {why}")))?;
        let job = slurm::submit(store.dir(), &script, &args.options, behind).map_err(|e| stuck("--slurm", e))?;
        let after = behind.map_or(String::new(), |job| format!(" after {job}"));
        say(&format!("submitted: array {job}{after} of {} runs; tricktop suite shows how they stand", places.len()));
        behind = Some(job);
    }
    Ok(ExitCode::SUCCESS)
}
