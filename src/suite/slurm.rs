//! What Slurm has of a suite: arrays are submitted, and asked for.

use super::Results;
use crate::files::read_text;
use crate::train::write_whole;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The file of what was submitted, a line an array, in the folder of the scripts and logs.
const SUBMITTED: &str = "submitted.jsonl";

/// The folder of scripts and logs.
fn folder(runs: &Path) -> PathBuf {
    runs.join("slurm")
}

/// An array that was submitted.
#[derive(Serialize, Deserialize)]
struct Array {
    job: u64,
}

/// Submits a script, with options of `sbatch` before it; after the array `behind` is over, where there is one. Gives the
/// number of its array.
///
/// # Errors
/// What `sbatch` says, or the system.
pub fn submit(runs: &Path, script: &str, options: &[String], behind: Option<u64>) -> io::Result<u64> {
    let folder = folder(runs);
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("array.sh");
    write_whole(&file, script.as_bytes())?;
    let mut command = Command::new("sbatch");
    command.arg("--parsable").args(options);
    command.args(behind.map(|job| format!("--dependency=afterany:{job}"))).arg(&file);
    let Output { status, stdout, stderr } = command.output().map_err(|e| named(&e, "sbatch"))?;
    if !status.success() {
        return Err(io::Error::other(format!("sbatch: {}", String::from_utf8_lossy(&stderr).trim())));
    }
    let text = String::from_utf8_lossy(&stdout);
    let job = text.trim().split(';').next().and_then(|job| job.parse().ok());
    let job = job.ok_or_else(|| io::Error::other(format!("sbatch named no job: {}", text.trim())))?;
    let line = serde_json::to_string(&Array { job })? + "\n";
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(SUBMITTED));
    log?.write_all(line.as_bytes())?;
    Ok(job)
}

fn named(e: &io::Error, program: &str) -> io::Error {
    io::Error::new(e.kind(), format!("{program}: {e}; is this a machine of the cluster?"))
}

/// Puts what Slurm has of the runs beside what there is of them. Where it does not answer, every run that is not done counts as
/// queued: nobody else is to begin it.
pub fn ask(runs: &Path, results: &mut Results) {
    let queued = queued(runs).unwrap_or_else(|e| {
        let file = folder(runs).join(SUBMITTED);
        results.notes.push(format!(
            "what Slurm has of the runs is not known: {e}. Without a queue any more, remove {}",
            file.display()
        ));
        (0..results.ran.len())
            .filter(|place| results.is_unfinished(*place))
            .map(|place| (place, "the queue does not answer".into()))
            .collect()
    });
    for (place, words) in queued {
        if let Some(place) = results.queued.get_mut(place) {
            place.get_or_insert(words);
        }
    }
}

/// Of every run what Slurm has of it: its task, how it stands, and where or why; of several tasks that of the first array
/// first. Empty where nothing was submitted.
///
/// # Errors
/// What `squeue` says, or the system.
pub fn queued(runs: &Path) -> io::Result<Vec<(usize, String)>> {
    let Ok(text) = read_text(&folder(runs).join(SUBMITTED)) else { return Ok(Vec::new()) };
    let jobs: Vec<u64> =
        text.lines().filter_map(|line| serde_json::from_str::<Array>(line).ok()).map(|array| array.job).collect();
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--array", "--format=%F|%K|%T|%N|%r"]);
    command.arg(format!("--user={}", rustix::process::getuid().as_raw()));
    let Output { status, stdout, stderr } = command.output().map_err(|e| named(&e, "squeue"))?;
    if !status.success() {
        return Err(io::Error::other(format!("squeue: {}", String::from_utf8_lossy(&stderr).trim())));
    }
    let mut tasks: Vec<_> = String::from_utf8_lossy(&stdout).lines().filter_map(|line| task(line, &jobs)).collect();
    tasks.sort();
    Ok(tasks.into_iter().map(|(_, place, words)| (place, words)).collect())
}

/// A task of ours out of a line of `squeue`: its array, its run, and how it stands.
fn task(line: &str, jobs: &[u64]) -> Option<(u64, usize, String)> {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let [job, place, state, nodes, why] = parts[..] else { return None };
    let job: u64 = job.parse().ok().filter(|job| jobs.contains(job))?;
    let place: usize = place.parse().ok()?;
    let at = match (nodes, why) {
        ("", "" | "None") => String::new(),
        ("", why) => format!(" ({why})"),
        (nodes, _) => format!(" on {nodes}"),
    };
    Some((job, place, format!("{job}_{place} {}{at}", state.to_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_squeue_are_read() {
        let jobs = [12, 15];
        let told = |line: &str| task(line, &jobs);
        assert_eq!(told("12|3|PENDING||Resources"), Some((12, 3, "12_3 pending (Resources)".into())));
        assert_eq!(told("15|0|RUNNING|n1|None"), Some((15, 0, "15_0 running on n1".into())));
        assert_eq!(told("13|0|RUNNING|n1|None"), None);
        assert_eq!(told("12|N/A|RUNNING|n1|None"), None);
    }
}
