"""What runs of several tasks tell together, after Agarwal et al. 2021: arrays in, values out.

Every task is a stratum: the bootstrap draws runs within each, so an interval covers seeds and not the choice of
tasks. Every random draw is seeded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaky.lab.statistics import LEVEL
from leaky.records import Interval

Array = NDArray[np.float64]
_DRAWS = 2000


def normalised(scores: Array, worst: float, best: float) -> Array:
    """Scores with `worst` at 0 and `best` at 1; what is worse than the worst (a diverged run) is 0."""
    if best == worst:
        return np.ones_like(scores)
    return np.maximum((scores - worst) / (best - worst), 0.0)


def performance_profile(runs: Sequence[Array], thresholds: Array) -> tuple[Array, Array, Array]:
    """Share of runs above each threshold, mean over tasks: value, low and high ends of the band."""

    def share(sample: Array) -> Array:
        return np.asarray((sample[..., :, None] > thresholds).mean(-2))

    value = np.mean([share(task) for task in runs], axis=0)
    draws = np.mean([share(drawn) for drawn in _drawn(runs)], axis=0)
    low, high = np.quantile(draws, _ends(), axis=0)
    return value, low, high


def interquartile_mean(runs: Sequence[Array]) -> Interval:
    """Mean of the middle half of all runs of all tasks."""
    return _interval(runs, lambda flat: np.asarray(stats.trim_mean(flat, 0.25, axis=-1)))


def optimality_gap(runs: Sequence[Array]) -> Interval:
    """How far normalised scores fall short of 1 on average; what lies above 1 does not make up for it."""
    return _interval(runs, lambda flat: np.asarray(1 - np.minimum(flat, 1.0).mean(-1)))


def mean_probability(ours: Sequence[Array], theirs: Sequence[Array]) -> Interval:
    """Chance that one run beats one of the other's (a tie counts half), mean over tasks; seeds of a task are pairs.

    Scores must point upwards: the higher the better.
    """

    def chance(a: Array, b: Array) -> Array:
        above, equal = a[..., :, None] > b[..., None, :], a[..., :, None] == b[..., None, :]
        return np.asarray((above + 0.5 * equal).mean((-2, -1)))

    pairs = [np.stack((a, b)) for a, b in zip(ours, theirs, strict=True)]
    value = float(np.mean([chance(a, b) for a, b in pairs]))
    if any(pair.shape[1] < 2 for pair in pairs):
        return Interval(value, math.nan, math.nan)
    drawn = [pair[:, _indices(pair.shape[1], place)] for place, pair in enumerate(pairs)]
    draws = np.mean([chance(a, b) for a, b in drawn], axis=0)
    low, high = np.quantile(draws, _ends())
    return Interval(value, float(low), float(high))


def _interval(runs: Sequence[Array], statistic: Callable[[Array], Array]) -> Interval:
    value = float(statistic(np.concatenate(list(runs))))
    if all(len(task) < 2 for task in runs):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(statistic(np.concatenate(_drawn(runs), axis=-1)), _ends())
    return Interval(value, float(low), float(high))


def _drawn(runs: Sequence[Array]) -> list[Array]:
    return [task[_indices(len(task), place)] for place, task in enumerate(runs)]


def _indices(count: int, place: int) -> NDArray[np.int64]:
    """As many draws of runs with replacement; the same at each call, another for each task."""
    return np.random.default_rng((0, place)).integers(count, size=(_DRAWS, count))


def _ends() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2
