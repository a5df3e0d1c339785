"""All the catalogue knows of one activation at one setting, as plain data: what every page of it is made of."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from leaky.catalogue import Activation, Spec
from leaky.errors import LeakyError

_PROPERTIES = ("monotone", "convex", "homogeneous", "continuous")


def sheet(spec: Spec) -> dict[str, Any]:
    """The facts of `spec` as what JSON can hold; infinities are text, what is not known is None."""
    entry = spec.activation
    facts = entry.facts_at(*spec.values) if entry.facts is not None else None
    return {
        "name": entry.name,
        "spec": str(spec),
        "title": entry.title,
        "family": entry.family,
        "formula": entry.formula,
        "derivative": entry.slope,
        "at_zero": entry.at_zero,
        "parameters": [_parameter(known, value) for known, value in _values(spec)],
        "training": entry.training,
        "elementwise": entry.elementwise,
        "function": f"leaky.{entry.name}" if entry.value_formula is not None else None,
        "module": f"leaky.nn.{entry.module}",
        "needs": needs(entry),
        "example": _example(spec),
        "points": _points(spec),
        "kinks": list(entry.kinks_at(*spec.values)),
        "inverse": _no_inverse(spec) is None,
        "no_inverse": _no_inverse(spec),
        **{name: getattr(facts, name) if facts else None for name in _PROPERTIES},
        "lipschitz": number(facts.lipschitz) if facts else None,
        "bounds": [number(end) for end in facts.bounds] if facts else None,
        "backward": facts.backward if facts else None,
        "gain": _gain(spec, "gain"),
        "backward_gain": _gain(spec, "backward_gain"),
        "onnx": {**asdict(entry.onnx), "attributes": dict(entry.onnx.attributes)} if entry.onnx else None,
        "acronyms": [acronym for acronym, _ in entry.acronyms],
        "papers": list(entry.papers),
        "conventions": [{**row.row(), "remark": row.remark} for row in entry.conventions],
    }


def needs(entry: Activation) -> str:
    """What is missing to draw it as a curve; empty where nothing is."""
    if entry.value_formula is None:
        return f"its own learned weights and the whole input: leaky.nn.{entry.module}"
    if entry.along is not None:
        return "an axis to work along; it is no curve of one input"
    return ""


def number(value: float | None) -> float | str | None:
    """A number that JSON can hold."""
    if value is None or math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def slope_at_zero(spec: Spec) -> float | None:
    """f'(0) by the entry's convention; None where f is not element-wise."""
    if not spec.activation.elementwise:
        return None
    return float(spec.activation.derivative([0.0], *spec.values)[0])


def _values(spec: Spec) -> list[tuple[Any, Any]]:
    return list(zip(spec.activation.parameters, spec.values, strict=True))


def _parameter(known: Any, value: Any) -> dict[str, Any]:
    return {
        "name": known.name,
        "value": list(value) if isinstance(value, tuple) else value,
        "default": list(known.default) if known.series else known.default,
        "domain": known.domain,
        "meaning": known.meaning,
        "learned": known.learned,
        "sharing": known.sharing if known.learned else None,
    }


def _example(spec: Spec) -> str | None:
    """The function on a small array, where no curve shows it."""
    entry = spec.activation
    if entry.along is None:
        return None
    x = np.asarray(entry.along.example)
    return f"{x.tolist()} gives {entry.value(x, *spec.values).tolist()}"


def _points(spec: Spec) -> dict[str, Any] | None:
    """f and f' at 0 and at both ends."""
    entry = spec.activation
    if not entry.elementwise:
        return None
    x = [0.0, -math.inf, math.inf]
    values = entry.value(x, *spec.values)
    slopes = entry.derivative(x, *spec.values)
    names = ("0", "-inf", "inf")
    return {
        **{f"f({at})": number(float(y)) for at, y in zip(names, values, strict=True)},
        **{f"f'({at})": number(float(y)) for at, y in zip(names, slopes, strict=True)},
    }


def _no_inverse(spec: Spec) -> str | None:
    """Why there is no inverse; None where there is one."""
    entry = spec.activation
    reason = entry.no_inverse(*spec.values) if callable(entry.no_inverse) else entry.no_inverse
    if entry.inverse_formula is None or callable(entry.no_inverse):
        return reason
    return None


def _gain(spec: Spec, name: str) -> float | str | None:
    try:
        return number(getattr(spec.activation, name)(*spec.values))
    except LeakyError:
        return None
