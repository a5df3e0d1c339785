"""Rectifiers of another shape: clipped, with noise, squared, thresholded, shifted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from leaky.catalogue.entry import Activation, Array
from leaky.catalogue.facts import BIT, OUTPUT, Facts, Onnx
from leaky.catalogue.gain import normal_mean
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.pieces import Pieces
from leaky.catalogue.rectifiers import relu


def clip(xp: Any, x: Array, low: Any, high: Any) -> Array:
    """x between low and high, NaN kept; automatic differentiation gives 0 at both ends."""
    ends = xp.where(x >= high, xp.ones_like(x) * high, x)
    return xp.where(x <= low, xp.ones_like(x) * low, ends)


def _floor(xp: Any, x: Array, low: Any) -> Array:
    return xp.where(x <= low, xp.ones_like(x) * low, x)


def _thresholded(xp: Any, x: Array, threshold: Any) -> Array:
    return xp.where(x <= threshold, xp.zeros_like(x), x)


def _hardshrink(xp: Any, x: Array, lambd: Any) -> Array:
    return xp.where((x >= -lambd) & (x <= lambd), xp.zeros_like(x), x)


def _squared(xp: Any, x: Array) -> Array:
    rectified = relu(xp, x)
    return rectified * rectified


def _phi(m: Any) -> Any:
    """P(z < m) of a NumPy array."""
    return np.vectorize(lambda at: math.erfc(-at / math.sqrt(2)) / 2)(m)


def _noisy_moment() -> float:
    """E[max(0, z + noise)^2] with noise of variance sigmoid(z)."""

    def given(z: Any) -> Any:
        deviation = 1 / np.sqrt(1 + np.exp(-z))
        m = z / deviation
        density = np.exp(-(m**2) / 2) / math.sqrt(2 * math.pi)
        return deviation**2 * ((m**2 + 1) * _phi(m) + m * density)

    return normal_mean(given)


def _noisy_slope_moment() -> float:
    """P(z + noise > 0)."""
    return normal_mean(lambda z: _phi(z * np.sqrt(1 + np.exp(-z))))


CLIPPED = (
    Activation(
        name="clipped_relu",
        title="Clipped ReLU",
        family="rectifier",
        formula="min(max(x, 0), ceiling)",
        slope="1 if 0 < x < ceiling else 0",
        at_zero="f(0) = f(-0) = 0, f'(0) = f'(ceiling) = 0 (the outer sides); f(NaN) = f'(NaN) = NaN",
        value_formula=lambda xp, x, ceiling: clip(xp, x, 0.0, ceiling),
        derivative_formula=Pieces((0.0, 1.0, 0.0), lambda ceiling: (0.0, ceiling), ("left", "right")),
        no_inverse="every x <= 0 gives 0",
        parameters=(
            Parameter(name="ceiling", default=20.0, meaning="the largest value, 20 in the paper", above=0.0),
        ),
        piecewise_linear=True,
        facts=Facts(monotone=True, convex=False, bounds=lambda ceiling: (0.0, ceiling), backward=BIT),
        onnx=Onnx(operator="Clip", since=11, attributes=(("min", 0.0), ("max", "ceiling"))),
        acronyms=(("BReLU", "bounded"),),
        module="ClippedReLU",
        papers=(
            "Hannun et al. 2014: Deep Speech: Scaling up end-to-end speech recognition. arXiv:1412.5567",
            "Liew, Khalil-Hani, Bakhteri 2016: Bounded activation functions for enhanced training stability of deep "
            "neural networks on visual pattern recognition problems. Neurocomputing",
        ),
    ),
    Activation(
        name="relu6",
        title="ReLU6",
        family="rectifier",
        formula="min(max(x, 0), 6)",
        slope="1 if 0 < x < 6 else 0",
        at_zero="f(0) = f(-0) = 0, f'(0) = f'(6) = 0 (the outer sides); f(NaN) = f'(NaN) = NaN",
        value_formula=lambda xp, x: clip(xp, x, 0.0, 6.0),
        derivative_formula=Pieces((0.0, 1.0, 0.0), lambda: (0.0, 6.0), ("left", "right")),
        no_inverse="every x <= 0 gives 0",
        piecewise_linear=True,
        facts=Facts(monotone=True, convex=False, bounds=(0.0, 6.0), backward=BIT),
        onnx=Onnx(operator="Clip", since=11, attributes=(("min", 0.0), ("max", 6.0))),
        module="ReLU6",
        papers=("Krizhevsky 2010: Convolutional Deep Belief Networks on CIFAR-10",),
    ),
    Activation(
        name="noisy_relu",
        title="Noisy ReLU",
        family="rectifier",
        formula="x if x > 0 else 0",
        slope="1 if x > 0 else 0",
        at_zero="f(0) = f(-0) = 0, f'(0) = 0 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=relu,
        derivative_formula=Pieces((0.0, 1.0)),
        no_inverse="every x <= 0 gives 0",
        piecewise_linear=True,
        training="max(0, x + noise), the noise normal with mean 0 and variance 1 / (1 + exp(-x)), drawn for every "
        "element at every call; the gradient passes where x + noise > 0, the noise held fixed",
        facts=Facts(monotone=True, convex=True, homogeneous=True, bounds=(0.0, math.inf), backward=BIT),
        moments=(_noisy_moment, _noisy_slope_moment),
        onnx=Onnx(operator="Relu", since=6),
        acronyms=(("NReLU", "noisy"),),
        module="NoisyReLU",
        papers=("Nair, Hinton 2010: Rectified Linear Units Improve Restricted Boltzmann Machines. ICML",),
    ),
    Activation(
        name="squared_relu",
        title="Squared ReLU",
        family="rectifier",
        formula="x * x if x > 0 else 0",
        slope="2 * x if x > 0 else 0",
        at_zero="f(0) = f'(0) = 0 (continuous); f(NaN) = f'(NaN) = NaN",
        value_formula=_squared,
        derivative_formula=lambda xp, x: 2 * relu(xp, x),
        no_inverse="every x <= 0 gives 0",
        facts=Facts(monotone=True, convex=True, lipschitz=math.inf, bounds=(0.0, math.inf), backward=OUTPUT),
        onnx=Onnx(composed="Mul(Relu(x), Relu(x))"),
        acronyms=(("SReLU", "squared"),),
        module="SquaredReLU",
        papers=(
            "So et al. 2021: Primer: Searching for Efficient Transformers for Language Modeling. NeurIPS",
        ),
    ),
    Activation(
        name="thresholded_relu",
        title="Thresholded ReLU",
        family="rectifier",
        formula="x if x > threshold else 0",
        slope="1 if x > threshold else 0",
        at_zero="f(threshold) = f'(threshold) = 0 (the left side of a jump); f(NaN) = f'(NaN) = NaN",
        value_formula=_thresholded,
        derivative_formula=Pieces((0.0, 1.0), lambda threshold: (threshold,)),
        no_inverse="every x <= threshold gives 0",
        parameters=(Parameter(name="threshold", default=1.0, meaning="0 up to here, x beyond", least=0.0),),
        piecewise_linear=True,
        facts=Facts(
            monotone=True,
            convex=lambda threshold: threshold == 0,
            homogeneous=lambda threshold: threshold == 0,
            continuous=lambda threshold: threshold == 0,
            lipschitz=lambda threshold: math.inf if threshold else 1.0,
            bounds=(0.0, math.inf),
            backward=BIT,
        ),
        onnx=Onnx(operator="ThresholdedRelu", since=10, attributes=(("alpha", "threshold"),)),
        module="ThresholdedReLU",
        papers=(
            "Konda, Memisevic, Krueger 2015: Zero-bias Autoencoders and the Benefits of Co-adapting Features. ICLR. "
            "arXiv:1402.3337",
        ),
    ),
    Activation(
        name="shifted_relu",
        title="Shifted ReLU",
        family="rectifier",
        formula="max(-1, x)",
        slope="1 if x > -1 else 0",
        at_zero="f(0) = 0, f'(0) = 1; f(-1) = -1, f'(-1) = 0 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=lambda xp, x: _floor(xp, x, -1.0),
        derivative_formula=Pieces((0.0, 1.0), lambda: (-1.0,)),
        no_inverse="every x <= -1 gives -1",
        piecewise_linear=True,
        facts=Facts(monotone=True, convex=True, bounds=(-1.0, math.inf), backward=BIT),
        onnx=Onnx(composed="Max(x, -1)"),
        acronyms=(("SReLU", "shifted"),),
        module="ShiftedReLU",
        papers=(
            "Clevert, Unterthiner, Hochreiter 2016: Fast and Accurate Deep Network Learning by Exponential "
            "Linear Units (ELUs). ICLR. arXiv:1511.07289 (as a baseline)",
        ),
    ),
    Activation(
        name="displaced_relu",
        title="Displaced ReLU",
        family="rectifier",
        formula="max(-delta, x)",
        slope="1 if x > -delta else 0",
        at_zero="f(0) = 0; f(-delta) = -delta, f'(-delta) = 0 (the left side); f(NaN) = f'(NaN) = NaN",
        value_formula=lambda xp, x, delta: _floor(xp, x, 0.0 - delta),
        derivative_formula=Pieces((0.0, 1.0), lambda delta: (-delta,)),
        no_inverse="every x <= -delta gives -delta",
        parameters=(Parameter(name="delta", default=0.05, meaning="how far below 0 the kink is", least=0.0),),
        piecewise_linear=True,
        facts=Facts(
            monotone=True,
            convex=True,
            homogeneous=lambda delta: delta == 0,
            bounds=lambda delta: (-delta, math.inf),
            backward=BIT,
        ),
        onnx=Onnx(composed="Max(x, -delta)"),
        acronyms=(("DReLU", "displaced"), ("DisReLU", "displaced")),
        module="DisplacedReLU",
        papers=(
            "Macedo, Zanchettin, Oliveira, Ludermir 2019: Enhancing batch normalized convolutional networks using "
            "displaced rectifier linear units. Expert Systems with Applications. arXiv:1906.01975",
        ),
    ),
    Activation(
        name="hardshrink",
        title="Hardshrink",
        family="rectifier",
        formula="0 if -lambd <= x <= lambd else x",
        slope="0 if -lambd <= x <= lambd else 1",
        at_zero="f(0) = f'(0) = 0; at both jumps f = f' = 0 (the inner sides); f(NaN) = f'(NaN) = NaN",
        value_formula=_hardshrink,
        derivative_formula=Pieces((1.0, 0.0, 1.0), lambda lambd: (-lambd, lambd), ("right", "left")),
        no_inverse="every x between -lambd and lambd gives 0",
        parameters=(Parameter(name="lambd", default=0.5, meaning="what is no larger becomes 0", above=0.0),),
        piecewise_linear=True,
        facts=Facts(
            monotone=True,
            convex=False,
            continuous=False,
            lipschitz=math.inf,
            backward=BIT,
        ),
        onnx=Onnx(operator="Shrink", since=9, attributes=(("bias", 0.0), ("lambd", "lambd"))),
        module="Hardshrink",
        papers=("Donoho, Johnstone 1994: Ideal Spatial Adaptation by Wavelet Shrinkage. Biometrika",),
    ),
)
