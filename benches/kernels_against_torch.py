"""Times every convolution of `shapes.txt` here and in PyTorch, in turn, and prints the ratios of the fastest.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python benches/kernels_against_torch.py [--rounds 3] [--threads 2] [--format bf16] [NAME...]

Both run a convolution forward, and backward to its input and weights, on the same shapes, float32 or bfloat16, channels last; and so
a unit of convolution, batch norm and ReLU in training. Images (up to 3 channels) need no gradient.
"""

import argparse
import os
import pathlib
import re
import subprocess
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNITS = {"ns": 1e-6, "µs": 1e-3, "ms": 1.0, "s": 1e3}


def shapes():
    for line in (ROOT / "benches/shapes.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, *numbers = line.split()
            yield name, [int(n) for n in numbers]


def ours(names, threads, wanted):
    """Fastest milliseconds by (pass, name) in a number format, out of the table that divan prints."""
    command = ["cargo", "bench", "--quiet", "--bench", "kernels", "--", "--sample-count", "30", "--max-time", "1"]
    out = subprocess.run([*command, *names], cwd=ROOT, check=True, capture_output=True, text=True,
                         env={**os.environ, "RAYON_NUM_THREADS": str(threads)}).stdout
    times, which, format = {}, None, None
    for line in out.splitlines():
        if group := re.match(r"[├╰]─ (\w+)", line):
            which = group[1]
        elif kind := re.match(r"[│ ] +[├╰]─ (f32|bf16)\b", line):
            format = kind[1]
        elif format == wanted and (row := re.search(r"[├╰]─ (\S+) +([\d.]+) (ns|µs|ms|s) ", line)):
            times[which, row[1]] = float(row[2]) * UNITS[row[3]]
    return times


def fastest(work):
    times, begun = [], time.perf_counter()
    while len(times) < 5 or (len(times) < 30 and time.perf_counter() - begun < 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def theirs(name, shape, format):
    n, edge, c_in, c_out, kernel, stride, groups, dilation = shape
    padding = kernel // 2 * dilation
    last = dict(memory_format=torch.channels_last, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[format])
    x = torch.randn(n, c_in, edge, edge).to(**last)
    w = torch.randn(c_out, c_in // groups, kernel, kernel).to(**last)
    with torch.no_grad():
        conv = lambda: torch.conv2d(x, w, None, stride, padding, dilation, groups)
        gy = torch.randn_like(conv()).to(**last)
        back = lambda: torch.ops.aten.convolution_backward(
            gy, x, w, None, [stride] * 2, [padding] * 2, [dilation] * 2, False, [0, 0], groups, [c_in > 3, True, False])
        times = {("forward", name): fastest(conv), ("backward", name): fastest(back)}
    x.requires_grad_(c_in > 3), w.requires_grad_()
    norm = torch.nn.BatchNorm2d(c_out)
    unit = lambda: torch.relu_(norm(torch.conv2d(x, w, None, stride, padding, dilation, groups)))
    out = unit()
    def backward():
        x.grad = w.grad = None
        out.backward(gy, retain_graph=True)
    return {**times, ("unit_forward", name): fastest(unit), ("unit_backward", name): fastest(backward)}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("names", nargs="*", help="parts of names")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--format", choices=["f32", "bf16"], default="f32", help="of the feature maps")
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    chosen = [(n, s) for n, s in shapes() if not args.names or any(part in n for part in args.names)]
    best = [{}, {}]
    for _ in range(args.rounds):
        found = [ours(args.names, args.threads, args.format),
                 {k: v for n, s in chosen for k, v in theirs(n, s, args.format).items()}]
        for old, new in zip(best, found):
            old.update({key: min(ms, old.get(key, ms)) for key, ms in new.items()})
    passes = ("forward", "backward", "unit_forward", "unit_backward")
    print(f"| milliseconds: here / PyTorch = factor | {' | '.join(which.replace('_', ' ') for which in passes)} |")
    print("|---" * 5 + "|")
    for name, _ in chosen:
        both = [(best[0][which, name], best[1][which, name]) for which in passes]
        print(f"| {name} | {' | '.join(f'{a:.2f} / {b:.2f} = {b / a:.2f}' for a, b in both)} |")


if __name__ == "__main__":
    main()
