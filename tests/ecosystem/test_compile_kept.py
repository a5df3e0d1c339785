"""What compiled layers keep: a number in a byte, never a boolean, and nothing beside an output that is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import leaky
from compiled import compiled_bytes, compiled_kept

LEAKY = "leaky_relu(negative_slope=0.2)"
bias_act = leaky.nn.functional.bias_act


def act(channels: int = 4, **arguments: Any) -> Callable[[], nn.Module]:
    return lambda: leaky.nn.BiasAct(channels, **({"activation": LEAKY, "gain": 2**0.5} | arguments))


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "leaky": lambda: leaky.nn.LeakyReLU(0.1),
    "leaky in place": lambda: leaky.nn.LeakyReLU(0.1, inplace=True),
    "negative": lambda: leaky.nn.LeakyReLU(-0.1),
    "negative in place": lambda: leaky.nn.LeakyReLU(-0.1, inplace=True),
    "relu": leaky.nn.ReLU,
    "relu in place": lambda: leaky.nn.ReLU(inplace=True),
    "bias_act": act(),
    "bias_act, clamp": act(clamp=1.0),
    "bias_act, small gain": act(gain=0.5),
    "bias_act, negative gain": act(gain=-1.5, clamp=1.0),
    "bias_act of relu": act(activation="relu"),
    "bias_act of relu, clamp": act(activation="relu", clamp=1.0),
    "bias_act of nothing, clamp": act(activation=None, clamp=1.0),
}


def behind(layer: nn.Module) -> nn.Module:
    """The layer behind one that keeps its own input alone, and whose output cannot be made again."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 4, 1), layer)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_an_element_is_kept_in_a_byte(make: Callable[[], nn.Module], dtype: torch.dtype) -> None:
    kept = compiled_kept(behind(make()).to(dtype), torch.randn(2, 4, 8, 8, dtype=dtype))
    assert [(value.dtype, value.numel()) for value in kept] == [(torch.uint8, 512)]


@pytest.mark.parametrize("name", ["BatchNormAct2d", "InstanceNormAct2d"])
def test_a_norm_keeps_no_boolean_for_its_activation(name: str) -> None:
    layer = getattr(leaky.nn, name)(4, activation=LEAKY)
    kept = compiled_kept(behind(layer), torch.randn(2, 4, 8, 8))
    assert torch.bool not in {value.dtype for value in kept}
    assert max(value.numel() for value in kept) == 512


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        (torch.float32, {}),
        (torch.float32, {"clamp": 0.7}),
        (torch.float32, {"activation": "relu", "clamp": 0.7}),
        (torch.bfloat16, {}),
    ],
    ids=str,
)
def test_an_output_that_is_kept_tells_all(dtype: torch.dtype, given: dict[str, Any]) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), act(8, **given)(), nn.Conv2d(8, 3, 1))
    x = torch.randn(2, 3, 16, 16, dtype=dtype)
    assert compiled_bytes(net.to(dtype), x) == 2 * 8 * 16 * 16 * dtype.itemsize


@pytest.mark.skipif(
    not hasattr(torch._dynamo.config, "trace_autograd_ops"), reason="this torch traces no autograd.grad"
)
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_differentiated_twice_inside_of_what_is_compiled(make: Callable[[], nn.Module], backend: str) -> None:
    layer, x = behind(make()), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    def penalty(t: Tensor) -> Tensor:
        (grad,) = torch.autograd.grad(layer(t).square().sum(), t, create_graph=True)
        return grad.square().sum()

    def both(function: Callable[[Tensor], Tensor]) -> list[Tensor]:
        leaf = x.clone().requires_grad_()
        value = function(leaf)
        return [value.detach(), *torch.autograd.grad(value, leaf)]

    torch._dynamo.reset()
    with torch._dynamo.config.patch(trace_autograd_ops=True):
        found = both(torch.compile(penalty, fullgraph=True, backend=backend))
    torch.testing.assert_close(found, both(penalty))


@pytest.mark.slow  # Inductor writes C++ and compiles it
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_inductors_code_at_special_numbers(dtype: torch.dtype) -> None:
    special = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e-38, -1e-38, 0.5, -0.5, 3.0, -3.0]
    x = torch.tensor(special * 8, dtype=dtype).view(8, 11).T.contiguous().T
    bias = torch.zeros(11, dtype=dtype)
    grad = torch.tensor([1.0, -2.0, math.inf, -math.inf, math.nan, 0.25, -1.0, 3.0], dtype=dtype)
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda t: leaky.nn.functional.leaky_relu(t, 0.2),
        lambda t: leaky.nn.functional.leaky_relu(t, -0.2),
        leaky.nn.functional.relu,
        lambda t: bias_act(t, bias, activation=LEAKY, gain=1.5),
        lambda t: bias_act(t, bias, activation=LEAKY, gain=1.5, clamp=0.75),
        lambda t: bias_act(t, bias, activation="relu", clamp=0.5),
    ]

    def several(t: Tensor) -> Tensor:
        return torch.stack([function(t * 1) for function in functions])

    torch._dynamo.reset()
    leaf = x.clone().requires_grad_()
    found = torch.compile(several, fullgraph=True)(leaf)
    for mine, function in zip(found, functions, strict=True):
        other = x.clone().requires_grad_()
        wanted = function(other)
        torch.testing.assert_close(mine, wanted, rtol=0, atol=0, equal_nan=True)
        (own,) = torch.autograd.grad(mine, leaf, grad[:, None].expand_as(x), retain_graph=True)
        (theirs,) = torch.autograd.grad(wanted, other, grad[:, None].expand_as(x))
        torch.testing.assert_close(own, theirs, rtol=0, atol=0, equal_nan=True)
