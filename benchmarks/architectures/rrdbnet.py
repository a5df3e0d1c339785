"""The generator of ESRGAN. Wang et al. 2018: ESRGAN. ECCV workshops, arXiv 1809.00219.

Residual-in-residual dense blocks without any normalisation: each activation is a LeakyReLU(0.2) in place on the
output of a convolution, whose result is concatenated.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALE = 0.2  # of each residual, for stability


class DenseBlock(nn.Module):
    """Five convolutions, each reading the input and all outputs before it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        for number in range(1, 6):
            width = channels if number == 5 else growth
            self.add_module(f"conv{number}", nn.Conv2d(channels + (number - 1) * growth, width, 3, padding=1))
        self.lrelu = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.lrelu(self.conv1(x))
        x2 = self.lrelu(self.conv2(torch.cat((x, x1), 1)))
        x3 = self.lrelu(self.conv3(torch.cat((x, x1, x2), 1)))
        x4 = self.lrelu(self.conv4(torch.cat((x, x1, x2, x3), 1)))
        x5 = self.conv5(torch.cat((x, x1, x2, x3, x4), 1))
        return x5 * SCALE + x


class ResidualInResidual(nn.Module):
    """Three dense blocks inside one more residual."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.RDB1 = DenseBlock(channels, growth)
        self.RDB2 = DenseBlock(channels, growth)
        self.RDB3 = DenseBlock(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        return self.RDB3(self.RDB2(self.RDB1(x))) * SCALE + x


class RRDBNet(nn.Module):
    """Images [N, 3, H, W] to images four times as large. The paper's own: channels 64, growth 32, 23 blocks."""

    def __init__(self, channels: int = 32, growth: int = 16, blocks: int = 3) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, channels, 3, padding=1)
        self.RRDB_trunk = nn.Sequential(*[ResidualInResidual(channels, growth) for _ in range(blocks)])
        self.trunk_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.upconv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.upconv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.HRconv = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)
        self.lrelu = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_first(x)
        x = x + self.trunk_conv(self.RRDB_trunk(x))
        x = self.lrelu(self.upconv1(F.interpolate(x, scale_factor=2, mode="nearest")))
        x = self.lrelu(self.upconv2(F.interpolate(x, scale_factor=2, mode="nearest")))
        return self.conv_last(self.lrelu(self.HRconv(x)))
