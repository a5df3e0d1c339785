"""The native kernels alone, into reused memory: how near they come to the machine's limit.

    python benchmarks/bench_kernels.py [--rounds 21]

Element-wise kernels against `copy_` (the ratio is of bandwidths, bytes read and written counted for each);
`leaky.leaky_relu(x, out=y)` on NumPy against `np.where(x > 0, x, a * x)`; and norm + leaky ReLU, forward and
backward, against torch's batch or instance norm and in-place leaky ReLU without autograd's own cost.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import leaky
import measure
from leaky.kernels import native
from measure import Row, Timing, WrongResultError, quoted

SLOPE = 0.01
SIZES = (2**14, 2**18, 2**24, 2**24 + 7)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
SHAPES = {"A": (16, 64, 64 * 64), "B": (2, 32, 64**3), "C": (64, 64, 32 * 32)}
COPY_GOAL, NUMPY_GOAL = 0.8, 25.0

Call = Callable[[], object]


def elementwise(size: int, dtype: torch.dtype, rounds: int) -> list[Row]:
    """Forward with mask and backward from it, against `copy_`."""
    x, grad = torch.randn(size).to(dtype), torch.randn(size).to(dtype)
    y, grad_x, copied = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
    mask = torch.empty((size + 7) // 8, dtype=torch.uint8)
    forward = partial(native.leaky_relu_forward, x, y, SLOPE, mask)
    backward = partial(native.leaky_relu_backward, grad, mask, grad_x, SLOPE)

    def check() -> None:
        for tensor in (y, grad_x):
            tensor.fill_(torch.nan)
        forward()
        backward()
        if not torch.equal(y, F.leaky_relu(x, SLOPE)):
            raise WrongResultError("leaky_relu_forward")
        if not torch.equal(grad_x, torch.where(x > 0, grad, (grad.float() * torch.tensor(SLOPE)).to(dtype))):
            raise WrongResultError("leaky_relu_backward")

    candidates: dict[str, Call] = {
        "copy_": lambda: copied.copy_(x),
        "forward with mask": forward,
        "backward": backward,
    }
    timings = measure.interleaved(candidates, check=check, rounds=rounds)
    moved = 2 * x.numel() * x.element_size()
    bytes_of = {"copy_": moved, "forward with mask": moved + len(mask), "backward": moved + len(mask)}
    case = f"{size:,} {str(dtype).removeprefix('torch.')}"
    return _rows("element-wise", case, timings, "copy_", bytes_of)


def on_numpy(size: int, rounds: int) -> list[Row]:
    """The public function with `out`, against the usual formula and the best that NumPy's own functions do."""
    x = np.random.default_rng(0).normal(size=size).astype(np.float32)
    y, scaled, slope = np.empty_like(x), np.empty_like(x), np.float32(SLOPE)
    wanted = np.where(x > 0, x, slope * x)

    def ufuncs() -> None:
        np.multiply(x, slope, out=scaled)
        np.maximum(x, scaled, out=scaled)

    def check() -> None:
        y.fill(np.nan)
        leaky.leaky_relu(x, SLOPE, out=y)
        ufuncs()
        if not (np.array_equal(y, wanted) and np.array_equal(scaled, wanted)):
            raise WrongResultError("leaky.leaky_relu on NumPy")

    candidates: dict[str, Call] = {
        "np.where(x > 0, x, a * x)": lambda: np.where(x > 0, x, slope * x),
        "two ufuncs with out": ufuncs,
        "leaky.leaky_relu(x, out=y)": lambda: leaky.leaky_relu(x, SLOPE, out=y),
        "np.copyto(y, x)": lambda: np.copyto(y, x),
    }
    timings = measure.interleaved(candidates, check=check, rounds=rounds, warmup=2)
    peer = "np.where(x > 0, x, a * x)"
    return _rows("NumPy", f"{size:,} float32", timings, peer, dict.fromkeys(timings, 2 * x.nbytes))


