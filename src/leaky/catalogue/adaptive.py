"""Rectifiers that learn more than a slope: where they bend, by how much, what they add, or all of it from x."""

from __future__ import annotations

import math
from typing import Any

from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import BIT, INPUT, OUTPUT, Facts, Onnx
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Pieces
from leaky.catalogue.rectifiers import relu


def times(xp: Any, slope: Any, distance: Array) -> Array:
    """slope * distance, and 0 where the slope is 0 and the distance infinite."""
    if isinstance(slope, float):
        return slope * distance if slope else xp.zeros_like(distance)
    endless = (slope == 0) & (xp.abs(distance) == xp.inf)
    return slope * xp.where(endless, xp.zeros_like(distance), distance)


def _s_shaped(xp: Any, x: Array, left: Any, left_slope: Any, right: Any, right_slope: Any) -> Array:
    nothing = xp.zeros_like(x)
    above = right + times(xp, right_slope, xp.where(x >= right, x - right, nothing))
    below = left + times(xp, left_slope, xp.where(x <= left, x - left, nothing))
    return xp.where(x >= right, above, xp.where(x <= left, below, x))


def _s_shaped_inverse(xp: Any, y: Array, left: Any, left_slope: Any, right: Any, right_slope: Any) -> Array:
    outer = xp.where(y <= left, left + (y - left) / left_slope, y)
    return xp.where(y >= right, right + (y - right) / right_slope, outer)


def _s_shaped_refuses(left: float, left_slope: float, right: float, right_slope: float) -> str | None:
    if left > right:
        return f"`threshold_left` must not be above `threshold_right`, got {left:g} and {right:g}"
    return None


def _s_shaped_not_invertible(left: Any, left_slope: Any, right: Any, right_slope: Any) -> str | None:
    for name, slope in (("slope_left", left_slope), ("slope_right", right_slope)):
        if isinstance(slope, float) and slope <= 0:
            return f"`{name}` must be above 0, got {slope:g}"
    return None


def _s_shaped_bounds(left: float, left_slope: float, right: float, right_slope: float) -> tuple[float, float]:
    first = left if left_slope == 0 else -math.copysign(math.inf, left_slope)
    last = right if right_slope == 0 else math.copysign(math.inf, right_slope)
    return min(first, left, last), max(first, right, last)


def _s_shaped_lipschitz(left: float, left_slope: float, right: float, right_slope: float) -> float:
    return max(abs(left_slope), abs(right_slope), 1.0 if left < right else 0.0)


