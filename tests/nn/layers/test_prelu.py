"""PReLU from its output: slopes of every sign, per tensor and per channel, against torch and float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F
from twins import DTYPES, needs_native, normal, same_bits, within_torchs_own_error

import leaky
from leaky.models import saved_bytes

SLOPES = (0.25, -0.3, 0.0, 1e-3, 2.0, 1e-42)
CHANNELS = len(SLOPES)
SHAPES = {
    "rows": (5, CHANNELS, 23, 17),
    "long rows": (2, CHANNELS, 40_000),
    "short rows": (700, CHANNELS, 3),
    "features": (1200, CHANNELS),
    "volumes": (2, CHANNELS, 8, 9, 10),
}


def step(function: Any, x: torch.Tensor, grad: torch.Tensor, weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """Output and both gradients in float64."""
    leaf, slopes = x.detach().requires_grad_(), weight.detach().clone().requires_grad_()
    y = function(leaf, slopes)
    y.backward(grad)
    assert leaf.grad is not None
    assert slopes.grad is not None
    return {"y": y.detach().double(), "x": leaf.grad.double(), "weight": slopes.grad.double()}


def held(x: torch.Tensor, grad: torch.Tensor, weight: torch.Tensor) -> None:
    found, torchs = step(leaky.nn.functional.prelu, x, grad, weight), step(F.prelu, x, grad, weight)
    truth = step(F.prelu, x.double(), grad.double(), weight.double())
    assert torch.equal(found["y"], torchs["y"])
    assert torch.equal(found["x"], torchs["x"])
    within_torchs_own_error(found, torchs, truth, x.dtype)


def format_of(x: torch.Tensor, channels_last: bool) -> torch.Tensor:
    if not channels_last or x.dim() not in (4, 5):
        return x
    return x.to(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_per_channel(dtype: torch.dtype, shape: tuple[int, ...], channels_last: bool) -> None:
    x, grad = normal(*shape, dtype=dtype), normal(*shape, seed=1, dtype=dtype)
    for slopes in (SLOPES, tuple(map(abs, SLOPES[:1])) * CHANNELS, (-0.2,) * CHANNELS):
        weight = torch.tensor(slopes, dtype=torch.float64).to(dtype)
        held(format_of(x, channels_last), format_of(grad, channels_last), weight)
        held(format_of(x, channels_last), grad, weight)
        held(format_of(x, channels_last), grad.flatten()[:1].reshape([1] * x.dim()).expand(shape), weight)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("order", [(1, 0, 2, 3), (3, 1, 0, 2), (2, 3, 0, 1), (1, 3, 2, 0)], ids=str)
def test_an_input_in_any_order_of_memory_stays_in_it(dtype: torch.dtype, order: tuple[int, ...]) -> None:
    sizes = (9, CHANNELS, 23, 17)
    x = normal(*(sizes[axis] for axis in order), dtype=dtype)
    x = x.permute(sorted(range(4), key=order.__getitem__))
    grad = normal(*sizes, seed=1, dtype=dtype)
    same_order = torch.empty_like(x).copy_(grad)
    for slopes in (SLOPES, tuple(map(abs, SLOPES[:1])) * CHANNELS, (-0.2,) * CHANNELS):
        weight = torch.tensor(slopes, dtype=torch.float64).to(dtype)
        held(x, grad, weight)
        held(x, same_order, weight)
        y = leaky.nn.functional.prelu(x.requires_grad_() * 1, weight)
        assert y.stride() == x.stride()
        x.requires_grad_(False)
        held(x[:, :, ::2], grad[:, :, ::2], weight)


@needs_native
def test_an_input_in_another_order_is_not_copied() -> None:
    """The kernel reads the very numbers it is given, also where the channels are outermost."""
    x = normal(CHANNELS, 9, 23, 17).transpose(0, 1).requires_grad_()
    weight = torch.full((CHANNELS,), -0.2, requires_grad=True)  # keeps the input
    own = x * 1
    y = leaky.nn.functional.prelu(own, weight)
    kept = [t for t in y.grad_fn.saved_tensors if t is not None]  # type: ignore[union-attr]
    assert own.data_ptr() in [t.data_ptr() for t in kept]
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.where(x > 0, 1.0, -0.2))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("slope", SLOPES)
def test_one_slope_for_all(dtype: torch.dtype, slope: float) -> None:
    weight = torch.tensor([slope], dtype=torch.float64).to(dtype)
    x, grad = normal(90_001, dtype=dtype), normal(90_001, seed=1, dtype=dtype)
    held(x, grad, weight)
    wide, over = normal(70, 90, dtype=dtype), normal(90, 70, seed=1, dtype=dtype)
    held(wide.t(), over, weight)
    held(normal(140, 180, dtype=dtype)[::2, ::2], over.t(), weight)


def test_the_gradient_of_a_slope_is_summed_in_double() -> None:
    x, weight = torch.full((2**20,), -1.0), torch.tensor([0.25])
    grad = torch.full((2**20,), 1.0)
    grad[::2] = 1e-4
    found = step(leaky.nn.functional.prelu, x, grad, weight)["weight"]
    assert found.item() == pytest.approx(-(2**19) * (1 + grad[0].double().item()), rel=1e-7)


def test_special_numbers_show_in_the_gradients_as_in_torchs() -> None:
    special = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, -1e-40])
    for at in special:
        x, grad = normal(5000), normal(5000, seed=1)
        x[7] = at
        weight = torch.tensor([0.25])
        ours, theirs = (step(f, x, grad, weight) for f in (leaky.nn.functional.prelu, F.prelu))
        assert same_bits(ours["y"], theirs["y"])
        assert same_bits(ours["x"], theirs["x"])
        torch.testing.assert_close(ours["weight"], theirs["weight"], rtol=1e-4, atol=1e-3, equal_nan=True)


@needs_native
def test_what_is_kept() -> None:
    x = torch.randn(4, 8, 50, 50, requires_grad=True)
    weight = torch.full((8,), 0.25, requires_grad=True)
    own = saved_bytes(lambda: x * 1)

    def kept() -> int:
        return saved_bytes(lambda: leaky.nn.functional.prelu(x * 1, weight)) - own

    every, small = 4 * x.numel(), 4 * 8 + 8
    assert every <= kept() <= every + small
    with torch.no_grad():
        weight[2:4] = -0.1
    assert every * 10 // 8 <= kept() <= every * 10 // 8 + 2 * small
    with torch.no_grad():
        weight.fill_(-0.1)
    assert every <= kept() <= every + small
    module = leaky.nn.PReLU(8)
    convolution = torch.nn.Conv2d(8, 8, 1)

    def network(activation: Any) -> int:
        return saved_bytes(lambda: convolution(activation(convolution(x * 1))), convolution)

    assert network(module) <= network(torch.nn.PReLU(8)) - every + small  # the output is kept anyway


@pytest.mark.parametrize("slopes", [(0.3, 1.5, 0.2), (0.3, -0.5, 0.2), (-0.3, -0.5, -0.2), (0.4,)], ids=str)
def test_gradcheck_twice(slopes: tuple[float, ...]) -> None:
    x = normal(500, 3, 3, dtype=torch.float64)
    x = (x + 0.1 * x.sign()).requires_grad_()
    weight = torch.tensor(slopes, dtype=torch.float64, requires_grad=True)

    def function(t: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return leaky.nn.functional.prelu(t * 1, w) * t

    assert torch.autograd.gradcheck(function, (x, weight), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, weight), fast_mode=True)


@pytest.mark.parametrize("slopes", [(0.3, 1.5, 0.2), (0.3, -0.5, 0.2), (0.4,)], ids=str)
def test_a_third_derivative_and_several_gradients_at_once(slopes: tuple[float, ...]) -> None:
    x = normal(500, 3, 3, dtype=torch.float64).requires_grad_()
    weight = torch.tensor(slopes, dtype=torch.float64, requires_grad=True)
    results = []
    for function in (leaky.nn.functional.prelu, F.prelu):
        y = function(x * 1, weight).pow(3).sum()
        first = torch.autograd.grad(y, (x, weight), create_graph=True)
        second = torch.autograd.grad(sum(g.pow(2).sum() for g in first), (x, weight), create_graph=True)
        third = torch.autograd.grad(sum(g.sum() for g in second), (x, weight))
        z = function(x * 1, weight)
        batched = torch.autograd.grad(
            z, (x, weight), normal(2, *z.shape, dtype=torch.float64), is_grads_batched=True
        )
        results.append([*first, *second, *third, *batched])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_fifty_steps_are_torchs() -> None:
    """Slopes that start above 0 and cross it."""
    x, y = normal(32, 3, 8, 8), torch.arange(32) % 4
    curves = []
    for module in (leaky.nn.PReLU, torch.nn.PReLU):
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1), module(8, 0.02), torch.nn.Conv2d(8, 8, 3, padding=1),
            module(1, 0.05), torch.nn.Flatten(), torch.nn.Linear(512, 4),
        )  # fmt: skip
        with torch.no_grad():
            network[1].weight.copy_(torch.linspace(-0.1, 0.1, 8))
        optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
        curve = []
        for _ in range(50):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
        curves.append((curve, network[1].weight.detach().clone()))
    assert curves[0][0] == pytest.approx(curves[1][0], rel=1e-3, abs=1e-4)
    assert bool((curves[0][1] < 0).any())
    assert bool((curves[0][1] > 0).any())


def test_a_shape_that_does_not_fit_is_refused_by_torch() -> None:
    with pytest.raises(RuntimeError, match="Mismatch of parameter numbers and input channel size"):
        leaky.nn.functional.prelu(torch.ones(5000, 3, requires_grad=True), torch.ones(2))


@needs_native
@pytest.mark.parametrize("size", [4, 64])
def test_under_autocast_it_is_torchs_in_dtype_and_value(size: int) -> None:
    x, ours, torchs = normal(4, 8, size, size), leaky.nn.PReLU(8), torch.nn.PReLU(8)
    for grad in (True, False):
        with torch.autocast("cpu", torch.bfloat16), torch.set_grad_enabled(grad):
            found, wanted = ours(x.requires_grad_(grad)), torchs(x)
        assert found.dtype == wanted.dtype == torch.bfloat16
        assert torch.equal(found, wanted)
    for module in (ours, torchs):
        with torch.autocast("cpu", torch.bfloat16):
            module(x.requires_grad_()).float().square().sum().backward()
    assert ours.weight.grad is not None
    torch.testing.assert_close(ours.weight.grad, torchs.weight.grad, rtol=0.01, atol=0.0)
