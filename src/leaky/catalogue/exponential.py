"""The exponential family: rectifiers with a smooth left side.

The exponent is taken of the negative part only, so that no branch that `where` throws away overflows: its
gradient would be 0 * inf = NaN. Where both sides of a derivative meet at 0, it is taken from the left.
"""

from __future__ import annotations

import math
from typing import Any

from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import OUTPUT, Facts, Onnx
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Pieces

# The fixed point of mean 0 and variance 1, to double precision (Klambauer et al. 2017, appendix).
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _negative_part(xp: Any, x: Array) -> Array:
    return xp.where(x > 0, xp.zeros_like(x), x)


def _elu(xp: Any, x: Array, alpha: Any) -> Array:
    return xp.where(x > 0, x, alpha * xp.expm1(_negative_part(xp, x)))


def _elu_left(xp: Any, x: Array, alpha: Any) -> Array:
    return alpha * xp.exp(_negative_part(xp, x))


def _elu_inverse(xp: Any, y: Array, alpha: Any) -> Array:
    return xp.where(y > 0, y, xp.log1p(_negative_part(xp, y) / alpha))


def _selu(xp: Any, x: Array) -> Array:
    return _SELU_SCALE * _elu(xp, x, _SELU_ALPHA)


def _selu_left(xp: Any, x: Array) -> Array:
    return _SELU_SCALE * _elu_left(xp, x, _SELU_ALPHA)


def _selu_inverse(xp: Any, y: Array) -> Array:
    return _elu_inverse(xp, y / _SELU_SCALE, _SELU_ALPHA)


def _is_limit(alpha: Any) -> bool:
    """Whether the precision of x has no such number, only 0 or infinity: CELU is ReLU, or x."""
    return isinstance(alpha, float) and alpha in (0.0, math.inf)


def _celu(xp: Any, x: Array, alpha: Any) -> Array:
    if _is_limit(alpha):
        return xp.where(x < 0, xp.zeros_like(x), x) if alpha == 0 else xp.where(x == x, x, x)
    return xp.where(x > 0, x, alpha * xp.expm1(_negative_part(xp, x) / alpha))


def _celu_derivative(xp: Any, x: Array, alpha: Any) -> Array:
    if _is_limit(alpha):
        left = xp.zeros_like(x) if alpha == 0 else xp.ones_like(x)
        return xp.where(x < 0, left, xp.where(x == x, xp.ones_like(x), x))
    return xp.exp(_negative_part(xp, x) / alpha)


def _celu_inverse(xp: Any, y: Array, alpha: Any) -> Array:
    return xp.where(y > 0, y, alpha * xp.log1p(_negative_part(xp, y) / alpha))


def _softplus(xp: Any, x: Array, beta: Any, threshold: Any) -> Array:
    z = beta * x
    # exp of -|z|, written so that automatic differentiation is right at 0, where |z| has no derivative
    small = xp.exp(xp.where(z > 0, -z, z))
    smooth = xp.where(z > 0, x, xp.zeros_like(x)) + xp.log1p(small) / beta
    return xp.where(z > threshold, x, smooth)


def _softplus_derivative(xp: Any, x: Array, beta: Any, threshold: Any) -> Array:
    z = beta * x
    small = xp.exp(xp.where(z > 0, -z, z))
    return xp.where(z > threshold, xp.ones_like(x), xp.where(z > 0, xp.ones_like(x), small) / (1 + small))


def _softplus_inverse(xp: Any, y: Array, beta: Any, threshold: Any) -> Array:
    z = beta * y
    # log(exp(z) - 1): z + log(1 - exp(-z)) above log(2), log(expm1(z)) below, where that would cancel
    large = z > math.log(2)
    above = z + xp.log1p(-xp.exp(-xp.where(large, z, xp.ones_like(z))))
    below = xp.log(xp.expm1(xp.where(large, xp.ones_like(z), z)))
    return xp.where(z > threshold, y, xp.where(large, above, below) / beta)


