"""YOLOv3. Redmon and Farhadi 2018: YOLOv3: An Incremental Improvement. arXiv 1804.02767.

The network of darknet's yolov3.cfg: 75 convolutions, a Darknet-53 backbone of residual shortcuts, and three heads
joined by upsampling and routes. A normalised convolution is Conv2d(bias=False), BatchNorm2d, LeakyReLU(0.1), out of
place as in the most used torch port (some set inplace=True; `inplace` says which).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# One row of the table is one layer of the cfg:
#   ("conv", filters, kernel, stride), ("shortcut", from), ("route", *layers), ("upsample",), ("head",).
# Layer numbers below zero count back from the layer itself, the others from the first layer, as in the cfg.
Row = tuple[str | int, ...]


def _residual(filters: int, times: int) -> list[Row]:
    """A convolution that halves the image, then so many bottlenecks with a shortcut around each."""
    block: list[Row] = [("conv", filters // 2, 1, 1), ("conv", filters, 3, 1), ("shortcut", -3)]
    return [("conv", filters, 3, 2), *block * times]


def _head(filters: int) -> list[Row]:
    """Three pairs of 1x1 and 3x3 convolutions, then the predictions of one scale."""
    return [*[("conv", filters // 2, 1, 1), ("conv", filters, 3, 1)] * 3, ("head",)]


def _up(filters: int, skip: int) -> list[Row]:
    """Back from the head to its third pair, upsampled beside a layer of the backbone."""
    return [("route", -3), ("conv", filters, 1, 1), ("upsample",), ("route", -1, skip)]


BACKBONE: list[Row] = [
    ("conv", 32, 3, 1),
    *_residual(64, 1),
    *_residual(128, 2),
    *_residual(256, 8),
    *_residual(512, 8),
    *_residual(1024, 4),
]
TABLE: list[Row] = [*BACKBONE, *_head(1024), *_up(256, 61), *_head(512), *_up(128, 36), *_head(256)]


class YOLOv3(nn.Module):
    """Images [N, 3, H, W], H and W multiples of 32, to the raw predictions of three scales, coarse first."""

    def __init__(self, classes: int = 80, *, inplace: bool = False) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        widths: list[int] = []  # channels that each layer puts out
        before = 3
        for number, (kind, *values) in enumerate(TABLE):
            if kind == "conv":
                filters, kernel, stride = (int(value) for value in values)
                layer: nn.Module = nn.Sequential(
                    nn.Conv2d(before, filters, kernel, stride, padding=kernel // 2, bias=False),
                    nn.BatchNorm2d(filters),
                    nn.LeakyReLU(0.1, inplace=inplace),
                )
                width = filters
            elif kind == "head":
                width = 3 * (5 + classes)  # three anchors: box, objectness, classes
                layer = nn.Conv2d(before, width, 1)
            elif kind == "upsample":
                layer, width = nn.Upsample(scale_factor=2), before
            else:
                layer = nn.Identity()
                width = sum(widths[_number(number, int(value))] for value in values)
            self.layers.append(layer)
            widths.append(width)
            before = width

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs: list[Tensor] = []
        predictions = []
        for number, ((kind, *values), layer) in enumerate(zip(TABLE, self.layers, strict=True)):
            if kind == "shortcut":
                x = x + outputs[_number(number, int(values[0]))]
            elif kind == "route":
                routed = [outputs[_number(number, int(value))] for value in values]
                x = routed[0] if len(routed) == 1 else torch.cat(routed, 1)
            else:
                x = layer(x)
            if kind == "head":
                predictions.append(x)
            outputs.append(x)
        return predictions


def _number(here: int, layer: int) -> int:
    return layer if layer >= 0 else here + layer
