#!/usr/bin/env bash
# Builds the program with the feature `cuda`, compiles every kernel, dfdx's and its own, for five generations of GPUs, and starts
# the program where no driver works. Needs no GPU.
#   tests/cuda/build.sh            builds the program
#   tests/cuda/build.sh PROGRAM    takes one that was built with the feature
# The compiler is that of CUDA_PATH, else it comes from NVIDIA's Python packages and is kept in TRICKTOP_CUDA_CACHE, or
# in ~/.cache/tricktop-cuda. Where these cannot be had the script ends with 3.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${1:+$(realpath "$1")}
cd "$here/../.."

archs=(75 80 90 100 120)
version=13.5.37
packages=(nvidia-cuda-{nvcc,crt,runtime,nvrtc}==$version nvidia-nvvm==$version nvidia-cuda-cccl==13.3.5.0.6)
cache=${TRICKTOP_CUDA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tricktop-cuda}
mkdir -p "$cache" "${CARGO_TARGET_DIR:-target}/cuda"
target=$(realpath "${CARGO_TARGET_DIR:-target}")
work=$target/cuda

say() { echo "cuda: $*"; }

fail() {
    echo "cuda: $*" >&2
    exit 1
}

fetch() {
    local partial=$cache/compiler.partial.$$
    say "fetching CUDA $version from NVIDIA's Python packages"
    # (a folder to install into needs no virtual environment)
    if ! python3 -m pip install --quiet --root-user-action=ignore --no-deps --no-compile --only-binary :all: \
        --target "$partial" "${packages[@]}"; then
        rm -rf "$partial"
        say "the packages cannot be had" >&2
        exit 3
    fi
    chmod -R u+rwX "$partial"
    chmod u+x "$partial"/nvidia/cu13/{bin,nvvm/bin}/*
    mv -T "$partial/nvidia/cu13" "$1"
    rm -rf "$partial"
}

# Puts the compiler on the path, with a stand-in for nvidia-smi: dfdx's build script asks it for the GPU, even when
# CUDA_COMPUTE_CAP names another one.
compiler() {
    if [ -z "${CUDA_PATH:-}" ]; then
        export CUDA_PATH=$cache/compiler-$version
        [ -d "$CUDA_PATH" ] || fetch "$CUDA_PATH"
    fi
    mkdir -p "$work/bin"
    printf '%s\n' '#!/bin/sh' 'printf "compute_cap\n8.0\n"' > "$work/bin/nvidia-smi"
    chmod +x "$work/bin/nvidia-smi"
    export PATH=$work/bin:$CUDA_PATH/bin:$PATH CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80}
    [ -f "$CUDA_PATH/include/cuda.h" ] || fail "there is no $CUDA_PATH/include/cuda.h"
    nvcc --version > /dev/null || fail "nvcc does not start"
    say "nvcc $(nvcc --version | sed -n 's/.*release.*, V//p')"
}

# The folder of a crate.
source_of() {
    python3 -c '
import json, os, sys
print(*[os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == sys.argv[1]])
' "$1" <<< "$metadata"
}

# Libraries with every function that cudarc declares. Every call is answered with the number STUB_ERROR, the one for the
# text of an error too: a program that asks for it panics.
stubs() {
    local library name names
    rm -rf "$work/stubs"
    mkdir -p "$work/stubs"
    for library in cuda:driver cublas:cublas cublasLt:cublaslt nvrtc:nvrtc; do
        name=${library%:*}
        names=$(sed -nE 's/^ *pub fn ((cu|nvrtc)[A-Za-z0-9_]+)\(.*/\1/p' "$cudarc/src/${library#*:}/sys.rs" | sort -u)
        [ -n "$names" ] || fail "cudarc declares nothing of lib$name"
        {
            echo '#include <stdlib.h>'
            echo 'static int answer(void) { const char *code = getenv("STUB_ERROR"); return code ? atoi(code) : 34; }'
            # shellcheck disable=SC2086
            printf 'int %s(void) { return answer(); }\n' $names
        } > "$work/stubs/$name.c"
        cc -shared -fPIC -O1 -o "$work/stubs/lib$name.so" "$work/stubs/$name.c"
    done
    say "stubs of four libraries with $(cat "$work"/stubs/*.c | grep -c '^int') functions"
}

build() {
    say "building the program for sm_$CUDA_COMPUTE_CAP"
    LIBRARY_PATH=$work/stubs cargo build --locked --features cuda
    program=$target/debug/tricktop
}

