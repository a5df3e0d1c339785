"""How far a function on arrays is from the rounded truth, in units in the last place.

The truth is the catalogue's formula in float64, at the parameters as the narrower precision rounds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaky.catalogue import Activation

Array = np.ndarray[Any, Any]


def ordinals(numbers: Array) -> Array:
    """Integers that count the numbers of a format in their order; both zeros are 0."""
    bits = numbers.view(f"i{numbers.itemsize}").astype(np.int64)
    return np.where(bits < 0, -(bits & np.iinfo(f"i{numbers.itemsize}").max), bits)


def at_precision(entry: Activation, setting: Mapping[str, Any], dtype: Any) -> dict[str, Any]:
    """Every parameter as `dtype` rounds it: numbers and tuples of them; counts and text as they are."""

    def nearest(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(nearest, value))
        return float(np.asarray(value, dtype=dtype)) if isinstance(value, float) else value

    return {name: nearest(value) for name, value in entry.bind(**setting).items()}


@dataclass(frozen=True)
class Worst:
    """The largest error found: in ulps, and where; and in eps, of the truth or of 1 where that is larger."""

    ulps: int = 0
    at: float = 0.0
    eps: float = 0.0

    def merge(self, other: Worst) -> Worst:
        """The worse of both."""
        worse = other if other.ulps > self.ulps else self
        return Worst(worse.ulps, worse.at, max(self.eps, other.eps))


BEYOND = 1 << 40
"""More than there are numbers of any format: NaN for a number, a number for NaN, the wrong sign of zero."""


def worst(got: Array, truth: Array, x: Array) -> Worst:
    """The largest distance between what was computed and the truth in float64, rounded once."""
    with np.errstate(all="ignore"):
        wanted = truth.astype(got.dtype)
        integer = f"u{got.itemsize}"
        different = np.flatnonzero(got.view(integer) != wanted.view(integer))
        if not different.size:
            return Worst()
        got, wanted, truth = got[different], wanted[different], truth[different]
        distance = np.abs(ordinals(got) - ordinals(wanted))
        neither = np.isnan(got) & np.isnan(wanted)
        zeros = distance == 0  # with another sign: wrong where the truth is 0, else it was tiny
        wrong = (np.isnan(got) != np.isnan(wanted)) | (zeros & (truth == 0))
        distance[zeros] = 1
        distance[wrong] = BEYOND
        distance[neither] = 0
        eps = np.abs(got.astype(np.float64) - truth) / np.finfo(got.dtype).eps / np.maximum(1, np.abs(truth))
        eps = np.where(np.isfinite(eps), eps, 0)
    place = int(np.argmax(distance))
    return Worst(int(distance[place]), float(x[different[place]]), float(eps.max()))
