"""Rows of the contract for the clipped, hard, gated and adaptive entries, written from their papers."""

from __future__ import annotations

from collections.abc import Sequence

from contract_row import Row, leaky_slope, leaky_value, logistic
from mpmath import erfc, exp, expm1, isinf, log1p, mp, mpf, sqrt, tanh

from leaky.catalogue.pade import DENOMINATOR, NUMERATOR  # leaky's own fit: there is no paper to take it from

HALF = mpf(1) / 2


def _between(x: mpf, low: mpf, high: mpf) -> mpf:
    return max(low, min(x, high))


def _inside(x: mpf, low: mpf, high: mpf) -> mpf:
    return mpf(1) if low < x < high else mpf(0)


def _end(x: mpf) -> mpf:
    """Where a hard sigmoid ends: 3 for 1/6, which no binary number is."""
    return mpf(round(float(x), 6))


def _limits(x: mpf, inner: mpf) -> mpf:
    """A gated function: 0 and x at the infinities."""
    return inner if not isinf(x) else max(x, mpf(0))


def _mean(lower: mpf, upper: mpf, form: str) -> mpf:
    return (lower + upper) / 2 if form == "multiply" else 2 / (1 / lower + 1 / upper)


def _phi(x: mpf) -> mpf:
    if abs(x) > 1000:  # mpmath refuses; no format has a number that small
        return mpf(int(x > 0))
    return erfc(-x / sqrt(mpf(2))) / 2


def _gelu(x: mpf, approximate: str) -> mpf:
    if isinf(x):
        return max(x, mpf(0))
    if approximate == "none":
        return x * _phi(x)
    return x * logistic(2 * sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3))


def _gelu_slope(x: mpf, approximate: str) -> mpf:
    if isinf(x):
        return mpf(1) if x > 0 else mpf(0)
    if approximate == "none":
        return _phi(x) + x * exp(-x * x / 2) / sqrt(2 * mp.pi)
    z = 2 * sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3)
    rise = 2 * sqrt(2 / mp.pi) * (1 + 3 * mpf(0.044715) * x**2)
    return logistic(z) + x * rise * logistic(z) * logistic(-z)


def _silu_slope(x: mpf, beta: mpf) -> mpf:
    if isinf(x):
        return mpf(1) if x * beta > 0 else mpf(0) if beta else HALF
    return logistic(beta * x) + beta * x * logistic(beta * x) * logistic(-beta * x)


def _silu(x: mpf, beta: mpf) -> mpf:
    if isinf(x):
        return x / 2 if beta == 0 else x if x * beta > 0 else mpf(0)
    return x * logistic(beta * x)


def _softplus(x: mpf) -> mpf:
    return log1p(exp(x)) if x < 0 else x + log1p(exp(-x))


def _mish_slope(x: mpf) -> mpf:
    if isinf(x):
        return mpf(1) if x > 0 else mpf(0)
    gate = tanh(_softplus(x))
    return gate + x * (1 - gate**2) * logistic(x)


def _s_shaped(x: mpf, **p: mpf) -> mpf:
    if x >= p["threshold_right"]:
        return p["threshold_right"] + (
            p["slope_right"] * (x - p["threshold_right"]) if p["slope_right"] else 0
        )
    if x <= p["threshold_left"]:
        return p["threshold_left"] + (p["slope_left"] * (x - p["threshold_left"]) if p["slope_left"] else 0)
    return x


def _s_shaped_slope(x: mpf, **p: mpf) -> mpf:
    if x >= p["threshold_right"]:
        return p["slope_right"]
    return p["slope_left"] if x <= p["threshold_left"] else mpf(1)


def _hinges(x: mpf, slopes: Sequence[mpf], offsets: Sequence[mpf]) -> mpf:
    if x == -mp.inf:
        total = sum(slopes)
        if total == 0:
            return sum(a * b for a, b in zip(slopes, offsets, strict=True))
        return total * mp.inf
    return max(mpf(0), x) + sum(a * max(mpf(0), b - x) for a, b in zip(slopes, offsets, strict=True) if a)


