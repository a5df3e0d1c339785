"""From paired values to rulings: values in, rulings out.

A ruling needs two things that agree: the 95 % interval of Hodges-Lehmann's median difference, and the p of Wilcoxon's
signed ranks of the contrary, corrected by Holm over every hypothesis of the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leaky.lab import statistics
from leaky.lab.signed_rank import hodges_lehmann, signed_rank_p
from leaky.records import Interval
from leaky.records.ledger import Effect, Forecast, Hypothesis, Prediction, Ruling

ALPHA = 0.05
_TOLD = 1e-6
"""The share of a usual value that counts: what is nearer is equal."""
WHOLE = 0.9
"""The share of the pairs that must have a number, or nothing is decided."""
RULES = f"Hodges-Lehmann; signed ranks, two sides, equivalence by two one-sided tests; Holm; {ALPHA} {WHOLE}"
"""What the definition of a claim says of how it is ruled on: another text makes other definitions."""


def effect_of(
    hypothesis: Hypothesis, values: Mapping[str, Sequence[float]], at_edge: Sequence[str] = ()
) -> Effect:
    """The effect, with its own p; not ruled on yet.

    A pair without a number is left out, one with an infinite number on one side has the highest rank. `at_edge` ends
    the names of values that were measured at a learning rate on the edge of those tried.
    """
    differences = differences_of(hypothesis, values)
    known = differences[~np.isnan(differences)]
    edges = [edge for edge in at_edge if any(name.endswith(f", {edge}") for name in hypothesis.names)]
    reason = f"best at the edge of the learning rates: {'; '.join(edges)}" if edges else ""
    if len(known) < WHOLE * len(differences):
        reason = f"only {len(known)} of {len(differences)} pairs have a number"
    if capped := _capped(hypothesis, values):
        reason = f"in {capped} of {len(differences)} pairs neither learned in all its epochs"
    return Effect(
        hypothesis,
        hodges_lehmann(known),
        len(known),
        contrary_p(hypothesis, known, _resolution(hypothesis, values)),
        math.nan,
        "undecided",
        asked=len(differences),
        differences=tuple(known.tolist()),
        reason=reason,
    )


def differences_of(hypothesis: Hypothesis, values: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """The effect, pair by pair, on the seeds that all its values have; NaN where one has no number."""
    plus = [np.asarray(values[name], np.float64) for name in hypothesis.plus]
    minus = [-np.asarray(values[name], np.float64) for name in hypothesis.minus]
    count = min(map(len, [*plus, *minus]))
    with np.errstate(invalid="ignore"):  # two runs that diverged tell nothing
        total = np.sum([side[:count] for side in [*plus, *minus]], axis=0) - hypothesis.reference
    return np.asarray(total, np.float64)


def _capped(hypothesis: Hypothesis, values: Mapping[str, Sequence[float]]) -> int:
    """Pairs of runs that never came down to the loss and count as all epochs, where those are over a tenth."""
    if not all(name.startswith("epochs, ") for name in hypothesis.names) or not hypothesis.minus:
        return 0
    sides = [np.asarray(values[name], np.float64) for name in hypothesis.names]
    count = min(map(len, sides))
    both = np.all([side[:count] == sides[0][:count] for side in sides], axis=0) & np.isfinite(
        sides[0][:count]
    )
    whole = np.isclose(10 ** sides[0][:count], np.round(10 ** sides[0][:count]), rtol=1e-12)
    capped = int(np.sum(both & whole))
    return capped if capped > count - WHOLE * count else 0


def _resolution(hypothesis: Hypothesis, values: Mapping[str, Sequence[float]]) -> float:
    """What differences of these values cannot tell: accuracies are computed in float32."""
    found = np.abs(np.concatenate([np.asarray(values[name], np.float64) for name in hypothesis.names]))
    finite = found[np.isfinite(found)]
    return _TOLD * float(np.median(finite)) if len(finite) else 0.0


def contrary_p(hypothesis: Hypothesis, differences: NDArray[np.float64], resolution: float = 0.0) -> float:
    """The chance of differences as far from the margin as these, or farther, were the true effect at the margin.

    Two-sided, from the nearest margin, outside both margins or in one direction. Between two of them both are the
    contrary, and the larger of the two one-sided p counts (Berger, Hsu 1996).
    """
    margin, direction = hypothesis.margin, hypothesis.direction
    middle = hodges_lehmann(differences).estimate if len(differences) else 0.0
    if direction in ("higher", "lower"):
        edge = margin if direction == "higher" else -margin
        return signed_rank_p(differences, edge, resolution=resolution)
    if abs(middle) > margin:
        return signed_rank_p(differences, math.copysign(margin, middle), resolution=resolution)
    return max(
        signed_rank_p(differences, -margin, "above", resolution),
        signed_rank_p(differences, margin, "below", resolution),
    )


def rule(effects: Sequence[Effect], family: int) -> list[Effect]:
    """Every effect with Holm's p over a family of `family` hypotheses, and its ruling.

    Hypotheses that were not measured count with p = 1: measuring them later makes no ruling easier.
    """
    unmeasured = [1.0] * max(0, family - len(effects))
    known = [1.0 if math.isnan(effect.p_value) else effect.p_value for effect in effects]
    adjusted = statistics.holm([*known, *unmeasured])[: len(effects)]
    return [
        replace(
            effect,
            p_holm=p,
            ruling="undecided" if effect.reason else ruling_of(effect.hypothesis, effect.interval, p),
        )
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


def together(rulings: Iterable[Ruling], *, universal: bool = False) -> Ruling:
    """Of a claim: supported where all its hypotheses are, refuted where one is and none supported, mixed where both.

    A universal statement is refuted by one case against it.
    """
    found = list(rulings)
    if "refuted" in found:
        return "mixed" if "supported" in found and not universal else "refuted"
    return "supported" if found and all(ruling == "supported" for ruling in found) else "undecided"


def forecast(prediction: Prediction, values: Mapping[str, Sequence[float]]) -> Forecast:
    """What a prediction came to: over the seeds that have a number, in pairs where it is of a difference."""
    sides = [np.asarray(values[name], np.float64) for name in prediction.names]
    count = min(map(len, sides))
    with np.errstate(invalid="ignore"):
        total = sides[0][:count] - (sides[1][:count] if len(sides) > 1 else 0.0)
    known = total[~np.isnan(total)]
    value = float(np.median(known)) if len(known) else math.nan
    return Forecast(prediction, value, prediction.low <= value <= prediction.high)
