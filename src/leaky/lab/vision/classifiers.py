"""The networks that the field tries first on small images: multilayer perceptrons, VGG, ResNet-8.

Each takes images of shape (N, C, H, W) and gives a score per class. Every layer that feeds an activation is drawn by
He's rule with that activation's gain, biases start at 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from leaky.lab.factory import ModelFactory
from leaky.nn.init import he_normal_


def mlp(
    shape: tuple[int, int, int], classes: int, width: int, hidden: int, activation: ModelFactory
) -> nn.Sequential:
    """`hidden` fully connected layers of `width` units, no normalisation."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs in [math.prod(shape), *[width] * (hidden - 1)]:
        layers += [linear(inputs, width, activation), *activation.block(width)]
    return nn.Sequential(*layers, _scores(width, classes))


def vgg(
    shape: tuple[int, int, int],
    classes: int,
    widths: Sequence[int],
    normalisation: str,
    activation: ModelFactory,
) -> nn.Sequential:
    """Pairs of 3 x 3 convolutions, each pair ended by a 2 x 2 maximum pool, then one fully connected layer.

    Source: K. Simonyan, A. Zisserman 2015, Very Deep Convolutional Networks for Large-Scale Image Recognition. ICLR.
    """
    layers: list[nn.Module] = []
    channels, height, width = shape
    for stage in widths:
        for _ in range(2):
            layers += [
                conv(channels, stage, activation),
                *activation.block(stage, 2, normalisation=normalisation),
            ]
            channels = stage
        layers.append(nn.MaxPool2d(2))
        height, width = height // 2, width // 2
    inner = 2 * widths[-1]
    layers += [nn.Flatten(), linear(channels * height * width, inner, activation), *activation.block(inner)]
    return nn.Sequential(*layers, _scores(inner, classes))


class ResNet8(nn.Module):
    """A convolution, three residual blocks of two convolutions each, widths doubling, then the mean over positions.

    Source: K. He, X. Zhang, S. Ren, J. Sun 2016, Deep Residual Learning for Image Recognition. CVPR (section 4.2, the
    networks of depth 6n + 2, with n = 1).
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, width: int, activation: ModelFactory
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(shape[0], width, activation), *activation.block(width, 2, normalisation="batch")
        )
        self.blocks = nn.Sequential(
            ResidualBlock(width, width, 1, activation),
            ResidualBlock(width, 2 * width, 2, activation),
            ResidualBlock(2 * width, 4 * width, 2, activation),
        )
        self.out = _scores(4 * width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of shape (N, classes)."""
        scores: torch.Tensor = self.out(self.blocks(self.stem(images)).mean((2, 3)))
        return scores


class ResidualBlock(nn.Module):
    """activation(shortcut(x) + norm(conv(activation(norm(conv(x)))))); the shortcut is 1 x 1 where shapes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int, activation: ModelFactory) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            conv(inputs, outputs, activation, stride=stride),
            *activation.block(outputs, 2, normalisation="batch"),
            conv(outputs, outputs, activation),
            activation.norm(outputs, 2, "batch"),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride)
        self.activation = activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        out: torch.Tensor = self.activation(self.shortcut(x) + self.inner(x))
        return out


def conv(inputs: int, outputs: int, activation: ModelFactory, *, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps height and width (divided by `stride`), drawn for the activation that it feeds."""
    layer = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2)
    he_normal_(layer.weight, activation.spec)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # a convolution made with one
    return layer


def linear(inputs: int, outputs: int, activation: ModelFactory) -> nn.Linear:
    """A fully connected layer, drawn for the activation that it feeds."""
    layer = nn.Linear(inputs, outputs)
    he_normal_(layer.weight, activation.spec)
    nn.init.zeros_(layer.bias)
    return layer


def _scores(inputs: int, classes: int) -> nn.Linear:
    """The last layer, which feeds no activation."""
    layer = nn.Linear(inputs, classes)
    he_normal_(layer.weight, "leaky_relu(1)")
    nn.init.zeros_(layer.bias)
    return layer
