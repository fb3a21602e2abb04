#!/usr/bin/env bash
# Everything that a machine with an NVIDIA GPU can tell, in under 8 minutes, as one JSON report.
#   benches/gpu/run.sh [OUT]              builds the program, then measures; the report is OUT/report.json
#   PROGRAM=./tricktop benches/gpu/run.sh takes a program that was built elsewhere: nothing is compiled or fetched
# PYTHON names a Python that has torch, for the comparison; without torch that part is left out, and the report says so.
# Needed: nvidia-smi, libcuda; to build also Rust and nvcc of a toolkit no newer than the driver's CUDA.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$(realpath -m "${1:-target/gpu}")
mkdir -p "$out"

fail() {
    echo "gpu: $*" >&2
    exit 1
}

command -v nvidia-smi > /dev/null || fail "there is no nvidia-smi: this needs a machine with an NVIDIA GPU"
driver=$(nvidia-smi | sed -nE 's/.*CUDA Version: ([0-9]+\.[0-9]+).*/\1/p' | head -1)
[ -n "$driver" ] || fail "nvidia-smi tells no CUDA version: $(nvidia-smi 2>&1 | head -1)"

# A toolkit that the driver takes: PTX of a newer one does not load.
toolkit() {
    local at version
    for at in ${CUDA_PATH:+"$CUDA_PATH"} /usr/local/cuda /usr/local/cuda-*; do
        [ -x "$at/bin/nvcc" ] || continue
        version=$("$at/bin/nvcc" --version | sed -nE 's/.*release ([0-9]+\.[0-9]+).*/\1/p')
        if [ "$(printf '%s\n%s\n' "$version" "$driver" | sort -V | head -1)" = "$version" ]; then
            echo "$at"
            return
        fi
        echo "gpu: $at is CUDA $version, newer than the driver's $driver" >&2
    done
}

if [ -z "${PROGRAM:-}" ]; then
    found=$(toolkit)
    [ -n "$found" ] || fail "no toolkit up to CUDA $driver: name one in CUDA_PATH, or a built program in PROGRAM"
    export CUDA_PATH=$found PATH=$found/bin:$PATH LD_LIBRARY_PATH=$found/lib64:${LD_LIBRARY_PATH:-}
    cargo build --release --locked --features cuda
    PROGRAM=target/release/tricktop
fi
exec "${PYTHON:-python3}" benches/gpu/report.py --program "$PROGRAM" --driver "$driver" --out "$out"
