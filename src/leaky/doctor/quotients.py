"""From sums and counts to means, deviations and ranks; NaN where nothing was counted."""

from __future__ import annotations

import math

import numpy as np

from leaky.records.diagnosis import Numbers


def effective_rank(second_moment: Numbers | None) -> float:
    """exp of the entropy of the normalised singular values of the outputs, samples by units.

    The singular values are the roots of the eigenvalues of the (uncentred) second moment.
    """
    if second_moment is None or not np.isfinite(second_moment).all():
        return math.nan
    eigenvalues = np.linalg.eigvalsh(second_moment)
    floor = eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps if len(eigenvalues) else 0.0
    singular = np.sqrt(eigenvalues[eigenvalues > max(floor, 0.0)])
    if not len(singular):
        return math.nan  # every output is 0
    shares = singular / singular.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def over(numerator: Numbers, denominator: Numbers | float) -> Numbers:
    """The quotient; NaN where nothing was counted."""
    with np.errstate(all="ignore"):
        below = np.asarray(denominator, dtype=np.float64)
        quotient: Numbers = np.where(below == 0, np.nan, numerator / np.where(below == 0, 1.0, below))
        return quotient


def rms(squares: Numbers, count: float) -> Numbers:
    """The root of a mean of squares."""
    return np.sqrt(over(squares, count))


def deviation(square: Numbers, mean: Numbers) -> Numbers:
    """The standard deviation from the mean square."""
    with np.errstate(all="ignore"):
        deviation: Numbers = np.sqrt(np.maximum(square - mean**2, 0.0))
        return deviation
