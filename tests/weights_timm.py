"""Trains a ResNet-18 on a few made-up photographs, exports its weights, and reads them in timm with the lines of
docs/guide/nets.md: its probabilities must be those of `tricktop predict`, and its figures on a part of the classes those of `tricktop eval`.

    python3 -m venv venv && venv/bin/pip install torch timm
    venv/bin/python tests/weights_timm.py target/release/tricktop
"""

import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

from PIL import Image

SETS = ["data.path=photos", "data.size=64", "net.form=ImageNet", "net.depth=18", "train.epochs=1", "train.batch=8",
        "train.seed=3", "schedule.warmup.on=false", "schedule.base_lr=0.05"]


def timm_lines(page):
    """The program on the page of nets that loads weights in timm."""
    programs = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    found = [program for program in programs if "timm.create_model" in program]
    assert len(found) == 1, f"{page} has {len(found)} programs that load weights in timm"
    return found[0]


def photograph(seed, colour):
    """Coloured noise that is smooth enough to be a picture, larger than the net sees and not square."""
    draw = random.Random(seed)
    small = Image.new("RGB", (9, 7))
    small.putdata([tuple(draw.randrange(60, 160) + (90 if c == colour else 0) for c in range(3)) for _ in range(63)])
    return small.resize((draw.randrange(90, 140), draw.randrange(70, 120)), Image.BICUBIC)


def probabilities(program, variant, folder, name):
    """What tricktop and timm say of every picture, as two lists of {class: probability}."""
    def tricktop(*args):
        return subprocess.run([program, *args], cwd=folder, check=True, capture_output=True, text=True).stdout

    sets = [word for set_ in [*SETS, f"net.variant={variant}", f"name={name}"] for word in ("--set", set_)]
    tricktop("--batch", "quick", *sets)
    tricktop("export", f"runs/{name}", "--weights", "weights.safetensors")
    pictures = sorted(pathlib.Path(folder, "photos").glob("*/0.png"))
    lines = tricktop("predict", f"runs/{name}", *map(str, pictures), "--top", "3", "--json").splitlines()
    ours = [{guess["class"]: guess["probability"] for guess in json.loads(line)["classes"]} for line in lines]
    return ours, [in_timm(folder, picture) for picture in pictures]


def in_timm(folder, picture):
    """What timm says of a picture with weights.safetensors, as {class: probability}."""
    Image.open(picture).save(pathlib.Path(folder, "photo.png"))
    scope = {"print": lambda *_: None}
    exec(compile(LINES, "nets.md", "exec"), scope)
    return dict(zip(json.loads(scope["about"]["label_names"]), scope["probabilities"]))


def part_of_the_classes(program, folder, name, label):
    """Figures of `tricktop eval` on the images of all classes but one, and timm's on the same."""
    part = pathlib.Path(folder, "part")
    shutil.copytree(pathlib.Path(folder, "photos"), part)
    shutil.rmtree(part / label)
    command = [program, "eval", f"runs/{name}", "--data", "part", "--json"]
    report = json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)
    said = [(picture.parent.name, in_timm(folder, picture)) for picture in sorted(part.glob("*/*.png"))]
    shutil.rmtree(part)
    right = sum(max(of, key=of.get) == label for label, of in said) / len(said)
    loss = sum(-math.log(of[label]) for label, of in said) / len(said)
    return [report["images"], report["top1"], report["loss"]], [len(said), right, loss]


program = str(pathlib.Path(sys.argv[1]).resolve())
LINES = timm_lines(pathlib.Path(__file__).resolve().parent.parent / "docs" / "guide" / "nets.md")
with tempfile.TemporaryDirectory() as folder:
    for colour, name in enumerate(["blue sky", "grass", "\"red\""]):
        where = pathlib.Path(folder, "photos", name)
        where.mkdir(parents=True)
        for i in range(8):
            photograph(100 * colour + i, 2 - colour).save(where / f"{i}.png")
    os.chdir(folder)
    for variant, name in [("B", "resnet18"), ("D", "resnet18d"), ("C", "deep")]:
        ours, theirs = probabilities(program, variant, folder, name)
        assert len(ours) == 3 and all(len(one) == 3 for one in ours), ours
        apart = max(abs(one[label] - other[label]) for one, other in zip(ours, theirs) for label in other)
        spread = max(abs(a[label] - b[label]) for a in ours for b in ours for label in a)
        print(f"{name}: probabilities of tricktop and timm are {apart:.1e} apart at most ({spread:.2f} between pictures)")
        assert apart < 1e-4, (ours, theirs)
        ours, theirs = part_of_the_classes(program, folder, name, "grass")
        print(f"{name}: images, top-1 and loss on two of three classes are {ours}, timm's {theirs}")
        assert ours[:2] == theirs[:2] and abs(ours[2] - theirs[2]) < 1e-4
