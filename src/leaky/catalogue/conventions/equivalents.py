"""The same function under another entry's name, and the nearest one where there is no same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from leaky.catalogue.spec import Spec
from leaky.catalogue.table import lookup

Rule = Callable[..., tuple[str, dict[str, Any]] | None]
"""From the parameters of an entry: another entry and its parameters, or None where these allow none."""


def _when(condition: bool, entry: str, **parameters: Any) -> tuple[str, dict[str, Any]] | None:
    return (entry, parameters) if condition else None


_SAME: Final[tuple[tuple[str, Rule], ...]] = (
    ("very_leaky_relu", lambda: ("leaky_relu", {"negative_slope": 1 / 3})),
    ("relu", lambda: ("leaky_relu", {"negative_slope": 0.0})),
    ("leaky_relu", lambda negative_slope: _when(negative_slope == 0, "relu")),
    ("relu6", lambda: ("clipped_relu", {"ceiling": 6.0})),
    ("clipped_relu", lambda ceiling: ("hardtanh", {"min_val": 0.0, "max_val": ceiling})),
    ("relu6", lambda: ("hardtanh", {"min_val": 0.0, "max_val": 6.0})),
    ("hardtanh", lambda min_val, max_val: _when(min_val == 0, "clipped_relu", ceiling=max_val)),
    ("thresholded_relu", lambda threshold: _when(threshold == 0, "relu")),
    ("elu", lambda alpha: _when(alpha == 1, "celu", alpha=1.0)),
    ("celu", lambda alpha: _when(alpha == 1, "elu", alpha=1.0)),
)
"""Equal for every x but, perhaps, NaN and the infinities: the records of the two callables tell."""


def _evaluated(**parameters: Any) -> tuple[str, dict[str, Any]]:
    return "leaky_relu", {"negative_slope": -float(lookup("rrelu").value([-1.0], **parameters)[0])}


_NEAR: Final[tuple[tuple[str, str, Rule], ...]] = (
    ("rrelu", "in evaluation it is", _evaluated),
    (
        "prelu",
        "with its slope frozen it is",
        lambda negative_slope: ("leaky_relu", {"negative_slope": negative_slope}),
    ),
    ("noisy_relu", "in evaluation it is", lambda **_: ("relu", {})),
    (
        "hardsigmoid",
        "with other values there is",
        lambda **_: ("hardsigmoid", {"slope": 1 / 6, "offset": 0.5}),
    ),
    (
        "hardsigmoid",
        "with other values there is",
        lambda **_: ("hardsigmoid", {"slope": 0.2, "offset": 0.5}),
    ),
    ("silu", "with beta 1 there is", lambda **_: ("silu", {})),
    ("softplus", "with beta 1 there is", lambda **_: ("softplus", {})),
    ("elu", "with alpha 1 there is", lambda **_: ("elu", {})),
    ("gelu", "within 0.0005 of it is", lambda approximate: ("gelu", {"approximate": _other(approximate)})),
)
"""Not equal: what to take, said plainly, where a framework has neither the entry nor one of `_SAME`."""


def _other(approximate: str) -> str:
    return "tanh" if approximate == "none" else "none"


def _spec(entry: str, parameters: dict[str, Any]) -> Spec:
    activation = lookup(entry)
    return Spec(activation, tuple(activation.bind(**parameters).values()))


def same(spec: Spec) -> Iterator[Spec]:
    """The spec itself, then every other that is the same function; a ceiling of 6 is ReLU6 first, as Keras has it."""
    if spec.activation.name == "clipped_relu" and spec.parameters["ceiling"] == 6:
        yield _spec("relu6", {})
    yield spec
    for entry, rule in _SAME:
        if entry == spec.activation.name:
            found = rule(**spec.parameters)
            if found is not None:
                yield _spec(*found)


def near(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """What comes nearest and how: words that a call follows, and the spec of that call."""
    for entry, words, rule in _NEAR:
        if entry == spec.activation.name:
            found = rule(**spec.parameters)
            if found is not None and not _equal(_spec(*found), spec):
                yield words, _spec(*found)


def _equal(one: Spec, other: Spec) -> bool:
    return one.activation is other.activation and all(
        math.isclose(a, b) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(one.values, other.values, strict=True)
    )