def norm(name: str, shape: tuple[int, int, int], per_instance: bool, rounds: int) -> list[Row]:
    """Both kernels of norm + leaky ReLU, against the same work in torch."""
    n, c, s = shape
    x, grad = torch.randn(shape), torch.randn(shape)
    y, grad_x = torch.empty_like(x), torch.empty_like(x)
    weight, bias, grad_weight, grad_bias = torch.rand(c) + 0.5, torch.randn(c), torch.empty(c), torch.empty(c)
    count = n * c if per_instance else c
    mean, var = torch.empty(count), torch.empty(count)
    sizes: tuple[Any, ...] = (1e-5, SLOPE, n, c, s, False, c if per_instance else 0, False)

    def ours() -> None:
        native.norm_act_forward(x, y, weight, bias, mean, var, *sizes)
        native.norm_act_backward(
            grad, y, None, None, grad_x, weight, bias, mean, var, grad_weight, grad_bias, *sizes
        )

    leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]

    def theirs(leaves: list[Tensor] = leaves) -> tuple[Tensor, ...]:
        function = F.instance_norm if per_instance else F.batch_norm
        z = function(leaves[0], None, None, leaves[1], leaves[2], True, 0.1, 1e-5)
        result = F.leaky_relu(z, SLOPE, inplace=True)
        return (result, *torch.autograd.grad(result, leaves, grad.to(result.dtype)))

    def check() -> None:
        for tensor in (y, grad_x, mean, var, grad_weight, grad_bias):
            tensor.fill_(torch.nan)
        ours()
        truth = theirs([leaf.detach().double().requires_grad_() for leaf in leaves])
        for found, wanted in zip((y, grad_x, grad_weight, grad_bias), truth, strict=True):
            if not measure.relative_error(found, wanted) < 1e-4:
                raise WrongResultError(f"norm_act on {name}: {measure.relative_error(found, wanted):.1e}")

    timings = measure.interleaved({"torch": theirs, "leaky": ours}, check=check, rounds=rounds)
    layer = "InstanceNorm + LeakyReLU" if per_instance else "BatchNorm + LeakyReLU"
    case = f"{name} {'x'.join(map(str, shape))} float32"
    return _rows(layer, case, timings, "torch", {})


def _rows(kernel: str, case: str, timings: dict[str, Timing], peer: str, moved: dict[str, int]) -> list[Row]:
    rows = measure.timing_rows(timings, peer, kernel=kernel, case=case, level=native.level())
    for row in rows:
        size = moved.get(str(row["candidate"]))
        row["GB_per_s"] = size / 1e6 / float(row["ms"] or 0) if size else None
        row["of_peer_bandwidth"] = (
            size / moved[peer] / float(row["ratio"] or 0) if size and kernel == "element-wise" else None
        )
    return rows


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=21, help="calls timed of each candidate")
    rounds = parser.parse_args().rounds
    if not native.available():
        raise SystemExit(f"bench_kernels: no native kernels: {native.why_not()}")
    measure.raise_mmap_threshold()  # what torch and np.where allocate anew costs no page faults
    measure.print_machine()
    rows = [
        row
        for dtype in DTYPES
        for size in SIZES
        for row in elementwise(size, dtype, rounds if size >= 2**20 else 10 * rounds)
    ]
    rows += [
        row for size in (2**14, 2**24) for row in on_numpy(size, rounds if size >= 2**20 else 10 * rounds)
    ]
    for per_instance in (False, True):
        for name, shape in SHAPES.items():
            rows += norm(name, shape, per_instance, rounds)
    _print(rows)
    measure.keep("bench_kernels", rows)


def _print(rows: list[Row]) -> None:
    lines = []
    for row in rows:
        rate, share = row["GB_per_s"], row["of_peer_bandwidth"]
        goal = "-"
        if share is not None and row["candidate"] != "copy_":
            big = "16,777,2" in str(row["case"])
            goal = f"{COPY_GOAL} {'reached' if share >= COPY_GOAL else 'missed'}" if big else "-"
        elif row["candidate"] == "leaky.leaky_relu(x, out=y)" and "16,777,216" in str(row["case"]):
            faster = 1 / float(row["ratio"] or 1)
            goal = (
                f"{NUMPY_GOAL:.0f} x faster {'reached' if faster >= NUMPY_GOAL else 'missed'}: {faster:.1f}"
            )
        lines.append(
            [
                f"{row['kernel']} {row['case']}",
                str(row["candidate"]),
                quoted(row, "ms", "{:.4f}"),
                quoted(row, "ratio", "{:.3f}"),
                "-" if rate is None else f"{rate:.1f}",
                "-" if share is None else f"{share:.2f}",
                goal,
            ]
        )
    columns = ("work", "candidate", "ms", "over peer", "GB/s", "of copy_'s bandwidth", "goal")
    measure.print_table(
        f"Native kernels ({native.level()}), reused memory: median [20 %, 80 %]", lines, columns
    )


if __name__ == "__main__":
    main()
