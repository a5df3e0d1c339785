"""The models that own data are trained on unless one is given: by the kind of the inputs, small and usual."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from leaky.errors import unknown_name
from leaky.lab.factory import ModelFactory
from leaky.lab.vision.classifiers import ResNet8, linear, mlp, vgg
from leaky.nn.init import he_normal_

Shape = tuple[int, ...]
Network = Callable[[Shape, int, ModelFactory], nn.Module]

_UNITS = 64
_CHANNELS = 16
_DEPTHS = {"shallow": 2, "deep": 20}


def perceptron(hidden: int, shape: Shape, outputs: int, activation: ModelFactory) -> nn.Module:
    """`hidden` fully connected layers of 64 units, no normalisation."""
    return mlp((math.prod(shape), 1, 1), outputs, _UNITS, hidden, activation)


def pairs(normalisation: str, shape: Shape, outputs: int, activation: ModelFactory) -> nn.Module:
    """VGG-style: pairs of 3 x 3 convolutions, 16 channels, then twice as many after each 2 x 2 pool."""
    channels, height, width = shape
    widths = [_CHANNELS * 2**stage for stage in range(_stages(min(height, width)))]
    return vgg((channels, height, width), outputs, widths, normalisation, activation)


def residual(shape: Shape, outputs: int, activation: ModelFactory) -> nn.Module:
    """ResNet-8 with 16 to 64 channels and batch norm."""
    channels, height, width = shape
    return ResNet8((channels, height, width), outputs, _CHANNELS, activation)


def convolutions(normalisation: str, shape: Shape, outputs: int, activation: ModelFactory) -> nn.Module:
    """Pairs of convolutions of width 5 over time, each ended by a pool of 2; then mean and maximum over time."""
    channels, steps = shape
    layers: list[nn.Module] = []
    for stage in range(_stages(steps)):
        width = _CHANNELS * 2**stage
        for _ in range(2):
            layer = nn.Conv1d(channels, width, 5, padding=2)
            he_normal_(layer.weight, activation.spec)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # a convolution made with one
            layers += [layer, *activation.block(width, 1, normalisation=normalisation)]
            channels = width
        layers.append(nn.MaxPool1d(2))
    inner = 2 * channels
    layers += [MeanAndMaximum(), linear(2 * channels, inner, activation), *activation.block(inner)]
    return nn.Sequential(*layers, _last(inner, outputs))


class MeanAndMaximum(nn.Module):
    """(N, C, T) to (N, 2 C): the mean and the maximum of each channel over time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The two, side by side."""
        return torch.cat([x.mean(2), x.amax(2)], 1)


class Rescaled(nn.Module):
    """A network that learns standardised targets, and answers in the targets' own unit: centre + scale * net(x)."""

    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, net: nn.Module, centre: Any, scale: Any) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("centre", torch.tensor(centre))
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of shape (N,) for one target a row, otherwise (N, targets)."""
        outputs: torch.Tensor = self.net(x)
        if self.centre.dim() == 0 and outputs.dim() == 2 and outputs.shape[1] == 1:
            outputs = outputs.squeeze(1)
        answers: torch.Tensor = self.centre + self.scale * outputs
        return answers


NETWORKS: Mapping[str, Mapping[str, tuple[str, Network]]] = MappingProxyType(
    {
        "table": {
            name: (
                f"a multilayer perceptron with {hidden} hidden layers of {_UNITS} units",
                partial(perceptron, hidden),
            )
            for name, hidden in _DEPTHS.items()
        },
        "images": {
            "vgg": ("a VGG-style network, no normalisation", partial(pairs, "none")),
            "vgg_norm": ("a VGG-style network with batch norm", partial(pairs, "batch")),
            "resnet8": (f"ResNet-8 with {_CHANNELS} to {4 * _CHANNELS} channels, batch norm", residual),
        },
        "sequences": {
            "cnn": ("convolutions over time, no normalisation", partial(convolutions, "none")),
            "cnn_norm": ("convolutions over time with batch norm", partial(convolutions, "batch")),
        },
    }
)
"""For each kind of input its networks, the usual one first: a few words for the report, and what builds it."""


def network(kind: str, name: str | None) -> tuple[str, Network]:
    """What the report says of the network of that name, and its builder; the kind's usual one for None."""
    known = NETWORKS[kind]
    if name is not None and name not in known:
        raise unknown_name(f"model for {kind}:", name, known)
    return known[name or next(iter(known))]


def of_network(
    build: Network,
    shape: Shape,
    outputs: int,
    scale: tuple[Any, Any] | None,
    activation: ModelFactory,
    seed: int,
) -> nn.Module:
    """A task's model function, once its first four arguments are bound; `scale` is (centre, scale) of numbers."""
    net = build(shape, outputs, activation)
    return net if scale is None else Rescaled(net, *scale)


def of_own(
    build: Callable[[ModelFactory, int], nn.Module],
    scale: tuple[Any, Any],
    activation: ModelFactory,
    seed: int,
) -> nn.Module:
    """The same around a model function of the user's, for targets that are numbers."""
    return Rescaled(build(activation, seed), *scale)


def _stages(side: int) -> int:
    """Pools of 2 until a side is some 8 long; at least one, at most five."""
    return min(5, max(1, round(math.log2(max(side, 1) / 8)))) if side >= 2 else 0


def _last(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    he_normal_(layer.weight, "leaky_relu(1)")
    nn.init.zeros_(layer.bias)
    return layer
