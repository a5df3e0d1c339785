"""Leaky ReLU under torch.compile: what Inductor keeps for backward, and how long a step takes.

    python benchmarks/bench_compile.py [--model chain ...] [--rounds 15] [--only bytes ...]

Candidates, all in one graph of the same network: torch's own; `lean`, what leaky does (the sign is that of the
output); `bits`, which packs the signs in torch's operations, for Inductor to fuse; `opaque`, the native kernels as an
operator that Inductor does not look into. Bytes are counted where Inductor cuts the graph; `eager` and `eager lean`
are there for comparison. Outputs and gradients are held against float64 before anything is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

import leaky
import measure
from architectures import HiFiGANGenerator, RRDBNet
from compiled import compiled_bytes
from leaky.kernels import native
from lean_networks import loss_of, outputs_of
from lean_numbers import Numbers
from measure import Row, WrongResultError, quoted

CANDIDATES = ("torch", "lean", "bits", "opaque")
GRADIENT = 1e-5


class PackBits(torch.autograd.Function):
    """One bit per element, packed in torch's operations."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, negative_slope: float) -> Tensor:
        upper = F.pad((x > 0).reshape(-1), (0, -x.numel() % 8)).view(-1, 8).to(torch.uint8)
        bits = upper[:, 0]
        for place in range(1, 8):
            bits = bits | (upper[:, place] << place)
        ctx.save_for_backward(bits)
        ctx.negative_slope = negative_slope
        return F.leaky_relu(x, negative_slope)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (bits,), (grad,) = ctx.saved_tensors, grads
        places = torch.arange(8, device=grad.device, dtype=torch.uint8)
        upper = ((bits[:, None] >> places) & 1).bool().view(-1)[: grad.numel()].view(grad.shape)
        return torch.where(upper, grad, grad * ctx.negative_slope), None


