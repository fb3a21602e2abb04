"""Times training steps of the nets of timm that `tricktop bench` has beside the ResNets, for `against_torch.py`:

    venv/bin/pip install torch timm
    python3 benches/against_torch.py --peer benches/peer_timm.py --python venv/bin/python --nets resnext50-224 mobilenet-224

A step is zero_grad, forward, cross entropy, backward and SGD (Nesterov 0.9, weight decay 1e-4) on one fixed random
batch, channels last, float32 or with `--amp bf16` under bfloat16 autocast. Prints one JSON object.
"""

import argparse
import json
import resource
import time

import timm
import torch

NETS = {"resnext50-224": "resnext50_32x4d", "mobilenet-224": "mobilenetv1_100"}
BATCH = 8

ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ap.add_argument("--net", choices=NETS, required=True)
ap.add_argument("--steps", type=int, default=8)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--amp", choices=["bf16"], help="autocast of the CPU")
args = ap.parse_args()
torch.set_num_threads(args.threads)
net = timm.create_model(NETS[args.net], num_classes=1000).to(memory_format=torch.channels_last).train()
x = torch.randn(BATCH, 3, 224, 224).contiguous(memory_format=torch.channels_last)
y = torch.randint(0, 1000, (BATCH,))
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
times = []
for step in range(args.steps + 2):
    begun = time.perf_counter()
    sgd.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=args.amp is not None):
        loss = torch.nn.functional.cross_entropy(net(x).float(), y)
    loss.backward()
    sgd.step()
    if step >= 2:
        times.append(time.perf_counter() - begun)
print(json.dumps({
    "net": args.net,
    "batch": BATCH,
    "step_ms": round(min(times) * 1e3, 2),
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
