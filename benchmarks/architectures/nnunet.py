"""The plain 3d U-Net of nnU-Net. Isensee et al. 2021: nnU-Net. Nature Methods 18, 203-211.

The module tree of dynamic-network-architectures' PlainConvUNet, which nnU-Net v2 trains: every convolution, norm and
activation is registered twice, as an attribute of its block and inside the block's Sequential `all_modules`, and the
decoder holds the encoder too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ConvNormAct(nn.Module):
    """Conv3d, InstanceNorm3d with weights, LeakyReLU(0.01) in place."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv3d(before, after, 3, stride, padding=1)
        self.norm = nn.InstanceNorm3d(after, eps=1e-5, affine=True)
        self.nonlin = nn.LeakyReLU(0.01, inplace=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, self.nonlin)

    def forward(self, x: Tensor) -> Tensor:
        return self.all_modules(x)


class StackedConvs(nn.Module):
    """Two blocks; the first may halve the volume."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.convs = nn.Sequential(ConvNormAct(before, after, stride), ConvNormAct(after, after))

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(x)


class Encoder(nn.Module):
    """Stages, each on half the volume of the one before; the output of each is a skip."""

    def __init__(self, channels: int, features: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            *[
                nn.Sequential(StackedConvs(before, after, 1 if number == 0 else 2))
                for number, (before, after) in enumerate(
                    zip([channels, *features[:-1]], features, strict=True)
                )
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        skips = []
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        return skips


class Decoder(nn.Module):
    """Transposed convolution, skip concatenated, two blocks, once per step up; a 1x1x1 convolution classifies."""

    def __init__(
        self, encoder: Encoder, features: Sequence[int], classes: int, deep_supervision: bool
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.encoder = encoder
        steps = list(zip(features[:0:-1], features[-2::-1], strict=True))
        self.stages = nn.ModuleList(StackedConvs(2 * above, above) for _, above in steps)
        self.transpconvs = nn.ModuleList(nn.ConvTranspose3d(below, above, 2, 2) for below, above in steps)
        self.seg_layers = nn.ModuleList(nn.Conv3d(above, classes, 1) for _, above in steps)

    def forward(self, skips: list[Tensor]) -> Tensor | list[Tensor]:
        x = skips[-1]
        predictions = []
        last = len(self.stages) - 1
        for number, (up, stage, classify) in enumerate(
            zip(self.transpconvs, self.stages, self.seg_layers, strict=True)
        ):
            x = stage(torch.cat((up(x), skips[-2 - number]), 1))
            if self.deep_supervision or number == last:
                predictions.append(classify(x))
        return predictions[::-1] if self.deep_supervision else predictions[0]


class PlainConvUNet3d(nn.Module):
    """Volumes [N, channels, D, H, W] to class scores of the same size; with deep supervision, of every size."""

    def __init__(
        self,
        channels: int = 1,
        features: Sequence[int] = (16, 32, 64, 128, 160),
        classes: int = 2,
        *,
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(channels, features)
        self.decoder = Decoder(self.encoder, features, classes, deep_supervision)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        return self.decoder(self.encoder(x))
