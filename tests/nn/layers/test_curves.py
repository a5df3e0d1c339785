"""Smooth activations that keep their input are torch's to the bit, with gradients of any order."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import leaky
from leaky.models import saved_bytes
from leaky.nn.layers.curves import CURVES, curved

every_curve = pytest.mark.parametrize("cls", CURVES, ids=lambda cls: cls.__name__)


def settings(cls: type[torch.nn.Module]) -> dict[str, Any]:
    module: Any = cls(approximate="tanh") if cls is torch.nn.GELU else cls()
    found = {name: getattr(module, name) for name in CURVES[cls].settings}
    return {name: value * 1.5 if isinstance(value, float) else value for name, value in found.items()}


@every_curve
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_values_and_two_gradients_are_torchs_to_the_bit(
    cls: type[torch.nn.Module], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    x = 4 * torch.randn(500, dtype=dtype)
    x[:8] = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, 6.0, -3.0, 3.0])
    curve, how, seed = CURVES[cls], settings(cls), torch.randn_like(x)
    results = []
    for ours in (True, False):
        leaf = x.clone().requires_grad_()
        y = curved(leaf, curve, how) if ours else curve.function(leaf, **how)
        (plain,) = torch.autograd.grad(y, leaf, seed, retain_graph=True)
        (first,) = torch.autograd.grad(y, leaf, seed, create_graph=True)
        (second,) = torch.autograd.grad(first[5:].sum(), leaf)
        results.append([y, plain, first, second])
    for found, wanted in zip(*results, strict=True):
        assert torch.equal(found.isnan(), wanted.isnan())
        assert torch.equal(found.nan_to_num(7.0), wanted.nan_to_num(7.0))


@every_curve
def test_the_layer_behind_keeps_nothing(cls: type[torch.nn.Module]) -> None:
    torch.manual_seed(0)
    weight = torch.randn(64, 3, requires_grad=True)
    x = torch.randn(32, 64, requires_grad=True)

    def run(again: bool) -> torch.Tensor:
        y = curved(x * 2, CURVES[cls], settings(cls))
        if not again:
            return y @ weight
        with leaky.nn.recompute():
            return y @ weight

    assert saved_bytes(lambda: run(False)) - saved_bytes(lambda: run(True)) == x.numel() * 4
    for found, wanted in zip(
        *(torch.autograd.grad(run(again).square().sum(), [x, weight]) for again in (True, False)), strict=True
    ):
        assert torch.equal(found, wanted)


def test_many_gradients_at_once_and_transforms() -> None:
    x, curve = torch.randn(5, dtype=torch.float64, requires_grad=True), CURVES[torch.nn.SiLU]
    (batched,) = torch.autograd.grad(
        curved(x, curve, {}), x, torch.eye(5, dtype=torch.float64), is_grads_batched=True
    )
    jacobian = torch.func.vmap(torch.func.grad(lambda x: curved(x, curve, {})))(x.detach())
    torch.testing.assert_close(batched.diagonal(), jacobian)


def test_an_output_that_autocast_widens_is_kept() -> None:
    """As it does softplus' on a GPU; backward is outside of it."""

    def function(x: torch.Tensor, **how: Any) -> torch.Tensor:
        return F.softplus(x.float() if torch.is_autocast_enabled("cpu") else x, **how)

    curve = CURVES[torch.nn.Softplus]._replace(function=function)
    x, weight = torch.randn(8, 4, dtype=torch.bfloat16), torch.randn(4, 2, requires_grad=True)
    found = []
    for around in (leaky.nn.recompute(), nullcontext()):
        leaf = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = curved(leaf, curve, {"beta": 1.0, "threshold": 20.0})
        with around:
            z = y @ weight
        found.append(torch.autograd.grad(z.sum(), [leaf, weight]))
    assert y.dtype == torch.float32
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