# Compiles a kernel for an architecture, up to a GPU's own code.
kernel() {
    local arch=$1 file=$2 out
    out=$work/kernels/$(basename "$file" .cu).$arch.cubin
    if [ "$arch" = 75 ]; then
        export NVCC_APPEND_FLAGS="-include $here/sm_75.h"
    fi
    nvcc "--gpu-architecture=sm_$arch" --cubin --default-stream per-thread -I "$dfdx/src/tensor_ops/utilities" \
        --output-file "$out" "$file" > "$out.log" 2>&1 || { cat "$out.log"; exit 1; }
}

# The same for one that NVIDIA's compiler at run time has made PTX of: NAME.ARCH.ptx.
ptx() {
    local arch=${1%.ptx}
    ptxas -arch "sm_${arch##*.}" -o "${1%.ptx}.cubin" "$1"
}

# Runs a function on the lines of the input, so many at a time, on all CPUs.
each() {
    export -f "${1?}"
    xargs -d '\n' -n "$2" -P "$(nproc)" bash -euc "$1"' "$@"' "$1"
}

kernels() {
    local files arch file key nvrtc
    mapfile -t files < <(find "$dfdx/src" src/ops/cuda/kernels -name '*.cu' | sort)
    [ ${#files[@]} -gt 0 ] || fail "dfdx has no kernels"
    key=$(cat "$here"/*.{sh,h,py} <(nvcc --version) \
        <(find "$dfdx/src" src/ops/cuda/kernels -name '*.cu*' -o -name cuda_kernel.rs | sort | xargs cat) \
        | sha256sum | cut -c1-16)
    if [ -e "$cache/kernels-$key" ]; then
        say "kernels: compiled before, $(cat "$cache/kernels-$key")"
        return
    fi
    nvrtc=$(find "$CUDA_PATH"/lib*/ -maxdepth 2 -name 'libnvrtc.so*' -print -quit)
    [ -n "$nvrtc" ] || fail "there is no libnvrtc in $CUDA_PATH"
    rm -rf "$work/kernels"
    mkdir -p "$work/kernels"
    export dfdx work here
    for arch in "${archs[@]}"; do
        for file in "${files[@]}"; do printf '%s\n' "$arch" "$file"; done
    done | each kernel 2 || fail "a kernel does not compile"
    python3 "$here/kernels_at_run_time.py" "$nvrtc" "$dfdx" "$CUDA_PATH/include" "$work/kernels" "${archs[@]}"
    find "$work/kernels" -name '*.ptx' | each ptx 1 || fail "a kernel does not compile"
    echo "$(find "$work/kernels" -name '*.cubin' | wc -l) for sm_${archs[*]}" > "$work/kernels/count"
    cp "$work/kernels/count" "$cache/kernels-$key"
    say "kernels: $(cat "$work/kernels/count")"
}

# Lets the program find the stubs under the names by which it asks for the libraries.
name_stubs() {
    local names name
    names=$(readelf -d "$program" | sed -nE 's/.*NEEDED.*\[(lib(cuda|cublas|cublasLt|nvrtc)\.so[^]]*)\]/\1/p')
    [ -n "$names" ] || fail "$program was built without the feature cuda"
    for name in $names; do
        [ -e "$work/stubs/$name" ] || ln -s "${name%%.so*}.so" "$work/stubs/$name"
    done
}

# Trains a little on a device where every call of the driver is answered with an error. The program must end with a
# status and say some words.
start() {
    local device=$1 error=$2 status=$3 word ended=0
    shift 3
    STUB_ERROR=$error LD_LIBRARY_PATH=$work/stubs LD_BIND_NOW=1 timeout 300 "$program" --batch quick --json \
        --runs "$work/runs" --set "device=$device" --set train.epochs=1 --set data.train_images=200 \
        --set net.depth=8 --set net.width=0.25 > "$work/said" 2>&1 || ended=$?
    for word in "$@"; do
        grep -qF -- "$word" "$work/said" || { cat "$work/said"; fail "driver's error $error: not said: $word"; }
    done
    if [ "$ended" != "$status" ] || grep -q panicked "$work/said"; then
        cat "$work/said"
        fail "driver's error $error, device $device: ended with $ended"
    fi
    say "driver's error $error, device $device: $(grep -m 1 '^quick' "$work/said"); ended with $ended"
}

compiler
metadata=$(cargo metadata --locked --format-version 1 --features cuda)
dfdx=$(source_of dfdx)
cudarc=$(source_of cudarc)
stubs
[ -n "$program" ] || build
name_stubs
kernels
rm -rf "$work/runs"
for error in 34 100 999; do
    start Auto $error 0 '"event":"alarm"' '"device":"cpu ' '"state":"done"'
    start 'Cuda(0)' $error 2 'device: Cuda(0) cannot be used: '
done
