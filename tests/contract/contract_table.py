"""The one test table: every entry of the catalogue has a row here, written from its paper and not from leaky.

To add an activation, add its row: the value and the derivative of one number x as mpmath computes them, the
parameter values to test, and how far from the truth the array functions may be, in units in the last place.
Formulas meet x = -inf and x = inf (mpmath takes limits as Python would), never NaN.
"""

from __future__ import annotations

import pytest
from contract_more import MORE
from contract_row import EXACT, Row, leaky_slope, leaky_value, logistic
from mpmath import exp, expm1, log1p, mpf, tanh

__all__ = ["EXACT", "ROWS", "Row", "row"]

SCALE = mpf("1.0507009873554804934193349852946")
SCALE_ALPHA = mpf("1.7580993408473768599402175208123")


def _bell(x: mpf) -> mpf:
    return exp(-abs(x)) / (1 + exp(-abs(x))) ** 2


def _softplus(x: mpf, beta: mpf, threshold: mpf) -> mpf:
    if beta * x > threshold:
        return x
    return log1p(exp(beta * x)) / beta if x < 0 else x + log1p(exp(-beta * x)) / beta


_SLOPES = tuple({"negative_slope": slope} for slope in (0.01, 0.0, -0.5, 0.25, 1 / 3, 1.0, 1.5))

ROWS: dict[str, Row] = {
    "relu": Row(value=lambda x: leaky_value(x, mpf(0)), slope=lambda x: leaky_slope(x, mpf(0))),
    "leaky_relu": Row(value=leaky_value, slope=leaky_slope, settings=_SLOPES),
    "prelu": Row(value=leaky_value, slope=leaky_slope, settings=_SLOPES),
    "elu": Row(
        value=lambda x, alpha: x if x > 0 else alpha * expm1(x),
        slope=lambda x, alpha: mpf(1) if x > 0 else alpha * exp(x),
        settings=({"alpha": 1.0}, {"alpha": 0.3}, {"alpha": 2.0}),
        ulps=4,
        slope_ulps=2,
    ),
    "selu": Row(
        value=lambda x: SCALE * x if x > 0 else SCALE_ALPHA * expm1(x),
        slope=lambda x: SCALE if x > 0 else SCALE_ALPHA * exp(x),
        ulps=4,
        slope_ulps=4,
    ),
    "softplus": Row(
        value=_softplus,
        slope=lambda x, beta, threshold: logistic(beta * x) if beta * x <= threshold else mpf(1),
        settings=tuple(
            {"beta": beta, "threshold": limit} for beta, limit in ((1.0, 20.0), (0.3, 20.0), (5.0, 60.0))
        ),
        ulps=3,
        slope_ulps=3,
        argument_ulps=0.5,
    ),
    "sigmoid": Row(value=logistic, slope=_bell, ulps=3, slope_ulps=3),
    "tanh": Row(
        value=tanh,
        slope=lambda x: 4 * _bell(2 * x),
        ulps=4,
        slope_ulps=3,
    ),
    **MORE,
}


def row(name: str) -> Row:
    """The row of an entry; the test fails where there is none."""
    if name not in ROWS:
        pytest.fail(
            f"the catalogue has `{name}`, but tests/contract/contract_table.py has no row that tests it"
        )
    return ROWS[name]
