"""The gated family: x times a curve from 0 to 1, smooth and not monotone.

0 at -inf, where x * 0 would be NaN: there, and at inf, the formulas are given 0 and the limit is put in afterwards,
so that automatic differentiation meets no 0 * inf either.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from leaky.catalogue import normal
from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import INPUT, Facts, Onnx
from leaky.catalogue.parameter import Parameter

_REACH = 40.0
"""Beyond, a normal variable is found with probability below the smallest double."""
_FAR = 2e4
"""exp(-x) is 0 in every precision by then; further out x * exp(-x) would come to be inf * 0."""
_SILU_ROOT = (-1.2784645427610737, -1.0946994183093437e-16)
_MISH_ROOT = (-1.1924312145154952, -4.8484829848031044e-17)
"""Where f' is 0, in two parts."""
_MISH_RISES = (0.3733670191691929, 0.3684065968836178, 0.027951242009170138)
"""(6 + 4 r) exp(r), 4 exp(2 r) and exp(3 r) at the root r."""
_TWO_X = "below 0 two x give the same value"


def _within(
    xp: Any, x: Array, reach: float, formula: Callable[[Array], Array], above: Array | None = None
) -> Array:
    """formula(x) for |x| < reach; beyond 0 on the left, and x (or `above`) on the right. NaN stays NaN."""
    inside = (x > -reach) & (x < reach)
    inner = formula(xp.where(inside, x, xp.zeros_like(x)))
    outer = xp.where(x > 0, x if above is None else above, xp.where(x < 0, xp.zeros_like(x), x))
    return xp.where(inside, inner, outer)


def _size(xp: Any, x: Array) -> Array:
    """|x|, written so that automatic differentiation is right at 0."""
    return xp.where(x > 0, x, -x)


