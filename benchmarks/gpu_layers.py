"""Rows of bench_gpu.py: kernels of norms, PReLU and softplus against a copy on the device, and layers of norms."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

import bench_gpu
import leaky
import measure
from leaky.kernels import gpu_layers, gpu_norms
from measure import Row, WrongResultError

SLOPE = 0.01
EPS = 1e-5
OVER = {"BatchNorm": 0, "InstanceNorm": -1, "GroupNorm": 8}
"""How many groups of a sample's channels share statistics: 0 the batch's channels, -1 each its own."""
Call = Callable[[], object]


def norm_kernels(
    kind: str, shape: tuple[int, int, int], dtype: torch.dtype, rounds: int, device: str
) -> list[Row]:
    """Both ways of a norm with leaky ReLU: x is read twice and y written once, then x and the gradient twice."""
    n, c, s = shape
    groups = c if OVER[kind] < 0 else math.gcd(OVER[kind], c)
    x, grad = (torch.randn(shape, device=device).to(dtype) for _ in range(2))
    weight, bias = torch.rand(c, device=device) + 0.5, torch.randn(c, device=device)
    mean, var = torch.empty(2, n * groups or c, device=device)
    of_weight, of_bias = torch.empty(2, c, device=device)
    y, grad_x, copied = (torch.empty_like(x) for _ in range(3))
    vectors, sizes = (weight, bias, mean, var), (EPS, SLOPE, n, c, s, False, groups, False)
    candidates: dict[str, Call] = {
        "copy": lambda: copied.copy_(x),
        "forward": lambda: gpu_norms.norm_act_forward(x, y, *vectors, *sizes),
        "backward": lambda: gpu_norms.norm_act_backward(
            grad, None, x, None, grad_x, *vectors, of_weight, of_bias, *sizes
        ),
    }

    def check() -> None:
        for name in ("forward", "backward"):
            candidates[name]()
        leaves = [t.double().requires_grad_() for t in (x, weight, bias)]
        if groups:
            z = F.group_norm(leaves[0], groups, *leaves[1:], EPS)
        else:
            z = F.batch_norm(leaves[0], None, None, *leaves[1:], True, 0.0, EPS)
        truth = F.leaky_relu(z, SLOPE)
        truths = torch.autograd.grad(truth, leaves, grad.double())
        limit = 8 * torch.finfo(dtype).eps + 1e-4
        if measure.relative_error(y, truth) > limit:
            raise WrongResultError("norm_act_forward")
        for found, wanted in zip((grad_x, of_weight, of_bias), truths, strict=True):
            if measure.relative_error(found, wanted) > limit:
                raise WrongResultError("norm_act_backward")

    timings = bench_gpu.interleaved(candidates, device, check=check, rounds=rounds)
    one = x.numel() * x.element_size()
    return bench_gpu.bandwidths(
        "layers",
        _case(kind, shape, dtype),
        timings,
        {"copy": 2 * one, "forward": 3 * one, "backward": 5 * one},
    )


def prelu(shape: tuple[int, int, int], dtype: torch.dtype, rounds: int, device: str) -> list[Row]:
    """Forward, and both gradients from the input, with a slope per channel."""
    n, c, s = shape
    x, grad = (torch.randn(shape, device=device).to(dtype) for _ in range(2))
    slopes, sums = torch.rand(c, device=device), torch.empty(c, device=device, dtype=torch.float64)
    y, grad_x, copied = (torch.empty_like(x) for _ in range(3))
    candidates: dict[str, Call] = {
        "copy": lambda: copied.copy_(x),
        "forward": lambda: gpu_layers.prelu_forward(x, y, slopes, n, c, s, False),
        "backward": lambda: gpu_layers.prelu_backward(
            grad, None, x, None, grad_x, sums, slopes, n, c, s, False
        ),
    }

    def check() -> None:
        for name in ("forward", "backward"):
            candidates[name]()
        wide, factor = x.double(), slopes.double().view(1, -1, 1)
        limit = 2 * torch.finfo(dtype).eps
        if measure.relative_error(y, torch.where(wide > 0, wide, wide * factor)) > limit:
            raise WrongResultError("prelu_forward")
        if measure.relative_error(grad_x, torch.where(wide > 0, 1.0, factor) * grad.double()) > limit:
            raise WrongResultError("prelu_backward")
        if measure.relative_error(sums, torch.where(wide > 0, 0.0, wide * grad).sum((0, 2))) > 1e-4:
            raise WrongResultError("prelu_backward of the slopes")

    timings = bench_gpu.interleaved(candidates, device, check=check, rounds=rounds)
    one = x.numel() * x.element_size()
    moved = {"copy": 2 * one, "forward": 2 * one, "backward": 3 * one}
    return bench_gpu.bandwidths("layers", _case("PReLU", shape, dtype), timings, moved)


def softplus(size: int, dtype: torch.dtype, rounds: int, device: str) -> list[Row]:
    """The way back from the output."""
    y = F.softplus(torch.randn(size, device=device)).to(dtype)
    grad = torch.randn(size, device=device).to(dtype)
    grad_x, copied = torch.empty_like(y), torch.empty_like(y)
    candidates: dict[str, Call] = {
        "copy": lambda: copied.copy_(y),
        "backward": lambda: gpu_layers.softplus_backward(grad, y, grad_x, 1.0, 20.0),
    }

    def check() -> None:
        candidates["backward"]()
        wanted = -torch.expm1(-y.double()) * grad.double()
        if measure.relative_error(grad_x, wanted) > 2 * torch.finfo(dtype).eps:
            raise WrongResultError("softplus_backward")

    timings = bench_gpu.interleaved(candidates, device, check=check, rounds=rounds)
    one = y.numel() * y.element_size()
    moved = {"copy": 2 * one, "backward": 3 * one}
    return bench_gpu.bandwidths("layers", _case("Softplus", (size,), dtype), timings, moved)


def norm(
    name: str,
    shape: tuple[int, ...],
    rounds: int,
    device: str,
    compiled: bool = True,
    kind: str = "BatchNorm",
) -> list[Row]:
    """One training step of a layer: norm, leaky ReLU, their backward."""
    dim = len(shape) - 2
    x = torch.randn(shape, device=device, requires_grad=True)
    grad = torch.randn(shape, device=device)
    rank, sizes = f"{dim}d", (shape[1],)
    if kind == "GroupNorm":
        rank, sizes = "", (math.gcd(OVER[kind], shape[1]), *sizes)
    own = getattr(torch.nn, f"{kind}{rank}")(*sizes).to(device)
    ours = getattr(leaky.nn, f"{kind}Act{rank}")
    layers = {
        "eager": torch.nn.Sequential(own, torch.nn.LeakyReLU(SLOPE, inplace=True)),
        "leaky": ours(*sizes, activation=f"leaky_relu(negative_slope={SLOPE})").to(device),
    }
    if compiled:
        layers["torch.compile"] = torch.compile(layers["eager"])  # type: ignore[assignment]

    def step(layer: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        y = layer(x)
        return y.detach(), torch.autograd.grad(y, x, grad)[0]

    def check() -> None:
        wanted = step(layers["eager"])
        for one, other in zip(step(layers["leaky"]), wanted, strict=True):
            if measure.relative_error(one, other) > 1e-4:
                raise WrongResultError(ours.__name__)

    candidates = {title: partial(step, layer) for title, layer in layers.items()}
    timings = bench_gpu.interleaved(candidates, device, check=check, rounds=rounds)
    case = f"{kind} {name} {'x'.join(map(str, shape))}"
    return measure.timing_rows(timings, "eager", part="norm", case=case)


def _case(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> str:
    return f"{name} {'x'.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
