"""The exponential family: rectifiers with a smooth left side.

The exponent is taken of the negative part only, so that no branch that `where` throws away overflows: its
gradient would be 0 * inf = NaN. Where both sides of a derivative meet at 0, it is taken from the left.
"""

from __future__ import annotations

from typing import Any

from leaky.catalogue.entry import Activation, Array, Parameter

# The fixed point of mean 0 and variance 1, to double precision (Klambauer et al. 2017, appendix).
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _negative_part(xp: Any, x: Array) -> Array:
    return xp.where(x > 0, xp.zeros_like(x), x)


def _elu(xp: Any, x: Array, alpha: Any) -> Array:
    return xp.where(x > 0, x, alpha * xp.expm1(_negative_part(xp, x)))


def _elu_derivative(xp: Any, x: Array, alpha: Any) -> Array:
    return xp.where(x > 0, xp.ones_like(x), alpha * xp.exp(_negative_part(xp, x)))


def _selu(xp: Any, x: Array) -> Array:
    return _SELU_SCALE * _elu(xp, x, _SELU_ALPHA)


def _selu_derivative(xp: Any, x: Array) -> Array:
    return _SELU_SCALE * _elu_derivative(xp, x, _SELU_ALPHA)


def _softplus(xp: Any, x: Array, beta: Any) -> Array:
    z = beta * x
    # exp of -|z|, written so that automatic differentiation is right at 0, where |z| has no derivative
    small = xp.exp(xp.where(z > 0, -z, z))
    return xp.where(z > 0, x, xp.zeros_like(x)) + xp.log1p(small) / beta


def _softplus_derivative(xp: Any, x: Array, beta: Any) -> Array:
    z = beta * x
    small = xp.exp(xp.where(z > 0, -z, z))
    return xp.where(z > 0, xp.ones_like(x), small) / (1 + small)


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
        derivative_formula=_elu_derivative,
        parameters=(
            Parameter(name="alpha", default=1.0, meaning="saturates at -alpha for x < 0", above=0.0),
        ),
        kinks=(0.0,),
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
        derivative_formula=_selu_derivative,
        kinks=(0.0,),
        module="SELU",
        papers=(
            "Klambauer, Unterthiner, Mayr, Hochreiter 2017: Self-Normalizing Neural Networks. NeurIPS. "
            "arXiv:1706.02515",
        ),
    ),
    Activation(
        name="softplus",
        title="Softplus",
        family="exponential",
        formula="log(1 + exp(beta * x)) / beta",
        slope="1 / (1 + exp(-beta * x))",
        at_zero="f(0) = log(2) / beta, f'(0) = 1/2; f(-inf) = 0; f(NaN) = f'(NaN) = NaN",
        value_formula=_softplus,
        derivative_formula=_softplus_derivative,
        parameters=(Parameter(name="beta", default=1.0, meaning="sharpness: ReLU in the limit", above=0.0),),
        module="Softplus",
        papers=(
            "Dugas, Bengio, Belisle, Nadeau, Garcia 2001: Incorporating Second-Order Functional Knowledge for "
            "Better Option Pricing. NIPS 2000",
        ),
    ),
)