EXPONENTIAL = (
    Activation(
        name="elu",
        title="ELU",
        family="exponential",
        formula="x if x > 0 else alpha * (exp(x) - 1)",
        slope="1 if x > 0 else alpha * exp(x)",
        at_zero="f(0) = 0, f'(0) = alpha (the left side; continuous at alpha 1); f(-inf) = -alpha; "
        "f(NaN) = f'(NaN) = NaN",
        value_formula=_elu,
        derivative_formula=Pieces((_elu_left, 1.0)),
        inverse_formula=_elu_inverse,
        parameters=(
            Parameter(name="alpha", default=1.0, meaning="saturates at -alpha for x < 0", above=0.0),
        ),
        facts=Facts(
            monotone=True,
            convex=lambda alpha: alpha <= 1,
            lipschitz=lambda alpha: max(1.0, alpha),
            bounds=lambda alpha: (-alpha, math.inf),
            backward=OUTPUT,
        ),
        ulps=3,
        derivative_ulps=3,
        onnx=Onnx(operator="Elu", since=6, attributes=(("alpha", "alpha"),)),
        module="ELU",
        papers=(
            "Clevert, Unterthiner, Hochreiter 2016: Fast and Accurate Deep Network Learning by Exponential "
            "Linear Units (ELUs). ICLR. arXiv:1511.07289",
        ),
    ),
    Activation(
        name="selu",
        title="SELU",
        family="exponential",
        formula="1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1))",
        slope="1.0507 if x > 0 else 1.7581 * exp(x)",
        at_zero="f(0) = 0, f'(0) = 1.7581 (the left side); f(-inf) = -1.7581; f(NaN) = f'(NaN) = NaN",
        value_formula=_selu,
        derivative_formula=Pieces((_selu_left, _SELU_SCALE)),
        inverse_formula=_selu_inverse,
        facts=Facts(
            monotone=True,
            convex=False,
            lipschitz=_SELU_SCALE * _SELU_ALPHA,
            bounds=(-_SELU_SCALE * _SELU_ALPHA, math.inf),
            backward=OUTPUT,
        ),
        ulps=4,
        derivative_ulps=4,
        onnx=Onnx(operator="Selu", since=6, attributes=(("alpha", _SELU_ALPHA), ("gamma", _SELU_SCALE))),
        module="SELU",
        papers=(
            "Klambauer, Unterthiner, Mayr, Hochreiter 2017: Self-Normalizing Neural Networks. NeurIPS. "
            "arXiv:1706.02515",
        ),
    ),
    Activation(
        name="celu",
        title="CELU",
        family="exponential",
        formula="x if x > 0 else alpha * (exp(x / alpha) - 1)",
        slope="1 if x > 0 else exp(x / alpha)",
        at_zero="f(0) = 0, f'(0) = 1 (continuous); f(-inf) = -alpha; f(NaN) = f'(NaN) = NaN",
        value_formula=_celu,
        derivative_formula=_celu_derivative,
        inverse_formula=_celu_inverse,
        parameters=(
            Parameter(name="alpha", default=1.0, meaning="saturates at -alpha for x < 0", above=0.0),
        ),
        facts=Facts(monotone=True, convex=True, bounds=lambda alpha: (-alpha, math.inf), backward=OUTPUT),
        ulps=3,
        derivative_ulps=3,
        onnx=Onnx(operator="Celu", since=12, attributes=(("alpha", "alpha"),)),
        module="CELU",
        papers=("Barron 2017: Continuously Differentiable Exponential Linear Units. arXiv:1704.07483",),
    ),
    Activation(
        name="softplus",
        title="Softplus",
        family="exponential",
        formula="log(1 + exp(beta * x)) / beta, and x where beta * x > threshold",
        slope="1 / (1 + exp(-beta * x)), and 1 where beta * x > threshold",
        at_zero="f(0) = log(2) / beta, f'(0) = 1/2; f(-inf) = 0; f(NaN) = f'(NaN) = NaN",
        value_formula=_softplus,
        derivative_formula=_softplus_derivative,
        inverse_formula=_softplus_inverse,
        seams=lambda beta, threshold: (threshold / beta,),  # where it falls to x
        parameters=(
            Parameter(name="beta", default=1.0, meaning="sharpness: ReLU in the limit", above=0.0),
            Parameter(
                name="threshold",
                default=20.0,
                meaning="x itself where beta * x is above, as torch has it: 2e-9 / beta below the smooth curve at "
                "20, no difference at 40",
                least=0.0,
            ),
        ),
        facts=Facts(
            monotone=lambda beta, threshold: threshold >= 40,  # it falls by exp(-threshold) / beta there
            convex=lambda beta, threshold: threshold >= 40,
            continuous=lambda beta, threshold: threshold >= 40,
            lipschitz=lambda beta, threshold: 1.0 if threshold >= 40 else math.inf,
            bounds=(0.0, math.inf),
            backward=OUTPUT,
        ),
        ulps=4,
        derivative_ulps=4,
        onnx=Onnx(
            composed="Softplus at beta 1, Div(Softplus(Mul(x, beta)), beta) otherwise; at a threshold below 15 "
            "Where(beta * x > threshold, x, ...) around it"
        ),
        module="Softplus",
        papers=(
            "Dugas, Bengio, Belisle, Nadeau, Garcia 2001: Incorporating Second-Order Functional Knowledge for "
            "Better Option Pricing. NIPS 2000",
        ),
    ),
)
