"""Which of several values are as good as the best of them: scores of paired seeds in, intervals out.

The best of many on the same scores looks better than it is. So nothing is compared with the one that scored best:
these are multiple comparisons with the best (Edwards and Hsu 1983), whose intervals hold for every value at once,
whichever of them is truly the best.

Source: D. Edwards, J. Hsu 1983, Multiple Comparisons with the Best Treatment. Journal of the American Statistical
Association 78, 965-971; here for paired scores, with Student's t and Bonferroni's correction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from leaky.lab.statistics import LEVEL
from leaky.records import Interval, Standing, Verdict

Matrix = NDArray[np.float64]


def shortfalls(
    scores: Sequence[Sequence[float]], *, higher_is_better: bool, resolution: float = 0.0
) -> list[Interval]:
    """How far the mean of each row lies below that of the best row (0 or negative), with simultaneous intervals.

    Args:
        scores: one row for each value, its columns paired: the same seeds for all.
        higher_is_better: the direction of the scores.
        resolution: the smallest step of the metric; the spread of differences is not taken to be below it.

    Returns:
        In the order of the rows. The ends are NaN where there are fewer than two columns.

    >>> [round(found.low, 2) for found in shortfalls([[3, 3.1, 2.9], [1, 1.1, 0.9]], higher_is_better=True)]
    [0.0, -2.0]
    """
    values = np.asarray(scores, np.float64) * (1 if higher_is_better else -1)
    rows, columns = values.shape
    means = values.mean(1)
    estimates = means - means.max()
    if rows == 1:
        return [Interval(0.0, 0.0, 0.0)]
    if columns < 2:
        return [Interval(float(e), math.nan, math.nan) for e in estimates]
    gaps = values[:, None, :] - values[None, :, :]  # how far row i is ahead of row j
    spread = np.maximum(gaps.std(2, ddof=1), resolution) / math.sqrt(columns)
    reach = float(stats.t.ppf(1 - (1 - LEVEL) / 2 / (rows - 1), columns - 1)) * spread
    np.fill_diagonal(reach, 0.0)
    gap = gaps.mean(2)
    candidates = np.flatnonzero((gap + reach >= 0).all(1))  # no other row is surely better
    return [_interval(row, float(estimates[row]), gap, reach, candidates) for row in range(rows)]


def _interval(
    row: int, estimate: float, gap: Matrix, reach: Matrix, candidates: NDArray[np.int64]
) -> Interval:
    """Against every row that may be the best: at worst the lowest of those ends, at best the highest."""
    others = candidates[candidates != row]
    low = min(0.0, float((gap - reach)[row, others].min())) if len(others) else 0.0
    may_be_best = len(others) < len(candidates)
    high = 0.0 if may_be_best else min(0.0, float((gap + reach)[row, others].max()))
    return Interval(estimate, low, high)


def standing(shortfall: Interval, margin: float) -> Standing:
    """What the interval says: within the margin of the best, below it by more than the margin, or neither yet."""
    if math.isnan(shortfall.low):
        return "undecided"
    if shortfall.low >= -margin:
        return "as good as the best"
    return "worse than the best" if shortfall.high < -margin else "undecided"


def recommended(
    plateau: Sequence[float],
    *,
    default: float,
    chosen: float,
    validation: Mapping[float, float],
    against_chosen: Verdict | None = None,
) -> float:
    """The default if it is on the plateau, else what was chosen on validation if that is, else the best there.

    Final scores choose nothing here: they say what is on the plateau, validation scores (the higher the better, as
    given) say which of that. Without a plateau it is what was chosen, unless the one comparison of the default with
    that, `against_chosen`, says that the default is better or makes no practical difference.
    """
    if not plateau and against_chosen in ("better", "no practical difference"):
        return default
    for value in (default, chosen):
        if value in plateau:
            return value
    return max(plateau, key=lambda value: (validation.get(value, -math.inf), -value), default=chosen)
