"""The adaptive piecewise linear unit: a ReLU and a sum of learned hinges."""

from __future__ import annotations

import itertools
import math
from typing import Any

from leaky.catalogue.adaptive import times
from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import INPUT, Facts, Onnx
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Sided
from leaky.catalogue.rectifiers import relu
from leaky.errors import ArgumentError


class _Hinges(Sided):
    """f' of an adaptive piecewise linear unit; from the left where nothing else is asked."""

    def edges(self, slopes: Any, offsets: Any) -> tuple[Any, ...]:
        return (0.0, *(offset for slope, offset in zip(slopes, offsets, strict=True) if slope != 0))

    def on(self, side: str | None, xp: Any, x: Array, slopes: Any, offsets: Any) -> Array:
        _paired(slopes, offsets)
        one, nothing = xp.ones_like(x), xp.zeros_like(x)
        result = xp.where((x >= 0) if side == "right" else (x > 0), one, nothing)
        for slope, offset in zip(slopes, offsets, strict=True):
            open_ = (x < offset) if side == "right" else (x <= offset)
            result = result - xp.where(open_, one * slope, nothing)
        return xp.where(x == x, result, x)


def _paired(slopes: Any, offsets: Any) -> None:
    if len(slopes) != len(offsets):
        raise ArgumentError(
            "adaptive_piecewise_linear: `offsets` must have as many terms as `slopes`, "
            f"{len(slopes)}, got {len(offsets)}"
        )


def _adaptive_piecewise_linear(xp: Any, x: Array, slopes: Any, offsets: Any) -> Array:
    _paired(slopes, offsets)
    lowest = x == -xp.inf  # where hinges of both signs would be inf - inf
    held = xp.where(lowest, xp.zeros_like(x), x)
    result, total, level = relu(xp, held), 0.0, xp.zeros_like(x)
    for slope, offset in zip(slopes, offsets, strict=True):
        distance = offset - held
        result = result + slope * xp.where(distance < 0, xp.zeros_like(x), distance)
        total, level = total + slope, level + slope * offset
    limit = xp.where(total * xp.ones_like(x) == 0, level, -times(xp, total, x))
    return xp.where(lowest, limit, result)


def _apl_total(slopes: tuple[float, ...], offsets: tuple[float, ...]) -> list[float]:
    """The slopes of all pieces from left to right."""
    ends = sorted({0.0, *offsets})
    middles = [
        ends[0] - 1,
        *((low + high) / 2 for low, high in itertools.pairwise(ends)),
        ends[-1] + 1,
    ]
    return [
        (1.0 if at > 0 else 0.0) - sum(a for a, b in zip(slopes, offsets, strict=True) if at < b)
        for at in middles
    ]


def _apl_bounds(slopes: tuple[float, ...], offsets: tuple[float, ...]) -> tuple[float, float]:
    def f(x: float) -> float:
        return max(x, 0.0) + sum(a * max(0.0, b - x) for a, b in zip(slopes, offsets, strict=True))

    total = sum(slopes)
    values = [f(edge) for edge in (0.0, *offsets)]
    return min([*values, *([-math.inf] if total < 0 else [])]), math.inf


HINGES = (
    Activation(
        name="adaptive_piecewise_linear",
        title="Adaptive Piecewise Linear Unit",
        family="adaptive",
        formula="max(x, 0) + sum_s slopes[s] * max(0, offsets[s] - x), with slopes and offsets learned",
        slope="(1 if x > 0 else 0) - sum of slopes[s] where x <= offsets[s]",
        at_zero="at 0 and at the offsets f' is that of the left side; f(NaN) = f'(NaN) = NaN",
        value_formula=_adaptive_piecewise_linear,
        derivative_formula=_Hinges(),
        no_inverse="its pieces may be flat or fall",
        parameters=(
            Parameter(
                name="slopes",
                default=(0.0, 0.0),
                meaning="of the terms; all 0, where learning starts, is ReLU",
                learned=True,
                sharing="element",
                series=True,
            ),
            Parameter(
                name="offsets",
                default=(0.0, -1.0),
                meaning="where the terms begin, to the left",
                learned=True,
                sharing="element",
                series=True,
            ),
        ),
        facts=Facts(
            monotone=lambda a, b: min(_apl_total(a, b)) >= 0,
            convex=lambda a, b: _apl_total(a, b) == sorted(_apl_total(a, b)),
            homogeneous=lambda a, b: all(
                slope == 0 or offset == 0 for slope, offset in zip(a, b, strict=True)
            ),
            lipschitz=lambda a, b: max(map(abs, _apl_total(a, b))),
            bounds=_apl_bounds,
            backward=INPUT,
        ),
        ulps=4,
        derivative_ulps=1,
        onnx=Onnx(composed="Add(Relu(x), Mul(slopes[s], Relu(Sub(offsets[s], x))), ...)"),
        acronyms=(("APL", "adaptive piecewise linear"),),
        module="AdaptivePiecewiseLinear",
        papers=(
            "Agostinelli, Hoffman, Sadowski, Baldi 2015: Learning Activation Functions to Improve Deep Neural "
            "Networks. ICLR workshop. arXiv:1412.6830",
        ),
    ),
)
