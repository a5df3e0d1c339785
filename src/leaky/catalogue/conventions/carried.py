"""Answers given at one setting of the parameters, as they are at another.

A framework is asked where the two sides of a kink differ, and its defaults are elsewhere. An answer that is the
entry's own, or one side's slope, is that at every setting; 0, NaN and the infinities stay what they are. Anything
else is known where it was asked only. The contract puts the questions again at the defaults and at further settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from leaky.catalogue.conventions.questions import Answers, Question
from leaky.catalogue.entry import Activation

_KINK: Final = {"left": "left", "right": "right", "middle": "mid", "smooth": None}
_STEP: Final = 1e-7


def carry(activation: Activation, question: Question, answers: Answers, to: Mapping[str, Any]) -> Answers:
    """The `answers` to `question`, given at `answers.at`, as they are at the parameters `to`; None: no rule tells."""
    at = dict(answers.at)
    if equal(at, to):
        return answers

    def value(x: float, stated: float | None) -> float | None:
        return _as_own(stated, lambda parameters: float(activation.value([x], **parameters)[0]), at, to)

    return replace(
        answers,
        gradients=_gradients(activation, question, answers, to),
        nan=value(math.nan, answers.nan),
        nan_gradient=_nan_gradient(activation, answers.nan_gradient, at, to),
        minus_infinity=_minus_infinity(question, answers, to, value),
        values=tuple(
            y if other else value(x, y)
            for (x, other), y in zip(question.points, answers.values, strict=False)
        ),
        at=tuple(to.items()),
    )


def equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two settings are one, but for rounding."""
    return one.keys() == other.keys() and all(_close(one[name], other[name]) for name in one)


def side_of(activation: Activation, x: float, gradient: float, at: Mapping[str, Any]) -> str:
    """Which slope of the entry at x this gradient is: left, right, middle, smooth (both are one), or neither."""
    left, right = (
        round(float(slope), 5) for slope in activation.derivative([x - _STEP, x + _STEP], **dict(at))
    )
    for name, slope in (("left", left), ("right", right), ("middle", (left + right) / 2)):
        if abs(gradient - slope) < 1e-4:
            return "smooth" if left == right else name
    return "neither"


def _gradients(
    activation: Activation, question: Question, answers: Answers, to: Mapping[str, Any]
) -> tuple[float | None, ...]:
    """The slope of the same side at the kinks of `to`, or 0; None where it is another number, or x was no kink."""
    at = dict(answers.at)
    kinks_at = activation.kinks_at(*at.values()) or question.kinks
    kinks_to = activation.kinks_at(*to.values()) or question.kinks

    def slope(place: int, x: float, gradient: float | None) -> float | None:
        if gradient is None or place >= min(len(kinks_at), len(kinks_to)) or not _close(kinks_at[place], x):
            return None
        side = side_of(activation, x, gradient, at)
        if side == "neither":
            return 0.0 if gradient == 0 else None
        return float(activation.derivative([kinks_to[place]], *to.values(), kink=_KINK[side])[0])

    asked = zip(question.kinks, answers.gradients, strict=False)
    return tuple(slope(place, x, gradient) for place, (x, gradient) in enumerate(asked))


def _nan_gradient(
    activation: Activation, stated: float | None, at: Mapping[str, Any], to: Mapping[str, Any]
) -> float | None:
    """0, 1 and NaN as they are; else the slope far to the left, or 1 more, where both branches count."""
    if stated is None or math.isnan(stated) or stated in (0, 1):
        return stated
    there, here = (float(activation.derivative([-math.inf], **dict(known))[0]) for known in (at, to))
    return next((here + more for more in (0, 1) if _close(stated, there + more)), None)


def _minus_infinity(
    question: Question,
    answers: Answers,
    to: Mapping[str, Any],
    value: Callable[[float, float | None], float | None],
) -> float | None:
    for place, (x, other) in enumerate(question.points):
        if other and x == -math.inf and all(to[name] == y for name, y in other):
            return answers.values[place] if answers.values else None
    return value(-math.inf, answers.minus_infinity)


def _as_own(
    stated: float | None,
    own: Callable[[Mapping[str, Any]], float],
    at: Mapping[str, Any],
    to: Mapping[str, Any],
) -> float | None:
    if stated is None:
        return None
    if _close(stated, own(at)):
        return own(to)
    return stated if stated == 0 or not math.isfinite(stated) else None


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-5) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
