"""Trains nets of every family for a few steps on made-up photographs, exports them as ONNX, and runs them in onnxruntime
with the lines of docs/guide/nets.md: their probabilities, or masks of whole pictures, must be those of `tricktop predict`.

    python3 -m venv venv && venv/bin/pip install onnxruntime onnx numpy pillow
    venv/bin/python tests/onnx_runtime.py target/debug/tricktop
"""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from PIL import Image

CLASSES = ["blue sky", "grass", "\"red\""]
# Statistics of norms need some steps before a net says anything.
SETS = ["data.path=photos", "train.epochs=1", "train.batch=4", "train.seed=3", "schedule.warmup.on=false",
        "schedule.base_lr=0.005", "data.val_fraction=0.1"]
EACH = 50
# Edges of which some map is odd, so that pools have windows that the border cuts off.
NETS = {
    "resnet18": ["net.form=ImageNet", "net.depth=18", "net.variant=B", "data.size=60"],
    "resnet50a": ["net.form=ImageNet", "net.depth=50", "net.variant=A", "net.width=0.25", "data.size=68"],
    "resnet18c": ["net.form=ImageNet", "net.depth=18", "net.variant=C", "net.width=0.5", "data.size=65"],
    "resnet50d": ["net.form=ImageNet", "net.depth=50", "net.variant=D", "net.width=0.25", "data.size=68"],
    "seresnet18d": ["net.family=SeResNet", "net.form=ImageNet", "net.depth=18", "net.width=0.5", "data.size=60"],
    "resnext50": ["net.family=ResNeXt", "net.form=ImageNet", "net.depth=50", "net.variant=B", "net.width=0.25", "data.size=64"],
    "seresnext50": ["net.family=SeResNeXt", "net.form=ImageNet", "net.depth=50", "net.width=0.25", "data.size=68"],
    "mobilenet": ["net.family=MobileNet", "net.form=ImageNet", "net.depth=28", "net.width=0.25", "data.size=66"],
    "densenet121": ["net.family=DenseNet", "net.form=ImageNet", "net.depth=121", "net.width=0.25", "data.size=70"],
    "inception": ["net.family=Inception", "net.form=ImageNet", "net.depth=48", "net.width=0.25", "data.size=107"],
    "inception-aux": ["net.family=Inception", "net.form=ImageNet", "net.depth=48", "net.width=0.25",
                      "net.auxiliary=true", "data.size=160"],
    "small-resnet20d": ["net.depth=20", "data.size=33"],
    "small-mobilenet": ["net.family=MobileNet", "net.depth=28", "net.width=0.25", "data.size=31"],
    "small-densenet": ["net.family=DenseNet", "net.depth=121", "net.width=0.25", "data.size=30"],
}
# Nets of segmentation. They have hardly learned: then their masks have several classes.
SCENES = ["train.epochs=1", "train.batch=8", "train.seed=3", "schedule.warmup.on=false", "schedule.base_lr=1e-4",
          "data.train_images=64", "data.test_images=8"]
MASKS = {
    "fcn-small": ["net.depth=20", "net.output_stride=2"],
    "fcn-resnet50d": ["net.form=ImageNet", "net.depth=50", "net.width=0.25", "net.output_stride=8", "seg.aux=true"],
    "fcn-corners": ["net.form=ImageNet", "net.depth=18", "net.variant=B", "net.output_stride=32",
                    "net.corners=true"],
    "fcn-resnext50": ["net.family=ResNeXt", "net.form=ImageNet", "net.depth=50", "net.width=0.25", "net.output_stride=16"],
}


def photograph(seed, colour, size):
    """Coloured noise that is smooth enough to be a picture."""
    draw = random.Random(seed)
    small = Image.new("RGB", (9, 7))
    small.putdata([tuple(draw.randrange(60, 160) + (90 if c == colour else 0) for c in range(3)) for _ in range(63)])
    return small.resize(size, Image.BICUBIC)


def photographs(edge):
    """A folder of photographs that come to a net of this edge as they are: only the nets are compared. Some of them."""
    for colour, name in enumerate(CLASSES):
        pathlib.Path("photos", name).mkdir(parents=True, exist_ok=True)
        for i in range(EACH):
            photograph(100 * colour + i, 2 - colour, (edge, edge)).save(f"photos/{name}/{i}.png")
    return [f"photos/{name}/0.png" for name in CLASSES]


