"""What the screen costs: the same run headless and on a terminal in turn, compared by images a second.

    cargo build --release
    python3 benches/screen_cost.py [--rounds 3] [--keys 8z] [--set knob=value ...]

The terminal is a pseudo-terminal of 120 x 36 whose output is read and thrown away. Prints one line a run, then the
throughput under the screen against headless, from the fastest run of each (images divided by the sum of step times).
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import terminal

SMALL = ["train.epochs=3", "data.train_images=6000", "train.log_every=1", "train.checkpoint_epochs=3"]


def throughput(run):
    lines = [json.loads(line) for line in open(run / "log.jsonl")]
    rates = [s["img_s"] for s in lines if s["event"] == "speed"][10:]
    return len(rates) / sum(1 / r for r in rates)


def headless(command, cwd):
    subprocess.run(command + ["--batch", "quick"], cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def on_a_terminal(command, cwd, run, keys):
    pid, to = terminal.start(command + ["quick"], cwd)
    log = run / "log.jsonl"
    if keys:
        while not log.exists():
            time.sleep(0.1)
        os.write(to, keys.encode())
    while not terminal.ended(log):
        time.sleep(0.5)
    os.write(to, b"q")
    os.waitpid(pid, 0)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--tricktop", default=str(root / "target/release/tricktop"))
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--keys", default="", help="keys pressed when the run has begun, e.g. 8z")
    ap.add_argument("--set", action="append", default=[])
    args = ap.parse_args()
    best = {"headless": 0.0, "screen": 0.0}
    with tempfile.TemporaryDirectory() as cwd:
        for i in range(args.rounds):
            for kind in best:
                runs = pathlib.Path(cwd) / f"{kind}-{i}"
                command = [args.tricktop, "--runs", str(runs)]
                for change in SMALL + args.set:
                    command += ["--set", change]
                if kind == "headless":
                    headless(command, cwd)
                else:
                    on_a_terminal(command, cwd, runs / "quick", args.keys)
                rate = throughput(runs / "quick")
                best[kind] = max(best[kind], rate)
                print(f"{kind:9} {rate:8.1f} img/s", flush=True)
    print(f"screen / headless: {best['screen'] / best['headless']:.4f}")


if __name__ == "__main__":
    main()
