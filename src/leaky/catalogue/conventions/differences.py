"""Where two frameworks that compute one function answer otherwise all the same: at kinks, NaN and -inf."""

from __future__ import annotations

import math
from collections.abc import Iterable

from leaky.catalogue.conventions.record import Convention, number
from leaky.catalogue.spec import Spec

_Said = list[tuple[Convention, str]]
"""Rows, and the answer of each as text."""


def differences(meanings: Iterable[tuple[Convention, Spec]]) -> tuple[str, ...]:
    """One line per kind of input on which these callables do not all answer alike.

    Each comes with what it computes here: the same function, in the words of its own entry.
    """
    meanings = tuple(dict.fromkeys(meanings))
    questions = (*_at_kinks(meanings), *_at_nan_and_infinity(meanings), *_at_points(meanings))
    return tuple(line for where, said in questions if (line := _line(where, said)))


def _at_kinks(meanings: tuple[tuple[Convention, Spec], ...]) -> list[tuple[str, _Said]]:
    found: dict[float, _Said] = {}
    for row, spec in meanings:
        kinks = spec.activation.kinks_at(*spec.values) or row.question.kinks
        for kink, (_, gradient, side) in zip(kinks, row.gradients, strict=False):
            found.setdefault(kink, []).append((row, _slope(row, spec, kink, gradient, side)))
    return [(f"f'({kink:g})", said) for kink, said in found.items()]


def _slope(row: Convention, spec: Spec, kink: float, gradient: float, side: str) -> str:
    """The slope at a kink, at the parameters of `spec`: asked at others, its side tells what it is at these."""
    if side == "neither":
        return f"{gradient:.5g}{_asked(row, spec)} (neither slope)"
    sides = {"left": "left", "right": "right", "middle": "mid", "smooth": None}
    slope = spec.activation.derivative([kink], *spec.values, kink=sides[side])
    return f"{float(slope[0]):.5g}"


def _at_nan_and_infinity(meanings: tuple[tuple[Convention, Spec], ...]) -> list[tuple[str, _Said]]:
    rows = [row for row, _ in meanings]
    nan = [(row, number(row.answers.nan)) for row in rows if row.answers.nan is not None]
    infinity = [(row, row.answers.minus_infinity) for row, _ in meanings]
    ends = [(row, number(y)) for row, y in infinity if y is not None and (y == 0 or not math.isfinite(y))]
    return [("f(NaN)", nan), ("f(-inf)", ends)]


def _at_points(meanings: tuple[tuple[Convention, Spec], ...]) -> list[tuple[str, _Said]]:
    found: dict[str, _Said] = {}
    for row, spec in meanings:
        for (x, other), y in zip(row.question.points, row.answers.values, strict=False):
            if all(spec.parameters.get(name) == value for name, value in other):
                where = f"f({x:g})" + ("" if other else _asked(row, spec))
                found.setdefault(where, []).append((row, number(y)))
    return list(found.items())


def _asked(row: Convention, spec: Spec) -> str:
    """The parameters of the answer, where they are not those of `spec`."""
    given = spec.parameters
    other = [f"{name} {value}" for name, value in row.question.parameters if given.get(name) != value]
    return f" at {', '.join(other)}" if other else ""


def _line(where: str, said: _Said) -> str:
    grouped: dict[str, dict[str, list[str]]] = {}
    for row, text in said:
        grouped.setdefault(text, {}).setdefault(row.framework, []).append(row.backend)
    if len(grouped) < 2:
        return ""
    return f"{where} is " + ", ".join(
        f"{text} in {' and '.join(label(name, backends) for name, backends in frameworks.items())}"
        for text, frameworks in grouped.items()
    )


def label(framework: str, backends: list[str]) -> str:
    """A framework with its backends where they are why answers differ."""
    return f"keras on {'/'.join(dict.fromkeys(backends))}" if framework == "keras" else framework


def remarks(rows: Iterable[Convention]) -> tuple[str, ...]:
    """What else there is to know of these callables, one line each."""
    found: dict[tuple[str, str], list[str]] = {}
    backends: dict[str, set[str]] = {}
    for row in rows:
        backends.setdefault(row.framework, set()).add(row.backend)
        if row.remark:
            found.setdefault((row.framework, row.remark), []).append(row.backend)
    return tuple(
        f"{framework if set(on) == backends[framework] else label(framework, on)}: {remark}"
        for (framework, remark), on in found.items()
    )
