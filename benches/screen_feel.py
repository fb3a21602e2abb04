"""How the screen feels: time to the first frame, from a key to the screen while it trains, memory of a long run's screen.

    cargo build --release
    python3 benches/screen_feel.py [--keys 100] [--steps 1000000]

The terminal is a pseudo-terminal of 120 x 36. A key is seen when the next bytes that hold the cell it changes arrive: the
keys move the cursor of the knobs up and down, and the cursor is the glyph ▸. The long run is written as a run directory
with a line of metrics every ten steps (the default), and looked at with `tricktop attach`.
"""

import argparse
import fcntl
import json
import os
import pathlib
import pty
import select
import signal
import statistics
import struct
import tempfile
import termios
import time


class Terminal:
    def __init__(self, command, cwd):
        self.begun = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))

    def until(self, wanted, limit=60.0):
        """Reads until the bytes hold `wanted`; the seconds since the start."""
        seen, end = b"", time.perf_counter() + limit
        while time.perf_counter() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                seen += os.read(self.fd, 65536)
                if wanted in seen:
                    return time.perf_counter() - self.begun
        raise SystemExit(f"no {wanted!r} within {limit} s: {seen[-500:]!r}")

    def drain(self):
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)

    def memory(self, field):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith(field)).split()[1]) / 1024

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def long_run(tricktop, cwd, steps):
    """A run directory with the metrics of so many steps."""
    sets = ["data.train_images=640", "train.batch=64", "net.depth=8", "train.epochs=1"]
    os.system(f"cd {cwd} && {tricktop} --batch quick {' '.join('--set ' + s for s in sets)} > /dev/null 2>&1")
    run = pathlib.Path(cwd) / "runs/quick"
    with open(run / "metrics.jsonl", "w") as out:
        for step in range(10, steps + 1, 10):
            line = {"event": "step", "epoch": step / 10, "step": step, "loss": 1 / (1 + step), "lr": 0.1}
            out.write(json.dumps(line) + "\n")
    return run


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--tricktop", default=str(root / "target/release/tricktop"))
    ap.add_argument("--keys", type=int, default=100)
    ap.add_argument("--steps", type=int, default=1_000_000)
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as cwd:
        first = []
        for _ in range(5):
            terminal = Terminal([args.tricktop, "quick"], cwd)
            first.append(1000 * terminal.until("Knobs".encode()))
            terminal.close()
        print(f"first frame: {min(first):.0f} ms fastest, {statistics.median(first):.0f} ms median of {len(first)}")

        terminal = Terminal([args.tricktop, "quick", "--set", "train.epochs=1000"], cwd)
        terminal.until(" RUN".encode())
        time.sleep(3)
        seen = []
        for i in range(args.keys):
            time.sleep(0.137)
            terminal.drain()
            terminal.begun = time.perf_counter()
            os.write(terminal.fd, b"j" if i % 2 == 0 else b"k")
            seen.append(1000 * terminal.until("▸".encode()))
        terminal.close()
        seen.sort()
        print(f"key to screen while training: {statistics.median(seen):.1f} ms median, {seen[int(0.95 * len(seen))]:.1f} ms "
              f"of 95 %, {seen[-1]:.1f} ms slowest of {len(seen)}")

        run = long_run(args.tricktop, cwd, args.steps)
        for name, steps in [("empty", 10), (f"{args.steps} steps", None)]:
            metrics = run / "metrics.jsonl"
            text = metrics.read_text()
            if steps:
                metrics.write_text(text[: text.index("\n") + 1])
            terminal = Terminal([args.tricktop, "attach", "quick"], cwd)
            terminal.until("Journal".encode())
            time.sleep(2)
            print(f"screen of a run of {name}: {terminal.memory('VmRSS'):.1f} MB, peak {terminal.memory('VmHWM'):.1f} MB")
            terminal.close()
            metrics.write_text(text)


if __name__ == "__main__":
    main()
