#!/usr/bin/env bash
# Trains suites as arrays of a Slurm that is up, and compares them with the same suites trained here.
#
#     SLURM_CONF=… tests/scale/suite.sh target/debug/tricktop
#
# Four runs, one task of which is requeued by hand and one by the signal that Slurm sends before its time is over: no run is
# begun twice, and every state is the same to the bit. Successive halving gives the table that it gives here.
set -euo pipefail
program=$(realpath "$1")
work=$(mktemp -d)
trap 'scancel --quiet --user="$USER" || true; rm -rf "$work"' EXIT
export USER=${USER:-$(id -un)}
cd "$work"

cat > tiny.ron <<'RON'
(
    data: (train_images: 200, test_images: 200),
    net: (depth: 8, width: 0.25),
    train: (epochs: 16, batch: 20, log_every: 5, checkpoint_epochs: 1),
)
RON
cat > four.ron <<'RON'
(
    title: "Four runs",
    base: (name: "plain", preset: "tiny.ron"),
    cells: [(name: "smoothed", recipe: (tricks: (smoothing: (on: true))))],
    seeds: 2,
)
RON
cat > halved.ron <<'RON'
(
    title: "Rates",
    base: (name: "plain", preset: "tiny.ron", recipe: (train: (epochs: 4))),
    design: Grid,
    axes: [(knob: "schedule.base_lr", values: [0.1, 0.03, 0.01, 0.003])],
    halving: (factor: 2, from: 1),
    seeds: 1,
)
RON

fail() {
    echo "$*" >&2
    tail -n 20 runs/*/slurm/*.log >&2 || true
    exit 1
}

# Waits until a command succeeds.
until_true() {
    for _ in $(seq 1200); do
        if "$@" > /dev/null 2>&1; then return; fi
        sleep 0.1
    done
    fail "never true: $*"
}

queue_is_empty() { [ -z "$(squeue --noheader)" ]; }
task_runs() { [ "$(squeue --noheader --array --jobs="$1" --format=%T)" = RUNNING ]; }
has_steps() { [ "$(grep -c '"epoch_end"' "$1/metrics.jsonl")" -ge 2 ]; }
# (a link depends on when checkpoints were written, the hashes before it do not)
state() { tail -n 1 "$1/chain.jsonl" | sed 's/,"link":.*//'; }
# A table without what the clock says.
table() { "$program" table "$@" --format csv | cut -d, -f1-6; }

echo "== four runs"
"$program" suite four.ron --runs here --plain 2> /dev/null > /dev/null
job=$("$program" suite four.ron --slurm -- --cpus-per-task=1 2>&1 | sed -n 's/.*array \([0-9]*\) of 4 runs.*/\1/p')
[ -n "$job" ] || fail "nothing was submitted"
# What the queue has is not trained here, nor submitted again.
"$program" suite four.ron --plain 2>&1 > /dev/null | grep -q "Slurm has it: ${job}_" || fail "the queue is not told of"
"$program" suite four.ron --slurm 2>&1 | grep -q "nothing is left to submit" || fail "runs were submitted twice"
until_true task_runs "${job}_0"
until_true has_steps runs/four/00-plain-s0
scontrol requeue "${job}_0"
until_true task_runs "${job}_1"
until_true has_steps runs/four/01-smoothed-s0
scancel --signal=USR2 --batch "${job}_1"
until_true queue_is_empty
[ "$(find runs/four -name recipe.ron | wc -l)" = 4 ] || fail "a run was begun twice: $(ls runs/four)"
for run in here/*/; do
    run=$(basename "$run")
    if [ "$(state "here/$run")" != "$(state "runs/four/$run")" ]; then fail "$run differs"; fi
done
for run in 00-plain-s0 01-smoothed-s0; do
    [ "$(grep -c '"run_resume"' "runs/four/$run/log.jsonl")" -ge 1 ] || fail "$run was not requeued"
done

echo "== successive halving"
"$program" suite halved.ron --runs halved-here --plain > /dev/null 2>&1
"$program" suite halved.ron --slurm 2> submitted > /dev/null
[ "$(grep -c 'submitted: array' submitted)" = 3 ] || fail "$(cat submitted)"
until_true queue_is_empty
diff <(table halved.ron --runs halved-here) <(table halved.ron) || fail "the tables differ"
echo "== suites on Slurm are those of one machine"
