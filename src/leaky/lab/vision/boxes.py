"""Boxes as (x1, y1, x2, y2) in shares of the image's width and height: overlap, and one box per object."""

from __future__ import annotations

import torch


def iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Intersection over union of every pair: (..., A, 4) and (..., B, 4) give (..., A, B); 0 for two empty boxes."""
    a, b = first.unsqueeze(-2), second.unsqueeze(-3)
    shared = _area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - shared
    return shared / union.clamp(min=1e-12)


def generalised_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """IoU less the share of the smallest box around both that neither covers; of boxes (..., 4) one by one.

    1 for equal boxes, towards -1 the further apart two are: it has a gradient where boxes do not meet.

    Source: H. Rezatofighi et al. 2019, Generalized Intersection over Union. CVPR. arXiv:1902.09630.
    """
    shared = _area(
        torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:])
    )
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:]) - shared
    around = _area(
        torch.minimum(first[..., :2], second[..., :2]), torch.maximum(first[..., 2:], second[..., 2:])
    )
    return shared / union.clamp(min=1e-12) - (around - union) / around.clamp(min=1e-12)


def corners(centred: torch.Tensor) -> torch.Tensor:
    """(x, y, width, height) as (x1, y1, x2, y2)."""
    middle, half = centred[..., :2], centred[..., 2:4] / 2
    return torch.cat((middle - half, middle + half), -1)


def suppress(boxes: torch.Tensor, classes: torch.Tensor, limit: float) -> torch.Tensor:
    """Which of the boxes (N, K, 4), best first, stay: those that no better one of their class overlaps by `limit`.

    Greedy non-maximum suppression, all N images side by side.
    """
    rivals = (iou(boxes, boxes) > limit) & (classes.unsqueeze(-1) == classes.unsqueeze(-2))
    rivals = rivals.triu(diagonal=1)
    kept = torch.ones(classes.shape, dtype=torch.bool)
    for better in range(classes.shape[-1]):
        kept &= ~(kept[:, better, None] & rivals[:, better])
    return kept


def _area(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    sides = (high - low).clamp(min=0)
    return sides[..., 0] * sides[..., 1]
