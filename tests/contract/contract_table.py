"""The one test table: every entry of the catalogue has a row here, written from its paper and not from leaky.

To add an activation, add its row: the value and the derivative of one number x as mpmath computes them, the
parameter values to test, and how far from the truth the array functions may be, in units in the last place.
Formulas meet x = -inf and x = inf (mpmath takes limits as Python would), never NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from mpmath import exp, expm1, log1p, mpf, tanh

SCALE = mpf("1.0507009873554804934193349852946")
SCALE_ALPHA = mpf("1.7580993408473768599402175208123")

EXACT = 0.5
"""Nothing is nearer to the truth than its rounding, which is up to half a unit away."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """The truth about one entry."""

    value: Callable[..., mpf]
    slope: Callable[..., mpf]
    settings: tuple[dict[str, float], ...] = ({},)
    ulps: float = EXACT
    slope_ulps: float = EXACT
    argument_ulps: float = 0.0
    """Roundings of the argument inside the function: the truth may be taken this many of its ulps away."""
    autodiff_floor: float = 0.0
    """Automatic differentiation may be off by a few eps * this where the slope itself is smaller still: the
    libraries differentiate expm1 as (result + 1) and tanh as (1 - result^2), which cancel in the tails."""


def _leaky(x: mpf, negative_slope: mpf) -> mpf:
    if x > 0:
        return x
    return negative_slope * x if negative_slope else mpf(0)


def _leaky_slope(x: mpf, negative_slope: mpf) -> mpf:
    return mpf(1) if x > 0 else negative_slope


def _sigmoid(x: mpf) -> mpf:
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))


def _bell(x: mpf) -> mpf:
    return exp(-abs(x)) / (1 + exp(-abs(x))) ** 2


_SLOPES = tuple({"negative_slope": slope} for slope in (0.01, 0.0, -0.5, 0.25, 1 / 3, 1.0, 1.5))

ROWS: dict[str, Row] = {
    "relu": Row(value=lambda x: _leaky(x, mpf(0)), slope=lambda x: _leaky_slope(x, mpf(0))),
    "leaky_relu": Row(value=_leaky, slope=_leaky_slope, settings=_SLOPES),
    "prelu": Row(value=_leaky, slope=_leaky_slope, settings=_SLOPES),
    "elu": Row(
        value=lambda x, alpha: x if x > 0 else alpha * expm1(x),
        slope=lambda x, alpha: mpf(1) if x > 0 else alpha * exp(x),
        settings=({"alpha": 1.0}, {"alpha": 0.3}, {"alpha": 2.0}),
        ulps=4,
        slope_ulps=2,
        autodiff_floor=2.0,
    ),
    "selu": Row(
        value=lambda x: SCALE * x if x > 0 else SCALE_ALPHA * expm1(x),
        slope=lambda x: SCALE if x > 0 else SCALE_ALPHA * exp(x),
        ulps=4,
        slope_ulps=4,
        autodiff_floor=2.0,
    ),
    "softplus": Row(
        value=lambda x, beta: log1p(exp(beta * x)) / beta if x < 0 else x + log1p(exp(-beta * x)) / beta,
        slope=lambda x, beta: _sigmoid(beta * x),
        settings=({"beta": 1.0}, {"beta": 0.3}, {"beta": 5.0}),
        ulps=3,
        slope_ulps=3,
        argument_ulps=0.5,
    ),
    "sigmoid": Row(value=_sigmoid, slope=_bell, ulps=3, slope_ulps=3),
    "tanh": Row(
        value=tanh,
        slope=lambda x: 4 * _bell(2 * x),
        ulps=4,
        slope_ulps=3,
        autodiff_floor=1.0,
    ),
}


def row(name: str) -> Row:
    """The row of an entry; the test fails where there is none."""
    if name not in ROWS:
        pytest.fail(
            f"the catalogue has `{name}`, but tests/contract/contract_table.py has no row that tests it"
        )
    return ROWS[name]