@torch.library.custom_op("leaky_bench::forward", mutates_args=())
def opaque_forward(x: Tensor, negative_slope: float) -> tuple[Tensor, Tensor]:
    """y and the bits, by the native kernels."""
    x = x.contiguous()
    y, bits = torch.empty_like(x), x.new_empty((x.numel() + 7) // 8, dtype=torch.uint8)
    native.leaky_relu_forward(x, y, negative_slope, bits, relu=False)
    return y, bits


@torch.library.custom_op("leaky_bench::backward", mutates_args=())
def opaque_backward(grad: Tensor, bits: Tensor, negative_slope: float) -> Tensor:
    """The gradient, by the native kernels."""
    grad = grad.contiguous()
    out = torch.empty_like(grad)
    native.leaky_relu_backward(grad, bits, out, negative_slope, relu=False)
    return out


@opaque_forward.register_fake
def _(x: Tensor, negative_slope: float) -> tuple[Tensor, Tensor]:
    bits = x.new_empty((x.numel() + 7) // 8, dtype=torch.uint8)
    return torch.empty_like(x, memory_format=torch.contiguous_format), bits


@opaque_backward.register_fake
def _(grad: Tensor, bits: Tensor, negative_slope: float) -> Tensor:
    return torch.empty_like(grad, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.save_for_backward(output[1])
    ctx.negative_slope = inputs[1]


def _differentiate(ctx: Any, grad: Tensor, of_bits: None) -> tuple[Tensor, None]:
    return opaque_backward(grad, ctx.saved_tensors[0], ctx.negative_slope), None


opaque_forward.register_autograd(_differentiate, setup_context=_keep)


class Instead(TorchFunctionMode):
    """Sends every leaky ReLU, of modules and calls, to another function."""

    def __init__(self, function: Callable[[Tensor, float], Tensor]) -> None:
        super().__init__()
        self.function = function

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.leaky_relu:
            return self.function(*(args + tuple((kwargs or {}).values()))[:2])
        return func(*args, **(kwargs or {}))


class Candidate(nn.Module):
    """The network with another function for its leaky ReLUs."""

    def __init__(self, inner: nn.Module, function: Callable[[Tensor, float], Tensor]) -> None:
        super().__init__()
        self.inner, self.function = inner, function

    def forward(self, x: Tensor) -> Any:
        with Instead(self.function):
            return self.inner(x)


class UNet(nn.Module):
    """Two levels, no norms."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        sizes = ((3, width), (width, width), (width, 2 * width), (2 * width, 2 * width), (3 * width, width))
        self.convolutions = nn.ModuleList(nn.Conv2d(*size, 3, padding=1) for size in sizes)
        self.last = nn.Conv2d(width, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third, fourth, fifth = self.convolutions
        upper = F.leaky_relu(second(F.leaky_relu(first(x), 0.1)), 0.1)
        lower = F.leaky_relu(fourth(F.leaky_relu(third(F.avg_pool2d(upper, 2)), 0.1)), 0.1)
        joined = torch.cat([upper, F.interpolate(lower, scale_factor=2.0)], 1)
        return self.last(F.leaky_relu(fifth(joined), 0.1))


def chain(width: int = 32) -> nn.Module:
    """Convolutions with leaky ReLU between them."""
    layers = [nn.Conv2d(3, width, 3, padding=1), nn.LeakyReLU(0.1)]
    for _ in range(2):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "chain": (chain, (4, 3, 128, 128)),
    "unet": (UNet, (4, 3, 128, 128)),
    "hifigan": (HiFiGANGenerator, (1, 80, 32)),
    "rrdbnet": (partial(RRDBNet), (1, 3, 48, 48)),
}


def built(name: str, candidate: str) -> nn.Module:
    """The network for a candidate, always with the same weights."""
    torch.manual_seed(0)
    make, shape = NETWORKS[name]
    model = make().train()
    if candidate in ("lean", "eager lean"):
        leaky.lean(model, example(shape))
    if candidate == "bits":
        return Candidate(model, PackBits.apply)
    if candidate == "opaque":
        return Candidate(model, lambda x, slope: opaque_forward(x, slope)[0])
    return model


def example(shape: tuple[int, ...]) -> Tensor:
    """The same input every time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def bytes_kept(name: str) -> list[Row]:
    """Of every candidate, compiled, and of eager."""
    x = example(NETWORKS[name][1])
    rows: list[Row] = []
    for candidate in ("eager", "eager lean", *CANDIDATES):
        model = built(name, candidate)
        kept = (
            measure.saved_bytes(partial(model, x), model)
            if "eager" in candidate
            else compiled_bytes(model, x)
        )
        rows.append({"part": "bytes", "model": name, "candidate": candidate, "bytes": kept})
    return rows


def check(name: str, models: dict[str, Any]) -> None:
    """Raise `WrongResultError` where outputs or the gradient are further from float64 than they may be."""
    x = example(NETWORKS[name][1])
    truth = Numbers.of(built(name, "torch").double(), x.double())
    own = Numbers.of(built(name, "torch"), x).distance(truth)
    for candidate, model in models.items():
        found = Numbers.of(model, x).distance(truth)
        if not found.within(2 * own.outputs + GRADIENT, 2 * own.gradient + GRADIENT):
            raise WrongResultError(f"{name}, {candidate}: {found} to float64, eager itself {own}")


def time_steps(name: str, rounds: int) -> list[Row]:
    """Forward and backward of every candidate, in turn."""
    x = example(NETWORKS[name][1])
    torch._dynamo.reset()
    models = {kind: built(name, kind) for kind in CANDIDATES}
    compiled = {kind: torch.compile(model, fullgraph=True) for kind, model in models.items()}

    def step(kind: str) -> None:
        loss_of(outputs_of(compiled[kind], x)).backward()
        models[kind].zero_grad()

    timings = measure.interleaved(
        {kind: partial(step, kind) for kind in CANDIDATES},
        check=partial(check, name, compiled),
        rounds=rounds,
    )
    return measure.timing_rows(timings, "torch", part="step", model=name, allocator="as is")


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--model", action="append", choices=NETWORKS, help="one network (repeat for more)")
    parser.add_argument(
        "--only", action="append", choices=("bytes", "step"), help="one part (repeat for more)"
    )
    parser.add_argument("--rounds", type=int, default=15, help="steps timed of each")
    arguments = parser.parse_args()
    measure.print_machine()
    names, parts = arguments.model or list(NETWORKS), arguments.only or ("bytes", "step")
    rows: list[Row] = []
    if "bytes" in parts:
        rows += (found := [row for name in names for row in bytes_kept(name)])
        lines = [
            [str(r["model"]), str(r["candidate"]), f"{float(str(r['bytes'])) / 2**20:.2f}"] for r in found
        ]
        measure.print_table("Kept for backward, MiB", lines, ("network", "candidate", "MiB"))
    if "step" in parts:
        rows += (found := [row for name in names for row in time_steps(name, arguments.rounds)])
        lines = [
            [str(r["model"]), str(r["candidate"]), quoted(r, "ms", "{:.1f}"), quoted(r, "ratio")]
            for r in found
        ]
        titles = ("network", "candidate", "ms", "to torch's own")
        measure.print_table("Forward and backward, compiled: median [20 %, 80 %]", lines, titles)
    measure.keep("bench_compile", rows)


if __name__ == "__main__":
    main()
