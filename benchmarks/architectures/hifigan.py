"""The generator of HiFi-GAN. Kong, Kim and Bae 2020: HiFi-GAN. NeurIPS, arXiv 2010.05646.

The smallest of the paper's three (V3): three transposed convolutions, each followed by the mean of three residual
blocks of the second type. Activations are calls of `F.leaky_relu`, so no module marks them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1

WeightNorm = Callable[[nn.Module], nn.Module]


class ResidualBlock(nn.Module):
    """Two dilated convolutions, each behind a leaky ReLU and inside a shortcut."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], norm: WeightNorm) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            norm(
                nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2)
            )
            for dilation in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = x + conv(F.leaky_relu(x, SLOPE))
        return x


class HiFiGANGenerator(nn.Module):
    """Mel spectrograms [N, 80, T] to waveforms [N, 1, 256 T] in (-1, 1).

    `norm` is the weight norm: torch's parametrization, or the older `torch.nn.utils.weight_norm` of the authors.
    """

    def __init__(
        self,
        mels: int = 80,
        channels: int = 256,
        rates: Sequence[int] = (8, 8, 4),
        kernels: Sequence[int] = (16, 16, 8),
        block_kernels: Sequence[int] = (3, 5, 7),
        dilations: Sequence[Sequence[int]] = ((1, 2), (2, 6), (3, 12)),
        norm: WeightNorm = weight_norm,
    ) -> None:
        super().__init__()
        self.conv_pre = norm(nn.Conv1d(mels, channels, 7, padding=3))
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(rates, kernels, strict=True):
            up = nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2)
            self.ups.append(norm(up))
            channels //= 2
            for size, steps in zip(block_kernels, dilations, strict=True):
                self.resblocks.append(ResidualBlock(channels, size, steps, norm))
        self.conv_post = norm(nn.Conv1d(channels, 1, 7, padding=3))
        self.branches = len(block_kernels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_pre(x)
        for number, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            first, *others = self.resblocks[number * self.branches : (number + 1) * self.branches]
            total = first(x)
            for block in others:
                total = total + block(x)
            x = total / self.branches
        x = F.leaky_relu(x)  # the default slope, 0.01, as in the authors' code
        return torch.tanh(self.conv_post(x))
