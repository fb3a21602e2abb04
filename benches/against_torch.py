"""Times training steps of tricktop and of PyTorch in turn, several times, and prints the ratios of the fastest.

    cargo build --release
    python3 -m venv venv && venv/bin/pip install torch
    python3 benches/against_torch.py --peer PEER_TORCH.py --python venv/bin/python [--rounds 3] [--steps 8] [--amp bf16]

PEER_TORCH.py prints one JSON object for `--net NET --steps N [--amp bf16]`: {"net", "batch", "step_ms", "peak_rss_mb"}, of the same
net and batch, with step = zero_grad, forward, cross entropy, backward, SGD. Machines are noisy: the fastest step of
alternating runs is compared, and the ratio holds where times do not.
"""

import argparse
import json
import pathlib
import subprocess


def last_json(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--peer", required=True, help="the script that times PyTorch")
    ap.add_argument("--python", default="python3", help="a Python that has torch")
    ap.add_argument("--tricktop", default=str(root / "target/release/tricktop"))
    ap.add_argument("--nets", nargs="+", default=["resnet20d-28", "resnet18d-32", "resnet50d-224"])
    ap.add_argument("--amp", choices=["bf16"], help="mixed precision in both; then single precision here is timed as well")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--steps", type=int, default=8)
    args = ap.parse_args()
    against = " | against f32" if args.amp else ""
    print(f"| net | batch | tricktop ms | PyTorch ms | throughput against PyTorch | tricktop MB | PyTorch MB{against} |")
    print("|---|---|---|---|---|---|---|" + ("---|" if args.amp else ""))
    for net in args.nets:
        ours, theirs, single = [], [], []
        steps = ["--steps", str(args.steps)]
        low = (["--mixed", args.amp], ["--amp", args.amp]) if args.amp else ([], [])
        for _ in range(args.rounds):
            ours.append(last_json([args.tricktop, "bench", net, *steps, *low[0], "--json"]))
            single += [last_json([args.tricktop, "bench", net, *steps, "--json"])] if args.amp else []
            theirs.append(last_json([args.python, args.peer, "--net", net, *steps, *low[1]]))
        assert {o["batch"] for o in ours} == {t["batch"] for t in theirs}, "the batches differ"
        fastest = [min(runs, key=lambda r: r["step_ms"]) for runs in (ours, theirs)]
        a, b = fastest
        print(f"| {net} | {a['batch']} | {a['step_ms']} | {b['step_ms']} | {b['step_ms'] / a['step_ms']:.2f} "
              f"| {a['peak_rss_mb']} | {b['peak_rss_mb']} |"
              + (f" {min(s['step_ms'] for s in single) / a['step_ms']:.2f} |" if single else ""), flush=True)


if __name__ == "__main__":
    main()
