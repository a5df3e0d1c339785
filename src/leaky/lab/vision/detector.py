"""A one-stage detector on a grid, of the kind of YOLO: network, loss, and from its outputs to detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from leaky.lab.factory import ModelFactory
from leaky.lab.vision.boxes import corners, generalised_iou, iou, suppress
from leaky.lab.vision.classifiers import conv

_CANDIDATES, _OVERLAP = 100, 0.5
_IGNORED = 0.6
"""A cell that found an object's box this well is not told that there is none, though another is responsible."""
_NO_OBJECT = 0.5
"""The weight of cells without an object, which are many (Redmon et al. 2016)."""
_START = -4.0
"""The first logit of "an object is here": few cells have one, and a loss full of wrong alarms drowns the rest."""


@dataclass(frozen=True)
class Grid:
    """Cells of an image and the boxes (width, height in shares of the image) that each starts from."""

    height: int
    width: int
    anchors: tuple[tuple[float, float], ...]

    def anchor_sizes(self) -> torch.Tensor:
        """(anchors, 2)."""
        return torch.tensor(self.anchors)


class Detector(nn.Module):
    """Darknet-like blocks (3 x 3 convolution, batch norm, activation), a head that predicts at every cell and anchor.

    All stages but the last end with a 2 x 2 maximum pool; from the third on a stage is a 3 x 3, a 1 x 1 of half the
    width and a 3 x 3 convolution. Images (N, 3, H, W) give (N, cells * anchors, 5 + classes): centre and size in
    shares of the image, the logit of an object being there, a logit per class.

    Source: J. Redmon, A. Farhadi 2017, YOLO9000: Better, Faster, Stronger. CVPR (Darknet-19; boxes from anchors).
    """

    centres: torch.Tensor
    cells: torch.Tensor
    sizes: torch.Tensor

    def __init__(self, widths: Sequence[int], classes: int, grid: Grid, activation: ModelFactory) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage, width in enumerate(widths):
            parts = [(3, width)] if stage < 2 else [(3, width), (1, width // 2), (3, width)]
            for size, out in parts:
                layers += [
                    conv(channels, out, activation, size=size),
                    *activation.block(out, 2, normalisation="batch"),
                ]
                channels = out
            if stage < len(widths) - 1:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.each = 5 + classes
        self.head = nn.Conv2d(channels, len(grid.anchors) * self.each, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        start = torch.zeros(len(grid.anchors), self.each)
        start[:, 4] = _START
        self.head.bias = nn.Parameter(start.flatten())
        y, x = torch.meshgrid(torch.arange(grid.height), torch.arange(grid.width), indexing="ij")
        corner = torch.stack((x, y), -1).reshape(-1, 1, 2).float()
        self.register_buffer("centres", corner, persistent=False)
        self.register_buffer("cells", torch.tensor([grid.width, grid.height]).float(), persistent=False)
        self.register_buffer("sizes", grid.anchor_sizes(), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Boxes and logits of shape (N, cells * anchors, 5 + classes)."""
        raw = self.head(self.features(images))
        raw = raw.flatten(2).transpose(1, 2).unflatten(2, (len(self.sizes), self.each))
        centre = (self.centres + raw[..., :2].sigmoid()) / self.cells
        size = self.sizes * raw[..., 2:4].clamp(-4, 4).exp()  # from 1/55 of the anchor to 55 times it
        return torch.cat((centre, size, raw[..., 4:]), -1).flatten(1, 2)


class DetectionLoss:
    """Box, object and class loss of a batch, per object.

    For each object the cell with its centre is responsible, there the anchor whose shape fits best: its box should
    meet the object's (1 - generalised IoU), its class be right (cross entropy), and it alone say that something is
    there (binary cross entropy; those that meet an object well all the same are left in peace).
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __call__(self, outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """`outputs` of the detector and `truth` (N, M, 5): class, x1, y1, x2, y2, with class -1 as padding."""
        image, place = (truth[..., 0] >= 0).nonzero(as_tuple=True)
        objects = truth[image, place]
        where = self.responsible(objects[:, 1:])
        found = outputs[image, where]
        boxes = corners(outputs[..., :4])
        with torch.no_grad():
            known = truth[..., 1:].masked_fill(truth[..., :1] < 0, 0)
            near = iou(boxes, known).amax(-1)
            weight = torch.where(near > _IGNORED, 0.0, _NO_OBJECT)
            weight[image, where] = 1.0
            there = torch.zeros_like(weight)
            there[image, where] = 1.0
        box = (1 - generalised_iou(corners(found[:, :4]), objects[:, 1:])).sum()
        kind = F.cross_entropy(found[:, 5:], objects[:, 0].long(), reduction="sum")
        sure = F.binary_cross_entropy_with_logits(outputs[..., 4], there, weight, reduction="sum")
        return (2 * box + kind + sure) / max(len(objects), 1)

    def responsible(self, boxes: torch.Tensor) -> torch.Tensor:
        """The place among `cells * anchors` that answers for each box (x1, y1, x2, y2)."""
        grid = self.grid
        middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        column = (middle[:, 0] * grid.width).long().clamp(0, grid.width - 1)
        row = (middle[:, 1] * grid.height).long().clamp(0, grid.height - 1)
        anchors = grid.anchor_sizes()
        best = iou(corners(F.pad(size, (2, 0))), corners(F.pad(anchors, (2, 0)))).argmax(1)
        return (row * grid.width + column) * len(anchors) + best


def detect(outputs: torch.Tensor) -> torch.Tensor:
    """Detections (N, K, 6): class (-1 where suppressed), score, x1, y1, x2, y2, best score first.

    The score is the probability of an object times that of its class; of boxes of one class that overlap by more than
    half the best stays.
    """
    chance = outputs[..., 4:5].sigmoid() * outputs[..., 5:].softmax(-1)
    score, label = chance.max(-1)
    score, order = score.topk(min(_CANDIDATES, score.shape[1]), dim=1)
    label = label.gather(1, order)
    boxes = corners(outputs[..., :4].gather(1, order.unsqueeze(-1).expand(-1, -1, 4)))
    label = label.masked_fill(~suppress(boxes, label, _OVERLAP), -1)
    return torch.cat((label.unsqueeze(-1).float(), score.unsqueeze(-1), boxes), -1)
