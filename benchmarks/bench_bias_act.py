"""bias_act against the usual composition in torch: x + bias, leaky ReLU, gain, clamp; forward, and both ways.

    python benchmarks/bench_bias_act.py [--rounds 21] [--compile] [--only 2^24]

glibc's mmap threshold is raised, so that page faults do not hide the arithmetic; `copy_` of the same bytes is the
limit of the machine. Every candidate is held against float64 first. `--compile` adds torch.compile of both, whose
compilation takes a minute; what it keeps for backward autograd's hooks do not see, so no bytes stand there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

import measure
from leaky.nn.functional import bias_act
from measure import Row, WrongResultError, quoted

SLOPE, GAIN = 0.2, 2**0.5
ACTIVATION = f"leaky_relu(negative_slope={SLOPE})"
SHAPES = {"2^18": (4, 64, 32, 32), "2^24": (16, 64, 128, 128)}
DTYPES = (torch.float32, torch.bfloat16)
CLAMPS = (None, 3.0)

Operation = Callable[[Tensor, Tensor], Tensor]
Call = Callable[[], tuple[Tensor, ...]]


def composed(x: Tensor, bias: Tensor, clamp: float | None) -> Tensor:
    """As networks write it."""
    y = F.leaky_relu(x + bias.view(1, -1, 1, 1), SLOPE) * GAIN
    return y if clamp is None else y.clamp(-clamp, clamp)


def ours(x: Tensor, bias: Tensor, clamp: float | None) -> Tensor:
    """The same in one operation."""
    return bias_act(x, bias, activation=ACTIVATION, gain=GAIN, clamp=clamp)


def operations(clamp: float | None, compiled: bool) -> dict[str, Operation]:
    """The candidates, as functions of x and bias."""
    found: dict[str, Operation] = {
        "torch": partial(composed, clamp=clamp),
        "leaky": partial(ours, clamp=clamp),
    }
    if compiled:
        torch.compiler.reset()  # every case is compiled for its own sizes
        found |= {
            f"{name}, compiled": torch.compile(function, fullgraph=True) for name, function in found.items()
        }
    return found


def calls(
    shape: tuple[int, ...], dtype: torch.dtype, found: Mapping[str, Operation], backward: bool
) -> tuple[dict[str, Call], Call]:
    """A call of each candidate: the output, and with `backward` both gradients; and one of torch in float64."""
    noise = torch.Generator().manual_seed(0)
    x, gradient = (torch.randn(shape, generator=noise).to(dtype) for _ in range(2))
    bias = torch.randn(shape[1], generator=noise).to(dtype)

    def call(function: Operation, wide: bool = False) -> Call:
        leaf, own, grad = (t.double() if wide else t for t in (x, bias, gradient))
        leaf, own = leaf.clone().requires_grad_(backward), own.clone().requires_grad_(backward)

        def run() -> tuple[Tensor, ...]:
            y = function(leaf, own)
            return y.detach(), *(torch.autograd.grad(y, (leaf, own), grad) if backward else ())

        return run

    return {name: call(function) for name, function in found.items()}, call(found["torch"], wide=True)


def check(found: Mapping[str, Call], truth: Call, dtype: torch.dtype) -> None:
    """Every candidate within four ulps of the largest value, or twice torch's own distance to float64.

    Sums of the bias's gradient that Inductor writes run one after the other: 64 ulps are allowed to them alone.
    """
    exact = truth()
    errors = {
        name: [measure.relative_error(one, right) for one, right in zip(call(), exact, strict=True)]
        for name, call in found.items()
    }
    for name, several in errors.items():
        for what, error, own in zip(
            ("output", "x's gradient", "bias' gradient"), several, errors["torch"], strict=False
        ):
            ulps = 64 if "compiled" in name and what.startswith("bias") else 4
            allowed = max(2 * own, ulps * torch.finfo(dtype).eps)
            if not error <= allowed:
                raise WrongResultError(f"{name}: {what} is off by {error:.1e}, allowed {allowed:.1e}")


def measured(size: str, dtype: torch.dtype, clamp: float | None, rounds: int, compiled: bool) -> list[Row]:
    """Rows of one case; none where a candidate is wrong."""
    shape, found = SHAPES[size], operations(clamp, compiled)
    source = torch.ones(shape, dtype=dtype)
    target = torch.zeros_like(source)
    kept = {
        name: measure.saved_bytes(partial(_kept, found[name], shape, dtype)) for name in ("torch", "leaky")
    }
    rows: list[Row] = []
    for backward in (False, True):
        candidates, truth = calls(shape, dtype, found, backward)
        about = {
            "work": "forward + backward" if backward else "forward",
            "elements": source.numel(),
            "dtype": str(dtype).removeprefix("torch."),
            "clamp": clamp,
        }
        timings = measure.interleaved(
            {**candidates, "copy_": lambda: target.copy_(source)},
            check=partial(check, candidates, truth, dtype),
            rounds=rounds if source.numel() > 2**20 else 10 * rounds,
        )
        for row in measure.timing_rows(timings, "torch", **about):
            row["over_copy"] = timings[str(row["candidate"])].over(timings["copy_"]).median
            row["kept_bytes"] = kept.get(str(row["candidate"])) if backward else None
            rows.append(row)
    return rows


def _kept(function: Operation, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    x = torch.zeros(shape, dtype=dtype, requires_grad=True) * 1  # as the output of a layer
    return function(x, torch.zeros(shape[1], dtype=dtype, requires_grad=True))


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=21, help="calls timed of each candidate")
    parser.add_argument("--compile", action="store_true", help="add torch.compile: slow to start")
    parser.add_argument("--only", action="append", choices=SHAPES, help="one size (repeat for more)")
    arguments = parser.parse_args()
    measure.raise_mmap_threshold()
    measure.print_machine()
    rows = [
        row
        for size in arguments.only or SHAPES
        for dtype in DTYPES
        for clamp in CLAMPS
        for row in measured(size, dtype, clamp, arguments.rounds, arguments.compile)
    ]
    _print(rows)
    measure.keep("bench_bias_act", rows)


def _print(rows: list[Row]) -> None:
    lines = [
        [
            f"{row['work']}, {row['elements']:,} {row['dtype']}{'' if row['clamp'] is None else ', clamp'}",
            str(row["candidate"]),
            quoted(row, "ms", "{:.3f}"),
            quoted(row, "ratio"),
            f"{row['over_copy']:.2f}",
            "-" if row["kept_bytes"] is None else f"{row['kept_bytes']:,}",
        ]
        for row in rows
    ]
    columns = ("work", "candidate", "ms", "over torch", "over copy_", "bytes kept")
    measure.print_table("bias + leaky ReLU + gain (+ clamp): median [20 %, 80 %]", lines, columns)


if __name__ == "__main__":
    main()
