"""What every framework is asked about an entry, so that the answers stand side by side.

Each question is put in float32 to one element, at parameters with which the two slopes of a kink differ: at the usual
`alpha = 1` a wrong side of ELU cannot be told from the right one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

INF: Final = math.inf
NAN: Final = math.nan


@dataclass(frozen=True)
class Question:
    """The parameters asked at, the kinks at those parameters, and further points: (x, other parameters or none)."""

    parameters: tuple[tuple[str, float | str], ...] = ()
    kinks: tuple[float, ...] = ()
    points: tuple[tuple[float, tuple[tuple[str, float], ...]], ...] = ()


@dataclass(frozen=True)
class Answers:
    """A framework's answers to a `Question`; None where nobody knows.

    `gradients` are f' at its kinks with an incoming gradient of 1 (empty: none known), `values` are f at its points.
    `at` are the entry's parameters at which all this was asked; a `Convention` fills in what is not said.
    """

    gradients: tuple[float | None, ...] = ()
    nan: float | None = None
    nan_gradient: float | None = None
    minus_infinity: float | None = None
    values: tuple[float | None, ...] = ()
    at: tuple[tuple[str, Any], ...] = ()


_SLOPE = (("negative_slope", 0.1),)
_ZERO_SLOPE = ((-INF, (("negative_slope", 0.0),)),)

QUESTIONS: Final[Mapping[str, Question]] = {
    "relu": Question((), (0.0,)),
    "leaky_relu": Question(_SLOPE, (0.0,), _ZERO_SLOPE),
    "very_leaky_relu": Question((), (0.0,)),
    "prelu": Question(_SLOPE, (0.0,), _ZERO_SLOPE),
    "rrelu": Question((("lower", 0.1), ("upper", 0.3)), (0.0,)),
    "clipped_relu": Question((("ceiling", 2.0),), (0.0, 2.0), ((INF, ()),)),
    "relu6": Question((), (0.0, 6.0), ((INF, ()),)),
    "thresholded_relu": Question((("threshold", 1.0),), (1.0,)),
    "elu": Question((("alpha", 2.0),), (0.0,), ((-1e-8, ()),)),
    "selu": Question((), (0.0,), ((-1e-8, ()),)),
    "celu": Question((("alpha", 2.0),), (0.0,), ((-1e-8, ()),)),
    "softplus": Question((("beta", 1.0),), (), ((INF, ()),)),
    "hardtanh": Question((("min_val", -1.0), ("max_val", 1.0)), (-1.0, 1.0)),
    "hardsigmoid": Question((), (-3.0, 3.0), ((1.0, ()),)),
    "hardswish": Question((), (-3.0, 3.0), ((INF, ()),)),
    "hardshrink": Question((("lambd", 0.5),), (-0.5, 0.5)),
    "softsign": Question((), (), ((INF, ()),)),
    "gelu": Question((("approximate", "none"),), (), ((INF, ()),)),
    "silu": Question((("beta", 1.0),), (), ((INF, ()),)),
    "mish": Question((), (), ((INF, ()),)),
}
"""By entry; an entry that is not here is asked for f(NaN) and f(-inf) only."""
