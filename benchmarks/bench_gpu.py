"""The kernels in Triton on a GPU: bandwidth, whole layers, small tensors, memory and time of whole networks.

    python benchmarks/bench_gpu.py [--rounds 21] [--only elementwise bias_act layers norm small models]

- elementwise, bias_act: each way into reused memory, against a copy on the device of the same bytes;
- layers: norms with leaky ReLU, PReLU and softplus likewise (see gpu_layers.py);
- norm: batch, instance and group norm with leaky ReLU in one, forward and backward, against torch's norm and in-place
  leaky ReLU, eager and compiled;
- small: a call of `leaky.nn.functional.leaky_relu` with its backward, as Python starts it, against torch's; the size
  from which leaky's costs no more is what `leaky.kernels.gpu.SMALL` is to be;
- models: six networks of bench_lean.py (see gpu_models.py).

Needs a CUDA device, and gives no figure without one: none of the functions below does where its result is wrong.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

import gpu_layers
import gpu_models
import leaky
import measure
from leaky.kernels import gpu, gpu_bias_act
from leaky.kernels.native_bias_act import TWO, Lines
from measure import Row, Timing, WrongResultError, against, quoted

SLOPE = 0.01
SIZES = (2**24, 2**24 + 7, 2**28)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
LAYERS = {"rows": (8, 512, 64 * 64), "columns": (2**15, 512, 1), "large": (32, 512, 128 * 128)}
NORMS = {"A": (16, 64, 64, 64), "B": (2, 32, 64, 64, 64), "C": (64, 64, 32, 32)}
COPY_GOAL, EAGER_GOAL = 0.9, 0.8
Call = Callable[[], object]


def interleaved(
    candidates: Mapping[str, Call], device: str, *, check: Call, rounds: int, inner: int = 10
) -> dict[str, Timing]:
    """`measure.interleaved` with the device's own clock: `inner` calls between two events, queued without waiting."""

    def many(call: Call) -> None:
        for _ in range(inner):
            call()

    if device == "cpu":  # an interpreter has no queue to fill
        return measure.interleaved(candidates, check=check, rounds=rounds, warmup=1)
    check()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(-3, rounds):
        for name, call in list(candidates.items())[:: -1 if number % 2 else 1]:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            many(call)
            end.record()
            end.synchronize()
            if number >= 0:
                seconds[name].append(begin.elapsed_time(end) / 1000 / inner)
    return {name: Timing(tuple(values), 0.0) for name, values in seconds.items()}


def bandwidths(part: str, case: str, timings: dict[str, Timing], moved: dict[str, int]) -> list[Row]:
    """Rows with gigabytes a second, and their share of the copy's."""
    rows = measure.timing_rows(timings, "copy", part=part, case=case)
    for row in rows:
        name = str(row["candidate"])
        shares = [
            (moved[name] / mine) / (moved["copy"] / copy)
            for mine, copy in zip(timings[name].seconds, timings["copy"].seconds, strict=True)
        ]
        row["gigabytes_per_second"] = moved[name] / timings[name].spread.median / 1e9
        row["of_copy"] = measure.Spread.of(shares).median
    return rows


