"""The U-Net generator of pix2pix. Isola et al. 2017: Image-to-Image Translation with Conditional Adversarial
Networks. CVPR, arXiv 1611.07004.

The nested modules of the authors' torch code, and its trap: each level opens with a LeakyReLU(0.2) in place on the
level's own input, and the skip reads that input afterwards. So the skip carries leaky_relu(x), and a change that
makes the activation work on a copy changes what the network computes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Level(nn.Module):
    """Half the image, the level inside, back up; beside it the input, altered by the activation in place."""

    def __init__(
        self, outer: int, inner: int, inside: Level | None, before: int | None = None, dropout: bool = False
    ) -> None:
        super().__init__()
        self.outermost = before is not None
        down = nn.Conv2d(before or outer, inner, 4, 2, 1, bias=False)
        up_from = inner if inside is None else 2 * inner
        up = nn.ConvTranspose2d(up_from, outer, 4, 2, 1, bias=self.outermost)
        modules: list[nn.Module] = [down]
        if not self.outermost:
            modules.insert(0, nn.LeakyReLU(0.2, True))
        if inside is not None:
            modules += [inside] if self.outermost else [nn.BatchNorm2d(inner), inside]
        modules += [nn.ReLU(True), up]
        modules += [nn.Tanh()] if self.outermost else [nn.BatchNorm2d(outer)]
        if dropout:
            modules.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        if self.outermost:
            return self.model(x)
        return torch.cat([x, self.model(x)], 1)


class Pix2PixGenerator(nn.Module):
    """Images [N, channels, S, S], S a multiple of 2**depth, to images of the same size in (-1, 1)."""

    def __init__(self, channels: int = 3, width: int = 64, depth: int = 8, *, dropout: bool = False) -> None:
        super().__init__()
        level = Level(8 * width, 8 * width, None)
        for _ in range(depth - 5):
            level = Level(8 * width, 8 * width, level, dropout=dropout)
        for factor in (4, 2, 1):
            level = Level(factor * width, 2 * factor * width, level)
        self.model = Level(channels, width, level, before=channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)
