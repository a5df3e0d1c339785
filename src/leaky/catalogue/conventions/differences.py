"""Where two frameworks that compute one function answer otherwise all the same: at kinks, NaN and -inf."""

from __future__ import annotations

from collections.abc import Iterable

from leaky.catalogue.conventions.carried import side_of
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
        here = row.answers_at(**spec.parameters).gradients
        for kink, slope, (_, asked, side) in zip(kinks, here, row.gradients, strict=False):
            if slope is not None:
                neither = side_of(spec.activation, kink, slope, spec.parameters) == "neither"
                told = f"{number(slope)}{' (neither slope)' if neither else ''}"
                found.setdefault(kink, []).append((row, told))
            elif side == "neither":  # known where it was asked alone
                found.setdefault(kink, []).append(
                    (row, f"{number(asked)}{_asked(row, spec)} (neither slope)")
                )
    return [(f"f'({kink:g})", said) for kink, said in found.items()]


def _at_nan_and_infinity(meanings: tuple[tuple[Convention, Spec], ...]) -> list[tuple[str, _Said]]:
    here = [(row, row.answers_at(**spec.parameters)) for row, spec in meanings]
    nan = [(row, number(told.nan)) for row, told in here if told.nan is not None]
    ends = [(row, number(told.minus_infinity)) for row, told in here if told.minus_infinity is not None]
    return [("f(NaN)", nan), ("f(-inf)", ends)]


def _at_points(meanings: tuple[tuple[Convention, Spec], ...]) -> list[tuple[str, _Said]]:
    """At the points that are asked at every setting; those of one setting are in `answers_at` of it."""
    found: dict[str, _Said] = {}
    for row, spec in meanings:
        here = row.answers_at(**spec.parameters).values
        for (x, other), y in zip(row.question.points, here, strict=False):
            if not other and y is not None:
                found.setdefault(f"f({x:g})", []).append((row, number(y)))
    return list(found.items())


def _asked(row: Convention, spec: Spec) -> str:
    """The parameters of the answer, where they are not those of `spec`."""
    given = spec.parameters
    other = [f"{name} {value}" for name, value in row.answers.at if given.get(name) != value]
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
