"""GroupNormAct: what only groups bring; what all norms share is held by `test_norm_act` and its kin."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from twins import DTYPES, Plain, needs_native, normal, serve, spec, step, within_torchs_own_error

import leaky

pytestmark = pytest.mark.usefixtures("native_or_an_error")
WEIGHTS, BIASES = (1.0, -1.0, 0.0, 1e-6, 0.3, 0.7), (0.1, -0.5, 0.7, 0.2, 2.0, 0.0)
SPACES: list[tuple[int, ...]] = [(), (33,), (9, 11), (4, 5, 6), (3, 2, 4, 5)]


def pair(groups: int, slope: float, dtype: torch.dtype = torch.float32, **options: Any) -> tuple[Any, Any]:
    ours = leaky.nn.GroupNormAct(groups, 6, activation=spec(slope), **options)
    norm = nn.GroupNorm(groups, 6, **options)
    with torch.no_grad():
        for parameter, values in ((ours.weight, WEIGHTS), (ours.bias, BIASES)):
            if parameter is not None:
                parameter.copy_(torch.tensor(values))
    norm.load_state_dict(ours.state_dict())
    return ours.to(dtype), Plain(norm, slope).to(dtype)


def judged(groups: int, slope: float, x: torch.Tensor, grad: torch.Tensor, **options: Any) -> None:
    ours, plain = pair(groups, slope, x.dtype, **options)
    truth = pair(groups, slope, x.dtype, **options)[1].double()
    found, torchs = step(ours, x, grad), step(plain, x, grad)
    within_torchs_own_error(found, torchs, step(truth, x.double(), grad.double()), x.dtype)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("slope", [0.01, 0.0, -0.5, 3.0])
def test_any_rank(groups: int, space: tuple[int, ...], slope: float) -> None:
    x, grad = normal(70, 6, *space) * 3 + 2, normal(70, 6, *space, seed=1)
    for options in ({}, {"affine": False}, {"bias": False}, {"eps": 0.1}):
        if groups < 6 or space:  # groups of one value: what is normalised is 0, and rounding all that is left
            judged(groups, slope, x, grad, **options)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("last", [False, True])
def test_dtypes_layouts_and_gradients_of_other_layouts(dtype: torch.dtype, groups: int, last: bool) -> None:
    memory = torch.channels_last if last else torch.contiguous_format
    x = normal(3, 6, 16, 17, dtype=dtype).to(memory_format=memory)
    grads = [normal(3, 6, 16, 17, seed=1, dtype=dtype).to(memory_format=memory)]
    grads += [
        normal(3, 6, 17, 16, seed=1, dtype=dtype).transpose(2, 3),
        torch.ones((), dtype=dtype).expand(x.shape),
    ]
    for grad in grads:
        judged(groups, 0.2, x, grad)
    assert pair(groups, 0.2, dtype)[0](x).is_contiguous(memory_format=memory)


@pytest.mark.parametrize(("shape", "groups"), [((1, 6, 70_001), 1), ((2, 6, 40_000), 3), ((1, 6, 90, 91), 2)])
def test_few_long_groups_shared_by_threads(shape: tuple[int, ...], groups: int) -> None:
    judged(groups, 0.1, normal(*shape) + 5, normal(*shape, seed=1))


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_derivatives_twice(groups: int) -> None:
    layer = pair(groups, 0.2, torch.float64)[0]
    x = normal(9, 6, 5, dtype=torch.float64).requires_grad_()
    parameters = {name: p.detach().clone().requires_grad_() for name, p in layer.named_parameters()}

    def function(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, dict(zip(parameters, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, (x, *parameters.values()), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *parameters.values()), fast_mode=True)


def test_channels_of_one_group_may_be_far_apart() -> None:
    """What is read back from the output is as good where a channel is far from its group's mean."""
    x = normal(4, 6, 500) * torch.tensor([1e-3, 1.0, 10.0, 1.0, 1e-3, 1.0])[:, None]
    judged(2, 0.1, x + torch.arange(6.0)[:, None] * 3, normal(4, 6, 500, seed=1))


@needs_native
def test_what_is_kept() -> None:
    x = normal(4, 6, 32, 32)
    assert leaky.nn.GroupNormAct(2, 6).explain(x).keeps == "its own output only"
    assert pair(2, 0.1)[0].explain(x).keeps == "its own output and the input of 3 channels"
    assert leaky.nn.GroupNormAct(2, 6, activation="relu").explain(x).keeps == "the norm's input only"
    assert "does not have 6 channels" in str(leaky.nn.GroupNormAct(2, 6).explain(normal(4, 5, 32, 32)))


@needs_native
def test_an_input_without_space_is_torchs_unless_kernels_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, x = leaky.nn.GroupNormAct(2, 6), normal(400, 6)
    assert layer.explain(x).kernel == "native"
    serve(None, monkeypatch)
    assert "without space" in layer.explain(x).reason


def test_torchs_words_for_wrong_inputs() -> None:
    with pytest.raises(ValueError, match=r"num_channels \(6\) must be divisible by num_groups \(4\)"):
        leaky.nn.GroupNormAct(4, 6)
    layer = leaky.nn.GroupNormAct(6, 6)
    for x in (torch.ones(6), torch.ones(1, 6), torch.ones(300, 5)):
        with pytest.raises((ValueError, RuntimeError)) as ours, torch.no_grad():
            layer(x)
        with pytest.raises(type(ours.value)) as theirs:
            nn.GroupNorm(6, 6)(x)
        assert str(ours.value) == str(theirs.value)


def test_an_activation_that_learns_is_refused() -> None:
    with pytest.raises(leaky.errors.ArgumentError, match="GroupNormAct: `activation` must not learn"):
        leaky.nn.GroupNormAct(2, 6, activation="prelu")
