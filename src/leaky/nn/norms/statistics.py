"""What one call of a norm normalises by: the statistics, and what they are taken over."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from leaky.kernels import native
from leaky.nn.norms.ranks import Ranks


class Norm(NamedTuple):
    """One call's normalisation: statistics (to be filled, or given as in eval mode) and what it is over."""

    mean: torch.Tensor
    var: torch.Tensor
    eps: float
    groups: int
    """0: statistics of each channel over the batch; else of each of so many groups of a sample's channels."""
    given: bool
    running: tuple[torch.Tensor, torch.Tensor] | None = None
    """Mean and variance that move towards this batch's, by `momentum`."""
    momentum: float = 0.0
    ranks: Ranks | None = None
    """The processes over whose batches the statistics are taken; None: this one's."""
    kernels: Any = native
    """The module whose kernels serve."""


def wide_dtype(x: torch.Tensor) -> torch.dtype:
    """The dtype of statistics."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def empty_statistics(count: int, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    wide = wide_dtype(x)
    return torch.empty(count, dtype=wide, device=x.device), torch.empty(count, dtype=wide, device=x.device)
