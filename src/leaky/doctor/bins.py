"""The histogram of a site's pre-activations, of all values or of so many of each call."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.doctor.measures import EDGES
from leaky.doctor.sums import flat_in_memory

_BINS = len(EDGES) - 1
_TOGETHER = 32
"""Calls whose values are counted together: one by one they cost more than the rest of a small site."""


class Bins:
    """Counts between `EDGES`; the first and the last bin take what lies beyond."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._counts = torch.zeros(_BINS, dtype=torch.float64, device="cpu")
        self._waiting: list[torch.Tensor] = []

    def add(self, x: torch.Tensor) -> None:
        """Count the values of a dense tensor, none of them NaN."""
        count, limit = x.numel(), self._limit
        if limit is None:
            self._count(flat_in_memory(x))
            return
        step = _step(count, limit) if count > limit else 1
        self._waiting.append(x.as_strided(((count - 1) // step + 1,), (step,)).clone())
        if len(self._waiting) == _TOGETHER:
            self._catch_up()

    def counts(self) -> NDArray[np.int64]:
        """So far."""
        self._catch_up()
        return self._counts.numpy().astype(np.int64)

    def _catch_up(self) -> None:
        if self._waiting:
            self._count(torch.cat(self._waiting))
            self._waiting.clear()

    def _count(self, values: torch.Tensor) -> None:
        places = torch.mul(values, 10).asinh_().clamp_(-9.0, 9.0)
        self._counts.add_(torch.histc(places, _BINS, -9.0, 9.0).to(self._counts.device))


@lru_cache(maxsize=1024)
def _step(count: int, limit: int) -> int:
    """From value to value of a sample: no divisor in common, or the same units would come again and again."""
    step = count // limit
    while math.gcd(step, count) > 1:
        step += 1
    return step
