"""The losses of own data, as functions of plain numbers, so that two tasks with the same ones are the same."""

from __future__ import annotations

from typing import Any

import torch


def scaled_squared_error(scale: Any, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """mean(((outputs - targets) / scale)^2): 1 is what the mean of the targets gives, whatever their unit.

    Args:
        scale: the targets' standard deviation, one number or one for each output.
        outputs: of shape (N,) or (N, outputs).
        targets: of the same shape.
    """
    scale = torch.tensor(scale, dtype=outputs.dtype)
    return torch.nn.functional.mse_loss(outputs / scale, targets / scale)


def weighted_cross_entropy(
    weights: tuple[float, ...], outputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Cross entropy in which a row counts by its class: sum(w[y] * loss) / sum(w[y]).

    Args:
        weights: of each class, above 0; N / (classes * rows of the class) makes all classes count alike.
        outputs: of shape (N, classes).
        targets: class numbers of shape (N,).
    """
    return torch.nn.functional.cross_entropy(outputs, targets, torch.tensor(weights, dtype=outputs.dtype))
