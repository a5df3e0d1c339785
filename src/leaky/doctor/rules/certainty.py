"""How much a number of samples allows to say: three closed forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RARE = 0.01
"""The activity below which a unit counts as rarely active."""
ENOUGH = 299
"""Samples without a single activity from which on the 95 % bound of the activity is below `RARE`."""

# Student's t at 97.5 % for 1, 2, ... degrees of freedom; beyond, an expansion that is good to three digits.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def never_seen_bound(samples: int) -> float:
    """The highest rate that something seen on none of `samples` may still have, at 95 %: about 3/samples.

    The rule of three (Hanley, Lippman-Hand 1983), in its exact form 1 - 0.05^(1/samples).

    >>> round(never_seen_bound(32), 3), round(never_seen_bound(299), 4)
    (0.089, 0.01)
    """
    return 1.0 - 0.05 ** (1 / samples) if samples > 0 else 1.0


def share_interval(share: float, samples: int) -> tuple[float, float]:
    """The 95 % interval of a share that was seen on `samples` (Wilson 1927).

    >>> [round(end, 3) for end in share_interval(1.0, 100)]
    [0.963, 1.0]
    """
    if samples <= 0 or not math.isfinite(share):
        return math.nan, math.nan
    z = 1.959964
    width = 1 + z**2 / samples
    middle = (share + z**2 / (2 * samples)) / width
    half = z * math.sqrt(share * (1 - share) / samples + z**2 / (4 * samples**2)) / width
    return max(middle - half, 0.0), min(middle + half, 1.0)


@dataclass(frozen=True)
class Trend:
    """A quantity that grows by a factor from layer to layer: `factor`, its 95 % interval, and the fit's R squared."""

    factor: float
    low: float
    high: float
    fit: float
    layers: int
    start: float
    """Where the fitted line begins, at the first layer."""

    @property
    def total(self) -> float:
        """The factor from the first layer to the last."""
        return self.factor ** (self.layers - 1)


def trend(values: Sequence[float]) -> Trend | None:
    """The factor per layer: least squares of the logarithms over depth; None with fewer than four numbers above 0."""
    points = [(place, math.log(v)) for place, v in enumerate(values) if math.isfinite(v) and v > 0]
    n = len(points)
    if n < 4:
        return None
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    sxx = sum((x - mx) ** 2 for x, _ in points)
    syy = sum((y - my) ** 2 for _, y in points)
    slope = sum((x - mx) * (y - my) for x, y in points) / sxx
    left = max(syy - slope**2 * sxx, 0.0)
    half = _student(n - 2) * math.sqrt(left / (n - 2) / sxx)
    return Trend(
        factor=math.exp(slope),
        low=math.exp(slope - half),
        high=math.exp(slope + half),
        fit=1 - left / syy if syy > 1e-12 else 1.0,
        layers=len(values),
        start=math.exp(my - slope * mx),
    )


def _student(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
