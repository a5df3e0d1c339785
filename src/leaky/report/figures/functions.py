"""Figure 5: the functions themselves and their derivatives."""

from __future__ import annotations

import itertools

import numpy as np

from leaky import catalogue
from leaky.catalogue import Spec
from leaky.errors import LeakyError
from leaky.records import Study
from leaky.report.gather import sig
from leaky.report.palette import legend, styles
from leaky.report.shapes import Axis, Figure, Line, Panel, Points, Rule, Style, Value
from leaky.report.text import short_names

_REACH = 4.0
_SIDE = 1e-9
"""How far beside a kink its two sides are read."""


def functions_figure(study: Study) -> Figure | None:
    """Value and derivative side by side; None where no activation of the study is in the catalogue."""
    specs, unknown = _specs(study)
    if not specs:
        return None
    look = styles(study)
    values, slopes = [], []
    marks: tuple[list[Points], list[Points]] = ([], [])
    for name, spec in specs.items():
        value, slope = _lines(name, spec, look[name])
        values.append(value)
        slopes.append(slope)
        for kept, made in zip(marks, _kinks(name, spec, look[name]), strict=True):
            kept.extend(made)
    axis = Axis("pre-activation x", low=-_REACH, high=_REACH)
    zero = (Rule("x", 0.0), Rule("y", 0.0))
    caption = [
        "Computed from the catalogue's formulas in float64. The derivative is what the gradient is multiplied by "
        "on its way back; where it is 0, nothing is learned. A filled dot marks a kink, and on the derivative the "
        "value it takes there; an open dot is the side not taken."
    ]
    if unknown:
        shown = ", ".join(short_names(unknown).values())
        caption.append(f"Not in the catalogue, so not drawn: {shown}.")
    learned = [n for n, spec in specs.items() if any(p.learned for p in spec.activation.parameters)]
    if learned:
        caption.append(
            f"Drawn as it starts, before anything is learned: {', '.join(short_names(learned).values())}."
        )
    panels = (
        Panel("Function f(x)", axis, Axis("f(x)"), rules=zero, lines=tuple(values), points=tuple(marks[0])),
        Panel(
            "Derivative f′(x)", axis, Axis("f′(x)"), rules=zero, lines=tuple(slopes), points=tuple(marks[1])
        ),
    )
    keys = tuple(pair for pair in legend(study) if pair[0] in specs)
    return Figure("functions", "The functions and their derivatives", tuple(caption), panels, keys)


def _specs(study: Study) -> tuple[dict[str, Spec], list[str]]:
    specs, unknown = {}, []
    for arm in study.arms:
        try:
            specs[arm.activation] = catalogue.parse(arm.activation)
        except LeakyError:  # a user's own function, or a record of another version
            unknown.append(arm.activation)
    return specs, unknown


def _lines(name: str, spec: Spec, style: Style) -> tuple[Line, Line]:
    """Piece by piece between the kinks, so that a jump is a gap and not a slanted line."""
    inner = sorted(kink for kink in spec.activation.kinks if -_REACH < kink < _REACH)
    edges = [-_REACH, *inner, _REACH]
    xs: list[float] = []
    values: list[Value] = []
    slopes: list[Value] = []
    for left, right in itertools.pairwise(edges):
        straight = spec.activation.piecewise_linear
        count = 2 if straight else max(3, round(121 * (right - left) / (2 * _REACH)))
        x = np.linspace(left, right, count)
        inside = np.clip(x, left + _SIDE, right - _SIDE)
        if xs:
            xs.append(left)
            values.append(None)
            slopes.append(None)
        xs += [sig(float(at)) for at in x]
        values += [_number(at) for at in spec.activation.value(inside, **spec.parameters)]
        slopes += [_number(at) for at in spec.activation.derivative(inside, **spec.parameters)]
    return Line(name, style, tuple(xs), tuple(values)), Line(name, style, tuple(xs), tuple(slopes))


def _kinks(name: str, spec: Spec, style: Style) -> tuple[list[Points], list[Points]]:
    """Marks where the derivative really jumps: elu at alpha 1 has a kink in the table, but none to see."""
    values, slopes = [], []
    for kink in spec.activation.kinks:
        around = np.asarray([kink - _SIDE, kink, kink + _SIDE])
        below, here, above = (float(at) for at in spec.activation.derivative(around, **spec.parameters))
        if abs(above - below) < 1e-6 or not -_REACH < kink < _REACH:
            continue
        value = float(spec.activation.value(np.asarray([kink]), **spec.parameters)[0])
        values.append(Points(name, style, (kink,), (sig(value),), (f"kink at {kink:g}",), "circle", 7))
        slopes.append(Points(name, style, (kink,), (sig(here),), (f"f′({kink:g}) = {here:g}",), "circle", 7))
        for side, words in ((below, "from the left"), (above, "from the right")):
            if abs(side - here) > 1e-6:
                hover = (f"{words} {side:.4g}",)
                slopes.append(Points(name, style, (kink,), (sig(side),), hover, "circle", 7, filled=False))
    return values, slopes


def _number(value: float) -> Value:
    number = float(value)
    return round(number, 5) if np.isfinite(number) else None
