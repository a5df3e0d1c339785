"""The sigmoidal family: bounded, smooth, flat on both sides."""

from __future__ import annotations

from typing import Any

from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import OUTPUT, Facts, Onnx


def _decay(xp: Any, x: Array) -> Array:
    """exp(-|x|), written so that automatic differentiation is right at 0."""
    return xp.exp(xp.where(x > 0, -x, x))


def _sigmoid(xp: Any, x: Array) -> Array:
    small = _decay(xp, x)
    return xp.where(x > 0, xp.ones_like(x), small) / (1 + small)


def _sigmoid_derivative(xp: Any, x: Array) -> Array:
    small = _decay(xp, x)
    return small / (1 + small) ** 2


def _logit(xp: Any, y: Array) -> Array:
    return xp.log(y) - xp.log1p(-y)


def _tanh(xp: Any, x: Array) -> Array:
    return xp.tanh(x)


def _tanh_derivative(xp: Any, x: Array) -> Array:
    small = _decay(xp, 2 * x)  # 1 - tanh(x)^2 would cancel to 0 in the tails
    return 4 * small / (1 + small) ** 2


def _softsign(xp: Any, x: Array) -> Array:
    outer = (x > 1) | (x < -1)
    held = xp.where(outer, xp.zeros_like(x), x)
    # 1 - 1/(1 + |x|) has the right limit at infinity and its gradient does not cancel; x/(1 + |x|) is exact near 0
    size = 1 - 1 / (1 + xp.where(outer, xp.abs(x), xp.ones_like(x)))
    return xp.where(outer, xp.where(x > 0, size, -size), held / (1 + xp.abs(held)))


def _softsign_derivative(xp: Any, x: Array) -> Array:
    return (1 / (1 + xp.abs(x))) ** 2


def _softsign_inverse(xp: Any, y: Array) -> Array:
    return xp.where(xp.abs(y) <= 1, y / (1 - xp.abs(y)), xp.nan * y)


SIGMOIDAL = (
    Activation(
        name="sigmoid",
        title="Sigmoid",
        family="sigmoidal",
        formula="1 / (1 + exp(-x))",
        slope="f(x) * (1 - f(x))",
        at_zero="f(0) = 1/2, f'(0) = 1/4; f(-inf) = 0, f(inf) = 1; f(NaN) = f'(NaN) = NaN",
        value_formula=_sigmoid,
        derivative_formula=_sigmoid_derivative,
        inverse_formula=_logit,
        facts=Facts(monotone=True, convex=False, lipschitz=0.25, bounds=(0.0, 1.0), backward=OUTPUT),
        ulps=4,
        derivative_ulps=6,
        onnx=Onnx(operator="Sigmoid", since=6),
        module="Sigmoid",
        papers=(
            "Rumelhart, Hinton, Williams 1986: Learning Representations by Back-propagating Errors. Nature",
        ),
    ),
    Activation(
        name="tanh",
        title="Tanh",
        family="sigmoidal",
        formula="(exp(x) - exp(-x)) / (exp(x) + exp(-x))",
        slope="1 - f(x)^2",
        at_zero="f(0) = 0, f'(0) = 1; f(-inf) = -1, f(inf) = 1; f(NaN) = f'(NaN) = NaN",
        value_formula=_tanh,
        derivative_formula=_tanh_derivative,
        inverse_formula=lambda xp, y: xp.atanh(y),
        facts=Facts(monotone=True, convex=False, bounds=(-1.0, 1.0), backward=OUTPUT),
        ulps=4,
        derivative_ulps=6,
        onnx=Onnx(operator="Tanh", since=6),
        module="Tanh",
        papers=("LeCun, Bottou, Orr, Mueller 1998: Efficient BackProp",),
    ),
    Activation(
        name="softsign",
        title="Softsign",
        family="sigmoidal",
        formula="x / (1 + |x|)",
        slope="1 / (1 + |x|)^2",
        at_zero="f(0) = 0, f'(0) = 1; f(-inf) = -1, f(inf) = 1; f(NaN) = f'(NaN) = NaN",
        value_formula=_softsign,
        derivative_formula=_softsign_derivative,
        inverse_formula=_softsign_inverse,
        facts=Facts(monotone=True, convex=False, bounds=(-1.0, 1.0), backward=OUTPUT),
        ulps=2,
        derivative_ulps=3,
        onnx=Onnx(operator="Softsign", since=1),
        module="Softsign",
        papers=(
            "Bergstra, Desjardins, Lamblin, Bengio 2009: Quadratic Polynomials Learn Better Image Features. "
            "Technical report 1337, Universite de Montreal",
        ),
    ),
)