def _hinges_slope(x: mpf, slopes: Sequence[mpf], offsets: Sequence[mpf]) -> mpf:
    return mpf(int(x > 0)) - sum((a for a, b in zip(slopes, offsets, strict=True) if x <= b), mpf(0))


def _polynomials(x: mpf, numerator: Sequence[mpf], denominator: Sequence[mpf]) -> tuple[mpf, mpf, mpf, mpf]:
    top = [(c, k) for k, c in enumerate(numerator)]
    low = [(c, k) for k, c in enumerate(denominator, start=1)]
    values = [sum((c * x**k for c, k in terms), mpf(0)) for terms in (top, low)]
    rises = [sum((k * c * x ** (k - 1) for c, k in terms if k), mpf(0)) for terms in (top, low)]
    return values[0], values[1], rises[0], rises[1]


def _pade(x: mpf, numerator: Sequence[mpf], denominator: Sequence[mpf]) -> mpf:
    if isinf(x):  # five over four
        return x * numerator[-1] / abs(denominator[-1])
    p, q, _, _ = _polynomials(x, numerator, denominator)
    return p / (1 + abs(q))


def _pade_slope(x: mpf, numerator: Sequence[mpf], denominator: Sequence[mpf]) -> mpf:
    if isinf(x):
        return numerator[-1] / abs(denominator[-1])
    p, q, dp, dq = _polynomials(x, numerator, denominator)
    return (dp - p / (1 + abs(q)) * mp.sign(q) * dq) / (1 + abs(q))


_S_NAMES = ("threshold_left", "slope_left", "threshold_right", "slope_right")
_S_SHAPES = ((0.0, 0.01, 1.0, 1.0), (-1.0, 0.0, 2.0, 0.0), (-0.5, 0.3, 0.5, 2.0))

