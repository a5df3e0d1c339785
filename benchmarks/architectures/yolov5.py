"""YOLOv5s. Jocher et al. 2021: ultralytics/yolov5, v6.0. Zenodo 10.5281/zenodo.5563715.

The network of yolov5s.yaml: a CSP backbone, spatial pyramid pooling, a neck that goes up and down the scales (PANet),
three heads. A normalised convolution is Conv2d(bias=False), BatchNorm2d, SiLU; the published code sets every SiLU to
work in place once the network is built.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conv(nn.Sequential):
    """Convolution, norm, SiLU in place."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, padding: int = -1) -> None:
        super().__init__(
            nn.Conv2d(before, after, kernel, stride, kernel // 2 if padding < 0 else padding, bias=False),
            nn.BatchNorm2d(after, eps=1e-3, momentum=0.03),
            nn.SiLU(inplace=True),
        )


class Bottleneck(nn.Module):
    """A 1x1 and a 3x3 convolution, with a shortcut around them in the backbone."""

    def __init__(self, width: int, *, shortcut: bool) -> None:
        super().__init__()
        self.cv1 = Conv(width, width)
        self.cv2 = Conv(width, width, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    """Half of the channels through bottlenecks, half past them, and a 1x1 convolution over both."""

    def __init__(self, before: int, after: int, times: int, *, shortcut: bool = True) -> None:
        super().__init__()
        half = after // 2
        self.cv1 = Conv(before, half)
        self.cv2 = Conv(before, half)
        self.cv3 = Conv(2 * half, after)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut=shortcut) for _ in range(times)))

    def forward(self, x: Tensor) -> Tensor:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


class SPPF(nn.Module):
    """Three max-pools one after the other, beside what goes into them: windows of 5, 9 and 13."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        half = before // 2
        self.cv1 = Conv(before, half)
        self.cv2 = Conv(4 * half, after)
        self.m = nn.MaxPool2d(5, 1, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        once = self.m(x)
        twice = self.m(once)
        return self.cv2(torch.cat((x, once, twice, self.m(twice)), 1))


class YOLOv5(nn.Module):
    """Images [N, 3, H, W], H and W multiples of 32, to the raw predictions of three scales, fine first.

    Scales have `width` * 2, 4, 8 and 16 channels; YOLOv5s is width 32 and `depth` 1.
    """

    def __init__(self, classes: int = 80, *, width: int = 32, depth: int = 1) -> None:
        super().__init__()
        quarter, eighth, sixteenth, last = (width * factor for factor in (2, 4, 8, 16))
        self.fine = nn.Sequential(
            Conv(3, width, 6, 2, padding=2),
            Conv(width, quarter, 3, 2),
            C3(quarter, quarter, depth),
            Conv(quarter, eighth, 3, 2),
            C3(eighth, eighth, 2 * depth),
        )
        self.middle = nn.Sequential(Conv(eighth, sixteenth, 3, 2), C3(sixteenth, sixteenth, 3 * depth))
        self.coarse = nn.Sequential(
            Conv(sixteenth, last, 3, 2), C3(last, last, depth), SPPF(last, last), Conv(last, sixteenth)
        )
        self.up = nn.Upsample(scale_factor=2)
        self.up_middle = nn.Sequential(
            C3(2 * sixteenth, sixteenth, depth, shortcut=False), Conv(sixteenth, eighth)
        )
        self.up_fine = C3(2 * eighth, eighth, depth, shortcut=False)
        self.to_middle = Conv(eighth, eighth, 3, 2)
        self.down_middle = C3(2 * eighth, sixteenth, depth, shortcut=False)
        self.to_coarse = Conv(sixteenth, sixteenth, 3, 2)
        self.down_coarse = C3(2 * sixteenth, last, depth, shortcut=False)
        outputs = 3 * (5 + classes)  # three anchors: box, objectness, classes
        self.heads = nn.ModuleList(nn.Conv2d(before, outputs, 1) for before in (eighth, sixteenth, last))

    def forward(self, x: Tensor) -> list[Tensor]:
        fine = self.fine(x)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        between = self.up_middle(torch.cat((self.up(coarse), middle), 1))
        fine = self.up_fine(torch.cat((self.up(between), fine), 1))
        middle = self.down_middle(torch.cat((self.to_middle(fine), between), 1))
        coarse = self.down_coarse(torch.cat((self.to_coarse(middle), coarse), 1))
        return [head(scale) for head, scale in zip(self.heads, (fine, middle, coarse), strict=True)]
