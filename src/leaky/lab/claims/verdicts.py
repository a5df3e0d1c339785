"""From paired values to rulings: values in, rulings out.

A ruling needs two things that agree: the 95 % interval of the median difference, and the sign-flip p of the contrary,
corrected by Holm over every hypothesis of the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leaky.lab import statistics
from leaky.records import Interval
from leaky.records.ledger import Effect, Hypothesis, Ruling

ALPHA = 0.05


def effect_of(hypothesis: Hypothesis, values: Mapping[str, Sequence[float]]) -> Effect:
    """The effect, with its own p; not ruled on yet. Pairs with a value that is not finite are left out."""
    differences = differences_of(hypothesis, values)
    interval = statistics.median_difference(differences, np.zeros(len(differences)))
    p = contrary_p(hypothesis, differences)
    return Effect(hypothesis, interval, len(differences), p, math.nan, "undecided")


def differences_of(hypothesis: Hypothesis, values: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """The effect, pair by pair."""
    plus = [np.asarray(values[name], np.float64) for name in hypothesis.plus]
    minus = [np.asarray(values[name], np.float64) for name in hypothesis.minus]
    total = np.asarray(sum(plus) - sum(minus) - hypothesis.reference, np.float64)
    return total[np.isfinite(total)]


def contrary_p(hypothesis: Hypothesis, differences: NDArray[np.float64]) -> float:
    """The chance of differences as far from the margin as these, or farther, were the true effect at the margin.

    Outside both margins, or in one direction, the nearest margin is the contrary; between two of them both
    are, and the larger p counts (Berger, Hsu 1996: two one-sided tests).
    """
    margin, direction = hypothesis.margin, hypothesis.direction
    if direction in ("higher", "lower"):
        edges = [margin if direction == "higher" else -margin]
    else:
        middle = float(np.median(differences)) if len(differences) else 0.0
        edges = [margin, -margin] if abs(middle) <= margin else [math.copysign(margin, middle)]
    p_values = [statistics.sign_flip_p(differences, np.full(len(differences), edge)) for edge in edges]
    return max(p_values) if not any(map(math.isnan, p_values)) else math.nan


def rule(effects: Sequence[Effect], family: int) -> list[Effect]:
    """Every effect with Holm's p over a family of `family` hypotheses, and its ruling.

    Hypotheses that were not measured count with p = 1: measuring them later makes no ruling easier.
    """
    unmeasured = [1.0] * max(0, family - len(effects))
    known = [1.0 if math.isnan(effect.p_value) else effect.p_value for effect in effects]
    adjusted = statistics.holm([*known, *unmeasured])[: len(effects)]
    return [
        replace(effect, p_holm=p, ruling=ruling_of(effect.hypothesis, effect.interval, p))
        for effect, p in zip(effects, adjusted, strict=True)
    ]


def ruling_of(hypothesis: Hypothesis, interval: Interval, p: float) -> Ruling:
    """What interval and p, taken together, say of the hypothesis."""
    low, high, margin = interval.low, interval.high, hypothesis.margin
    if math.isnan(low) or math.isnan(high) or not p < ALPHA:
        return "undecided"
    above, below = low > margin, high < -margin
    within = -margin <= low and high <= margin
    holds, fails = {
        "higher": (above, high < margin),
        "lower": (below, low > -margin),
        "same": (within, above or below),
        "different": (above or below, within),
    }[hypothesis.direction]
    return "supported" if holds else "refuted" if fails else "undecided"


def together(rulings: Iterable[Ruling]) -> Ruling:
    """Of a claim: supported where all its hypotheses are, refuted where one of them is."""
    found = list(rulings)
    if "refuted" in found:
        return "refuted"
    return "supported" if found and all(ruling == "supported" for ruling in found) else "undecided"