def _gelu(xp: Any, x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return _within(xp, x, _REACH, lambda x: _gated(xp, x, _cubic(x)))

    def exact(x: Array) -> Array:
        scaled, bell = normal.scaled_tail(xp, _size(xp, x)), normal.bell(xp, x)
        return xp.where(x > 0, x * (1 - scaled * bell), x * scaled * bell)

    return _within(xp, x, _REACH, exact)


def _gelu_derivative(xp: Any, x: Array, approximate: str) -> Array:
    def exact(x: Array) -> Array:
        tail = normal.bell(xp, x) * normal.scaled_tail_slope(xp, _size(xp, x))
        return xp.where(x > 0, 1 - tail, tail)

    def tanh(x: Array) -> Array:
        return _gated_derivative(xp, _cubic(x), x * _cubic_derivative(x))

    return _within(xp, x, _REACH, tanh if approximate == "tanh" else exact, xp.ones_like(x))


def _cubic(x: Array) -> Array:
    """2 sqrt(2/pi) (x + 0.044715 x^3): tanh of its half, plus 1, halved is the approximate gate."""
    return (2 * math.sqrt(2 / math.pi)) * (x * (1 + 0.044715 * x * x))


def _cubic_derivative(x: Array) -> Array:
    return (2 * math.sqrt(2 / math.pi)) * (1 + (3 * 0.044715) * x * x)


def _root(xp: Any, z: Array) -> Array:
    """exp(-|z|/2), whose square is exp(-|z|): taken one after the other, x * exp(-|z|) keeps its digits longer."""
    return xp.exp(-_size(xp, z) / 2)


def _gated(xp: Any, x: Array, z: Array) -> Array:
    """x / (1 + exp(-z))."""
    root = _root(xp, z)
    return xp.where(z > 0, x, x * root * root) / (1 + root * root)


def _gated_derivative(xp: Any, z: Array, swing: Array) -> Array:
    """g(z) + swing * g'(z), g(z) = 1 / (1 + exp(-z)), without cancellation in the tails."""
    root = _root(xp, z)
    small = root * root
    below = (1 + small) * (1 + small)
    return xp.where(z > 0, 1 + root * (root * (1 + swing)), root * (root * (1 + small + swing))) / below


def _silu(xp: Any, x: Array, beta: Any) -> Array:
    if beta < 0:  # the mirror image
        return -_silu(xp, -x, -beta)
    if beta == 0:
        return x / 2
    return _within(xp, x, _FAR / beta, lambda x: _gated(xp, x, beta * x))


def _silu_derivative(xp: Any, x: Array, beta: Any) -> Array:
    if beta < 0:
        return _silu_derivative(xp, -x, -beta)
    if beta == 0:
        return xp.where(x == x, 0.5 * xp.ones_like(x), x)

    def inner(x: Array) -> Array:
        z = beta * x
        root = _root(xp, z)
        small = root * root
        # on the left 1 + z + exp(z), which is 0 at the root: as differences from there, of one sign
        d = normal.from_root(xp, xp.where(z > 0, xp.zeros_like(z), z), _SILU_ROOT)
        left = root * (root * (d + -(1 + _SILU_ROOT[0]) * xp.expm1(d)))
        below = (1 + small) * (1 + small)
        return xp.where(z > 0, 1 + root * (root * (1 + z)), left) / below

    return _within(xp, x, _FAR / beta, inner, xp.ones_like(x))


def _mish(xp: Any, x: Array) -> Array:
    # tanh(log(1 + exp(x))) is, with e = exp(x), (e^2 + 2 e) / (e^2 + 2 e + 2); on the right by exp(-x)
    def inner(x: Array) -> Array:
        root = _root(xp, x)
        e = root * root
        top = xp.where(x > 0, x * (1 + 2 * e), x * root * (root * (e + 2)))
        return top / _mish_below(xp, x, e)

    return _within(xp, x, _FAR, inner)


def _mish_below(xp: Any, x: Array, e: Array) -> Array:
    return xp.where(x > 0, 1 + 2 * e * (1 + e), 2 + e * (e + 2))


def _mish_derivative(xp: Any, x: Array) -> Array:
    def inner(x: Array) -> Array:
        root = _root(xp, x)
        e = root * root
        below = _mish_below(xp, x, e)
        right = 1 + 2 * e + 4 * x * (1 + e) / below * e * e
        # on the left (4 (x + 1) + (4 x + 6) e + 4 e^2 + e^3) / below, which is 0 at the root: as differences from
        # there, e^k - (e at the root)^k by expm1, all of one sign
        d = normal.from_root(xp, xp.where(x > 0, xp.zeros_like(x), x), _MISH_ROOT)
        m = xp.expm1(d)
        sizes = m * (_MISH_RISES[0] + _MISH_RISES[1] * (m + 2) + _MISH_RISES[2] * (m * (m + 3) + 3))
        left = root * (root * ((4 * d * (1 + e) + sizes) / below))
        return xp.where(x > 0, right, left) / below

    return _within(xp, x, _FAR, inner, xp.ones_like(x))


def _silu_bounds(beta: float) -> tuple[float, float]:
    lowest = -0.27846454276107380
    if beta == 0:
        return (-math.inf, math.inf)
    return (lowest / beta, math.inf) if beta > 0 else (-math.inf, lowest / beta)


GATED = (
    Activation(
        name="gelu",
        title="GELU",
        family="gated",
        formula="x * Phi(x), Phi the normal distribution function; with approximate='tanh' "
        "x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2",
        slope="Phi(x) + x * exp(-x^2 / 2) / sqrt(2 * pi)",
        at_zero="f(0) = 0, f'(0) = 1/2; f(-inf) = f'(-inf) = 0; f(NaN) = f'(NaN) = NaN",
        value_formula=_gelu,
        derivative_formula=_gelu_derivative,
        no_inverse=_TWO_X,
        parameters=(
            Parameter(
                name="approximate",
                default="none",
                choices=("none", "tanh"),
                meaning="exact, as torch has it by default, or the paper's formula with tanh, JAX's default",
            ),
        ),
        facts=Facts(
            monotone=False,
            convex=False,
            lipschitz=lambda approximate: 1.1289041451851548 if approximate == "none" else 1.1289930686587718,
            bounds=lambda approximate: (
                -0.16997120747990367 if approximate == "none" else -0.17004075057125405,
                math.inf,
            ),
            backward=INPUT,
        ),
        ulps=8,
        derivative_ulps=8,
        onnx=Onnx(operator="Gelu", since=20, attributes=(("approximate", "approximate"),)),
        module="GELU",
        papers=("Hendrycks, Gimpel 2016: Gaussian Error Linear Units (GELUs). arXiv:1606.08415",),
    ),
    Activation(
        name="silu",
        title="SiLU (Swish)",
        family="gated",
        formula="x / (1 + exp(-beta * x))",
        slope="s + beta * x * s * (1 - s), with s = 1 / (1 + exp(-beta * x))",
        at_zero="f(0) = 0, f'(0) = 1/2; f(-inf) = f'(-inf) = 0; f(NaN) = f'(NaN) = NaN",
        value_formula=_silu,
        derivative_formula=_silu_derivative,
        inverse_formula=lambda xp, y, beta: 2 * y,
        no_inverse=lambda beta: _TWO_X if beta else None,
        parameters=(Parameter(name="beta", default=1.0, meaning="sharpness: 0 is x / 2, ReLU in the limit"),),
        facts=Facts(
            monotone=lambda beta: beta == 0,
            convex=lambda beta: beta == 0,
            homogeneous=lambda beta: beta == 0,
            lipschitz=lambda beta: 1.0998393201288669 if beta else 0.5,
            bounds=_silu_bounds,
            backward=lambda beta: INPUT if beta else "nothing",
        ),
        ulps=8,
        derivative_ulps=9,
        onnx=Onnx(operator="Swish", since=24, attributes=(("alpha", "beta"),)),
        acronyms=(("Swish", "with its beta"),),
        module="SiLU",
        papers=(
            "Elfwing, Uchibe, Doya 2018: Sigmoid-weighted linear units for neural network function approximation in "
            "reinforcement learning. Neural Networks. arXiv:1702.03118",
            "Ramachandran, Zoph, Le 2017: Searching for Activation Functions. arXiv:1710.05941",
        ),
    ),
    Activation(
        name="mish",
        title="Mish",
        family="gated",
        formula="x * tanh(log(1 + exp(x)))",
        slope="w + x * (1 - w^2) / (1 + exp(-x)), with w = tanh(log(1 + exp(x)))",
        at_zero="f(0) = 0, f'(0) = 3/5; f(-inf) = f'(-inf) = 0; f(NaN) = f'(NaN) = NaN",
        value_formula=_mish,
        derivative_formula=_mish_derivative,
        no_inverse=_TWO_X,
        facts=Facts(
            monotone=False,
            convex=False,
            lipschitz=1.0884981612517279,
            bounds=(-0.30884341301725041, math.inf),
            backward=INPUT,
        ),
        ulps=9,
        derivative_ulps=10,
        onnx=Onnx(operator="Mish", since=18),
        module="Mish",
        papers=(
            "Misra 2020: Mish: A Self Regularized Non-Monotonic Activation Function. BMVC. arXiv:1908.08681",
        ),
    ),
)
