"""One framework's call as another's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from leaky.catalogue.conventions.differences import differences, remarks
from leaky.catalogue.conventions.equivalents import near, same
from leaky.catalogue.conventions.reading import read
from leaky.catalogue.conventions.record import Convention, is_layer
from leaky.catalogue.conventions.table import conventions_of, framework_of
from leaky.catalogue.spec import Spec, names_a_framework, parse

_RUNS_ON: Final[Mapping[str, str]] = {"torch": "tensors", "jax": "JAX arrays", "flax": "JAX arrays"}
"""Frameworks whose arrays leaky's own functions take, and what these are called."""


@dataclass(frozen=True)
class Translation:
    """The result of `leaky.translate`; `str()` of it is the call, or the line that says why there is none.

    spec: what is called, in leaky's words. call: the equivalent call, empty where none exists. why_not: one line with
    the nearest thing, empty where one exists. notes: on which inputs the two answer otherwise, and what else to know.
    """

    spec: Spec
    framework: str
    call: str
    why_not: str = ""
    notes: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether the framework has the function."""
        return bool(self.call)

    def __str__(self) -> str:
        return self.call or self.why_not


def translate(source: str | Spec, to: str) -> Translation:
    """The call in framework `to` that computes what `source` computes, with every value written out.

    Arguments:
        source: a call such as `keras:LeakyReLU`, `tf:nn.leaky_relu(alpha=0.1)` or `torch:LeakyReLU(0.1)`, where what
            is not given has that framework's default; or a spec of leaky's, `leaky_relu(negative_slope=0.1)`.
        to: torch, jax, flax, keras, onnx, tensorflow, ... or leaky.

    Returns a `Translation`: `str()` is the call, `.notes` say where the two differ all the same. Layers become layers
    and functions functions where the framework has both. A call that does not exist is no error: `.exists` is False,
    and `str()` says what comes nearest.

    Raises `UnknownNameError` for an unknown framework, callable or entry, `ArgumentError` for arguments that the
    callable does not take, or with which it is no entry of the catalogue.

    >>> print(translate("keras:LeakyReLU", to="torch"))
    torch.nn.LeakyReLU(negative_slope=0.3)
    >>> print(translate("tf:nn.leaky_relu", to="jax"))
    jax.nn.leaky_relu(x, negative_slope=0.2)
    >>> translate("tf:nn.leaky_relu", to="jax").notes
    ("f'(0) is 0.2 in tensorflow, 1 in jax",)
    >>> print(translate("torch:RReLU", to="onnx"))
    onnx has no rrelu; in evaluation it is LeakyRelu(alpha=0.22916666666666666)
    """
    framework = framework_of(to)
    layer = True
    rows: tuple[Convention, ...] = ()
    counts: dict[str, int] = {}
    if isinstance(source, str) and names_a_framework(source):
        reading = read(source)
        spec, rows, layer = reading.spec, reading.rows, is_layer(reading.name)
        counts = dict(reading.counts)
    else:
        spec = parse(source)
    reasons: list[str] = []
    for candidate in same(spec):
        found = _first(candidate, framework, layer, reasons, counts)
        if found is not None:
            call, targets = found
            meanings = (*((row, spec) for row in rows), *((row, candidate) for row in targets))
            notes = (*differences(meanings), *remarks((*rows, *targets)))
            return Translation(spec, framework, call, notes=notes)
    return Translation(spec, framework, "", why_not=_why_not(spec, framework, layer, reasons))


def _first(
    spec: Spec,
    framework: str,
    layer: bool,
    reasons: list[str],
    counts: Mapping[str, int] = MappingProxyType({}),
) -> tuple[str, tuple[Convention, ...]] | None:
    """The call in `framework` that is exactly `spec`, and its rows (one per backend); reasons are added to."""
    rows = [row for row in conventions_of(spec.activation.name) if row.framework == framework]
    for row, name in sorted(_named(rows), key=lambda named: is_layer(named[1]) != layer):
        text = _write(row, name, spec, reasons, counts)
        if text:
            return text, tuple(other for other in rows if other.call == row.call)
    return None


def _named(rows: list[Convention]) -> Iterator[tuple[Convention, str]]:
    return ((row, name) for row in rows for name in row.names)


def _write(row: Convention, name: str, spec: Spec, reasons: list[str], counts: Mapping[str, int]) -> str:
    """The call of `row` with the values of `spec`; empty where it has not all of them, with the reason added.

    `counts` say how many values are learned, where the source did and the callable can too.
    """
    left = dict(spec.parameters)
    for parameter, value in row.fixed:
        if not _equal(left.pop(parameter), value):
            reasons.append(f"{name} has {parameter} {_short(value)}, fixed")
            return ""
    written = []
    for argument in row.arguments:
        if argument.parameter is not None:
            value = left.pop(argument.parameter)
            if isinstance(value, tuple) and value == argument.default:  # a table of coefficients
                continue
            if argument.least is not None and value < argument.least:
                reasons.append(f"{name} takes no `{argument.name}` below {argument.least:g}")
                return ""
            written.append(f"{argument.name}={argument.write(value)}")
        elif argument.counts:
            written += [f"{argument.name}={counts[argument.name]}"] if argument.name in counts else []
        elif argument.must != argument.default:
            written.append(f"{argument.name}={argument.must!r}")
    for known in spec.activation.parameters:
        if known.name in left and not _equal(left[known.name], known.default):
            reasons.append(f"{name} takes no `{known.name}`")
            return ""
    if "=" in name:  # a line of a configuration, not a call
        return name
    return f"{name}({', '.join(written if is_layer(name) else ['x', *written])})"


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _why_not(spec: Spec, framework: str, layer: bool, reasons: list[str]) -> str:
    """One line: what is missing, what comes nearest, and where leaky itself serves."""
    parts = [
        f"{framework} has no {spec} ({reasons[0]})"
        if reasons
        else f"{framework} has no {spec.activation.name}"
    ]
    parts += next(
        (
            [f"{words} {found[0]}"]
            for words, other in near(spec)
            for candidate in same(other)
            if (found := _first(candidate, framework, layer, [])) is not None
        ),
        [],
    )
    entry = spec.activation
    if framework == "onnx" and len(parts) == 1 and entry.onnx is not None and entry.onnx.composed:
        parts.append(f"composed: {entry.onnx.composed}")
    own = _first(spec, "leaky", False, []) if framework in _RUNS_ON else None
    if own is not None:
        parts.append(
            f"{own[0]} computes {'its evaluation' if entry.training else 'it'} on {_RUNS_ON[framework]}"
        )
    elif framework == "torch":
        parts.append(f"leaky.nn.{entry.module} is a module for it")
    return "; ".join(parts)
