"""Value and derivative of activations as marks on two panels: lines between the kinks, dots at them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from leaky.catalogue import Spec
from leaky.catalogue.pieces import Sided
from leaky.report.gather import sig
from leaky.report.shapes import Axis, Line, Panel, Points, Rule, Style, Value

REACH = 4.0
COUNT = 161
"""Places at which a curve is computed, from end to end."""
SIDE = 1e-9
"""How far beside a kink its two sides are read, relative to where it is."""
_SAME = 1e-6
"""Slopes and values closer than this are one."""


def function_panels(
    specs: Mapping[str, Spec], look: Mapping[str, Style], low: float = -REACH, high: float = REACH
) -> tuple[Panel, Panel]:
    """f and f' of element-wise activations between `low` and `high`, by label.

    For every label each panel has one line and two sets of points, filled dots at the kinks and open ones at what is
    not taken there; either may be empty.
    """
    drawn = [_marks(name, spec, look[name], low, high) for name, spec in specs.items()]
    axis = Axis("pre-activation x", low=low, high=high)
    zero = (Rule("x", 0.0), Rule("y", 0.0))
    panels = [
        Panel(
            title,
            axis,
            Axis(label),
            rules=zero if low < 0 < high else zero[1:],
            lines=tuple(marks[place][0] for marks in drawn),
            points=tuple(points for marks in drawn for points in marks[place][1:]),
        )
        for place, (title, label) in enumerate((("Function f(x)", "f(x)"), ("Derivative f′(x)", "f′(x)")))
    ]
    return panels[0], panels[1]


def reach(specs: Mapping[str, Spec]) -> float:
    """How far from 0 to draw so that every kink is seen: 4, or a quarter beyond the outermost kink."""
    kinks = [abs(kink) for spec in specs.values() for kink in spec.activation.kinks_at(*spec.values)]
    return max(REACH, 1.25 * max(kinks, default=0.0))


_Marks = tuple[Line, Points, Points]


def _marks(name: str, spec: Spec, style: Style, low: float, high: float) -> tuple[_Marks, _Marks]:
    """Piece by piece between the kinks, so that a jump is a gap and not a slanted line."""
    kinks = [kink for kink in spec.activation.kinks_at(*spec.values) if low < kink < high]
    xs: list[float] = []
    values: list[Value] = []
    slopes: list[Value] = []
    for left, right in itertools.pairwise([low, *kinks, high]):
        straight = spec.activation.piecewise_linear
        count = 2 if straight else max(3, math.floor(COUNT * (right - left) / (high - low) + 0.5))
        places = np.linspace(left, right, count)
        inside = np.clip(places, left + _beside(left), right - _beside(right))
        if xs:
            xs.append(sig(left, 9))
            values.append(None)
            slopes.append(None)
        xs += [sig(float(at), 9) for at in places]
        values += [_number(at) for at in spec.activation.value(inside, *spec.values)]
        slopes += [_number(at) for at in spec.activation.derivative(inside, *spec.values)]
    (value_dots, value_open), (slope_dots, slope_open) = _kinks(spec, kinks)
    x = tuple(xs)
    return (
        (
            Line(name, style, x, tuple(values)),
            _points(name, style, value_dots),
            _points(name, style, value_open, filled=False),
        ),
        (
            Line(name, style, x, tuple(slopes)),
            _points(name, style, slope_dots),
            _points(name, style, slope_open, filled=False),
        ),
    )


_Dot = tuple[float, float, str]


def _kinks(spec: Spec, kinks: list[float]) -> tuple[tuple[list[_Dot], list[_Dot]], ...]:
    """Where the derivative really jumps: elu at alpha 1 has a kink in the table, but none to see."""
    values: tuple[list[_Dot], list[_Dot]] = ([], [])
    slopes: tuple[list[_Dot], list[_Dot]] = ([], [])
    for kink in kinks:
        beside = _beside(kink)
        below, here, above = map(float, _slopes(spec, kink))
        first, value, last = map(
            float, spec.activation.value(np.asarray([kink - beside, kink, kink + beside]), *spec.values)
        )
        if abs(above - below) < _SAME and abs(last - first) < _SAME * max(1.0, abs(value)):
            continue
        values[0].append((kink, value, f"kink at {kink:.4g}: f = {value:.4g}"))
        slopes[0].append((kink, here, f"f′({kink:.4g}) = {here:.4g}"))
        for side, words in ((below, "left"), (above, "right")):
            if abs(side - here) > _SAME:
                slopes[1].append((kink, side, f"from the {words} {side:.4g}"))
        for side, words in ((first, "left"), (last, "right")):
            if abs(side - value) > _SAME * max(1.0, abs(value)):
                values[1].append((kink, side, f"from the {words} {side:.4g}"))
    return values, slopes


def _slopes(spec: Spec, kink: float) -> tuple[float, float, float]:
    """f' from the left, at the kink, and from the right."""
    sides: tuple[str | None, ...] = ("left", None, "right")
    if not isinstance(spec.activation.derivative_formula, Sided):
        sides = (None, None, None)
    left, here, right = (spec.activation.derivative([kink], *spec.values, kink=side)[0] for side in sides)
    return float(left), float(here), float(right)


def _points(name: str, style: Style, dots: list[_Dot], *, filled: bool = True) -> Points:
    xs, ys, words = zip(*dots, strict=True) if dots else ((), (), ())
    return Points(
        name, style, tuple(map(sig, xs)), tuple(map(sig, ys)), tuple(words), "circle", 7, filled=filled
    )


def _beside(at: float) -> float:
    return SIDE * max(1.0, abs(at))


def _number(value: float) -> Value:
    number = float(value)
    return sig(number, 6) if math.isfinite(number) else None
