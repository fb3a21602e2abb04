"""Times training steps of PyTorch on an NVIDIA GPU, of the nets that `tricktop bench` times.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python benches/gpu/peer_torch_cuda.py --net resnet50d-224 --batch 128 [--amp] [--compile] [--steps 20]

Channels last, `cudnn.benchmark`; with `--amp` float16 autocast and a GradScaler. A step is zero_grad, forward, cross entropy,
backward and SGD (Nesterov 0.9, weight decay 1e-4) on one fixed batch, and waits for the GPU. Prints one JSON object.
"""

import argparse
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

NETS = {  # input channels, edge, batch, classes, stem, widths, blocks, bottleneck
    "resnet20d-28": (1, 28, 128, 10, "small", (16, 32, 64), (3, 3, 3), False),
    "resnet18d-32": (3, 32, 64, 10, "small", (64, 128, 256, 512), (2, 2, 2, 2), False),
    "resnet50d-224": (3, 224, 128, 1000, "deep", (64, 128, 256, 512), (3, 4, 6, 3), True),
}


def unit(i, o, k, stride=1, act=True):
    layers = [nn.Conv2d(i, o, k, stride, k // 2, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if act else []))


class Block(nn.Module):
    """A block of a ResNet-D: a strided shortcut is a 2x2 average pool, then 1x1."""

    def __init__(self, i, w, stride, bottleneck):
        super().__init__()
        o = 4 * w if bottleneck else w
        if bottleneck:
            self.body = nn.Sequential(unit(i, w, 1), unit(w, w, 3, stride), unit(w, o, 1, act=False))
        else:
            self.body = nn.Sequential(unit(i, w, 3, stride), unit(w, o, 3, act=False))
        pool = [nn.AvgPool2d(2, 2)] if stride == 2 else []
        same = stride == 1 and i == o
        self.shortcut = nn.Identity() if same else nn.Sequential(*pool, unit(i, o, 1, act=False))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    def __init__(self, channels, classes, stem, widths, blocks, bottleneck):
        super().__init__()
        first = widths[0]
        if stem == "deep":
            layers = [unit(channels, first // 2, 3, 2), unit(first // 2, first // 2, 3), unit(first // 2, first, 3)]
            layers.append(nn.MaxPool2d(3, 2, 1))
        else:
            layers = [unit(channels, first, 3)]
        c = first
        for stage, (w, n) in enumerate(zip(widths, blocks)):
            for j in range(n):
                layers.append(Block(c, w, 2 if stage and not j else 1, bottleneck))
                c = 4 * w if bottleneck else w
        self.features, self.fc = nn.Sequential(*layers), nn.Linear(c, classes)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--net", choices=list(NETS), required=True)
    ap.add_argument("--batch", type=int)
    ap.add_argument("--steps", type=int, default=20)
    ap.add_argument("--amp", action="store_true")
    ap.add_argument("--compile", action="store_true")
    args = ap.parse_args()
    torch.backends.cudnn.benchmark = True
    channels, edge, batch, classes, *rest = NETS[args.net]
    batch = args.batch or batch
    net = ResNet(channels, classes, *rest).cuda().to(memory_format=torch.channels_last).train()
    x = torch.randn(batch, channels, edge, edge, device="cuda").contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, classes, (batch,), device="cuda")
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    scaler = torch.amp.GradScaler("cuda", enabled=args.amp)
    run = torch.compile(net) if args.compile else net
    times = []
    for step in range(args.steps + 5):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        optimiser.zero_grad()
        with torch.autocast("cuda", torch.float16, enabled=args.amp):
            loss = F.cross_entropy(run(x).float(), y)
        scaler.scale(loss).backward()
        scaler.step(optimiser)
        scaler.update()
        torch.cuda.synchronize()
        if step >= 5:
            times.append(time.perf_counter() - begun)
    times.sort()
    print(json.dumps({
        "net": args.net, "batch": batch, "step_ms": round(times[0] * 1e3, 3),
        "step_ms_median": round(times[len(times) // 2] * 1e3, 3), "img_s": round(batch / times[0], 1),
        "peak_mb": round(torch.cuda.max_memory_allocated() / 1e6), "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()
