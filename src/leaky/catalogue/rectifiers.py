"""The rectifiers: two lines that meet at 0."""

from __future__ import annotations

import math
from typing import Any

from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.evaluate import rounded
from leaky.catalogue.facts import BIT, INPUT, OUTPUT, Facts, Onnx
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Pieces

_HE = (
    "He, Zhang, Ren, Sun 2015: Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet "
    "Classification. ICCV. arXiv:1502.01852"
)
VERY_LEAKY = 1 / 3


def relu(xp: Any, x: Array) -> Array:
    """max(x, 0), NaN kept, no -0."""
    return xp.where(x <= 0, xp.zeros_like(x), x)


def leaky_relu(xp: Any, x: Array, negative_slope: Any) -> Array:
    """x, or negative_slope * x below 0; 0 at -inf where the slope is 0."""
    if isinstance(negative_slope, float):
        return relu(xp, x) if negative_slope == 0 else xp.where(x > 0, x, negative_slope * x)
    # 0 * -inf is NaN: where a slope in the array is 0, the function is ReLU and its value is 0. Both sides are
    # cleared before the product and not after, so that the gradient for the slope is x there, and never NaN.
    ends = (x > 0) | ((negative_slope == 0) & (x == -xp.inf))
    return xp.where(x > 0, x, negative_slope * xp.where(ends, xp.zeros_like(x), x))


def _inverse(xp: Any, y: Array, negative_slope: Any) -> Array:
    return xp.where(y > 0, y, y / negative_slope)


def _slope(xp: Any, x: Array, negative_slope: Any) -> Any:
    return negative_slope


def _not_invertible(negative_slope: Any) -> str | None:
    if isinstance(negative_slope, float) and negative_slope <= 0:
        return f"`negative_slope` must be above 0, got {negative_slope:g}"
    return None


def _very_leaky(xp: Any, x: Array) -> Array:
    return leaky_relu(xp, x, rounded(xp, x, VERY_LEAKY))


def _very_leaky_inverse(xp: Any, y: Array) -> Array:
    return _inverse(xp, y, rounded(xp, y, VERY_LEAKY))


def mean_slope(lower: Any, upper: Any, form: str) -> Any:
    """The slope in evaluation: the mean of U(lower, upper), or of the divisors U(1/upper, 1/lower)."""
    return (lower + upper) / 2 if form == "multiply" else 2 / (1 / lower + 1 / upper)


def _rrelu(xp: Any, x: Array, lower: Any, upper: Any, form: str) -> Array:
    return leaky_relu(xp, x, rounded(xp, x, mean_slope(lower, upper, form)))


def _rrelu_inverse(xp: Any, y: Array, lower: Any, upper: Any, form: str) -> Array:
    return _inverse(xp, y, rounded(xp, y, mean_slope(lower, upper, form)))


def _rrelu_refuses(lower: float, upper: float, form: str) -> str | None:
    if lower > upper:
        return f"`lower` must not be above `upper`, got {lower:g} and {upper:g}"
    if form == "divide" and lower <= 0:
        return f"`lower` must be above 0 where form='divide', got {lower:g}"
    return None


def _rrelu_moment(lower: float, upper: float, form: str) -> float:
    """(1 + E[slope^2]) / 2 in training."""
    # of a slope 1/A, A ~ U(1/upper, 1/lower), E[1/A^2] is the product of the ends
    uniform = (lower * lower + lower * upper + upper * upper) / 3
    return (1 + (uniform if form == "multiply" else lower * upper)) / 2


def _leaky_facts(negative_slope: float) -> Facts:
    """The facts of a leaky rectifier with this slope."""
    a = negative_slope
    return Facts(
        monotone=a >= 0,
        convex=a <= 1,
        homogeneous=True,
        lipschitz=max(1.0, abs(a)),
        bounds=(0.0 if a <= 0 else -math.inf, math.inf),
        backward=BIT,
    )


def _leaky_family(slope: Any, **more: Any) -> Facts:
    """The same facts as functions of the parameters that give the slope."""

    def fact(name: str) -> Any:
        return lambda *values: getattr(_leaky_facts(slope(*values)), name)

    names = ("monotone", "convex", "homogeneous", "lipschitz", "bounds", "backward")
    return Facts(**{**{name: fact(name) for name in names}, **more})


