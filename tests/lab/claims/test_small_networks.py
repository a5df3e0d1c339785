"""What is read off networks while they train, against cases worked out by hand."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.claims import cost
from leaky.lab.claims import small_networks as small


def test_units_without_gradient_and_never_active() -> None:
    """One unit switched off: ReLU sends it nothing, a leak does, and it is never active with both."""
    x, y = small.data(50)
    for text, cut in (("relu", True), ("leaky_relu(negative_slope=0.01)", False)):
        model = small.network(text, 2, seed=0)
        with torch.no_grad():
            model[0].bias[3] = -1000.0
        assert small.never_active(model, x)[0][3]
        assert bool(small.without_gradient(model, x, y)[0][3]) is cut
        assert not small.never_active(model, x)[0].all()


def test_before_activations_are_the_inputs_of_the_activations() -> None:
    x, _ = small.data(20)
    model = small.network("tanh", 2, seed=1)
    before, out = small.before_activations(model, x)
    assert torch.equal(out, model(x))
    assert torch.equal(before[0], model[0](x))
    assert torch.equal(before[1], model[2](torch.tanh(before[0])))


def test_arms_start_from_the_same_draws() -> None:
    relu, leaky = (small.network(text, 2, seed=5)[0] for text in ("relu", "leaky_relu(negative_slope=1.0)"))
    assert torch.allclose(relu.weight / leaky.weight, torch.tensor(2.0).sqrt())


def test_batches_are_drawn_alike_for_one_seed() -> None:
    x, y = small.data(100)
    ends = []
    for _ in range(2):
        model = small.network("relu", 1, seed=0)
        trainer = small.OPTIMIZERS["SGD"](model.parameters(), 0.1, 0.0)
        assert list(small.steps(model, x, y, trainer, count=3, seed=7)) == [1, 2, 3]
        ends.append(model[0].weight.detach().clone())
    assert torch.equal(*ends)


def test_a_first_layer_under_plain_sgd_has_no_way_back() -> None:
    """No gradient reaches a unit that no sample activates, and nothing else moves its weights on a full batch."""
    found = small.recovering(0, train=60, count=40, every=5, rate=0.05, decays=[0.0])
    assert found["layer 1, SGD, decay 0, all data"] == 0
    assert all(0 <= value <= 1 for value in found.values())


def test_half_precision_loses_what_float32_keeps() -> None:
    found = small.tiny_slopes(0, slopes=[0.0, 1e-8, 0.1], train=100)
    assert found["relu, float32"] > 0.9
    assert found["leaky_relu(negative_slope=1e-08), float32"] < 0.1
    assert found["leaky_relu(negative_slope=1e-08), float16"] > 0.9
    assert found["leaky_relu(negative_slope=0.1), float16"] < 0.5


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_the_derivative_at_0_is_the_one_asked_for(at_zero: float) -> None:
    x = torch.tensor([-1.0, 0.0, 2.0, 0.1], requires_grad=True)
    small._Quantised(at_zero, 0.0)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, at_zero, 1.0, 1.0]
    rounded = x.detach().clone().requires_grad_()
    out = small._Quantised(at_zero, 0.25)(rounded)
    out.sum().backward()
    assert out.tolist() == [0.0, 0.0, 2.0, 0.0]  # 0.1 is rounded to 0, and takes the slope there
    assert rounded.grad is not None
    assert rounded.grad.tolist() == [0.0, at_zero, 1.0, at_zero]


def test_times_are_of_the_function() -> None:
    calls = []
    times = cost._times({"few": lambda: calls.append(1), "many": lambda: sum(range(20_000))}, rounds=5)
    assert len(calls) == 7
    assert times["many"] > times["few"]
