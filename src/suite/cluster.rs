//! What a cluster is given of a suite: the script of an array for Slurm, or an indexed Job for Kubernetes, whose tasks are
//! `tricktop suite FILE --run N`. Schedulers do the rest: what waits, where it runs, and what is begun again.

use crate::files::shell_word;
use std::path::Path;

/// What a task is told of a suite.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The program.
    pub program: &'a Path,
    /// Where it was called, from which the other paths lead.
    pub from: &'a Path,
    /// The suite.
    pub suite: &'a Path,
    /// Directory of its runs.
    pub runs: &'a Path,
    /// Seeds, where they are not the suite's own.
    pub seeds: Option<u64>,
}

impl Task<'_> {
    /// Words that train the run whose number a variable of the shell holds.
    fn words(&self, variable: &str, threads: &str) -> String {
        let seeds = self.seeds.map_or(String::new(), |seeds| format!(" --seeds {seeds}"));
        format!(
            "{} suite {} --runs {}{seeds} --run \"${variable}\" --threads \"{threads}\"",
            shell_word(self.program),
            shell_word(self.suite),
            shell_word(self.runs)
        )
    }

    /// The script of an array for these runs, `at_once` of them at a time.
    ///
    /// Slurm sends the script SIGUSR2 two minutes before a task's time is over. The program then saves, stops and ends with
    /// 75 (EX_TEMPFAIL), and the task goes back into the queue.
    ///
    /// # Errors
    /// A directory whose name cannot stand in it.
    pub fn slurm(&self, name: &str, places: &[usize], at_once: Option<usize>) -> Result<String, String> {
        let (list, most) = (ranges(places), at_once.map_or(String::new(), |most| format!("%{most}")));
        let folder = self.from.join(self.runs).display().to_string();
        if folder.contains(['"', '\\', '\n']) {
            return Err(format!("{folder:?}: Slurm takes no quotes, backslashes and line ends in the path of a log"));
        }
        let (log, name) = (format!("{}/slurm/%a.log", folder.replace('%', "%%")), label(name));
        let words = self.words("SLURM_ARRAY_TASK_ID", "${SLURM_CPUS_PER_TASK:-1}");
        Ok(format!(
            "#!/bin/bash\n\
             #SBATCH --job-name={name}\n\
             #SBATCH --array={list}{most}\n\
             #SBATCH --requeue\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --output=\"{log}\"\n\
             #SBATCH --signal=B:USR2@120\n\
             # A task is a run of the suite. One that is told to stop saves, and waits in the queue again.\n\
             cd {} || exit\n\
             trap 'kill -USR2 \"$program\" 2> /dev/null' USR2\n\
             {words} &\n\
             program=$!\n\
             # The signal ends `wait` too, before the program has ended.\n\
             while wait \"$program\"; code=$?; [ \"$code\" -gt 128 ] && kill -0 \"$program\" 2> /dev/null; do :; done\n\
             if [ \"$code\" -gt 128 ]; then wait \"$program\"; code=$?; fi\n\
             if [ \"$code\" = 75 ]; then\n    \
             exec scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\"\n\
             fi\n\
             exit \"$code\"\n",
            shell_word(self.from)
        ))
    }

    /// An indexed Job of Kubernetes for all `completions` runs, as JSON, which `kubectl apply -f -` reads. The image has the
    /// program, and the claim is a volume that every node can write.
    pub fn kubernetes(&self, name: &str, completions: usize, at_once: usize, image: &str) -> String {
        let words = self.words("JOB_COMPLETION_INDEX", "$(nproc)");
        let container = serde_json::json!({
            "name": "tricktop",
            "image": image,
            "workingDir": "/work",
            "command": ["sh", "-c", format!("exec {words}")],
            "volumeMounts": [{ "name": "work", "mountPath": "/work" }],
        });
        let job = serde_json::json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": { "name": label(name) },
            "spec": {
                "completionMode": "Indexed",
                "completions": completions,
                "parallelism": at_once.min(completions),
                "backoffLimitPerIndex": 1,
                "maxFailedIndexes": completions,
                // A pod that a node lost, or that saved and stopped (130, 75), is begun again and counts as no failure.
                "podFailurePolicy": { "rules": [
                    { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
                    { "action": "Ignore", "onExitCodes": { "operator": "In", "values": [75, 130] } },
                ] },
                "template": { "spec": {
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 120,
                    "containers": [container],
                    "volumes": [{ "name": "work", "persistentVolumeClaim": { "claimName": "work" } }],
                } },
            },
        });
        serde_json::to_string_pretty(&job).unwrap_or_default() + "\n"
    }
}

/// A name as jobs may have them everywhere.
fn label(name: &str) -> String {
    let plain = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let plain: String = plain.trim_matches('-').chars().take(56).collect();
    if plain.is_empty() { "suite".into() } else { plain.trim_end_matches('-').into() }
}

/// Rising numbers as Slurm writes them: `0,2-5`.
fn ranges(places: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for place in places {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *place => *last = *place,
            _ => parts.push((*place, *place)),
        }
    }
    let word =
        |(first, last): &(usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    parts.iter().map(word).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn own<'a>() -> Task<'a> {
        let (program, from) = (Path::new("/opt/tricktop"), Path::new("/home/a b"));
        Task { program, from, suite: Path::new("my suite.ron"), runs: Path::new("runs/my suite"), seeds: Some(4) }
    }

    #[test]
    fn a_script_has_its_tasks_and_is_a_shells() {
        assert_eq!(ranges(&[0, 2, 3, 4, 7]), "0,2-4,7");
        let script = own().slurm("my suite", &[0, 2, 3], Some(2)).unwrap();
        for part in [
            "#SBATCH --array=0,2-3%2\n",
            "#SBATCH --job-name=my-suite\n",
            "#SBATCH --output=\"/home/a b/runs/my suite/slurm/%a.log\"\n",
            "cd '/home/a b' || exit\n",
            "/opt/tricktop suite 'my suite.ron' --runs 'runs/my suite' --seeds 4 --run \"$SLURM_ARRAY_TASK_ID\" --threads",
        ] {
            assert!(script.contains(part), "{part} is not in\n{script}");
        }
        let odd = Task { runs: Path::new("a\"b"), ..own() };
        assert!(odd.slurm("x", &[0], None).unwrap_err().contains("no quotes"));
        let mut shell = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(shell.wait().unwrap().success());
    }

    #[test]
    fn a_job_of_kubernetes_has_an_index_for_every_run() {
        let job: serde_json::Value =
            serde_json::from_str(&own().kubernetes("My Suite!", 9, 4, "me/tricktop:1")).unwrap();
        assert_eq!((&job["metadata"]["name"], &job["spec"]["completions"]), (&"my-suite".into(), &9.into()));
        assert_eq!((&job["spec"]["completionMode"], &job["spec"]["parallelism"]), (&"Indexed".into(), &4.into()));
        let words = job["spec"]["template"]["spec"]["containers"][0]["command"][2].as_str().unwrap();
        assert!(words.ends_with("--run \"$JOB_COMPLETION_INDEX\" --threads \"$(nproc)\""), "{words}");
    }
}
