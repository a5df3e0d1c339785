"""What is read off networks while they train, against cases worked out by hand."""

from __future__ import annotations

import math

import torch

from leaky.lab.claims.dying import cut_off
from leaky.lab.claims.kinks import kinks
from leaky.lab.claims.perceptrons import Perceptrons, digits, stream
from leaky.lab.claims.plasticity import plasticity
from leaky.lab.claims.recovering import recovering
from leaky.lab.claims.timing import interleaved, perceptron
from leaky.lab.claims.tiny_slopes import tiny_slopes


def test_units_that_are_cut_off() -> None:
    """A unit switched off: ReLU sends it nothing, a leak a hundredth, and it is active with neither."""
    (x, y), _ = digits(stream(0, 0), 50)
    networks = Perceptrons(stream(0, 1), [0.0, 0.01, 0.0], 1, biases=[10.0] * 3)
    before = cut_off(networks, x, y)
    assert all(before[name].max() == 0 for name in ("never active", "no gradient", "dormant"))
    with torch.no_grad():
        networks.biases[0][:2, :, 3] = -1000.0
        networks.weights[-1][2] = math.nan
    found = {name: share.tolist() for name, share in cut_off(networks, x, y).items()}
    assert found["never active"] == [1 / 64, 1 / 64, 1]  # a network that has diverged is dead
    assert found["no gradient"] == [1 / 64, 0, 1]
    assert found["dormant"] == [1 / 64, 0, 1]  # a leak's output of -10 is as large as the others'
    assert found["little gradient"] == [1 / 64, 1 / 64, 1]


def test_a_first_layer_under_sgd_has_no_way_back() -> None:
    """Nothing moves its weights without decay, and decay of everything keeps the sign of w.x + b."""
    runs = [["SGD", "nothing", "all data"], ["SGD", "everything", "batches"], ["SGD", "biases", "batches"]]
    found = recovering(1000, train=60, count=40, every=5, rate=0.05, decay=2.0, runs=runs)
    assert found["dead from the start, layer 1, SGD, nothing decays, all data"] == 0
    assert found["dead from the start, layer 1, SGD, everything decays, batches"] == 0
    assert found["dead from the start, layer 1, SGD, biases decays, batches"] > 0.5
    assert all(math.isnan(value) or 0 <= value <= 1 for value in found.values())


def test_half_precision_loses_what_float32_keeps() -> None:
    found = tiny_slopes(1000, slopes=[0.0, 1e-8, 0.1])
    assert found["slope 0, float32"] > 0.8
    assert found["slope 1e-08, float32"] == 0
    assert found["slope 1e-08, float16"] == found["slope 0, float16"] > 0.8  # 1e-8 is 0 in float16
    assert found["slope 0.1, float16"] == 0


def test_kinks_are_all_alike_before_training() -> None:
    found = kinks(1000, train=40, validation=40, count=0, rates=[0.1, 0.3], step=0.25)
    for kind in ("float32", "quantised"):
        assert len({found[f"accuracy, {at} at 0, {kind}"] for at in ("0", "0.5", "1")}) == 1
    assert found["zeros, 0 at 0, float32"] < 0.001
    assert 0.05 < found["zeros, 0 at 0, quantised"] < 0.2  # of N(0, 1): 0.0995 within 1/8 of 0
    assert found["learning rate, 0 at 0, float32"] == 0.1


def test_the_rate_of_an_arm_is_chosen_on_validation_digits() -> None:
    found = kinks(1000, train=100, validation=100, count=60, rates=[0.0, 0.1, 1e30], step=0.25)
    assert {value for name, value in found.items() if name.startswith("learning rate")} == {0.1}
    assert all(value > 0.3 for name, value in found.items() if name.startswith("accuracy"))


def test_a_single_task_is_first_and_last_and_fresh() -> None:
    found = plasticity(
        1000, slopes=[0.0, 0.01], rates=[0.0, 0.1], train=100, validation=100, tasks=1, count=80
    )
    for arm in ("ReLU", "slope 0.01"):
        assert found[f"last tasks less first, {arm}"] == 0
        assert abs(found[f"last tasks less fresh, {arm}"]) < 0.15  # other draws, the same task
        assert found[f"learning rate, {arm}"] == 0.1


def test_times_are_of_the_calls_in_turns() -> None:
    calls: list[int] = []
    times = interleaved({"few": lambda: calls.append(1), "many": lambda: sum(range(20_000))}, rounds=5)
    assert len(calls) == 7
    assert times["many"] > times["few"]


def test_the_perceptron_without_activations_is_linear() -> None:
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    linear, tanh = perceptron(None, 16), perceptron(torch.tanh, 16)
    torch.testing.assert_close(linear(x) - linear(-x), 2 * (linear(x) - linear(0 * x)))
    assert len(tanh) == len(linear) + 4
