"""Backward writes over a gradient that nobody else holds, and over no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.kernels import native
from leaky.nn import reuse

needs_native = pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")

LAYERS: dict[str, Callable[[], torch.nn.Module]] = {
    "LeakyReLU": lambda: leaky.nn.LeakyReLU(0.1),
    "ReLU": leaky.nn.ReLU,
    "BatchNormAct": lambda: leaky.nn.BatchNormAct2d(8),
    "GroupNormAct": lambda: leaky.nn.GroupNormAct(2, 8),
    "InstanceNormAct": lambda: leaky.nn.InstanceNormAct2d(8, affine=True),
}
pytestmark = [needs_native, pytest.mark.parametrize("name", LAYERS)]


@pytest.fixture
def written_over(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each native backward whether it wrote over the gradient that it read."""
    seen: list[bool] = []
    for kernel, out in (("leaky_relu_backward", 2), ("norm_act_backward", 4)):
        real = getattr(native, kernel)

        def spy(grad: torch.Tensor, *rest: Any, real: Any = real, out: int = out, **named: Any) -> None:
            seen.append(grad.data_ptr() == rest[out - 1].data_ptr())
            real(grad, *rest, **named)

        monkeypatch.setattr(native, kernel, spy)
    return seen


def images() -> torch.Tensor:
    return torch.randn(2, 8, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()


def test_a_chain_writes_over(name: str, written_over: list[bool]) -> None:
    x = images()
    (LAYERS[name]()(x * 1.5) * 2).square().sum().backward()
    assert written_over == [True]


def test_the_same_gradients_as_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def gradient() -> torch.Tensor:
        x, layer = images(), LAYERS[name]()
        (layer(layer(x) + x) * 2).square().sum().backward()
        assert x.grad is not None
        return x.grad

    over = gradient()
    for module in ("ops", "norms.ops"):
        monkeypatch.setattr(f"leaky.nn.{module}.held_once", lambda grads: False)
    assert torch.equal(over, gradient())


def test_a_given_gradient_is_not_touched(name: str, written_over: list[bool]) -> None:
    given = torch.ones(2, 8, 32, 32)
    LAYERS[name]()(images()).backward(given)
    held = np.ones((2, 8, 32, 32), np.float32)
    LAYERS[name]()(images()).backward(torch.from_numpy(held))
    LAYERS[name]()(images()).flatten().backward(torch.from_numpy(held).flatten())
    assert written_over == [False, False, False]
    assert torch.equal(given, torch.ones_like(given))
    assert (held == 1).all()


def test_gradients_that_others_keep_are_not_touched(name: str, written_over: list[bool]) -> None:
    kept: list[torch.Tensor] = []
    x = images()
    y = LAYERS[name]()(x * 1)
    y.register_hook(kept.append)
    y.retain_grad()
    (y * 3).sum().backward(retain_graph=True)
    assert written_over == [False]
    assert torch.equal(kept[0], torch.full_like(x, 3))
    assert y.grad is not None
    assert torch.equal(y.grad, torch.full_like(x, 3))

    asked, _ = torch.autograd.grad((y * 3).sum(), [y, x])
    assert torch.equal(asked, torch.full_like(x, 3))


def test_two_branches_with_one_gradient(name: str) -> None:
    x = images()
    layers = [LAYERS[name]() for _ in range(2)]
    sum(layer(x) for layer in layers).mul(2).square().sum().backward()  # type: ignore[union-attr]
    assert x.grad is not None
    one = images()
    (layers[0](one) * 2 + layers[0](one) * 2).square().sum().backward()
    assert torch.allclose(x.grad, one.grad, rtol=1e-6, atol=1e-6)


def test_part_of_a_larger_gradient(name: str) -> None:
    """The gradients of a concatenation's parts are views of one."""
    x = images()
    layer = LAYERS[name]()
    kept: list[torch.Tensor] = []
    both = torch.cat([layer(x), x], 0)
    both.register_hook(kept.append)
    (both * 3).sum().backward()
    assert torch.equal(kept[0], torch.full_like(both, 3))


def test_graphs_that_are_kept(name: str) -> None:
    x = images()
    y = (LAYERS[name]()(x * 1) * 2).square().sum()
    y.backward(retain_graph=True)
    assert x.grad is not None
    first = x.grad.clone()
    y.backward()
    assert torch.equal(x.grad, 2 * first)


def test_the_first_backward_of_a_process_may_be_of_several_gradients_at_once(name: str) -> None:
    """The references are counted by a backward, which cannot start within one that is batched."""
    layer, x = LAYERS[name](), images()
    y = layer(x)
    grads = torch.stack([torch.ones_like(y), torch.full_like(y, 2.0)])
    reuse._alone.cache_clear()
    (once, twice) = torch.autograd.grad(y, x, grads, is_grads_batched=True)[0]
    torch.testing.assert_close(2 * once, twice)
