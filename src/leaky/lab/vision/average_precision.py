"""Average precision of detections, as PASCAL VOC counts it since 2010."""

from __future__ import annotations

import math

import torch

from leaky.lab.vision.boxes import iou


def average_precision(
    detections: torch.Tensor, truth: torch.Tensor, label: int, *, overlap: float = 0.5
) -> float:
    """Area below the precision-recall curve of one class, all points: NaN where `truth` has none of it.

    Over all images, detections are taken by falling score. One is right when the box of its class and image that it
    overlaps most is met by at least `overlap` (IoU) and no better detection has taken that box; every other is wrong.
    Precision at a recall is the best at that or any higher recall.

    Args:
        detections: (N, K, 6): class, score, x1, y1, x2, y2; class -1 is padding.
        truth: (N, M, 5): class, x1, y1, x2, y2; class -1 is padding.
        label: the class.
        overlap: the smallest IoU of a hit.

    Returns:
        From 0 to 1.

    Example:
        >>> box = [0.1, 0.1, 0.5, 0.5]
        >>> found = torch.tensor([[[0, 0.9, *box], [0, 0.8, 0.6, 0.6, 0.9, 0.9]]])
        >>> average_precision(found, torch.tensor([[[0, *box]]]), 0)
        1.0

    Source: M. Everingham et al. 2015, The PASCAL Visual Object Classes Challenge: A Retrospective. IJCV 111.
    """
    wanted = truth[..., 0] == label
    objects = int(wanted.sum())
    if not objects:
        return math.nan
    overlaps = iou(detections[..., 2:6], truth[..., 1:5]).masked_fill(~wanted.unsqueeze(-2), -1)
    best, which = overlaps.max(-1)
    which = which + torch.arange(len(truth)).unsqueeze(-1) * truth.shape[1]  # one number per box of any image
    mine = detections[..., 0] == label
    order = detections[..., 1][mine].argsort(descending=True, stable=True)
    met, box = (best[mine] >= overlap)[order], which[mine][order]
    right = met & _first(torch.where(met, box, -1))
    if not right.any():
        return 0.0
    hits = right.cumsum(0).double()
    precision = hits / torch.arange(1, len(hits) + 1)
    envelope = precision.flip(0).cummax(0).values.flip(0)
    return float(envelope[right].sum() / objects)


def mean_average_precision(detections: torch.Tensor, truth: torch.Tensor, classes: int) -> float:
    """The mean of `average_precision` over the classes that `truth` has; NaN where it has none."""
    found = [average_precision(detections, truth, label) for label in range(classes)]
    known = [value for value in found if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _first(values: torch.Tensor) -> torch.Tensor:
    """Whether each value is the first of its kind."""
    order = values.argsort(stable=True)
    ranked = values[order]
    new = torch.ones_like(ranked, dtype=torch.bool)
    new[1:] = ranked[1:] != ranked[:-1]
    first = torch.empty_like(new)
    first[order] = new
    return first
