"""Runs the parts of `benches/gpu/run.sh` one after the other, and writes what they say into one JSON report.

A part that fails, takes too long or cannot be had is written down as such; the others go on.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

BUDGET = 8 * 60  # seconds, all parts together
NETS = [("resnet20d-28", 128), ("resnet18d-32", 64), ("resnet50d-224", 128), ("resnet50d-224", 256)]


class Parts:
    def __init__(self, out):
        self.begun, self.out, self.report = time.monotonic(), out, {}

    def left(self):
        return BUDGET - (time.monotonic() - self.begun)

    def run(self, name, command, limit=120, **more):
        """Runs a command; gives its output, or none. What went wrong is in the report."""
        limit = min(limit, self.left())
        if limit < 5:
            self.report[name] = {"left_out": "no time is left"}
            return None
        begun = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, **more)
        except subprocess.TimeoutExpired:
            self.report[name] = {"failed": f"took more than {limit:.0f} s"}
            return None
        except OSError as e:
            self.report[name] = {"left_out": str(e)}
            return None
        (self.out / f"{name.replace(' ', '-')}.log").write_text(done.stdout + done.stderr)
        self.report[name] = {"status": done.returncode, "seconds": round(time.monotonic() - begun, 1)}
        if done.returncode:
            self.report[name]["failed"] = (done.stderr or done.stdout).strip()[-400:]
            return None
        return done.stdout


def last_json(text):
    lines = [l for l in (text or "").splitlines() if l.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--program", required=True)
    ap.add_argument("--driver", required=True)
    ap.add_argument("--out", type=pathlib.Path, required=True)
    args = ap.parse_args()
    here, program = pathlib.Path(__file__).resolve().parent, str(pathlib.Path(args.program).resolve())
    parts = Parts(args.out)
    report = parts.report

    query = "--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit"
    report["gpu"] = subprocess.run(["nvidia-smi", query, "--format=csv"], capture_output=True, text=True).stdout
    report["cuda_of_driver"] = args.driver

    test = parts.run("self-test", [program, "doctor", "--self-test", "--untimed", "--device", "Cuda(0)", "--json"])
    if test:
        found = json.loads(test)
        checks = found["test"]["checks"]
        report["self-test"] |= {
            "device": found["test"]["device"], "cudnn": found.get("cudnn"), "checks": len(checks),
            "failed_checks": [c for c in checks if c["distance"] is None or c["distance"] > c["bound"]],
            "largest": max(checks, key=lambda c: (9e9 if c["distance"] is None else c["distance"]) / c["bound"]),
        }

    # 200 steps twice: equal to the bit?
    for mixed in ("off", "F16", "Bf16"):
        chains = []
        for i in (1, 2):
            runs = args.out / f"bits-{mixed}-{i}"
            shutil.rmtree(runs, ignore_errors=True)
            sets = ["device=Cuda(0)", "train.epochs=1", "data.train_images=6400", "train.batch=32", "train.checkpoint_steps=50"]
            sets += [f"tricks.mixed.on={str(mixed != 'off').lower()}"]
            sets += [f"tricks.mixed.format={mixed}"] if mixed != "off" else []
            command = [program, "--batch", "quick", "--runs", str(runs)] + [a for s in sets for a in ("--set", s)]
            done = parts.run(f"200 steps {mixed} {i}", command, 60)
            chain = runs / "quick/chain.jsonl"
            chains.append(chain.read_text() if done is not None and chain.exists() else None)
        report[f"bits {mixed}"] = {"equal": chains[0] == chains[1]} if all(chains) else {"left_out": "a run failed"}

    # Memory checks on a small net.
    sanitizer = shutil.which("compute-sanitizer")
    for tool in ("memcheck", "racecheck"):
        if sanitizer is None:
            report[tool] = {"left_out": "there is no compute-sanitizer on the path"}
            continue
        command = [sanitizer, "--tool", tool, "--error-exitcode", "9", program, "bench", "resnet20d-28",
                   "--batch", "4", "--steps", "1", "--device", "Cuda(0)"]
        said = parts.run(tool, command, 90)
        summary = re.search(r"=+ (ERROR|RACECHECK) SUMMARY: .*", said or "")
        report[tool]["summary"] = summary.group(0) if summary else None

    # Training steps, in turn with PyTorch's where there is one.
    report["steps"] = []
    for net, batch in NETS:
        row = {"net": net, "batch": batch}
        for mixed in (None, "F16", "Bf16"):
            command = [program, "bench", net, "--batch", str(batch), "--steps", "20", "--device", "Cuda(0)", "--json"]
            ours = last_json(parts.run(f"bench {net} {batch} {mixed}", command + (["--mixed", mixed] if mixed else []), 60))
            row[mixed or "F32"] = ours and {k: ours[k] for k in ("step_ms", "step_ms_median", "img_s")}
        for mode in (["--amp"], ["--amp", "--compile"], []):
            if net == "resnet50d-224" and (batch == 256 or mode == []) and parts.left() < 120:
                continue
            peer = [sys.executable, str(here / "peer_torch_cuda.py"), "--net", net, "--batch", str(batch), *mode]
            name = f"torch {net} {batch} {' '.join(mode)}".strip()
            row["torch " + (" ".join(mode) or "f32")] = last_json(parts.run(name, peer, 90))
        report["steps"].append(row)
        (args.out / "report.json").write_text(json.dumps(report, indent=1))
    report["seconds"] = round(time.monotonic() - parts.begun)
    (args.out / "report.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    sys.exit(1 if any(isinstance(p, dict) and "failed" in p for p in report.values()) else 0)


if __name__ == "__main__":
    main()
