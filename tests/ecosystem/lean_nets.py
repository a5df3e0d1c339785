"""Networks whose norms, activations and layers behind keep one tensor, lean: the blocks of several kinds of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from side_by_side import made
from torch import Tensor, nn


def group(channels: int) -> nn.Module:
    return nn.GroupNorm(4, channels)


def instance(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


class Residual(nn.Module):
    """ResNet's block."""

    def __init__(self, norm: Callable[[int], nn.Module], act: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1, self.act1 = nn.Conv2d(8, 8, 3, padding=1, bias=False), norm(8), act()
        self.conv2, self.norm2, self.act2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), norm(8), act()

    def forward(self, x: Tensor) -> Tensor:
        return self.act2(self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x))))) + x)


class Perceptron(nn.Module):
    """A transformer's, on rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.first, self.act, self.second = (
            nn.LayerNorm(32),
            nn.Linear(32, 128),
            nn.GELU(),
            nn.Linear(128, 32),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.act(self.first(self.norm(x))))


def residual(norm: Callable[[int], nn.Module], act: Callable[[], nn.Module]) -> nn.Module:
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), norm(8), act())
    return nn.Sequential(stem, Residual(norm, act), nn.Conv2d(8, 2, 1))


def units(norm: Callable[[int], nn.Module], act: Callable[[], nn.Module]) -> nn.Module:
    """Each unit ends in an activation, and the next starts with the layer that reads it."""

    def unit(channels: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1, bias=False), norm(8), act())

    return nn.Sequential(unit(3), unit(8), nn.Conv2d(8, 2, 1))


NETS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "residual ReLU": (lambda: residual(nn.BatchNorm2d, lambda: nn.ReLU(inplace=True)), 0.85),
    "residual SiLU": (lambda: residual(nn.BatchNorm2d, nn.SiLU), 0.6),
    "group SiLU": (lambda: residual(group, nn.SiLU), 0.6),
    "units ending in ReLU": (lambda: units(nn.BatchNorm2d, nn.ReLU), 0.6),
    "group, units ending in ReLU": (lambda: units(group, nn.ReLU), 0.6),
    "units ending in GELU": (lambda: units(instance, nn.GELU), 0.45),
    "perceptron": (lambda: nn.Sequential(Perceptron(), Perceptron()), 0.85),
}
"""How they are made, and the part of eager's bytes that lean keeps at most."""


def net(name: str) -> Any:
    return made(NETS[name][0])
