"""What a row of the contract holds, and formulas that several rows share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpmath import exp, mpf

EXACT = 0.5
"""Nothing is nearer to the truth than its rounding, which is up to half a unit away."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """The truth about one entry."""

    value: Callable[..., mpf]
    slope: Callable[..., mpf]
    settings: tuple[dict[str, Any], ...] = ({},)
    ulps: float = EXACT
    slope_ulps: float = EXACT
    floor: float = 0.0
    """Where terms cancel: an error of this many eps is allowed whatever the size of the value."""
    slope_floor: float = 0.0
    argument_ulps: float = 0.0
    """Roundings of the argument inside the function: the truth may be taken this many of its ulps away."""
    autodiff_floor: float = 0.0
    """Automatic differentiation may be off by a few eps * this where the slope itself is smaller still."""


def leaky_value(x: mpf, negative_slope: mpf) -> mpf:
    """Leaky ReLU."""
    if x > 0:
        return x
    return negative_slope * x if negative_slope else mpf(0)


def leaky_slope(x: mpf, negative_slope: mpf) -> mpf:
    """Its derivative, from the left at 0."""
    return mpf(1) if x > 0 else negative_slope


def logistic(x: mpf) -> mpf:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))
