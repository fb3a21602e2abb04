"""Gives torchvision's fcn_resnet50, with 21 classes, an auxiliary head and random weights, to the program and back: the
program must read its names, give its logits, and write weights that torchvision loads and that give these logits again.

    python3 -m venv venv && venv/bin/pip install torch torchvision safetensors
    venv/bin/python tests/weights_torchvision.py

Cargo builds the side of the program (`torchvisions_net_comes_and_goes` of tests/golden). Without torchvision the script fails.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    from safetensors.torch import load_file, save_file
    from torchvision.models.segmentation import fcn_resnet50
except ImportError as missing:
    sys.exit(f"not checked: {missing}")

ROOT = pathlib.Path(__file__).resolve().parent.parent


def net():
    return fcn_resnet50(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)


torch.manual_seed(0)
ours = net()
for module in ours.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        torch.nn.init.uniform_(module.weight, 0.5, 1.5)
        torch.nn.init.uniform_(module.bias, -0.3, 0.3)
        torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
        torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
x = torch.randn(1, 3, 65, 97)
with torch.no_grad():
    logits = ours.eval()(x)["out"]
assert sum(p.numel() for p in ours.parameters()) == 35_322_218

with tempfile.TemporaryDirectory() as folder:
    there, back = pathlib.Path(folder, "there.safetensors"), pathlib.Path(folder, "back.safetensors")
    state = {f"net/{name}": t.contiguous() for name, t in ours.state_dict().items()}
    save_file({**state, "net/x": x, "net/logits": logits.contiguous()}, there)
    command = ["cargo", "test", "--locked", "--test", "golden", "torchvisions_net", "--", "--ignored", "--nocapture"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "TRICKTOP_FCN": str(there), "TRICKTOP_FCN_BACK": str(back)})
    theirs = net().eval()
    theirs.load_state_dict(load_file(back), strict=True)
    with torch.no_grad():
        apart = (theirs(x)["out"] - logits).norm() / logits.norm()
    assert apart < 1e-6, f"the exported weights give other logits: {apart}"
    print(f"torchvision's fcn_resnet50 comes and goes: logits of the exported weights are {apart:.1e} apart")
