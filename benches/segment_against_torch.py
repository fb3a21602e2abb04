"""Times training steps of fully convolutional nets here and in PyTorch, in turn, and prints the ratios of the fastest.

    python3 -m venv venv && venv/bin/pip install torch timm
    venv/bin/python benches/segment_against_torch.py [--rounds 3] [--steps 8] [--threads 2] [--program PROGRAM] [NET...]

The nets are dilated ResNet-D with a head and an auxiliary head, as `benches/segment.rs` has them: a ResNet-20 on grey
images of 64 px, and timm's ResNet-50, without pools in dilated shortcuts, under torchvision's heads. A step is zero_grad,
forward, upsampling, cross entropy of every pixel, backward and SGD (Nesterov 0.9, weight decay 5e-4) on one fixed random
batch, float32; PyTorch's is the faster one of channels first and channels last. PROGRAM is the bench that was built, where
cargo is not to build it.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parent.parent


def convolution(c_in, c_out, kernel, stride=1, dilation=1, relu=True):
    made = [nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2 * dilation, dilation, bias=False), nn.BatchNorm2d(c_out)]
    return nn.Sequential(*made, *[nn.ReLU(inplace=True)] * relu)


class Block(nn.Module):
    """A basic block of ResNet-D; its first 3x3 keeps the dilation before it."""

    def __init__(self, c_in, c_out, stride, dilations):
        super().__init__()
        self.body = nn.Sequential(convolution(c_in, c_out, 3, stride, dilations[0]),
                                  convolution(c_out, c_out, 3, 1, dilations[1], relu=False))
        self.shortcut = nn.Identity()
        if c_in != c_out:
            pool = [nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)] * (stride > 1)
            self.shortcut = nn.Sequential(*pool, convolution(c_in, c_out, 1, relu=False))

    def forward(self, x):
        return torch.relu_(self.body(x) + self.shortcut(x))


class Small(nn.Module):
    """ResNet-20-D for small images whose last stage is dilated."""
    channels = 32, 64

    def __init__(self):
        super().__init__()
        stage = lambda c_in, c, stride, first, then: nn.Sequential(
            Block(c_in, c, stride, (first, then)), *[Block(c, c, 1, (then, then)) for _ in range(2)])
        self.until = nn.Sequential(convolution(1, 16, 3), stage(16, 16, 1, 1, 1), stage(16, 32, 2, 1, 1))
        self.last = stage(32, 64, 1, 1, 2)

    def forward(self, x):
        before = self.until(x)
        return before, self.last(before)


class Large(nn.Module):
    """ResNet-50-D with output stride 8."""
    channels = 1024, 2048

    def __init__(self):
        super().__init__()
        import timm
        net = timm.create_model("resnet50d", output_stride=8)
        for stage in (net.layer3, net.layer4):
            stage[0].downsample[0] = nn.Identity()
        self.until = nn.Sequential(net.conv1, net.bn1, net.act1, net.maxpool, net.layer1, net.layer2, net.layer3)
        self.last = net.layer4

    def forward(self, x):
        before = self.until(x)
        return before, self.last(before)


class Fcn(nn.Module):
    def __init__(self, backbone, classes):
        super().__init__()
        self.backbone = backbone
        head = lambda c: nn.Sequential(convolution(c, c // 4, 3), nn.Dropout(0.1), nn.Conv2d(c // 4, classes, 1))
        self.aux, self.head = (head(c) for c in backbone.channels)

    def forward(self, x):
        before, last = self.backbone(x)
        return [F.interpolate(z, size=x.shape[2:], mode="bilinear") for z in (self.head(last), self.aux(before))]


# Backbone, batch, edge, channels of the images, classes.
NETS = {"fcn-resnet20d-64": (Small, 16, 64, 1, 11), "fcn-resnet50d-224": (Large, 2, 224, 3, 21)}


def theirs(name, steps):
    backbone, batch, edge, channels, classes = NETS[name]
    fastest = float("inf")
    for layout in (torch.channels_last, torch.contiguous_format):
        net = Fcn(backbone(), classes).to(memory_format=layout).train()
        x = torch.randn(batch, channels, edge, edge).contiguous(memory_format=layout)
        labels = torch.randint(0, classes, (batch, edge, edge))
        sgd = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
        for step in range(steps + 2):
            begun = time.perf_counter()
            sgd.zero_grad()
            logits, beside = net(x)
            (F.cross_entropy(logits, labels, ignore_index=255)
             + 0.5 * F.cross_entropy(beside, labels, ignore_index=255)).backward()
            sgd.step()
            if step >= 2:
                fastest = min(fastest, (time.perf_counter() - begun) * 1e3)
    return fastest


def ours(name, steps, threads, program):
    command = [program] if program else ["cargo", "bench", "--quiet", "--bench", "segment", "--"]
    out = subprocess.run([*command, name, "--steps", str(steps)], cwd=ROOT, check=True, capture_output=True, text=True,
                         env={**os.environ, "RAYON_NUM_THREADS": str(threads)}).stdout
    return json.loads(out.strip().splitlines()[-1])["step_ms"]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("nets", nargs="*", default=list(NETS))
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--steps", type=int, default=8)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--program")
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    print("| net | batch | tricktop ms | PyTorch ms | throughput against PyTorch | by round |")
    print("|---|---|---|---|---|---|")
    for name in args.nets:
        rounds = [(ours(name, args.steps, args.threads, args.program), theirs(name, args.steps)) for _ in range(args.rounds)]
        a, b = (min(times) for times in zip(*rounds))
        each = ", ".join(f"{their / our:.2f}" for our, their in rounds)
        print(f"| {name} | {NETS[name][1]} | {a:.1f} | {b:.1f} | {b / a:.2f} | {each} |", flush=True)


if __name__ == "__main__":
    main()
