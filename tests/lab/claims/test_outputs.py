"""What is read off the outputs of random networks, against closed forms."""

from __future__ import annotations

import math

import pytest

from leaky.lab.claims.capacity import constant_networks, pieces
from leaky.lab.claims.outputs import cosines, means, sparsity

LINEAR = "leaky_relu(negative_slope=1.0)"


def test_hoyer_and_zeros_of_known_vectors() -> None:
    found = sparsity(0, activations=["relu", LINEAR], depth=1, width=64, samples=64)
    assert found["exact zeros, relu"] == pytest.approx(0.5, abs=0.05)
    assert found[f"exact zeros, {LINEAR}"] == 0
    # of |N(0, 1)|: (1 - sqrt(2 / pi)) at infinite width
    expected = (8 - 8 * math.sqrt(2 / math.pi)) / 7
    assert found[f"Hoyer, {LINEAR}"] == pytest.approx(expected, abs=0.03)


def test_mean_over_rms_of_known_outputs() -> None:
    """Of N(0, 1): 0 for the identity, sqrt(1 / pi) for ReLU, whose dead units are left out without a warning."""
    found = means(0, activations=["relu", LINEAR], depth=1, width=64, samples=4096)
    assert found["relu"] == pytest.approx(math.sqrt(1 / math.pi), abs=0.01)
    assert found[LINEAR] < 0.03
    narrow = means(0, activations=["relu"], depth=4, width=8, samples=2)
    assert math.isfinite(narrow["relu"])


def test_one_relu_layer_turns_a_right_angle_into_the_arc_cosine_kernels() -> None:
    """Cho, Saul 2009: the cosine 0 becomes 1 / pi; a linear layer leaves it."""
    found = cosines(1000, activations=["relu", LINEAR], depth=1, width=1024, samples=32)
    assert found["relu"] == pytest.approx(1 / math.pi, abs=0.02)
    assert found[LINEAR] == pytest.approx(0.0, abs=0.02)


def test_pieces_of_one_layer_are_the_same_with_any_activation() -> None:
    names = ["relu", "leaky_relu(negative_slope=0.2)", LINEAR]
    found = pieces(
        0, activations=names, gains=["own", "sqrt(2)"], depths=[1, 3], width=16, lines=8, points=2001
    )
    one = {value for name, value in found.items() if name.endswith("1 layers")}
    assert len(one) == 1
    assert 0 < 10 ** one.pop() - 1 <= 16  # a line crosses a unit's hyperplane at most once
    assert 10 ** found[f"{LINEAR}, gain own, 3 layers"] - 1 <= 48  # and in a linear network in every layer


def test_a_network_of_one_unit_dies_with_every_negative_weight() -> None:
    """After the first layer, which one sign of the inputs passes, every other weight below 0 ends it."""
    names = ["relu", "leaky_relu(negative_slope=0.01)"]
    found = constant_networks(
        1000, activations=names, widths=[1], depths=[1, 2, 3], networks=4000, samples=16
    )
    for depth in (1, 2, 3):
        assert found[f"relu, width 1, {depth} layers"] == pytest.approx(1 - 0.5 ** (depth - 1), abs=0.03)
        assert found[f"{names[1]}, width 1, {depth} layers"] < 0.001
