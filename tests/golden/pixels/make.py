"""Makes the pictures beside this file: what Pillow and torchvision make of one photograph.

    python make.py      needs numpy, pillow, scikit-learn, torch, torchvision

The photograph is a part of one of scikit-learn's (CC BY). Hue is MXNet's `HueJitterAug` in numpy, because torchvision turns
it in HSV.
"""
import json, math, pathlib
import numpy as np, torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.transforms import functional as F

here = pathlib.Path(__file__).parent
photo = Image.fromarray(load_sample_images().images[0]).crop((180, 100, 500, 340)).resize((160, 120), Image.BICUBIC)
photo.save(here / "photo.jpg", quality=90)
photo = Image.open(here / "photo.jpg").convert("RGB")
photo.save(here / "decoded.png")

boxes = [[0, 0, 160, 120], [10, 20, 97, 80], [31, 7, 40, 33], [3, 60, 150, 40]]
for i, (left, top, width, height) in enumerate(boxes):
    F.resized_crop(photo, top, left, height, width, [32, 32], Image.BILINEAR).save(here / f"box{i}.png")
F.center_crop(F.resize(photo, 37, Image.BILINEAR), [32, 32]).save(here / "middle.png")

# (colours that no stage brings out of range, so that clipping plays no part)
soft = Image.fromarray((np.asarray(photo, dtype=np.float32) * 0.4 + 60).round().astype(np.uint8))
soft = soft.crop((20, 20, 68, 56))
soft.save(here / "soft.png")
x = torch.from_numpy(np.asarray(soft).copy()).permute(2, 0, 1).float() / 255

def save(tensor, name):
    Image.fromarray((tensor * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()).save(here / name)

for factor in (0.6, 1.4):
    save(F.adjust_brightness(x, factor), f"brightness{factor}.png")
    save(F.adjust_saturation(x, factor), f"saturation{factor}.png")
    alpha = factor - 1
    u, w = math.cos(alpha * math.pi), math.sin(alpha * math.pi)
    to = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
    back = np.array([[1, 0.956, 0.621], [1, -0.272, -0.647], [1, -1.107, 1.705]])
    turn = back @ np.array([[1, 0, 0], [0, u, -w], [0, w, u]]) @ to
    save(torch.from_numpy(np.asarray(soft) @ turn.T / 255).permute(2, 0, 1), f"hue{factor}.png")
(here / "boxes.json").write_text(json.dumps(boxes) + "\n")
