"""ReLU behind a norm has derivative 1 at NaN, as torch's has, whoever computes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import leaky

NORMS: dict[str, Callable[[], torch.nn.Module]] = {
    "batch": lambda: leaky.nn.BatchNormAct2d(4, activation="relu"),
    "group": lambda: leaky.nn.GroupNormAct(2, 4, activation="relu"),
    "instance": lambda: leaky.nn.InstanceNormAct2d(4, affine=True, activation="relu"),
}
every_norm = pytest.mark.parametrize("name", NORMS)


def gradients(norm: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Of input, weight and bias."""
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    norm(x).sum().backward()
    found = [x.grad, *(parameter.grad for parameter in norm.parameters())]
    return [grad for grad in found if grad is not None]


def check(name: str, device: str, channels_last: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 4, 24, 24)
    x[0, 0, 3, 3] = torch.nan
    x = x.to(device, memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    norm = NORMS[name]().to(device)
    twin = {"batch": torch.nn.BatchNorm2d(4), "group": torch.nn.GroupNorm(2, 4)}.get(
        name, torch.nn.InstanceNorm2d(4, affine=True)
    )
    found = gradients(norm, x)
    wanted = gradients(torch.nn.Sequential(twin.to(device), torch.nn.ReLU()), x)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True, rtol=1e-4, atol=1e-3)


@every_norm
@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels last"])
def test_on_a_cpu(name: str, channels_last: bool) -> None:
    check(name, "cpu", channels_last)


@every_norm
def test_on_a_gpu(gpu_or_interpreter: str, name: str) -> None:
    check(name, gpu_or_interpreter, False)