MORE: dict[str, Row] = {
    "very_leaky_relu": Row(
        value=lambda x: leaky_value(x, mpf(1) / 3), slope=lambda x: leaky_slope(x, mpf(1) / 3), ulps=1
    ),
    "rrelu": Row(
        value=lambda x, lower, upper, form: leaky_value(x, _mean(lower, upper, form)),
        slope=lambda x, lower, upper, form: leaky_slope(x, _mean(lower, upper, form)),
        settings=tuple(
            {"lower": low, "upper": high, "form": form}
            for low, high, form in (
                (1 / 8, 1 / 3, "multiply"),
                (1 / 8, 1 / 3, "divide"),
                (0.0, 0.0, "multiply"),
            )
        ),
        ulps=1.5,
    ),
    "clipped_relu": Row(
        value=lambda x, ceiling: _between(x, mpf(0), ceiling),
        slope=lambda x, ceiling: _inside(x, mpf(0), ceiling),
        settings=({"ceiling": 20.0}, {"ceiling": 1.0}, {"ceiling": 0.35}),
    ),
    "relu6": Row(value=lambda x: _between(x, mpf(0), mpf(6)), slope=lambda x: _inside(x, mpf(0), mpf(6))),
    "noisy_relu": Row(value=lambda x: max(x, mpf(0)), slope=lambda x: leaky_slope(x, mpf(0))),
    "squared_relu": Row(value=lambda x: max(x, mpf(0)) ** 2, slope=lambda x: 2 * max(x, mpf(0))),
    "thresholded_relu": Row(
        value=lambda x, threshold: x if x > threshold else mpf(0),
        slope=lambda x, threshold: mpf(int(x > threshold)),
        settings=({"threshold": 1.0}, {"threshold": 0.0}, {"threshold": 0.35}),
    ),
    "shifted_relu": Row(value=lambda x: max(x, mpf(-1)), slope=lambda x: mpf(int(x > -1))),
    "displaced_relu": Row(
        value=lambda x, delta: max(x, -delta),
        slope=lambda x, delta: mpf(int(x > -delta)),
        settings=({"delta": 0.05}, {"delta": 0.0}, {"delta": 2.0}),
    ),
    "hardshrink": Row(
        value=lambda x, lambd: x if abs(x) > lambd else mpf(0),
        slope=lambda x, lambd: mpf(int(abs(x) > lambd)),
        settings=({"lambd": 0.5}, {"lambd": 0.05}, {"lambd": 2.0}),
    ),
    "celu": Row(
        value=lambda x, alpha: x if x > 0 else alpha * expm1(x / alpha),
        slope=lambda x, alpha: mpf(1) if x > 0 else exp(x / alpha),
        settings=({"alpha": 1.0}, {"alpha": 0.3}, {"alpha": 2.0}),
        ulps=4,
        slope_ulps=2,
        argument_ulps=0.5,
    ),
    "softsign": Row(
        value=lambda x: x / (1 + abs(x)) if not isinf(x) else mpf(mp.sign(x)),
        slope=lambda x: 1 / (1 + abs(x)) ** 2,
        ulps=2,
        slope_ulps=3,
    ),
    "hardtanh": Row(
        value=lambda x, min_val, max_val: _between(x, min_val, max_val),
        slope=lambda x, min_val, max_val: _inside(x, min_val, max_val),
        settings=({"min_val": -1.0, "max_val": 1.0}, {"min_val": -0.3, "max_val": 5.0}),
    ),
    "hardsigmoid": Row(
        value=lambda x, slope, offset: _between(slope * x + offset, mpf(0), mpf(1)),
        slope=lambda x, slope, offset: slope * _inside(x, _end(-offset / slope), _end((1 - offset) / slope)),
        settings=(
            {"slope": 1 / 6, "offset": 0.5},
            {"slope": 0.2, "offset": 0.5},
            {"slope": 2.0, "offset": 0.25},
        ),
        ulps=2,
        floor=1,
    ),
    "hardswish": Row(
        value=lambda x: _limits(x, x * _between(x + 3, mpf(0), mpf(6)) / 6),
        slope=lambda x: mpf(0) if x <= -3 else mpf(1) if x >= 3 else (2 * x + 3) / 6,
        ulps=2,
        slope_ulps=2,
    ),
    "gelu": Row(
        value=_gelu,
        slope=_gelu_slope,
        settings=({"approximate": "none"}, {"approximate": "tanh"}),
        ulps=6,
        slope_ulps=8,
        slope_floor=2,
        argument_ulps=2,
    ),
    "silu": Row(
        value=_silu,
        slope=_silu_slope,
        settings=({"beta": 1.0}, {"beta": 1.5}, {"beta": 0.0}, {"beta": -1.0}),
        ulps=4,
        slope_ulps=6,
        slope_floor=1,
        argument_ulps=0.5,
    ),
    "mish": Row(
        value=lambda x: _limits(x, x * tanh(_softplus(x))),
        slope=_mish_slope,
        ulps=6,
        slope_ulps=8,
        slope_floor=1,
    ),
    "s_shaped_relu": Row(
        value=_s_shaped,
        slope=_s_shaped_slope,
        settings=tuple(dict(zip(_S_NAMES, shape, strict=True)) for shape in _S_SHAPES),
        ulps=3,
    ),
    "flexible_relu": Row(
        value=lambda x, bias: max(x, mpf(0)) + bias,
        slope=lambda x, bias: leaky_slope(x, mpf(0)),
        settings=({"bias": 0.0}, {"bias": -0.398}),
    ),
    "adaptive_piecewise_linear": Row(
        value=_hinges,
        slope=_hinges_slope,
        settings=(
            {"slopes": (0.0, 0.0), "offsets": (0.0, -1.0)},
            {"slopes": (-0.25,), "offsets": (0.0,)},
            {"slopes": (0.5, -0.25), "offsets": (-1.0, -2.0)},
        ),
        ulps=4,
        slope_ulps=1,
    ),
    "pade": Row(
        value=_pade,
        slope=_pade_slope,
        settings=({"numerator": NUMERATOR, "denominator": DENOMINATOR},),
        ulps=8,
        slope_ulps=24,
        floor=1,
        slope_floor=4,
        autodiff_floor=16.0,
    ),
}
