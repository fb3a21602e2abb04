"""Golden values of the families beside ResNet: narrow nets out of timm's own modules.

    pip install torch timm safetensors numpy
    python generate_nets.py [OUT.safetensors]

For every net: weights and statistics, an input, labels, logits in evaluation and in training, and the gradient of the
mean cross entropy with regard to every parameter. Keys are "<net>/<tensor>"; layouts are PyTorch's. Computed in float64,
stored in float32.
"""
import importlib, pathlib, sys
import torch, torch.nn as nn, torch.nn.functional as F
from functools import partial
from safetensors.torch import save_file
from timm.models.densenet import DenseNet
from timm.models.resnet import BasicBlock, Bottleneck, ResNet

inception_v3 = importlib.import_module("timm.models.inception_v3")   # (the package has a function of that name)

torch.manual_seed(10)   # with this seed PyTorch's own single precision stays within 2e-5 of these values
torch.set_default_dtype(torch.float64)
CLASSES = 5
tensors = {}


def keep(name, net, channels, edge, batch):
    """Stores what `net` does with a random batch of square images."""
    net = net.double()
    for m in net.modules():                      # norms that are not the identity
        if isinstance(m, nn.BatchNorm2d):
            m.weight.data.uniform_(0.5, 1.5), m.bias.data.normal_(0, 0.3)
            m.running_mean.normal_(0, 0.2), m.running_var.uniform_(0.5, 1.5)
    f32 = lambda t: t.detach().to(torch.float32 if t.is_floating_point() else torch.int64).contiguous().clone()
    for t in net.state_dict().values():          # the stored values are those that compute
        t.copy_(t.float())
    x, y = torch.randn(batch, channels, edge, edge).float().double(), torch.randint(0, CLASSES, (batch,))
    state = {f"before/{k}": v for k, v in net.state_dict().items() if "num_batches" not in k}
    tensors.update({f"{name}/{k}": f32(v) for k, v in state.items()})
    with torch.no_grad():
        tensors[f"{name}/logits_eval"] = f32(net.eval()(x))
    logits = net.train()(x)
    loss = F.cross_entropy(logits, y)
    if hasattr(net, "AuxLogits"):
        loss = loss + 0.4 * F.cross_entropy(net.beside, y)
    loss.backward()
    tensors.update({f"{name}/x": f32(x), f"{name}/labels": y, f"{name}/logits_train": f32(logits), f"{name}/loss": f32(loss.reshape(1))})
    tensors.update({f"{name}/grad/{k}": f32(p.grad) for k, p in net.named_parameters()})
    print(f"{name:12} {sum(p.numel() for p in net.parameters())} parameters")


class Separable(nn.Module):
    """A pair of MobileNet v1, under timm's names; ReLU as in the paper's own code (timm has ReLU6)."""
    def __init__(self, c, o, stride):
        super().__init__()
        self.conv_dw, self.bn1 = nn.Conv2d(c, c, 3, stride, 1, groups=c, bias=False), nn.BatchNorm2d(c)
        self.conv_pw, self.bn2 = nn.Conv2d(c, o, 1, bias=False), nn.BatchNorm2d(o)

    def forward(self, x):
        return F.relu(self.bn2(self.conv_pw(F.relu(self.bn1(self.conv_dw(x))))))


class MobileNet(nn.Module):
    def __init__(self, stem, stages):
        super().__init__()
        self.conv_stem, self.bn1 = nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem)
        blocks, c = [], stem
        for stage, (pairs, width) in enumerate(stages):
            pair = lambda i, c: Separable(c, width, 2 if stage > 0 and i == 0 else 1)
            blocks.append(nn.Sequential(*[pair(i, c if i == 0 else width) for i in range(pairs)]))
            c = width
        self.blocks, self.classifier = nn.Sequential(*blocks), nn.Linear(c, CLASSES)

    def forward(self, x):
        return self.classifier(self.blocks(F.relu(self.bn1(self.conv_stem(x)))).mean((2, 3)))


