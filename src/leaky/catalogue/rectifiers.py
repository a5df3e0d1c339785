"""The rectifiers: piecewise linear, with a kink at 0."""

from __future__ import annotations

from typing import Any

from leaky.catalogue.entry import Activation, Array, Parameter

_HE = (
    "He, Zhang, Ren, Sun 2015: Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet "
    "Classification. ICCV. arXiv:1502.01852"
)


def _relu(xp: Any, x: Array) -> Array:
    return xp.where(x <= 0, xp.zeros_like(x), x)


def _relu_derivative(xp: Any, x: Array) -> Array:
    return xp.where(x <= 0, xp.zeros_like(x), xp.where(x > 0, xp.ones_like(x), x))


def _leaky_relu(xp: Any, x: Array, negative_slope: Any) -> Array:
    if isinstance(negative_slope, float):
        return _relu(xp, x) if negative_slope == 0 else xp.where(x > 0, x, negative_slope * x)
    # 0 * -inf is NaN: where a slope in the array is 0, the function is ReLU and its value is 0. Both sides are
    # cleared before the product and not after, so that the gradient for the slope is x there, and never NaN.
    ends = (x > 0) | ((negative_slope == 0) & (x == -xp.inf))
    return xp.where(x > 0, x, negative_slope * xp.where(ends, xp.zeros_like(x), x))


def _leaky_relu_derivative(xp: Any, x: Array, negative_slope: Any) -> Array:
    left = xp.where(x <= 0, xp.ones_like(x) * negative_slope, x)  # leaves NaN as it is
    return xp.where(x > 0, xp.ones_like(x), left)


RECTIFIERS = (
    Activation(
        name="relu",
        title="ReLU",
        family="rectifier",
        formula="x if x > 0 else 0",
        slope="1 if x > 0 else 0",
        at_zero="f(0) = f(-0) = 0, f'(0) = 0 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=_relu,
        derivative_formula=_relu_derivative,
        kinks=(0.0,),
        piecewise_linear=True,
        module="ReLU",
        papers=(
            "Nair, Hinton 2010: Rectified Linear Units Improve Restricted Boltzmann Machines. ICML",
            "Glorot, Bordes, Bengio 2011: Deep Sparse Rectifier Neural Networks. AISTATS",
        ),
    ),
    Activation(
        name="leaky_relu",
        title="Leaky ReLU",
        family="rectifier",
        formula="x if x > 0 else negative_slope * x",
        slope="1 if x > 0 else negative_slope",
        at_zero="f(0) = 0, f'(0) = negative_slope (the left side); f(-inf) = 0 at negative_slope 0; "
        "f(NaN) = f'(NaN) = NaN",
        value_formula=_leaky_relu,
        derivative_formula=_leaky_relu_derivative,
        parameters=(
            Parameter(
                name="negative_slope",
                default=0.01,
                meaning="slope for x < 0; 0 is ReLU, 1 the identity, above 1 the function is concave",
            ),
        ),
        kinks=(0.0,),
        piecewise_linear=True,
        module="LeakyReLU",
        papers=(
            "Maas, Hannun, Ng 2013: Rectifier Nonlinearities Improve Neural Network Acoustic Models. "
            "ICML Workshop on Deep Learning for Audio, Speech and Language Processing",
        ),
    ),
    Activation(
        name="prelu",
        title="PReLU",
        family="rectifier",
        formula="x if x > 0 else negative_slope * x, with negative_slope learned",
        slope="1 if x > 0 else negative_slope",
        at_zero="f(0) = 0, f'(0) = negative_slope (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=_leaky_relu,
        derivative_formula=_leaky_relu_derivative,
        parameters=(
            Parameter(
                name="negative_slope",
                default=0.25,
                meaning="slope for x < 0, where learning starts; an array broadcasts against x",
                learned=True,
            ),
        ),
        kinks=(0.0,),
        piecewise_linear=True,
        module="PReLU",
        papers=(_HE,),
    ),
)
