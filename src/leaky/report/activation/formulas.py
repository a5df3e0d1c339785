"""The script of a page with sliders: the formulas of what is drawn, as JavaScript, and what the sliders set."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from leaky.catalogue import Activation, Parameter, Spec
from leaky.catalogue.pieces import Sided
from leaky.errors import ArgumentError
from leaky.report.activation.curves import COUNT, SIDE
from leaky.report.activation.trace import function

_STEPS = 200
"""Positions of a slider."""
_FARTHEST = 1e300
"""Where sliders end: what is computed on the way to a round end beyond would overflow."""


def script(specs: Mapping[str, Spec], low: float, high: float) -> str:
    """`leaky.formulas` by entry, and `leaky.drawn`, what the figure shows by its place in the legend."""
    entries = {spec.activation.name: spec.activation for spec in specs.values()}
    formulas = ",\n".join(f"{json.dumps(name)}: {_formulas(entry)}" for name, entry in entries.items())
    drawn = [
        {
            "entry": spec.activation.name,
            "straight": spec.activation.piecewise_linear,
            "names": [known.name for known in adjustable(spec.activation)],
        }
        for spec in specs.values()
    ]
    settings = {"drawn": drawn, "low": low, "high": high, "count": COUNT, "side": SIDE}
    return (
        f'"use strict";\nglobalThis.leaky = {{ ...{json.dumps(settings)}, formulas: {{\n{formulas}\n}} }};\n'
    )


def adjustable(entry: Activation) -> list[Parameter]:
    """The parameters that one number or one word sets."""
    return [known for known in entry.parameters if not known.series]


def controls(specs: Mapping[str, Spec]) -> list[dict[str, Any]]:
    """What stands beside the figure for every activation with something to set."""
    return [
        {
            "place": place,
            "label": label,
            "entry": spec.activation.name,
            "inputs": [_input(known, spec.parameters[known.name]) for known in adjustable(spec.activation)],
        }
        for place, (label, spec) in enumerate(specs.items())
        if adjustable(spec.activation)
    ]


def _input(known: Parameter, value: Any) -> dict[str, Any]:
    made = {
        "name": known.name,
        "value": value,
        "meaning": known.meaning,
        "domain": known.domain,
        "choices": known.choices,
    }
    if known.choices:
        return made
    if abs(value) > _FARTHEST:
        raise ArgumentError(
            f"html: `{known.name}` is {value:g}, and sliders end at {_FARTHEST:g}; leave out --html"
        )
    high = _round_up(max(1.0, 2 * abs(known.default), 2 * abs(value)))
    least = max(known.above, known.least)
    low = least if math.isfinite(least) else -high
    step = (high - low) / _STEPS
    above = math.isfinite(known.above)
    return {
        **made,
        "low": float(f"{low + step if above else low:.12g}"),
        "high": high,
        "step": float(f"{step:.12g}"),
        "above": known.above if above else None,
        "least": known.least if math.isfinite(known.least) else None,
    }


def _round_up(number: float) -> float:
    """The next of 1, 2, 5, 10, ... that is not below."""
    power = 10.0 ** math.floor(math.log10(number))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= number)


def _formulas(entry: Activation) -> str:
    """The entry's formulas as one JavaScript object; f' has sides where it jumps."""
    derivative = entry.derivative_formula
    parts: dict[str, tuple[Callable[..., Any] | None, bool]] = {
        "value": (entry.value_formula, True),
        "derivative": (derivative, True),
        "left": (derivative.left if isinstance(derivative, Sided) else derivative, True),
        "right": (derivative.right if isinstance(derivative, Sided) else derivative, True),
        "edges": (derivative.edges if isinstance(derivative, Sided) else lambda *_: (), False),
        "refuses": (entry.refuses or (lambda *_: None), False),
    }
    names = [known.name for known in adjustable(entry)]
    written = (
        f"{name}: {function(_fixed(entry, formula, of_x), names, of_x=of_x)}"
        for name, (formula, of_x) in parts.items()
    )
    return "{\n" + ",\n".join(written) + "\n}"


def _fixed(entry: Activation, formula: Any, of_x: bool) -> Callable[..., Any]:
    """The formula with its series at their defaults, which no slider sets."""

    def call(*arguments: Any) -> Any:
        before, given = (arguments[:2], arguments[2:]) if of_x else ((), arguments)
        rest = iter(given)
        return formula(
            *before, *(known.default if known.series else next(rest) for known in entry.parameters)
        )

    return call