RECTIFIERS = (
    Activation(
        name="relu",
        title="ReLU",
        family="rectifier",
        formula="x if x > 0 else 0",
        slope="1 if x > 0 else 0",
        at_zero="f(0) = f(-0) = 0, f'(0) = 0 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=relu,
        derivative_formula=Pieces((0.0, 1.0)),
        no_inverse="every x <= 0 gives 0",
        piecewise_linear=True,
        facts=_leaky_facts(0.0),
        onnx=Onnx(operator="Relu", since=6),
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
        value_formula=leaky_relu,
        derivative_formula=Pieces((_slope, 1.0)),
        inverse_formula=_inverse,
        no_inverse=_not_invertible,
        parameters=(
            Parameter(
                name="negative_slope",
                default=0.01,
                meaning="slope for x < 0; 0 is ReLU, 1 the identity, above 1 the function is concave",
            ),
        ),
        piecewise_linear=True,
        facts=_leaky_family(lambda a: a),
        onnx=Onnx(operator="LeakyRelu", since=6, attributes=(("alpha", "negative_slope"),)),
        acronyms=(("LReLU", "leaky"),),
        module="LeakyReLU",
        papers=(
            "Maas, Hannun, Ng 2013: Rectifier Nonlinearities Improve Neural Network Acoustic Models. "
            "ICML Workshop on Deep Learning for Audio, Speech and Language Processing",
        ),
    ),
    Activation(
        name="very_leaky_relu",
        title="Very Leaky ReLU",
        family="rectifier",
        formula="x if x > 0 else x / 3",
        slope="1 if x > 0 else 1/3",
        at_zero="f(0) = 0, f'(0) = 1/3 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=_very_leaky,
        derivative_formula=Pieces((VERY_LEAKY, 1.0)),
        inverse_formula=_very_leaky_inverse,
        piecewise_linear=True,
        facts=_leaky_facts(VERY_LEAKY),
        ulps=1,  # the slope is rounded
        onnx=Onnx(operator="LeakyRelu", since=6, attributes=(("alpha", VERY_LEAKY),)),
        acronyms=(("VLReLU", "very leaky"),),
        module="VeryLeakyReLU",
        papers=("Graham 2014: Spatially-sparse Convolutional Neural Networks. arXiv:1409.6070",),
    ),
    Activation(
        name="prelu",
        title="PReLU",
        family="rectifier",
        formula="x if x > 0 else negative_slope * x, with negative_slope learned",
        slope="1 if x > 0 else negative_slope",
        at_zero="f(0) = 0, f'(0) = negative_slope (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=leaky_relu,
        derivative_formula=Pieces((_slope, 1.0)),
        inverse_formula=_inverse,
        no_inverse=_not_invertible,
        parameters=(
            Parameter(
                name="negative_slope",
                default=0.25,
                meaning="slope for x < 0, where learning starts; an array broadcasts against x",
                learned=True,
                sharing="channel",
            ),
        ),
        piecewise_linear=True,
        facts=_leaky_family(lambda a: a, backward=lambda a: OUTPUT if a > 0 else INPUT),
        onnx=Onnx(operator="PRelu", since=7, attributes=(("slope", "negative_slope"),)),
        module="PReLU",
        papers=(_HE,),
    ),
    Activation(
        name="rrelu",
        title="Randomized Leaky ReLU",
        family="rectifier",
        formula="x if x > 0 else slope * x, with slope (lower + upper) / 2 (form='multiply') or "
        "2 / (1/lower + 1/upper) (form='divide')",
        slope="1 if x > 0 else slope",
        at_zero="f(0) = 0, f'(0) = slope (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=_rrelu,
        derivative_formula=Pieces((lambda xp, x, *values: mean_slope(*values), 1.0)),
        inverse_formula=_rrelu_inverse,
        no_inverse=lambda *values: _not_invertible(mean_slope(*values)),
        parameters=(
            Parameter(name="lower", default=1 / 8, meaning="smallest slope for x < 0"),
            Parameter(name="upper", default=1 / 3, meaning="largest slope for x < 0"),
            Parameter(
                name="form",
                default="multiply",
                choices=("multiply", "divide"),
                meaning="multiply by U(lower, upper), as the frameworks do, or divide by U(1/upper, 1/lower), as "
                "the paper does: U(3, 8) by default",
            ),
        ),
        refuses=_rrelu_refuses,
        piecewise_linear=True,
        training="the slope of every element below 0 is drawn anew at every call: from U(lower, upper), or 1/A with "
        "A from U(1/upper, 1/lower)",
        facts=_leaky_family(mean_slope),
        moments=(_rrelu_moment, _rrelu_moment),
        ulps=1,  # the slope is rounded
        onnx=Onnx(composed="LeakyRelu with the slope of evaluation; drawing is not expressible"),
        module="RReLU",
        papers=(
            "Xu, Wang, Chen, Li 2015: Empirical Evaluation of Rectified Activations in Convolutional Network. "
            "arXiv:1505.00853",
        ),
    ),
)
