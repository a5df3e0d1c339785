"""What is known of an activation besides its formula; each fact a value, or a function of the parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

Fact = Any
"""A value of the kind told, or a function of the parameters (positionally, in the entry's order) that gives it."""

INPUT = "its input"
OUTPUT = "its output"
BIT = "one bit per element"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Properties of f on the real line, for one setting of its parameters or, as a record, for all of them.

    Bools: monotone: f never falls; convex: no chord lies below f; homogeneous: f(c x) = c f(x) for c > 0; continuous.
    A float: lipschitz, the largest |f'| (inf where f jumps or is unbounded in slope). Two floats: bounds, infimum and
    supremum of f. Text: backward, what the gradient of x needs besides the gradient that comes in; the cheapest that
    is exact.
    """

    monotone: Fact
    convex: Fact
    homogeneous: Fact = False
    continuous: Fact = True
    lipschitz: Fact = 1.0
    bounds: Fact = (-math.inf, math.inf)
    backward: Fact = INPUT

    def at(self, *values: Any) -> Facts:
        """The facts at these values of the parameters: plain values everywhere."""
        found = {known.name: getattr(self, known.name) for known in fields(self)}
        return Facts(**{name: fact(*values) if callable(fact) else fact for name, fact in found.items()})


@dataclass(frozen=True, kw_only=True)
class Onnx:
    """How ONNX says it: an operator since an opset, or operators to compose.

    `attributes` are pairs of an ONNX attribute and the parameter, or the constant, that it takes. What no operator
    says has `operator` "" and `composed` in words.
    """

    operator: str = ""
    since: int = 0
    attributes: tuple[tuple[str, str | float], ...] = ()
    composed: str = ""
