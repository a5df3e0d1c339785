"""Small models, each with one habit of real ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def chain(inplace: bool = False, slope: float = 0.1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(slope, inplace),
        nn.Conv2d(8, 4, 3, padding=1),
    )


def groups() -> nn.Sequential:
    """Norms that take inputs of any rank."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.GroupNorm(4, 8),
        nn.LeakyReLU(0.1),
        nn.Conv2d(8, 8, 1, bias=False),
        nn.SyncBatchNorm(8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(8, 4, 3, padding=1),
    )


class FunctionalGroups(nn.Module):
    """The activations are calls; with one group that norm is one over whole samples."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.GroupNorm(1, 8, affine=False)
        self.linear, self.last = nn.Linear(8, 40), nn.GroupNorm(8, 40)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm(self.conv(x)), 0.1)
        return F.leaky_relu(self.last(self.linear(x.mean((2, 3)))), 0.1)


class Attributes(nn.Module):
    """Norm and activation as attributes; nothing in the order of registration says who follows whom."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.LeakyReLU(0.2)
        self.last = nn.Conv2d(8, 4, 1)
        self.norm = nn.InstanceNorm2d(8, affine=True)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.norm(self.conv(x))))


class Twice(nn.Module):
    """nnU-Net's block: every module under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.InstanceNorm2d(8, affine=True)
        self.nonlin = nn.LeakyReLU(0.01, inplace=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, self.nonlin)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.all_modules(x))


class Shared(nn.Module):
    """One activation after two norms and after a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.LeakyReLU(0.1)
        self.first, self.second, self.third = (nn.Conv2d(n, 8, 3, padding=1) for n in (3, 8, 8))
        self.norm1, self.norm2 = nn.BatchNorm2d(8), nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm1(self.first(x)))
        x = self.act(self.norm2(self.second(x)))
        return self.last(self.act(self.third(x)))


class Functional(nn.Module):
    """HiFi-GAN's habit."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(n, 8, 3, padding=1) for n in (3, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.convs[0](x)
        for conv in self.convs[1:]:
            x = x + conv(F.leaky_relu(x, 0.1))
        return F.leaky_relu(x)


class FunctionalNorm(nn.Module):
    """A norm whose activation is a call."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.last = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.leaky_relu(self.norm(self.conv(x)), 0.2))


class Untraceable(nn.Module):
    """Control flow that depends on data, around blocks that trace, and a call."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [chain(), nn.Sequential(nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3), nn.LeakyReLU())]
        )
        self.last = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
            if x.mean() > 1e6:
                x = x / 2
        return self.last(F.leaky_relu(x, 0.3))


class Residual(nn.Module):
    """`y += skip` on what a fused norm would keep."""

    def __init__(self, traces: bool = True) -> None:
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.LeakyReLU(0.1)
        self.last = nn.Sequential(
            nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.LeakyReLU(0.1), nn.Conv2d(3, 2, 1)
        )
        self.traces = traces

    def forward(self, x: Tensor) -> Tensor:
        if not self.traces and x.sum() > 1e9:
            return x
        y = self.act(self.norm(self.conv(x)))
        y += x
        return self.last(y)


class ResidualStem(nn.Module):
    """The block traces; what is done to its output does not."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.LeakyReLU(0.1))
        self.last = chain()

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        if x.sum() < 1e9:
            y += x
        return self.last(y)


class Level(nn.Module):
    """pix2pix: the activation inside alters, in place, what the skip outside reads."""

    def __init__(self, inside: nn.Module | None = None) -> None:
        super().__init__()
        if inside is None:
            self.model = nn.Sequential(nn.LeakyReLU(0.2, True), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(True))
        else:
            self.model = nn.Sequential(
                nn.LeakyReLU(0.2, True),
                nn.Conv2d(8, 8, 3, padding=1),
                nn.BatchNorm2d(8),
                inside,
                nn.ReLU(True),
                nn.Conv2d(16, 8, 3, padding=1),
                nn.BatchNorm2d(8),
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], 1)


def pix2pix() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), Level(Level(Level())), nn.Conv2d(16, 2, 1))


def images(seed: int = 0, size: int = 32) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))
