"""What a whole run takes beside its bare steps: a run on a terminal and `tricktop bench`, in turn every few seconds.

    cargo build --release
    python3 benches/whole_run.py [--batch 64] [--seconds 4] [--steps 60] [--set knob=value ...]

The run (`quick`: loader, augmentation, evaluations, logs, checkpoints and screen) is stopped while bare steps of the same
net are timed, so that a slow hour of the machine meets both. Its throughput is all images of its epochs divided by all the
time that it had, start and end included; that of bare steps comes from the mean step of each turn.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import terminal

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "target/release/tricktop"


def bare(steps, batch):
    command = [PROGRAM, "bench", "resnet20d-28", "--batch", str(batch), "--steps", str(steps), "--json"]
    timing = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return batch / timing["step_ms_mean"] * 1e3


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--seconds", type=float, default=4, help="a turn of the run")
    ap.add_argument("--batch", type=int, default=64, help="images a step, of both")
    ap.add_argument("--steps", type=int, default=60, help="bare steps a turn")
    ap.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE", help="of the run")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as cwd:
        run = pathlib.Path(cwd, "runs/quick")
        sets = [word for knob in [f"train.batch={args.batch}", *args.set] for word in ("--set", knob)]
        pid, keys = terminal.start([str(PROGRAM), "quick", *sets], cwd)
        log, taken, bare_rates, ended = run / "log.jsonl", 0.0, [], False
        try:
            while not ended:
                begun = time.perf_counter()
                os.kill(pid, signal.SIGCONT)
                while not ended and time.perf_counter() < begun + args.seconds:
                    time.sleep(0.25)
                    ended = terminal.ended(log)
                taken += time.perf_counter() - begun
                if not ended:
                    os.kill(pid, signal.SIGSTOP)
                    bare_rates.append(bare(args.steps, args.batch))
            os.write(keys, b"q")
        except BaseException:
            os.kill(pid, signal.SIGKILL)  # (it may be stopped)
            raise
        finally:
            os.waitpid(pid, 0)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
    images = args.batch * next(line["step"] for line in lines if line["event"] == "run_end")
    whole, bare_rate = images / taken, len(bare_rates) / sum(1 / rate for rate in bare_rates)
    print(f"{len(bare_rates)} turns of bare steps, {min(bare_rates):.0f} to {max(bare_rates):.0f} img/s")
    print(f"run {whole:.0f} img/s, bare steps {bare_rate:.0f} img/s: {whole / bare_rate:.3f}")


if __name__ == "__main__":
    main()
