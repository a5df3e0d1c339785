"""Standard architectures, small, each as its paper or its common code writes it: nothing is wrong with them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PostActBlock(nn.Module):
    """He et al. 2015, as torchvision writes it: one in-place ReLU, used twice."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class PreActBlock(nn.Module):
    """He et al. 2016: norm and activation before each convolution."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(before), nn.BatchNorm2d(after)
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        if stride != 1 or before != after:
            self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(x))
        shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
        out = self.conv1(out)
        return self.conv2(F.relu(self.bn2(out))) + shortcut


def _resnet(block: Callable[[int, int, int], nn.Module], preactivated: bool) -> nn.Sequential:
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)]
    stem += [] if preactivated else [nn.BatchNorm2d(16), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    tail = [nn.BatchNorm2d(32), nn.ReLU(inplace=True)] if preactivated else []
    blocks = [block(16, 16, 1), block(16, 32, 2), block(32, 32, 1)]
    return nn.Sequential(*stem, *blocks, *tail, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def resnet() -> nn.Module:
    return _resnet(PostActBlock, preactivated=False)


def preact_resnet() -> nn.Module:
    return _resnet(PreActBlock, preactivated=True)


def vgg(norm: bool = True) -> nn.Sequential:
    """Simonyan, Zisserman 2014; without norms initialised as torchvision does."""
    layers: list[nn.Module] = []
    width = 3
    for after in (16, 16, 0, 32, 32, 0, 64, 64, 64, 0):
        if after == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(width, after, 3, padding=1))
        layers += [nn.BatchNorm2d(after)] if norm else []
        layers.append(nn.ReLU(inplace=True))
        width = after
    layers += [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 128), nn.ReLU(True), nn.Dropout()]
    layers += [nn.Linear(128, 128), nn.ReLU(True), nn.Dropout(), nn.Linear(128, 10)]
    model = nn.Sequential(*layers)
    for module in model.modules() if not norm else ():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
    return model


def plain_vgg() -> nn.Module:
    return vgg(norm=False)


class UNet(nn.Module):
    """Ronneberger et al. 2015, with norms."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = self.double(1, 8), self.double(8, 16), self.double(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.up1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.conv2, self.conv1 = self.double(32, 16), self.double(16, 8)
        self.head = nn.Conv2d(8, 2, 1)

    @staticmethod
    def double(before: int, after: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for width in (before, after):
            layers += [nn.Conv2d(width, after, 3, 1, 1), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(self.pool(one))
        y = self.up2(self.bottom(self.pool(two)))
        y = self.conv2(torch.cat([two, y], 1))
        y = self.conv1(torch.cat([one, self.up1(y)], 1))
        out: Tensor = self.head(y)
        return out


def dcgan_generator() -> nn.Module:
    """Radford et al. 2015, as torch's tutorial writes it, with its N(0, 0.02)."""
    layers: list[nn.Module] = []
    for before, after in ((100, 64), (64, 32), (32, 16)):
        layers += [
            nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(True),
        ]
    return _dcgan_weights(nn.Sequential(*layers, nn.ConvTranspose2d(16, 3, 4, 2, 1, bias=False), nn.Tanh()))


def dcgan_discriminator() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for before, after in ((16, 32), (32, 64)):
        layers += [
            nn.Conv2d(before, after, 4, 2, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.LeakyReLU(0.2, True),
        ]
    return _dcgan_weights(nn.Sequential(*layers, nn.Conv2d(64, 1, 4, bias=False), nn.Sigmoid()))


def _dcgan_weights(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
    return model


class GPTBlock(nn.Module):
    """Radford et al. 2019: attention whose forward does not trace, and an MLP whose does."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(0.1)
        )
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.qkv(self.ln1(x)).chunk(3, -1)
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        x = x + self.out(y.reshape(batch, length, width))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Embedding(64, 32)
        self.blocks = nn.Sequential(GPTBlock(), GPTBlock())
        self.norm = nn.LayerNorm(32)
        self.head = nn.Linear(32, 64, bias=False)

    def forward(self, index: Tensor) -> Tensor:
        out: Tensor = self.head(self.norm(self.blocks(self.token(index))))
        return out


def transformer() -> nn.Module:
    return nn.Sequential(
        nn.Embedding(64, 32),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2),
        nn.Linear(32, 64),
    )


class DenseLayer(nn.Module):
    """Huang et al. 2017: everything before, concatenated."""

    def __init__(self, before: int, growth: int) -> None:
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(before), nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(before, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.relu(self.norm(x)))], 1)


def densenet() -> nn.Module:
    stem = [
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    ]
    body = [DenseLayer(16 + 8 * number, 8) for number in range(3)]
    tail = [
        nn.BatchNorm2d(40),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(40, 10),
    ]
    return nn.Sequential(*stem, *body, *tail)


class SqueezeExcite(nn.Module):
    """Hu et al. 2018, in a mobile block (Howard et al. 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)), inplace=True)
        return F.hardsigmoid(self.fc2(scale), inplace=True) * x


def mobilenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.Hardswish(inplace=True),
        nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU6(inplace=True),
        SqueezeExcite(16),
        nn.Conv2d(16, 8, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


class GraphAttention(nn.Module):
    """Velickovic et al. 2018: the softmax of a leaky ReLU is meant."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.score = nn.Linear(8, 16, bias=False), nn.Linear(32, 1, bias=False)

    def forward(self, x: Tensor, pairs: Tensor) -> Tensor:
        h = self.linear(x)
        weights = torch.softmax(F.leaky_relu(self.score(pairs), 0.2), 1)
        return F.elu(weights * h)


class Mish(nn.Module):
    """Misra 2019 before torch had it: tanh of softplus is meant."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.tanh(F.softplus(x))


def lenet() -> nn.Module:
    """torch's own tutorial, with the default initialisation, which four layers stand."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def mlp(depth: int, initialise: Callable[[Tensor], object] | None = None, width: int = 64) -> nn.Sequential:
    """A plain ReLU MLP; the weights are torch's default where no other is given."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, width), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(width, 20))
    for layer in model if initialise is not None else ():
        if isinstance(layer, nn.Linear):
            initialise(layer.weight)
    return model


def he_mlp() -> nn.Module:
    return mlp(12, lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"))


def autoencoder() -> nn.Module:
    encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU())
    return nn.Sequential(encoder, nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64), nn.Sigmoid())


class ActorCritic(nn.Module):
    """Two heads on one trunk, one of them bounded."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.mean, self.value = nn.Linear(64, 2), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return torch.tanh(self.mean(h)), self.value(h).squeeze(-1)


STANDARD: tuple[Callable[[], nn.Module], ...] = (
    resnet,
    preact_resnet,
    vgg,
    plain_vgg,
    UNet,
    dcgan_generator,
    dcgan_discriminator,
    GPT,
    transformer,
    densenet,
    mobilenet,
    GraphAttention,
    Mish,
    lenet,
    he_mlp,
    autoencoder,
    ActorCritic,
)
