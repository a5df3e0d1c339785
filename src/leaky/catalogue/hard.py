"""The hard sigmoidal functions: lines in place of curves."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from leaky.catalogue.bounded import clip
from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.evaluate import rounded
from leaky.catalogue.facts import BIT, INPUT, Facts, Onnx
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Pieces

_REACH = 3.0


def _hardsigmoid(xp: Any, x: Array, slope: Any, offset: Any) -> Array:
    if isinstance(slope, float) and not (0 < slope < math.inf and math.isfinite(offset)):
        return _hardsigmoid_limit(xp, x, slope, offset)
    # slope * (x + offset / slope): near the left end the sum is exact, where slope * x + offset would cancel.
    large, small = _shift(xp, x, slope, offset)
    low, high = _hardsigmoid_ends(slope, offset)
    inside = xp.where(x >= high, xp.ones_like(x), ((x + large) + small) * slope)
    return xp.where(x <= low, xp.zeros_like(x), inside)


def _hardsigmoid_limit(xp: Any, x: Array, slope: float, offset: float) -> Array:
    """Where the precision of x has no such slope, only 0 or infinity, or no such offset."""
    level = min(max(offset, 0.0), 1.0)
    far = xp.abs(x) > 0 if slope == math.inf else xp.abs(x) == math.inf
    ends = xp.where(x > 0, xp.ones_like(x), xp.zeros_like(x))
    return xp.where(x == x, xp.where(far, ends, xp.ones_like(x) * level), x)


def _shift(xp: Any, x: Array, slope: Any, offset: Any) -> tuple[Any, Any]:
    """offset / slope as a number in the precision of x, and what it lacks."""
    if not isinstance(offset, float):  # a formula that is written down, and not computed
        return offset / slope, 0.0
    shift = Fraction(offset) / Fraction(slope)
    large = rounded(xp, x, float(shift))
    return large, float(shift - Fraction(large)) if math.isfinite(large) else 0.0


def _hardsigmoid_ends(slope: Any, offset: Any) -> tuple[float, float]:
    if isinstance(slope, float) and slope == 0:
        return (-math.inf, math.inf)
    return (-offset / slope, (1 - offset) / slope)


def _hardswish(xp: Any, x: Array) -> Array:
    inside = (x > -_REACH) & (x < _REACH)
    held = xp.where(inside, x, xp.zeros_like(x))  # inf * 0 in the gradient of what is not taken
    curve = held * (held + 3) * (1 / 6)
    return xp.where(inside, curve, xp.where(x <= -_REACH, xp.zeros_like(x), x))


def _hardtanh_refuses(min_val: float, max_val: float) -> str | None:
    if min_val >= max_val:
        return f"`min_val` must be below `max_val`, got {min_val:g} and {max_val:g}"
    return None


HARD = (
    Activation(
        name="hardtanh",
        title="Hardtanh",
        family="sigmoidal",
        formula="min(max(x, min_val), max_val)",
        slope="1 if min_val < x < max_val else 0",
        at_zero="f(0) = 0, f'(0) = 1; f' = 0 at both ends (the outer sides); f(NaN) = f'(NaN) = NaN",
        value_formula=clip,
        derivative_formula=Pieces((0.0, 1.0, 0.0), lambda low, high: (low, high), ("left", "right")),
        no_inverse="it is flat beyond min_val and max_val",
        parameters=(
            Parameter(name="min_val", default=-1.0, meaning="the smallest value"),
            Parameter(name="max_val", default=1.0, meaning="the largest value"),
        ),
        refuses=_hardtanh_refuses,
        piecewise_linear=True,
        facts=Facts(monotone=True, convex=False, bounds=lambda low, high: (low, high), backward=BIT),
        onnx=Onnx(operator="Clip", since=11, attributes=(("min", "min_val"), ("max", "max_val"))),
        acronyms=(("BReLU", "bilateral"),),
        module="Hardtanh",
        papers=("Collobert 2004: Large Scale Machine Learning. Thesis, Universite de Paris VI",),
    ),
    Activation(
        name="hardsigmoid",
        title="Hardsigmoid",
        family="sigmoidal",
        formula="min(max(slope * x + offset, 0), 1)",
        slope="slope if 0 < slope * x + offset < 1 else 0",
        at_zero="f(0) = offset, f'(0) = slope; f' = 0 at both ends (the outer sides); f(NaN) = f'(NaN) = NaN",
        value_formula=_hardsigmoid,
        derivative_formula=Pieces(
            (0.0, lambda xp, x, slope, offset: slope, 0.0), _hardsigmoid_ends, ("left", "right")
        ),
        no_inverse="it is flat beyond both ends",
        parameters=(
            Parameter(
                name="slope",
                default=1 / 6,
                meaning="1/6 as torch, JAX and Keras 3 have it (3 to each side), 0.2 as ONNX, Keras 2 and Theano",
                above=0.0,
            ),
            Parameter(name="offset", default=0.5, meaning="the value at 0"),
        ),
        facts=Facts(
            monotone=True,
            convex=False,
            lipschitz=lambda slope, offset: slope,
            bounds=(0.0, 1.0),
            backward=BIT,
        ),
        ulps=2,
        onnx=Onnx(operator="HardSigmoid", since=6, attributes=(("alpha", "slope"), ("beta", "offset"))),
        module="Hardsigmoid",
        papers=(
            "Courbariaux, Bengio, David 2015: BinaryConnect: Training Deep Neural Networks with binary weights "
            "during propagations. NeurIPS. arXiv:1511.00363",
        ),
    ),
    Activation(
        name="hardswish",
        title="Hardswish",
        family="gated",
        formula="x * min(max(x + 3, 0), 6) / 6",
        slope="(2 * x + 3) / 6 if -3 < x < 3 else 0 if x <= -3 else 1",
        at_zero="f(0) = 0, f'(0) = 1/2; f'(-3) = 0, f'(3) = 1 (the outer sides); f(-inf) = 0; "
        "f(NaN) = f'(NaN) = NaN",
        value_formula=_hardswish,
        derivative_formula=Pieces(
            (0.0, lambda xp, x: (2 * x + 3) * (1 / 6), 1.0), lambda: (-_REACH, _REACH), ("left", "right")
        ),
        no_inverse="between -3 and 0 two x give the same value",
        facts=Facts(monotone=False, convex=False, lipschitz=1.5, bounds=(-0.375, math.inf), backward=INPUT),
        ulps=2,
        derivative_ulps=2,
        onnx=Onnx(operator="HardSwish", since=14),
        module="Hardswish",
        papers=("Howard et al. 2019: Searching for MobileNetV3. ICCV. arXiv:1905.02244",),
    ),
)
