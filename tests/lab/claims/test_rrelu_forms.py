"""RReLU's measurements against the moments of its slopes."""

from __future__ import annotations

import math

import pytest
import torch

from leaky.lab.claims import rrelu
from leaky.lab.claims.networks import Perceptron
from leaky.lab.claims.perceptrons import digits, stream
from leaky.lab.factory import ModelFactory


def test_the_scale_falls_by_what_the_moments_say() -> None:
    """E[r^2] = (l^2 + l u + u^2) / 3 of U(l, u) in training, the mean squared in tests."""
    low, high = 1 / 8, 1 / 3
    drawn, fixed = (low**2 + low * high + high**2) / 3, ((low + high) / 2) ** 2
    expected = math.log((1 + fixed) / (1 + drawn))
    found = [rrelu.scales(seed, depths=[1], width=256, samples=512)["1 layers"] for seed in range(20)]
    assert sum(found) / len(found) == pytest.approx(expected, abs=3e-4)
    assert rrelu.scales(0, depths=[4], width=16, samples=8)["per layer"] == pytest.approx(
        rrelu.scales(0, depths=[4], width=16, samples=8)["4 layers"] / 4
    )


def test_slopes_of_both_forms() -> None:
    found = rrelu.forms(0, train=50, hidden=2, count=1, rate=0.01, drawn=200_000)
    assert found["slope drawn, multiplied"] == pytest.approx(11 / 48, abs=1e-3)
    assert found["slope drawn, divided"] == pytest.approx(math.log(8 / 3) / 5, abs=1e-3)
    assert found["slope in tests, multiplied"] == pytest.approx(11 / 48, rel=1e-6)
    assert found["slope in tests, divided"] == pytest.approx(1 / 5.5, rel=1e-6)


@pytest.mark.parametrize("slope", [11 / 48, 1 / 5.5])
def test_accuracy_with_a_slope_is_that_of_the_leaky_network(slope: float) -> None:
    (x, y), _ = digits(stream(0), 500)
    model = Perceptron(64, 3, 10)(ModelFactory(f"leaky_relu(negative_slope={slope})"), 1)
    layers = [part for part in model.modules() if isinstance(part, torch.nn.Linear)]
    expected = (model(x).argmax(1) == y).float().mean()
    assert rrelu.accuracy(layers, slope, x, y) == expected
    assert rrelu.accuracy(layers, -4.0, x, y) != expected


def test_each_form_is_tested_with_both_slopes() -> None:
    found = rrelu.forms(0, train=50, hidden=3, count=30, rate=0.01, drawn=10)
    for own in rrelu.FORMS:
        mine = found[f"accuracy, {own}, tested as {own}"]
        assert 0.2 < mine < 1
        assert all(abs(mine - found[f"accuracy, {own}, tested as {other}"]) < 0.1 for other in rrelu.FORMS)