ADAPTIVE = (
    Activation(
        name="s_shaped_relu",
        title="S-shaped ReLU",
        family="rectifier",
        formula="threshold_left + slope_left * (x - threshold_left) if x <= threshold_left else "
        "threshold_right + slope_right * (x - threshold_right) if x >= threshold_right else x",
        slope="slope_left if x <= threshold_left else slope_right if x >= threshold_right else 1",
        at_zero="at the thresholds f is x and f' the outer slope; f(NaN) = f'(NaN) = NaN",
        value_formula=_s_shaped,
        derivative_formula=Pieces(
            (lambda xp, x, *values: values[1], 1.0, lambda xp, x, *values: values[3]),
            lambda *values: (values[0], values[2]),
            ("left", "right"),
        ),
        inverse_formula=_s_shaped_inverse,
        no_inverse=_s_shaped_not_invertible,
        parameters=(
            Parameter(
                name="threshold_left",
                default=0.0,
                meaning="below, the left line",
                learned=True,
                sharing="channel",
            ),
            Parameter(
                name="slope_left",
                default=0.01,
                meaning="slope of the left line",
                learned=True,
                sharing="channel",
            ),
            Parameter(
                name="threshold_right",
                default=1.0,
                meaning="above, the right line; no lower than threshold_left. The paper sets it to a high "
                "percentile of the inputs once training is under way",
                learned=True,
                sharing="channel",
            ),
            Parameter(
                name="slope_right",
                default=1.0,
                meaning="slope of the right line; at 1, where it starts, the function is a leaky ReLU",
                learned=True,
                sharing="channel",
            ),
        ),
        refuses=_s_shaped_refuses,
        facts=Facts(
            monotone=lambda tl, al, tr, ar: al >= 0 and ar >= 0,
            convex=lambda tl, al, tr, ar: al <= ar if tl == tr else al <= 1 <= ar,
            homogeneous=lambda tl, al, tr, ar: (tl == 0 or al == 1) and (tr == 0 or ar == 1),
            lipschitz=_s_shaped_lipschitz,
            bounds=_s_shaped_bounds,
            backward=lambda tl, al, tr, ar: OUTPUT if al > 0 and ar > 0 else INPUT,
        ),
        ulps=3,
        onnx=Onnx(composed="Where(x >= tr, tr + ar * (x - tr), Where(x <= tl, tl + al * (x - tl), x))"),
        acronyms=(("SReLU", "S-shaped"),),
        module="SShapedReLU",
        papers=(
            "Jin, Xu, Feng, Wei, Xiong, Yan 2016: Deep Learning with S-shaped Rectified Linear Activation Units. "
            "AAAI. arXiv:1512.07030",
        ),
    ),
    Activation(
        name="flexible_relu",
        title="Flexible ReLU",
        family="rectifier",
        formula="max(x, 0) + bias, with bias learned",
        slope="1 if x > 0 else 0",
        at_zero="f(0) = bias, f'(0) = 0 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=lambda xp, x, bias: relu(xp, x) + bias,
        derivative_formula=Pieces((0.0, 1.0)),
        no_inverse="every x <= 0 gives bias",
        parameters=(
            Parameter(
                name="bias",
                default=0.0,
                meaning="added; an array broadcasts against x",
                learned=True,
                sharing="channel",
            ),
        ),
        facts=Facts(
            monotone=True,
            convex=True,
            homogeneous=lambda bias: bias == 0,
            bounds=lambda bias: (bias, math.inf),
            backward=BIT,
        ),
        ulps=1,
        onnx=Onnx(composed="Add(Relu(x), bias)"),
        acronyms=(("FReLU", "flexible"),),
        module="FlexibleReLU",
        papers=(
            "Qiu, Xu, Cai 2018: FReLU: Flexible Rectified Linear Units for Improving Convolutional Neural Networks. "
            "ICPR. arXiv:1706.08098",
        ),
    ),
    Activation(
        name="dynamic_relu",
        title="Dynamic ReLU",
        family="adaptive",
        formula="max_k (a_k * x + b_k), with a_k and b_k computed per channel from the whole input by a network",
        slope="a_k of the largest line, and what flows through a_k and b_k",
        at_zero="where lines cross, as the maximum of the framework has it; f(NaN) = f'(NaN) = NaN",
        value_formula=None,
        derivative_formula=None,
        no_inverse="it depends on its weights",
        moments=(lambda: 0.5, lambda: 0.5),  # as it starts: ReLU
        onnx=Onnx(
            composed="ReduceMax over lines whose coefficients come from GlobalAveragePool, Gemm, Relu, Gemm"
        ),
        acronyms=(("DReLU", "dynamic"), ("DYReLU", "dynamic")),
        module="DynamicReLU",
        papers=("Chen, Dai, Liu, Chen, Yuan, Liu 2020: Dynamic ReLU. ECCV. arXiv:2003.10027",),
    ),
    Activation(
        name="funnel_relu",
        title="Funnel ReLU",
        family="adaptive",
        formula="max(x, T(x)), with T a normalised depthwise convolution over a window around every place",
        slope="1 where x is larger, and what flows through T elsewhere",
        at_zero="where both are equal, as the maximum of the framework has it; f(NaN) = f'(NaN) = NaN",
        value_formula=None,
        derivative_formula=None,
        no_inverse="it depends on its weights",
        moments=(lambda: 1.0, lambda: 1.0),  # as it starts: T(x) normal, and nearly independent of x
        onnx=Onnx(composed="Max(x, BatchNormalization(Conv(x, group=channels)))"),
        acronyms=(("FReLU", "funnel"),),
        module="FunnelReLU",
        papers=("Ma, Zhang, Sun 2020: Funnel Activation for Visual Recognition. ECCV. arXiv:2007.11824",),
    ),
)
