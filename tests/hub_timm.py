"""A timm ResNet-18 of random weights, saved by timm and served as the Hugging Face hub serves it: fetched by tricktop into
the hub's cache, fine-tuned on made-up photographs, exported, and read in timm and in onnxruntime. The probabilities must be
those of `tricktop predict`. Python's huggingface_hub and tricktop must read each other's cache.

    python3 -m venv venv && venv/bin/pip install torch torchvision timm onnxruntime
    venv/bin/python tests/hub_timm.py target/debug/tricktop
"""

import hashlib
import http.server
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading

import timm
import torch
from PIL import Image

NAME = "timm/resnet18.random_in10"
COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
CLASSES = ["blue sky", "grass", "\"red\""]


class Hub(http.server.BaseHTTPRequestHandler):
    """The files of a folder at one commit: weights by their SHA-256 and from another path, the rest by their Git hash."""

    folder = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        large = path.startswith("/cdn/")
        found = re.fullmatch(rf"/{re.escape(NAME)}/resolve/(main|{COMMIT})/([a-z.]+)", path)
        file = self.folder / (path.removeprefix("/cdn/") if large else found.group(2) if found else "")
        if not file.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = file.read_bytes()
        weights = file.name == "model.safetensors" and not large
        begin = int(re.match(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-")).group(1))
        part = b"" if weights else content[begin:]
        self.send_response(302 if weights else 206 if begin else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        if weights:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/cdn/{file.name}")
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
        else:
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            self.send_header("ETag", f'"{git}"')
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(part)


def photograph(seed, colour):
    """Coloured noise that is smooth enough to be a picture, larger than the net sees and not square."""
    draw = random.Random(seed)
    small = Image.new("RGB", (9, 7))
    small.putdata([tuple(draw.randrange(60, 160) + (90 if c == colour else 0) for c in range(3)) for _ in range(63)])
    return small.resize((draw.randrange(90, 140), draw.randrange(80, 120)), Image.BICUBIC)


def tricktop(*args, home="ours", **env):
    env = {**os.environ, "HF_HOME": home, **env}
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout + ("" if args[0] == "predict" else done.stderr)


def program_of(what):
    """The program of the guide's page of nets that uses `what`."""
    found = [one for one in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if what in one]
    assert len(found) == 1, f"{GUIDE} has {len(found)} programs with {what}"
    return compile(found[0], what, "exec")


def probabilities(program, picture):
    """What a program of the guide says of a picture, as {class: probability}."""
    Image.open(picture).save("photo.png")
    scope = {"print": lambda *_: None}
    exec(program, scope)
    return dict(zip(json.loads(scope["about"]["label_names"]), scope["probabilities"]))


def by_python(code, **env):
    """Runs a line of Python with huggingface_hub, whose settings are read when it is imported."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.split()[-1])


PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
GUIDE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "guide" / "nets.md"
PROGRAMS = {"timm": program_of("timm.create_model"), "onnxruntime": program_of("probabilities = (powers")}
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    torch.manual_seed(1)
    model = timm.create_model("resnet18", num_classes=10)
    images = {"mean": (0.5, 0.4, 0.3), "std": (0.25, 0.2, 0.3), "input_size": (3, 64, 64), "crop_pct": 0.95}
    model.pretrained_cfg.update(images)
    timm.models.save_for_hf(model, "served", safe_serialization=True)
    Hub.folder = pathlib.Path("served").resolve()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"

    tricktop("weights", "get", NAME, HF_ENDPOINT=endpoint)
    load = f"from huggingface_hub import hf_hub_download as get; print(get('{NAME}', 'model.safetensors'"
    theirs = by_python(f"{load}, local_files_only=True))", HF_HOME="ours")
    assert theirs.read_bytes() == (Hub.folder / "model.safetensors").read_bytes()
    made = f"import timm; m = timm.create_model('hf-hub:{NAME}', pretrained=True); print(m.pretrained_cfg['crop_pct'])"
    assert str(by_python(made, HF_HOME="ours", HF_HUB_OFFLINE="1")) == "0.95", "timm reads weights and configuration"
    both = f"{load}, ), get('{NAME}', 'config.json'))"
    by_python(both, HF_HOME="theirs", HF_ENDPOINT=endpoint)
    assert "resnet18-B for 10 classes" in tricktop("weights", "get", NAME, "--offline", home="theirs")
    print("huggingface_hub, timm and tricktop read one another's cache")

    for colour, name in enumerate(CLASSES):
        pathlib.Path("photos", name).mkdir(parents=True)
        for i in range(8):
            photograph(100 * colour + i, 2 - colour).save(f"photos/{name}/{i}.png")
    sets = ["data.path=photos", f"net.weights={NAME}", "net.form=ImageNet", "net.depth=18", "net.variant=B",
            "train.epochs=2", "train.batch=8", "train.seed=3", "schedule.warmup.on=false", "schedule.base_lr=0.01", "name=fine"]
    told = tricktop("--batch", "quick", *[word for one in sets for word in ("--set", one)])
    for words in ["data.size 64", "data.resize 67", "mean 0.5, 0.4, 0.3 and deviation 0.25, 0.2, 0.3",
                  "is of 10 classes: fc, of 3 here, starts anew"]:
        assert words in told, told
    print(tricktop("export", "fine", "--weights", "weights.safetensors", "--onnx", "model.onnx", "--card", "card.md"), end="")
    pictures = [f"photos/{name}/0.png" for name in CLASSES]
    lines = tricktop("predict", "fine", *pictures, "--top", "3", "--json").splitlines()
    ours = [{guess["class"]: guess["probability"] for guess in json.loads(line)["classes"]} for line in lines]
    for where, program in PROGRAMS.items():
        others = [probabilities(program, picture) for picture in pictures]
        apart = max(abs(one[label] - other[label]) for one, other in zip(ours, others) for label in CLASSES)
        spread = max(abs(a[label] - b[label]) for a in ours for b in ours for label in CLASSES)
        print(f"fine-tuned: probabilities of tricktop and {where} are {apart:.1e} apart at most ({spread:.2f} between pictures)")
        assert apart < 1e-4, (ours, others)
