"""What the tests of this folder share: torch's twin of a layer, one training step, and how far apart two may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import leaky
from leaky.kernels import gpu, native, select
from leaky.kernels.select import why_not_native

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
KINDS = ["BatchNorm", "InstanceNorm", "GroupNorm"]
SHAPES = {1: (6, 5, 33), 2: (4, 5, 9, 11), 3: (2, 5, 4, 5, 6)}
WEIGHTS = (1.0, -1.0, 0.0, 1e-6, 0.3)
BIASES = (0.1, -0.5, 0.7, 0.2, 2.0)
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}

_built = pytest.mark.skipif(not native.available(), reason="the native kernels are not built here")
needs_native = pytest.mark.skipif(
    why_not_native(torch.ones(2**13)) is not None, reason="the native kernels do not serve here"
)
_interpreted = pytest.mark.skipif(
    gpu.why_not(torch.ones(1)) is not None, reason="on a GPU test_gpu.py runs the kernels in Triton"
)
every_kernel = pytest.mark.parametrize(
    "kernel", [pytest.param("native", marks=_built), pytest.param("triton", marks=_interpreted), "plain"]
)


def serve(kernel: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As LEAKY_KERNELS does: `native` and `triton` then fail where they cannot serve, unless the tensor is small.

    None leaves the choice to leaky, whatever LEAKY_KERNELS says.
    """
    monkeypatch.setattr("leaky.kernels.select.REQUESTED", kernel)


def serve_always(kernel: str) -> None:
    """The same in a process of its own; what is not built is left to leaky."""
    built = kernel != "native" or native.available()
    select.REQUESTED = kernel if built else None  # type: ignore[assignment]


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def special(dtype: torch.dtype) -> torch.Tensor:
    """NaN, infinities, zeros, subnormal numbers, the smallest and the largest, and a few others, of both signs."""
    info = torch.finfo(dtype)
    sizes = [math.inf, 0.0, info.tiny * info.eps]
    sizes += [info.tiny, info.tiny / 2, info.tiny * 1.5, info.eps, 0.3, 1.0, 7.0, info.max / 2, info.max]
    return torch.tensor([math.nan, *sizes, *(-size for size in sizes)], dtype=torch.float64).to(dtype)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal to the bit, any NaN equal to any other."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    whole = _BITS[one.dtype.itemsize]
    nan = one.isnan() & other.isnan()
    return bool((nan | (one.contiguous().view(whole) == other.contiguous().view(whole))).all())


def both_ways(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, grad: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Value and gradient of `function`, which may write over what it is given."""
    leaf = x.clone().requires_grad_()
    y = function(leaf * 1)
    y.backward(grad)
    assert leaf.grad is not None
    return y.detach(), leaf.grad


class Plain(nn.Module):
    """The torch norm and its activation, one after the other."""

    def __init__(self, norm: nn.Module, slope: float) -> None:
        super().__init__()
        self.norm = norm
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.norm(x)
        return F.relu(z) if self.slope == 0 else F.leaky_relu(z, self.slope)


def spec(slope: float) -> str:
    return "relu" if slope == 0 else f"leaky_relu(negative_slope={slope})"


def pair(
    kind: str,
    dim: int,
    slope: float,
    dtype: torch.dtype = torch.float32,
    *,
    weights: tuple[float, ...] = WEIGHTS,
    biases: tuple[float, ...] = BIASES,
    **options: Any,
) -> tuple[Any, Any]:
    """Ours and torch's, with the same awkward weights."""
    torch.manual_seed(0)
    rank, sizes = f"{dim}d", (len(weights),)
    if kind == "GroupNorm":  # all channels one group, any rank, no statistics that run
        rank, sizes = "", (1, *sizes)
        options = {name: option for name, option in options.items() if name in ("eps", "affine", "bias")}
    ours = getattr(leaky.nn, f"{kind}Act{rank}")(*sizes, activation=spec(slope), **options)
    with torch.no_grad():
        for parameter, values in ((ours.weight, weights), (ours.bias, biases)):
            if parameter is not None:
                parameter.copy_(torch.tensor(values))
    norm = getattr(nn, f"{kind}{rank}")(*sizes, **options)
    norm.load_state_dict(ours.state_dict())
    return ours.to(dtype), Plain(norm, slope).to(dtype)


def step(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> dict[str, torch.Tensor]:
    """The output, all gradients and the buffers of one step, in float64."""
    leaf = x.detach().requires_grad_()  # a copy would not have x's strides
    y = layer(leaf)
    y.backward(grad)
    assert leaf.grad is not None
    found = {"y": y.detach(), "x": leaf.grad}
    for name, parameter in layer.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            found[name.removeprefix("norm.")] = parameter.grad
    for name, buffer in layer.named_buffers():
        found[name.removeprefix("norm.")] = buffer
    return {name: t.double() for name, t in found.items()}


def within_torchs_own_error(
    found: dict[str, torch.Tensor],
    torchs: dict[str, torch.Tensor],
    truth: dict[str, torch.Tensor],
    dtype: torch.dtype,
) -> None:
    """Twice what torch is off, and a few units in the last place of the largest number.

    Four in half precision, whose sums are taken in float32; sixteen in float32 and float64, for sums that cancel
    (a constant gradient) and as torch itself is the truth in float64.
    """
    assert found.keys() == torchs.keys() == truth.keys()
    few = (4 if dtype.itemsize == 2 else 16) * torch.finfo(dtype).eps
    for name, wanted in truth.items():
        if not wanted.numel():
            assert found[name].shape == wanted.shape
            continue
        theirs = (torchs[name] - wanted).abs().max().item()
        allowed = 2 * theirs + few * wanted.abs().max().item() + 1e-30
        off = (found[name] - wanted).abs().max().item()
        assert off <= allowed, f"{name}: off by {off:.3g}, allowed {allowed:.3g}, torch {theirs:.3g}"


def judged(
    kind: str, dim: int, slope: float, x: torch.Tensor, grad: torch.Tensor, **options: Any
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """One training step of ours held against float64 and torch's own error; returns ours and torch's."""
    ours, plain = pair(kind, dim, slope, x.dtype, **options)
    truth_layer = pair(kind, dim, slope, x.dtype, **options)[1].double()
    found, torchs = step(ours, x, grad), step(plain, x, grad)
    within_torchs_own_error(found, torchs, step(truth_layer, x.double(), grad.double()), x.dtype)
    return found, torchs