def scenes():
    """Pictures that come to a net as they are: their shorter edge is that of a validation."""
    pathlib.Path("scenes").mkdir(exist_ok=True)
    for i, size in enumerate([(64, 64), (101, 64), (64, 83)]):
        photograph(i, i, size).save(f"scenes/{i}.png")
    return [f"scenes/{i}.png" for i in range(3)]


def program_of(text, what):
    """The program of a page that uses `what`."""
    found = [program for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if what in program]
    assert len(found) == 1, f"there are {len(found)} programs with {what}"
    return found[0]


def tricktop(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(name, preset, sets):
    """Trains a net and exports it with its card; gives the card's program."""
    sets = [word for one in [*sets, f"name={name}"] for word in ("--set", one)]
    tricktop("--batch", preset, *sets)
    tricktop("export", f"runs/{name}", "--onnx", "model.onnx", "--card", "card.md")
    model = onnx.load("model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    program = program_of(pathlib.Path("card.md").read_text(), "onnxruntime")
    return compile(program, "nets.md", "exec"), program


def shown(program, picture):
    """What the program finds in a picture."""
    Image.open(picture).save("photo.png")
    scope = {"print": lambda *_: None}
    exec(program, scope)
    return scope


def compare(name, sets):
    edge = next(int(one.removeprefix("data.size=")) for one in sets if one.startswith("data.size="))
    pictures = photographs(edge)
    program, text = exported(name, "quick", [*SETS, *sets, f"data.resize={edge}"])
    assert text == program_of(GUIDE, "probabilities = (powers"), "the card has another program than the guide"
    lines = tricktop("predict", f"runs/{name}", *pictures, "--top", "9", "--json").splitlines()
    ours = [{guess["class"]: guess["probability"] for guess in json.loads(line)["classes"]} for line in lines]
    theirs = []
    for picture in pictures:
        scope = shown(program, picture)
        theirs.append(dict(zip(json.loads(scope["about"]["label_names"]), scope["probabilities"])))
    assert sorted(ours[0]) == sorted(CLASSES) and scope["about"]["recipe"] == name, scope["about"]
    apart = max(abs(one[label] - other[label]) for one, other in zip(ours, theirs) for label in CLASSES)
    spread = max(abs(a[label] - b[label]) for a in ours for b in ours for label in CLASSES)
    batch_is_free(scope, (3,))
    print(f"{name}: probabilities of tricktop and onnxruntime are {apart:.1e} apart at most ({spread:.1e} between pictures)")
    assert apart < 1e-5 and apart < spread / 50, (ours, theirs)


def batch_is_free(scope, of_each):
    one = scope["normalised"].transpose(2, 0, 1)[None].astype("float32")
    three = scope["session"].run(["logits"], {"images": numpy.concatenate([one] * 3)})[0]
    assert three.shape == (3, *of_each) and abs(three - scope["logits"]).max() < 1e-3


def compare_masks(name, sets):
    program, text = exported(name, "scenes/scratch", [*SCENES, *sets])
    assert text == program_of(GUIDE, "mask.save"), "the card has another program than the guide"
    others, classes = 0, set()
    for picture in scenes():
        tricktop("predict", f"runs/{name}", picture, "--mask", "ours.png")
        ours = numpy.asarray(Image.open("ours.png"))
        scope = shown(program, picture)
        theirs = numpy.asarray(Image.open("mask.png"))
        assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
        batch_is_free(scope, (11, scope["small"].height, scope["small"].width))
        others, classes = max(others, (ours != theirs).mean()), classes | set(ours.flat)
    print(f"{name}: masks of tricktop and onnxruntime differ in {others:.3%} of the pixels at most ({len(classes)} classes)")
    # A pixel whose two likeliest classes are as likely may fall to either.
    assert others < 1e-3 and len(classes) > 1, (others, classes)


PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
GUIDE = (pathlib.Path(__file__).resolve().parent.parent / "docs" / "guide" / "nets.md").read_text()
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for name in sys.argv[2:] or [*NETS, *MASKS]:
        if name in NETS:
            compare(name, NETS[name])
        else:
            compare_masks(name, MASKS[name])
