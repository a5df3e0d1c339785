"""Random networks: their gradients are autograd's, and a linear one is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from leaky.catalogue import parse
from leaky.lab.claims.first_layer import inactive
from leaky.lab.claims.gradients import gradients
from leaky.lab.claims.signals import RandomNetwork, gain_of, rms

LINEAR = "leaky_relu(negative_slope=1.0)"


def test_gradients_are_those_of_autograd() -> None:
    network = RandomNetwork(0, depth=6, width=8, samples=4)
    spec = parse("leaky_relu(negative_slope=0.2)")
    first = torch.from_numpy(network.inputs @ network.draws[0]).requires_grad_()
    signal = torch.nn.functional.leaky_relu(first, 0.2)
    for draw in network.draws[1:]:
        signal = torch.nn.functional.leaky_relu(1.3 * signal @ torch.from_numpy(draw), 0.2)
    signal.backward(torch.from_numpy(network.back))
    assert first.grad is not None
    expected = math.log10(rms(first.grad.numpy()) / rms(network.back))
    assert network.gradient_ratio(spec, 1.3) == pytest.approx(expected, rel=1e-9)


def test_inputs_have_second_moment_1_and_the_first_layers_gain_is_1() -> None:
    network = RandomNetwork(1, depth=3, width=32, samples=5)
    assert np.square(network.inputs).mean(1) == pytest.approx(np.ones(5))
    (first, _), (second, _), _ = network.layers(parse("relu"), 1.0)
    (scaled_first, _), (scaled_second, _), _ = network.layers(parse("relu"), 3.0)
    assert np.array_equal(first, scaled_first)
    assert scaled_second == pytest.approx(3 * second)


def test_a_linear_network_is_its_product_of_matrices() -> None:
    network = RandomNetwork(2, depth=4, width=16, samples=3)
    product = np.linalg.multi_dot(network.draws)
    assert network.outputs(parse(LINEAR), 2.0) == pytest.approx(8 * network.inputs @ product)


@pytest.mark.parametrize("slope", [0.2, 0.7, 1.0])
def test_the_gain_of_a_leaky_network_is_arithmetic(slope: float) -> None:
    text = f"leaky_relu(negative_slope={slope})"
    found = gradients(3, activations=[text], gains=["sqrt(2)", "own"], depths=[50], width=32, samples=4)
    factor = found[f"{text}, gain sqrt(2), 50 layers"] - found[f"{text}, gain own, 50 layers"]
    assert factor == pytest.approx(24.5 * math.log10(1 + slope**2), abs=1e-9)


def test_relu_halves_the_square_of_a_gradient_at_gain_1() -> None:
    found = gradients(1004, activations=["relu"], gains=["1"], depths=[10], width=256, samples=16)
    assert found["relu, gain 1, 10 layers"] == pytest.approx(5 * math.log10(0.5), abs=0.1)


def test_gains_by_name() -> None:
    assert gain_of(parse("tanh"), "torch") == pytest.approx(5 / 3)
    assert gain_of(parse("sigmoid"), "torch") == 1
    assert gain_of(parse("leaky_relu(negative_slope=0.5)"), "torch") == pytest.approx(math.sqrt(2 / 1.25))
    assert gain_of(parse("leaky_relu(negative_slope=0.5)"), "own") == pytest.approx(math.sqrt(2 / 1.25))
    assert gain_of(parse("tanh"), "own") == pytest.approx(1.59254, abs=1e-4)
    assert gain_of(parse("relu"), "sqrt(2)") == math.sqrt(2)
    assert gain_of(parse("relu"), "0.5") == 0.5


def test_of_one_sample_inactive_is_dead() -> None:
    found = inactive(1000, units=512, samples=1, inputs=[16])
    for kind in ("centred", "in (0, 1)"):
        assert 0.4 < found[f"inactive pairs, 16 inputs {kind}"] < 0.6
        assert found[f"dead units, 16 inputs {kind}"] == found[f"inactive pairs, 16 inputs {kind}"]
