#!/usr/bin/env bash
# Builds for aarch64 and runs there what tries the NEON kernels: the tests of the kernels, the golden tests, and 20 steps
# of training, whose losses are compared with those of the plain kernels on this machine.
#   tests/aarch64.sh PROGRAM    PROGRAM is `tricktop`, built for this machine
# "There" is qemu-user, Debian's emulator of single programs. It and Debian's cross compiler are taken as installed, else
# their packages are unpacked into TRICKTOP_AARCH64_CACHE, or ~/.cache/tricktop-aarch64: that needs no root, and installs
# nothing. Where they cannot be had the script ends with 3.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=aarch64-unknown-linux-gnu
packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
cache=${TRICKTOP_AARCH64_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tricktop-aarch64}
# NEON has fused multiply-adds, the plain kernels round twice. Training makes that grow, with a high learning rate above
# all: at 0.01 to 5e-6 in 20 steps.
tolerance=1e-4

say() { echo "aarch64: $*"; }

# Unpacks the packages and what they need that is not installed, without touching what apt knows of the system.
fetch() {
    local root=$1 partial=$cache/partial.$$
    mkdir -p "$partial"/{lists,archives,debs,root}
    local options=(-o "Dir::State::Lists=$partial/lists" -o "Dir::Cache=$partial/archives" -qq)
    local needed=(--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances)
    say "fetching ${packages[*]}"
    apt-get "${options[@]}" update > /dev/null || return
    local name missing=()
    for name in $(apt-cache "${options[@]}" depends "${needed[@]}" "${packages[@]}" | grep '^[a-z0-9]' | sort -u); do
        dpkg-query -W -f '${Status}' "$name" 2> /dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    (cd "$partial/debs" && apt-get "${options[@]}" download "${missing[@]}" > /dev/null 2>&1) || return
    for name in "$partial"/debs/*.deb; do
        dpkg-deb -x "$name" "$partial/root" || return
    done
    mv -T "$partial/root" "$root"
    rm -rf "$partial"
}

# Writes a program that starts one of those that were unpacked: wrap ROOT NAME ARGUMENTS
wrap() {
    local root=$1 name=$2
    shift 2
    printf '%s\n' '#!/bin/sh' "export LD_LIBRARY_PATH='$root/usr/lib/$(uname -m)-linux-gnu'" \
        "exec '$root/usr/bin/$name' $* \"\$@\"" > "$cache/$name"
    chmod +x "$cache/$name"
}

# Puts the tools on the path, and sets `libraries`, the folder of those of aarch64.
tools() {
    libraries=/usr/aarch64-linux-gnu
    if command -v aarch64-linux-gnu-gcc > /dev/null && command -v qemu-aarch64 > /dev/null; then return; fi
    command -v apt-get > /dev/null || return
    local root=$cache/root
    [ -d "$root" ] || fetch "$root" || return
    libraries=$root$libraries
    # A compiler that stands elsewhere than it was made for has to be told where all else stands.
    wrap "$root" aarch64-linux-gnu-gcc "--sysroot='$root' -isystem '$libraries/include' -B'$libraries/lib' -L'$libraries/lib'"
    wrap "$root" aarch64-linux-gnu-ar
    wrap "$root" qemu-aarch64
    PATH=$cache:$PATH
}

# The losses of 20 steps: losses FOLDER COMMAND
losses() {
    local folder=$1
    shift
    rm -rf "$folder"
    "$@" --batch target/aarch64-steps.ron --threads 2 --runs "$folder" > "$folder.txt" || cat "$folder.txt" >&2
    sed -n 's/.*"event":"step".*"loss":\([^,]*\),.*/\1/p' "$folder"/*/metrics.jsonl
}

mkdir -p "$cache"
if ! tools; then
    rm -rf "$cache/partial.$$"
    say "the packages cannot be had" >&2
    exit 3
fi
say "$(aarch64-linux-gnu-gcc --version | head -1), $(qemu-aarch64 --version | head -1)"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L $libraries"

cargo_test() {
    cargo test --locked --target "$target" --config profile.test.package.tricktop.opt-level=1 "$@"
}

# Both are built at once.
cargo_test --no-run --lib --test golden
# What is skipped takes many minutes here: numbers of threads, and large convolutions of bfloat16. The other tests compare the
# levels with one another and with the definition, and the golden tests with PyTorch.
cargo_test --lib kernels -- --skip thread_count
cargo_test --test golden -- --skip half_as_much_again

printf '%s\n' '(data: (train_images: 400, test_images: 40), net: (depth: 8, width: 0.25),' \
    ' train: (epochs: 1, batch: 20, log_every: 1), schedule: (base_lr: 0.01))' > target/aarch64-steps.ron
TRICKTOP_SIMD=plain losses target/aarch64-plain "$program" > target/aarch64-plain.losses
TRICKTOP_SIMD=neon losses target/aarch64-neon qemu-aarch64 -L "$libraries" "target/$target/debug/tricktop" \
    > target/aarch64-neon.losses
paste target/aarch64-neon.losses target/aarch64-plain.losses | awk -v tolerance="$tolerance" '
    { difference = ($1 - $2) / $2; if (difference < 0) difference = -difference; if (difference > most) most = difference }
    END {
        printf "aarch64: losses of %d steps differ by %.1e at most, %s are allowed\n", NR, most, tolerance
        exit !(NR == 20 && most <= tolerance)
    }'
