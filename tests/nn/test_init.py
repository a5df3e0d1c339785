"""Initialisation: the variance that keeps a signal's scale, and draws that pair across activations."""

from __future__ import annotations

import math
import re

import pytest

import leaky
from leaky.errors import ArgumentError, UnknownNameError

torch = pytest.importorskip("torch")

from leaky.nn import init  # noqa: E402


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(400, 300), (50, 40, 3, 3), (20, 30, 5, 5, 2)])
@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.2)", "elu", "selu", "tanh"])
def test_variance_is_the_squared_gain_over_fan_in(shape: tuple[int, ...], spec: str) -> None:
    weight = init.he_normal_(torch.empty(shape), spec, generator=_generator())
    wanted = leaky.parse(spec).gain ** 2 / math.prod(shape[1:])
    count = math.prod(shape)
    # mean and variance of `count` normal numbers, within five standard errors
    assert abs(weight.mean().item()) < 5 * math.sqrt(wanted / count)
    assert weight.var().item() == pytest.approx(wanted, rel=5 * math.sqrt(2 / count))


@pytest.mark.parametrize("spec", list(leaky.catalogue))
def test_one_seed_gives_the_same_draws_to_every_activation(spec: str) -> None:
    reference = init.he_normal_(torch.empty(6, 5), "relu", generator=_generator(3)) / init.gain("relu")
    weight = init.he_normal_(torch.empty(6, 5), spec, generator=_generator(3)) / init.gain(spec)
    assert torch.allclose(weight, reference, rtol=1e-6)


def test_it_fills_in_place_without_a_trace() -> None:
    layer = torch.nn.Linear(8, 4)
    before = layer.weight.detach().clone()
    assert init.he_normal_(layer.weight, "relu", generator=_generator()) is layer.weight
    assert layer.weight.requires_grad
    assert layer.weight.grad_fn is None
    assert not torch.equal(layer.weight, before)
    torch.manual_seed(5)
    first = init.he_normal_(torch.empty(3, 3))
    torch.manual_seed(5)
    assert torch.equal(init.he_normal_(torch.empty(3, 3)), first)


@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.3)", "prelu(1/3)", "leaky_relu(1.5)"])
def test_a_deep_stack_keeps_its_second_moment(spec: str) -> None:
    generator = _generator(1)
    signal = torch.randn(256, 256, generator=generator, dtype=torch.float64)
    for _ in range(20):
        weight = init.he_normal_(torch.empty(256, 256, dtype=torch.float64), spec, generator=generator)
        signal = leaky.parse(spec).activation.value(signal, **leaky.parse(spec).parameters) @ weight.T
    # 20 layers of width 256: about 20 * 5/256 of relative variance; a wrong gain is off by 2**20 or 1.09**20
    assert 0.3 < signal.square().mean().item() < 3


def test_an_empty_weight_stays_empty() -> None:
    assert init.he_normal_(torch.empty(3, 0)).shape == (3, 0)


@pytest.mark.parametrize("shape", [(), (5,)])
def test_what_has_no_fan_in_is_refused(shape: tuple[int, ...]) -> None:
    message = (
        f"he_normal_: `tensor` must have shape (out, in, ...), got {shape}; biases and norms have no fan_in"
    )
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        init.he_normal_(torch.empty(shape))


def test_unknown_activations_are_refused_before_the_weight_is_touched() -> None:
    weight = torch.ones(2, 2)
    with pytest.raises(UnknownNameError, match="did you mean `leaky_relu`"):
        init.he_normal_(weight, "leakyrelu")
    assert torch.equal(weight, torch.ones(2, 2))


@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.2)"])
def test_gain_is_torchs_where_torch_is_right(spec: str) -> None:
    name, parameters = leaky.parse(spec).activation.name, leaky.parse(spec).values
    assert init.gain(spec) == pytest.approx(torch.nn.init.calculate_gain(name, *parameters), rel=1e-12)
