"""PReLU and softplus by the kernels in Triton, through the functions: on a GPU, else in the interpreter."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F
from twins import DTYPES, both_ways, normal, within_torchs_own_error

import leaky

SLOPES = (0.25, -0.3, 0.0, 1e-3, 2.0, 1e-42)
COUNT = 4200


def step(function: Any, x: torch.Tensor, grad: torch.Tensor, weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """Output and both gradients in float64, on the CPU."""
    leaf, slopes = x.detach().requires_grad_(), weight.detach().clone().requires_grad_()
    y = function(leaf, slopes)
    y.backward(grad)
    assert leaf.grad is not None
    assert slopes.grad is not None
    return {
        "y": y.detach().double().cpu(),
        "x": leaf.grad.double().cpu(),
        "weight": slopes.grad.double().cpu(),
    }


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("layout", ["rows", "channels last", "features", "one slope", "one slope, strided"])
def test_prelu(layout: str, dtype: torch.dtype, gpu_or_interpreter: str) -> None:
    x = normal(5, 6, 10, 14, dtype=dtype)
    weight = torch.tensor(SLOPES, dtype=torch.float64).to(dtype)
    if layout == "channels last":
        x = x.to(memory_format=torch.channels_last)
    elif layout == "features":
        x = x.reshape(700, 6)
    elif layout.startswith("one"):
        weight = weight[1:2]
        x = x.permute(2, 0, 3, 1) if layout.endswith("strided") else x
    grad = normal(*x.shape, seed=1, dtype=dtype)
    there = [t.to(gpu_or_interpreter) for t in (x, grad, weight)]
    found, torchs = step(leaky.nn.functional.prelu, *there), step(F.prelu, x, grad, weight)
    assert torch.equal(found["y"], torchs["y"])
    assert torch.equal(found["x"], torchs["x"])
    within_torchs_own_error(found, torchs, step(F.prelu, x.double(), grad.double(), weight.double()), dtype)


def test_prelu_of_any_order_and_many_gradients_at_once(gpu_or_interpreter: str) -> None:
    x, grads = normal(1400, 3, dtype=torch.float64), normal(2, 1400, 3, seed=1, dtype=torch.float64)
    results = []
    for function, device in ((leaky.nn.functional.prelu, gpu_or_interpreter), (F.prelu, "cpu")):
        leaf, slopes = x.to(device).requires_grad_(), torch.tensor(SLOPES[:3], dtype=x.dtype, device=device)
        slopes.requires_grad_()
        y = function(leaf * leaf - 1, slopes)
        (first,) = torch.autograd.grad(y, leaf, grads[0].to(device), create_graph=True)
        second = torch.autograd.grad((first**2).sum(), [leaf, slopes])
        many = torch.autograd.grad(function(leaf, slopes), leaf, grads.to(device), is_grads_batched=True)
        results.append([t.cpu() for t in (y, first, *second, *many)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_prelu_keeps_its_input(gpu_or_interpreter: str) -> None:
    x = normal(COUNT).to(gpu_or_interpreter)
    y = leaky.nn.functional.prelu(
        x.requires_grad_() * 1, torch.tensor([0.25], device=x.device, requires_grad=True)
    )
    with torch.no_grad():
        y.mul_(2)  # what follows may change it
    y.sum().backward()
    assert torch.equal(x.grad.cpu(), torch.where(x.detach().cpu() > 0, 1.0, 0.25))  # type: ignore[union-attr]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("layout", ["dense", "transposed", "expanded gradient"])
def test_softplus(dtype: torch.dtype, layout: str, gpu_or_interpreter: str) -> None:
    x = (normal(60, 71) * 8).to(dtype)
    grad = (
        normal(1, seed=1, dtype=dtype).expand(60, 71)
        if layout.startswith("expanded")
        else normal(60, 71, dtype=dtype)
    )
    x = x.t().clone().t() if layout == "transposed" else x
    y, found = (
        t.double().cpu()
        for t in both_ways(
            leaky.nn.functional.softplus, x.to(gpu_or_interpreter), grad.to(gpu_or_interpreter)
        )
    )
    torchs = both_ways(F.softplus, x, grad)
    truth = both_ways(F.softplus, x.double(), grad.double())
    assert torch.equal(y, torchs[0].double()) or gpu_or_interpreter == "cuda"
    allowed = 2 * (torchs[1].double() - truth[1]).abs().max() + 4 * torch.finfo(dtype).eps * truth[1].abs()
    if dtype.itemsize == 2:  # f' from an output that was rounded
        allowed = allowed + 2 * torch.finfo(dtype).eps * grad.double().abs()
    assert bool(((found - truth[1]).abs() <= allowed).all())
