"""Wilcoxon's signed ranks of paired differences: Hodges-Lehmann's median, its interval, and p. Arrays in, values out.

Estimate, interval and p are one functional: the interval is the test's own, turned round. Differences may be
infinite, which is the highest rank: a run that failed altogether counts by one rank, however far it went. All of it
is counted exactly, and nothing drawn (Hollander, Wolfe, Chicken 2014: Nonparametric Statistical Methods, chapter 3).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaky.lab.statistics import LEVEL
from leaky.records import Interval

Array = NDArray[np.float64]
Side = Literal["above", "below", "both"]

_DIGITS = 1e-12
"""Differences that are equal but for that share of the largest are ties: 0.3 - 0.2 is 0.1."""


def hodges_lehmann(differences: Array) -> Interval:
    """The median of the means of all pairs of differences, each with itself too, and its 95 % interval.

    Differences must not be NaN. The ends are infinite for fewer than six, which cannot exclude any value at that
    level; with ties the interval covers somewhat more. An infinite difference and one of the other sign have mean 0.
    """
    count = len(differences)
    if not count:
        return Interval(math.nan, math.nan, math.nan)
    first, second = np.triu_indices(count)
    with np.errstate(invalid="ignore"):
        means = np.sort(
            np.nan_to_num((differences[first] + differences[second]) / 2, posinf=np.inf, neginf=-np.inf)
        )
        middle = float(np.nan_to_num(np.median(means), posinf=np.inf, neginf=-np.inf))
    chances = _chances(np.arange(1, count + 1))
    outside = int((np.cumsum(chances) <= (1 - LEVEL) / 2).sum())  # of the means, at each end
    if not outside:
        return Interval(middle, -math.inf, math.inf)
    return Interval(middle, float(means[outside - 1]), float(means[-outside]))


def signed_rank_p(differences: Array, edge: float, side: Side = "both", resolution: float = 0.0) -> float:
    """The chance of ranks as far "above" or "below" as these, or farther on "both" sides, were the median at `edge`.

    Differences equal to it keep their rank and take no side (Pratt 1959); ties share one. Equal are those no farther
    apart than `resolution`, or the last digits of numbers would make ranks. NaN without a difference.
    """
    if not len(differences):
        return math.nan
    moved = differences - edge
    sizes = np.abs(moved)
    finite = sizes[np.isfinite(sizes)]
    near = max(resolution, _DIGITS * float(finite.max(initial=0.0)))
    moved = np.where(sizes <= near, 0.0, moved)
    ranks = np.rint(2 * _ranks(np.abs(moved), near))[moved != 0].astype(np.int64)  # twice: halves of ties
    chances, above = _chances(ranks), int(ranks[moved[moved != 0] > 0].sum())
    upper, lower = float(chances[above:].sum()), float(chances[: above + 1].sum())
    p = {"above": upper, "below": lower, "both": 2 * min(upper, lower)}[side]
    return min(1.0, p)


def _ranks(sizes: Array, near: float) -> Array:
    """Ranks in which sizes that are `near` to the next are tied."""
    order = np.argsort(sizes)
    ordered = sizes[order]
    with np.errstate(invalid="ignore"):  # of two that are infinite
        apart = np.diff(ordered) > near
    groups = np.empty(len(sizes))
    groups[order] = np.concatenate([[0], np.cumsum(apart)])
    return np.asarray(stats.rankdata(groups), np.float64)


def _chances(ranks: NDArray[np.int64]) -> Array:
    """Of every sum of those ranks whose difference is positive, where each is so with chance 1/2."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks:
        moved = np.zeros_like(chances)
        moved[rank:] = chances[: len(chances) - rank]
        chances = (chances + moved) / 2
    return chances