def elementwise(size: int, dtype: torch.dtype, rounds: int, device: str) -> list[Row]:
    """Forward with bits and backward from them."""
    x, grad = (torch.randn(size, device=device).to(dtype) for _ in range(2))
    y, grad_x, copied = (torch.empty_like(x) for _ in range(3))
    bits = torch.empty((size + 7) // 8, dtype=torch.uint8, device=device)
    candidates: dict[str, Call] = {
        "copy": lambda: copied.copy_(x),
        "forward": partial(gpu.leaky_relu_forward, x, y, SLOPE, bits),
        "backward": partial(gpu.leaky_relu_backward, grad, bits, grad_x, SLOPE),
    }

    def check() -> None:
        for name in ("forward", "backward"):
            candidates[name]()
        if not torch.equal(y, F.leaky_relu(x, SLOPE)):
            raise WrongResultError("leaky_relu_forward")
        if not torch.equal(grad_x, torch.ops.aten.leaky_relu_backward(grad, x, SLOPE, False)):
            raise WrongResultError("leaky_relu_backward")

    timings = interleaved(candidates, device, check=check, rounds=rounds)
    copy = 2 * x.numel() * x.element_size()
    moved = {"copy": copy, "forward": copy + len(bits), "backward": copy + len(bits)}
    return bandwidths("elementwise", f"{size:,} {str(dtype).removeprefix('torch.')}", timings, moved)


def bias_act(
    name: str, shape: tuple[int, int, int], dtype: torch.dtype, rounds: int, device: str
) -> list[Row]:
    """StyleGAN's layer: bias, slope 0.2, gain and clamp; the backward with the gradient of the bias."""
    n, c, s = shape
    x, grad = (torch.randn(shape, device=device).to(dtype) for _ in range(2))
    bias = torch.randn(c, device=device).to(dtype)
    lines = Lines(TWO, math.sqrt(2), 0.2 * math.sqrt(2), 1.5)
    y, grad_x, copied = (torch.empty_like(x) for _ in range(3))
    sums = torch.empty(c, device=device)
    bits = torch.empty(2 * ((x.numel() + 7) // 8), dtype=torch.uint8, device=device)
    candidates: dict[str, Call] = {
        "copy": lambda: copied.copy_(x),
        "forward": partial(gpu_bias_act.bias_act_forward, x, bias, y, bits, lines, n, c, s),
        "backward": partial(gpu_bias_act.bias_act_backward, grad, bits, grad_x, sums, lines, n, c, s),
    }

    def check() -> None:
        for part in ("forward", "backward"):
            candidates[part]()
        wide = x.double() + bias.double().view(1, -1, 1)
        steep = torch.where(wide > 0, lines.upper, lines.lower)
        slope = torch.where((wide * steep).abs() >= lines.clamp, 0.0, steep) * grad.double()
        y_truth = (wide * steep).clamp(-lines.clamp, lines.clamp)
        for what, found, truth in (("bias_act_forward", y, y_truth), ("bias_act_backward", grad_x, slope)):
            off = (found.double() - truth).abs() > 8 * torch.finfo(dtype).eps * (1 + truth.abs())
            if float(off.double().mean()) > 1e-3:  # one rounding from the kink, a value may be beyond it
                raise WrongResultError(what)
        if measure.relative_error(sums, slope.sum((0, 2))) > 1e-3:
            raise WrongResultError("bias_act_backward of the bias")

    timings = interleaved(candidates, device, check=check, rounds=rounds)
    copy = 2 * x.numel() * x.element_size()
    moved = {"copy": copy, "forward": copy + len(bits), "backward": copy + len(bits)}
    case = f"{name} {'x'.join(map(str, shape))} {str(dtype).removeprefix('torch.')}"
    return bandwidths("bias_act", case, timings, moved)


def layers(dtype: torch.dtype, rounds: int, device: str) -> list[Row]:
    """Kernels of other layers, at the sizes of NORMS and one long one."""
    shapes = [(n, c, math.prod(space)) for n, c, *space in NORMS.values()]
    rows = [
        row
        for kind in gpu_layers.OVER
        for shape in shapes
        for row in gpu_layers.norm_kernels(kind, shape, dtype, rounds, device)
    ]
    rows += [row for shape in shapes for row in gpu_layers.prelu(shape, dtype, rounds, device)]
    return rows + gpu_layers.softplus(SIZES[0], dtype, rounds, device)


def small(size: int, rounds: int, device: str) -> list[Row]:
    """A call and its backward of `size` floats, in the time that Python and the device take together."""
    x = torch.randn(size, device=device, requires_grad=True)
    grad = torch.randn(size, device=device)
    functions = {"torch": F.leaky_relu, "leaky": leaky.nn.functional.leaky_relu}

    def step(function: Callable[[Tensor, float], Tensor]) -> Tensor:
        return torch.autograd.grad(function(x, SLOPE), x, grad)[0]

    def check() -> None:
        if not torch.equal(step(functions["leaky"]), step(functions["torch"])):
            raise WrongResultError("leaky.nn.functional.leaky_relu")

    calls = {name: partial(step, function) for name, function in functions.items()}
    timings = interleaved(calls, device, check=check, rounds=rounds, inner=50)
    return measure.timing_rows(timings, "torch", part="small", case=f"{size:,}", size=size)


def crossover(rows: list[Row]) -> int | None:
    """The smallest size from which on leaky's call costs no more than torch's; None where it always does."""
    slower = [int(str(r["size"])) for r in rows if r["candidate"] == "leaky" and float(str(r["ratio"])) > 1]
    sizes = sorted({int(str(row["size"])) for row in rows})
    return next((size for size in sizes if size > max(slower, default=0)), None)


def measured(part: str, rounds: int) -> list[Row]:
    """All rows of a part, on the GPU."""
    device = "cuda"
    if part == "elementwise":
        return [row for size in SIZES for dtype in DTYPES for row in elementwise(size, dtype, rounds, device)]
    if part == "bias_act":
        return [
            r
            for name, sizes in LAYERS.items()
            for d in DTYPES
            for r in bias_act(name, sizes, d, rounds, device)
        ]
    if part == "norm":
        return [
            row
            for kind in gpu_layers.OVER
            for name, shape in NORMS.items()
            for row in gpu_layers.norm(name, shape, rounds, device, kind=kind)
        ]
    if part == "layers":
        return [row for dtype in DTYPES for row in layers(dtype, rounds, device)]
    if part == "small":  # so that the kernels serve the small ones too
        gpu.SMALL = 1
        return [row for power in range(10, 23, 2) for row in small(2**power, rounds, device)]
    return [row for name in gpu_models.NAMES for row in gpu_models.rows(name, rounds, device)]


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=21)
    parts = ("elementwise", "bias_act", "layers", "norm", "small", "models")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("bench_gpu: needs a CUDA device, and torch finds none; nothing is measured")
    if (reason := gpu.why_not(torch.ones(1, device="cuda"))) is not None:
        raise SystemExit(f"bench_gpu: {reason}")
    about = {"device": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}
    measure.print_machine()
    rows: list[Row] = []
    for part in arguments.only:
        found = measured(part, arguments.rounds)
        printed(part, found)
        rows += [{**row, **about} for row in found]
    measure.keep("bench_gpu", rows)


def printed(part: str, rows: list[Row]) -> None:
    """One table a part."""
    lines = []
    for row in rows:
        line = [f"{row['case']}: {row['candidate']}", quoted(row, "ms", "{:.4f}"), quoted(row, "ratio")]
        if "of_copy" in row:
            share = float(str(row["of_copy"]))
            goal = f"{COPY_GOAL} {'reached' if share >= COPY_GOAL else 'missed'}"
            line += [f"{row['gigabytes_per_second']:.0f} GB/s", f"{share:.2f}"]
            line.append("-" if row["candidate"] == "copy" else goal)
        elif part == "norm" and row["candidate"] == "leaky":
            line += ["", "", against(float(str(row["ratio"])), EAGER_GOAL)]
        else:
            line += ["", f"{row['peak'] / 2**20:.0f} MiB" if "peak" in row else "", ""]
        lines.append(line)
    measure.print_table(
        part, lines, ("case", "ms", "of the peer's time", "bandwidth", "of copy, or peak", "goal")
    )
    if part == "small":
        print(f"leaky's call costs no more than torch's from {crossover(rows)} elements on")


if __name__ == "__main__":
    main()
