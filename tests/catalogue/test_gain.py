"""Gains against the closed forms, and against constants computed by another program (five decimals)."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import leaky

# sqrt(1 / E f(z)^2): shared/CATALOGUE.md, section 2.
CONSTANTS = {
    "relu": 1.41421,
    "leaky_relu(0.01)": 1.41414,
    "leaky_relu(0.1)": 1.40720,
    "leaky_relu(1/5.5)": 1.39140,
    "leaky_relu(0.2)": 1.38675,
    "leaky_relu(0.25)": 1.37199,
    "leaky_relu(0.3)": 1.35457,
    "leaky_relu(1/3)": 1.34164,
    "leaky_relu(11/48)": 1.37848,
    "leaky_relu(1)": 1.0,
    "elu(1)": 1.24520,
    "elu(2)": 0.96235,
    "selu": 1.0,
    "softplus": 1.04187,
    "sigmoid": 1.84623,
    "tanh": 1.59254,
}


# The same section: forward and backward gains of the others, and of two above backward.
BOTH = {
    "relu6": (1.41421, 1.41421),
    "clipped_relu(20)": (1.41421, 1.41421),
    "clipped_relu(1)": (1.96864, 1.71160),
    "squared_relu": (0.81650, 0.70711),
    "thresholded_relu": (1.57990, 2.51057),
    "elu": (1.24520, 1.22343),
    "elu(2)": (0.96235, 0.92355),
    "celu(2)": (1.15519, 1.14589),
    "celu(0.5)": (1.33091, 1.29705),
    "selu": (1.0, 0.96603),
    "softplus": (1.04187, 1.84623),
    "sigmoid": (1.84623, 4.72265),
    "tanh": (1.59254, 1.46741),
    "softsign": (2.33753, 2.09578),
    "hardtanh": (1.39204, 1.21029),
    "hardsigmoid": (1.89784, 6.00812),
    "hardsigmoid(0.2)": (1.85983, 5.03134),
    "hardswish": (1.73666, 1.67008),
    "gelu": (1.53353, 1.48111),
    "silu": (1.67653, 1.62332),
    "silu(1.702)": (1.53946, 1.49146),
    "mish": (1.48685, 1.44476),
    "shifted_relu": (1.14857, 1.09022),
    "rrelu": (1.37612, 1.37612),
    "leaky_relu(0.2)": (1.38675, 1.38675),
    "very_leaky_relu": (1.34164, 1.34164),
}


@pytest.mark.parametrize("text", BOTH)
def test_both_gains_are_the_constants(text: str) -> None:
    spec = leaky.parse(text)
    forward, backward = spec.gain, spec.activation.backward_gain(**spec.parameters)
    assert (forward, backward) == pytest.approx(BOTH[text], abs=6e-6)


def test_gains_of_what_is_drawn_or_has_several_outputs() -> None:
    table, generator = leaky.catalogue, np.random.default_rng(11)
    z = generator.normal(size=2_000_000)
    divided = z * np.where(z > 0, 1, 1 / generator.uniform(3, 8, size=z.shape))
    assert table["rrelu"].gain(form="divide") == pytest.approx(1 / math.sqrt(np.mean(divided**2)), rel=3e-3)
    noisy = z + generator.normal(size=z.shape) * np.sqrt(1 / (1 + np.exp(-z)))
    assert table["noisy_relu"].gain() == pytest.approx(
        1 / math.sqrt(np.mean(np.maximum(noisy, 0) ** 2)), rel=3e-3
    )
    assert table["noisy_relu"].backward_gain() == pytest.approx(1 / math.sqrt(np.mean(noisy > 0)), rel=3e-3)
    assert table["maxout"].gain() == pytest.approx(1.0, rel=1e-12)
    assert table["maxout"].gain(num_pieces=3) == pytest.approx(1 / math.sqrt(1.2757), rel=1e-4)
    assert table["crelu"].gain() == pytest.approx(math.sqrt(2), rel=1e-15)


@pytest.mark.parametrize("text", CONSTANTS)
def test_gain_is_the_constant(text: str) -> None:
    assert leaky.parse(text).gain == pytest.approx(CONSTANTS[text], abs=6e-6)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.25, 1 / 3, 1.0, 1.5, -0.5, -1.0, 30.0])
def test_gain_of_the_leaky_family_is_the_closed_form(slope: float) -> None:
    wanted = math.sqrt(2 / (1 + slope**2))
    for name in ("leaky_relu", "prelu"):
        assert leaky.catalogue[name].gain(slope) == pytest.approx(wanted, rel=1e-13)
    if slope == 0:
        assert leaky.catalogue["relu"].gain() == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
def test_gain_of_elu_is_the_closed_form(alpha: float) -> None:
    # E f^2 = 1/2 + alpha^2 * (E e^2z - 2 E e^z + 1; z < 0), with E(e^kz; z < 0) = e^(k^2/2) Phi(-k)
    def half(k: float) -> float:
        return math.exp(k * k / 2) * math.erfc(k / math.sqrt(2)) / 2

    moment = 0.5 + alpha**2 * (half(2) - 2 * half(1) + half(0))
    assert leaky.catalogue["elu"].gain(alpha) == pytest.approx(1 / math.sqrt(moment), rel=1e-12)


def test_gain_of_an_array_of_slopes_is_that_of_their_mean() -> None:
    prelu = leaky.catalogue["prelu"]
    assert prelu.gain(np.array([0.1, 0.3])) == pytest.approx(prelu.gain(0.2), rel=1e-14)


@pytest.mark.parametrize("beta", [0.01, 1.0, 100.0, 1e6])
def test_gain_of_a_sharp_softplus_goes_to_that_of_relu(beta: float) -> None:
    moment = 1 / leaky.catalogue["softplus"].gain(beta) ** 2
    # softplus lies within log(2)/beta above relu
    assert moment * (1 + 1e-6) >= 0.5
    assert moment <= 0.5 + 2 * 0.39895 * math.log(2) / beta + (math.log(2) / beta) ** 2


@pytest.mark.parametrize(
    ("beta", "threshold", "forward", "backward"), [(3, 1, 1.394886, 1.499593), (0.5, 1, 0.661239, 1.912562)]
)
def test_gains_of_a_softplus_that_jumps_are_integrals_of_both_pieces(
    beta: float, threshold: float, forward: float, backward: float
) -> None:
    # The midpoint rule on each side of the jump at threshold / beta, beyond which f is x.
    steps, jump = 1_000_000, threshold / beta
    z = -12 + (jump + 12) * (np.arange(steps) + 0.5) / steps
    weight = np.exp(-z * z / 2) * (jump + 12) / steps / math.sqrt(2 * math.pi)
    density, beyond = math.exp(-jump * jump / 2) / math.sqrt(2 * math.pi), math.erfc(jump / math.sqrt(2)) / 2
    value = np.sum(weight * (np.log1p(np.exp(beta * z)) / beta) ** 2) + jump * density + beyond
    slope = np.sum(weight / (1 + np.exp(-beta * z)) ** 2) + beyond
    softplus = leaky.catalogue["softplus"]
    assert softplus.gain(beta, threshold) == pytest.approx(1 / math.sqrt(value), rel=1e-10)
    assert softplus.backward_gain(beta, threshold) == pytest.approx(1 / math.sqrt(slope), rel=1e-10)
    assert softplus.gain(beta, threshold) == pytest.approx(forward, abs=6e-7)
    assert softplus.backward_gain(beta, threshold) == pytest.approx(backward, abs=6e-7)


def test_gains_of_huge_slopes_do_not_overflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gain = leaky.parse("elu(alpha=1e200)").gain
    assert gain == pytest.approx(1e-200 * leaky.parse("elu(alpha=1e9)").gain * 1e9, rel=1e-6)
