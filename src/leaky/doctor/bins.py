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


class Bins:
    """Counts between `EDGES`; the first and the last bin take what lies beyond."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._counts = torch.zeros(_BINS, dtype=torch.float64, device="cpu")

    def add(self, x: torch.Tensor) -> None:
        """Count the values of a dense tensor, none of them NaN."""
        count, limit = x.numel(), self._limit
        if limit is None or count <= limit:
            values = flat_in_memory(x)
        else:
            step = _step(count, limit)
            values = x.as_strided(((count - 1) // step + 1,), (step,))
        places = torch.mul(values, 10).asinh_().clamp_(-9.0, 9.0)
        self._counts.add_(torch.histc(places, _BINS, -9.0, 9.0).to(self._counts.device))

    def counts(self) -> NDArray[np.int64]:
        """So far."""
        return self._counts.numpy().astype(np.int64)


@lru_cache(maxsize=1024)
def _step(count: int, limit: int) -> int:
    """From value to value of a sample: no divisor in common, or the same units would come again and again."""
    step = count // limit
    while math.gcd(step, count) > 1:
        step += 1
    return step
