"""Gains against the closed forms, and against constants computed by another program (five decimals)."""

from __future__ import annotations

import math

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
