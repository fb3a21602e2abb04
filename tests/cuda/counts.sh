#!/usr/bin/env bash
# What a training step asks of an emulated GPU: one JSON object of the second step.
#   tests/cuda/counts.sh NET [--mixed | --bf16] --json        NET: resnet20d-28 (8 images), resnet50d-64 (2 images)
#   tests/cuda/counts.sh --bars                               every net and format against its bars; fails above one
# Runs where an emulated GPU is (with-emulated-card of the development kit); on a real one there is nothing that counts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stats=$(mktemp)
trap 'rm -f "$stats"' EXIT

count() {
    rm -f "$stats"
    CUDA_EMU_STATS=$stats cargo test --quiet --locked --features cuda \
        --config profile.test.package.tricktop.opt-level=1 --test counts -- "$@" | grep '^{'
}

# The most that a step may take: calls, allocations, copies to the GPU, copies on it, waits, MB, atomic additions.
bars() {
    local net=$1 format=$2 found
    shift 2
    # shellcheck disable=SC2086
    found=$(count "$net" $format)
    echo "$net $format $found"
    python3 - "$found" "$@" <<'PY'
import json, sys
found = json.loads(sys.argv[1])
names = ["calls", "allocations", "host_to_device", "device_to_device", "synchronisations", "touched_mb", "atomics"]
over = [f"{n} {found[n]} above {b}" for n, b in zip(names, map(float, sys.argv[2:])) if found[n] > b]
sys.exit("counts: " + ", ".join(over) if over else 0)
PY
}

if [ "${1:-}" = --bars ]; then
    bars resnet20d-28 "" 200 0 3 0 1 90 0
    bars resnet20d-28 --mixed 200 0 3 0 1 50 0
    bars resnet20d-28 --bf16 200 0 3 0 1 50 0
    bars resnet50d-64 --mixed 450 0 3 0 1 1000 0
else
    count "$@"
fi
