"""What scores of paired seeds can tell: arrays in, values out. SciPy computes what SciPy has.

Every random draw is seeded: the same scores always give the same intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaky.records import Interval, Verdict

LEVEL = 0.95
POWER = 0.8
_RESAMPLES = 9999
_ORDERINGS = 99_999
_EXACT_UP_TO = 13
"""Pairs up to which all 2^n sign flips are counted instead of sampled."""

Scores = Sequence[float] | NDArray[np.float64]


def interquartile_mean(scores: Scores) -> Interval:
    """Mean of the middle half of the scores, with a percentile bootstrap interval (Agarwal et al. 2021).

    A quarter of the scores (rounded down) is cut from each end. The interval is NaN for a single score.
    """
    values = np.asarray(scores, dtype=np.float64)
    if len(values) < 2:
        return Interval(float(values[0]) if len(values) else math.nan, math.nan, math.nan)

    def statistic(sample: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(stats.trim_mean(sample, 0.25, axis=axis))

    low, high = _bootstrap((values,), statistic, paired=False)
    return Interval(float(stats.trim_mean(values, 0.25)), low, high)


def paired_improvement(
    scores: Scores, baseline: Scores, *, higher_is_better: bool, resolution: float = 0.0
) -> Interval:
    """Mean of the paired differences, positive where `scores` are better, with Student's t interval.

    Student's and not a bootstrap: with ten pairs the percentile bootstrap covers about 90 % instead of 95 %.
    `resolution` is the smallest step of the metric; the spread is not taken to be below it, since a few equal
    scores on a small test split do not show that there is none.
    """
    differences = _differences(scores, baseline, higher_is_better)
    mean = float(differences.mean()) if len(differences) else math.nan
    if len(differences) < 2:
        return Interval(mean, math.nan, math.nan)
    half = stats.t.ppf((1 + LEVEL) / 2, len(differences) - 1) * _standard_error(differences, resolution)
    return Interval(mean, mean - float(half), mean + float(half))


def median_difference(scores: Scores, baseline: Scores) -> Interval:
    """Median of the paired differences, with a percentile bootstrap interval; NaN ends for fewer than two pairs.

    A run that failed altogether moves the mean as far as it likes, the median by one rank.
    """
    differences = _differences(scores, baseline, True)
    if len(differences) < 2:
        return Interval(float(differences[0]) if len(differences) else math.nan, math.nan, math.nan)

    def statistic(sample: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(np.median(sample, axis=axis))

    low, high = _bootstrap((differences,), statistic, paired=False)
    return Interval(float(np.median(differences)), low, high)


def probability_of_improvement(scores: Scores, baseline: Scores, *, higher_is_better: bool) -> Interval:
    """Chance that one run beats one of the baseline's, a tie counting half (Agarwal et al. 2021).

    The Mann-Whitney statistic over all pairs of runs; the bootstrap draws seeds, both sides together.
    """
    sign = 1.0 if higher_is_better else -1.0
    ours, theirs = sign * np.asarray(scores, np.float64), sign * np.asarray(baseline, np.float64)
    if not len(ours) or not len(theirs):
        return Interval(math.nan, math.nan, math.nan)

    def statistic(a: NDArray[np.float64], b: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        a, b = np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1)
        above = a[..., :, None] > b[..., None, :]
        equal = a[..., :, None] == b[..., None, :]
        return np.asarray((above + 0.5 * equal).mean((-2, -1)))

    estimate = float(statistic(ours, theirs, -1))
    if len(ours) < 2 or len(ours) != len(theirs):
        return Interval(estimate, math.nan, math.nan)
    low, high = _bootstrap((ours, theirs), statistic, paired=True)
    return Interval(estimate, low, high)


def sign_flip_p(scores: Scores, baseline: Scores) -> float:
    """Two-sided p of the paired permutation test: under no effect each difference may as well be negative.

    Exact for up to 13 pairs (n pairs cannot give a p below 2/2^n), by 9,999 seeded draws beyond.
    """
    a, b = np.asarray(scores, np.float64), np.asarray(baseline, np.float64)
    if len(a) < 2:
        return math.nan
    if np.array_equal(a, b):
        return 1.0

    def statistic(x: NDArray[np.float64], y: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(np.mean(x - y, axis=axis))

    result = stats.permutation_test(
        (a, b),
        statistic,
        permutation_type="samples",
        vectorized=True,
        n_resamples=2 ** len(a) if len(a) <= _EXACT_UP_TO else _RESAMPLES,
        alternative="two-sided",
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


@dataclass(frozen=True)
class Ordering:
    """How sure an order of several arms is: the chance of the whole of it, and Kendall's tau with it."""

    probability: float
    tau: Interval


def ordering(scores: NDArray[np.float64]) -> Ordering:
    """Whether the mean scores fall from column to column, over resamples of the rows, all columns of a row together.

    Args:
        scores: shape (seeds, arms), the arms in the order that is held against them, the best, highest, first.

    Returns:
        The share of 99,999 resamples in which every mean is above the next, and Kendall's tau of the means with that
        order (1 for the whole order, -1 for its contrary) with a percentile interval.

    Example:
        >>> import numpy as np
        >>> found = ordering(np.array([[3.0, 2.0, 1.0], [4.0, 2.0, 0.0]]))
        >>> found.probability, found.tau.estimate
        (1.0, 1.0)
    """
    count, arms = scores.shape
    first, second = np.triu_indices(arms, 1)

    def tau(means: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sign(means[..., first] - means[..., second]).mean(-1))

    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _ORDERINGS)
    means = draws @ scores / count
    taus = tau(means)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(taus, [tail, 1 - tail])
    whole = (np.diff(means, axis=1) < 0).all(1).mean()
    return Ordering(float(whole), Interval(float(tau(scores.mean(0))), float(low), float(high)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the chance of any false alarm among all of them stays below the level."""
    adjusted = [math.nan] * len(p_values)
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    highest = 0.0
    for rank, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = highest
    return adjusted


def detectable_difference(
    scores: Scores, baseline: Scores, *, margin: float, resolution: float = 0.0
) -> float:
    """The true mean difference that this many pairs, spread as these are, call better with 80 % power.

    The interval must lie above the margin for that, so the margin is part of it.
    """
    differences = _differences(scores, baseline, True)
    if len(differences) < 2:
        return math.nan
    freedom = len(differences) - 1
    factor = stats.t.ppf((1 + LEVEL) / 2, freedom) + stats.t.ppf(POWER, freedom)
    return margin + float(factor * _standard_error(differences, resolution))


def verdict(improvement: Interval, margin: float) -> Verdict:
    """What the interval of the paired improvement says about a difference of at least `margin`."""
    if math.isnan(improvement.low) or math.isnan(improvement.high):
        return "undecided"
    if improvement.low > margin:
        return "better"
    if improvement.high < -margin:
        return "worse"
    if -margin <= improvement.low and improvement.high <= margin:
        return "no practical difference"
    return "undecided"


def _differences(scores: Scores, baseline: Scores, higher_is_better: bool) -> NDArray[np.float64]:
    difference = np.asarray(scores, np.float64) - np.asarray(baseline, np.float64)
    return difference if higher_is_better else -difference


def _standard_error(values: NDArray[np.float64], resolution: float) -> float:
    return max(float(values.std(ddof=1)), resolution) / math.sqrt(len(values))


def _bootstrap(data: tuple[NDArray[np.float64], ...], statistic: Any, *, paired: bool) -> tuple[float, float]:
    result = stats.bootstrap(
        data,
        statistic,
        paired=paired,
        vectorized=True,
        n_resamples=_RESAMPLES,
        batch=1000,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)