class Inception(nn.Module):
    """Inception-V3 with one block of each kind at 1/16 of the channels: timm's blocks with narrow convolutions."""
    def __init__(self):
        super().__init__()
        conv = partial(inception_v3.ConvNormAct, padding=0, norm_layer=partial(nn.BatchNorm2d, eps=1e-3))
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = conv(1, 2, kernel_size=3, stride=2), conv(2, 2, kernel_size=3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = conv(2, 4, kernel_size=3, padding=1), conv(4, 5, kernel_size=1)
        self.Conv2d_4a_3x3 = conv(5, 12, kernel_size=3)
        a, b = inception_v3.InceptionA, inception_v3.InceptionB
        self.Mixed_5b, self.Mixed_6a = self.narrowed(a, 12, 32), self.narrowed(b, 16)
        self.Mixed_6b = self.narrowed(inception_v3.InceptionC, 46, 128)
        self.Mixed_7a = self.narrowed(inception_v3.InceptionD, 48)
        self.Mixed_7b = self.narrowed(inception_v3.InceptionE, 80)
        self.fc = nn.Linear(128, CLASSES)

    @staticmethod
    def narrowed(block, c, *args):
        """timm's block for `c` channels, every width within divided by 16."""
        outer = 1 << 20
        def narrow(i, o, **more):
            options = dict(padding=0, norm_layer=partial(nn.BatchNorm2d, eps=1e-3))
            return inception_v3.ConvNormAct(c if i == outer else i // 16, o // 16, **{**options, **more})
        return block(outer, *args, conv_block=narrow)

    def forward(self, x):
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for block in (self.Mixed_5b, self.Mixed_6a, self.Mixed_6b, self.Mixed_7a, self.Mixed_7b):
            x = block(x)
        return self.fc(x.mean((2, 3)))


class Auxiliary(nn.Module):
    """timm's auxiliary head at 1/16 of the channels behind the first of two convolutions."""
    def __init__(self):
        super().__init__()
        conv = partial(inception_v3.ConvNormAct, padding=0, norm_layer=partial(nn.BatchNorm2d, eps=1e-3))
        narrow = lambda i, o, **more: conv(i // 16, o // 16, **more)
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = conv(1, 48, kernel_size=3), conv(48, 8, kernel_size=3)
        self.AuxLogits = inception_v3.InceptionAux(768, CLASSES, narrow)
        self.AuxLogits.fc, self.fc = nn.Linear(48, CLASSES), nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.Conv2d_1a_3x3(x)
        self.beside = self.AuxLogits(x)
        return self.fc(self.Conv2d_2a_3x3(x).mean((2, 3)))


def resnet(block, channels, **more):
    """Three stages: a fourth would leave norms with one pixel an image."""
    net = ResNet(block, (1, 1, 1, 1), num_classes=CLASSES, channels=(*channels, channels[-1]), zero_init_last=False, **more)
    net.layer4, net.fc = nn.Identity(), nn.Linear(channels[-1] * block.expansion, CLASSES)
    return net


squeeze = dict(block_args=dict(attn_layer="se"))
keep("mobilenet", MobileNet(8, [(1, 8), (2, 12), (1, 20)]), 3, 32, 4)
keep("resnext", resnet(Bottleneck, (8, 8, 8), cardinality=4, base_width=16, in_chans=1, stem_type="", stem_width=8), 1, 32, 4)
keep("se_basic", resnet(BasicBlock, (8, 8, 12), stem_type="deep", stem_width=4, avg_down=True, **squeeze), 3, 32, 4)
keep("se_resnext", resnet(Bottleneck, (4, 4, 8), cardinality=2, base_width=16, in_chans=1, stem_type="", stem_width=8, **squeeze), 1, 32, 4)
keep("densenet", DenseNet(growth_rate=4, block_config=(2, 3, 2), num_classes=CLASSES), 3, 32, 4)
keep("inception", Inception(), 1, 107, 2)
torch.manual_seed(3)
keep("auxiliary", Auxiliary(), 1, 19, 4)
save_file(tensors, sys.argv[1] if len(sys.argv) > 1 else str(pathlib.Path(__file__).parent / "families.safetensors"))
