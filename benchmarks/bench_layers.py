"""Element-wise layers that keep less for backward against torch's: forward and backward, time and bytes kept.

    python benchmarks/bench_layers.py [--rounds 11] [--threads 1 2] [--threshold raised|default]

The allocator is measured as it is, or with glibc's mmap threshold raised, so that freed memory is used again and page
faults do not hide the work. RReLU's goal is half of torch's time: torch draws serially.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

import leaky
import measure
from leaky.kernels import native
from measure import Row, WrongResultError, quoted

SIZES = (2**20, 2**24)
CHANNELS = 64
RRELU_GOAL = 0.5
Function = Callable[[Tensor], Tensor]


def divided(x: Tensor) -> Tensor:
    """The paper's form in torch's operations."""
    return torch.where(x > 0, x, x / torch.empty_like(x, requires_grad=False).uniform_(3, 8))


def layers() -> dict[str, tuple[Function, Function]]:
    """Of each: torch's and ours."""
    ours, one, many = leaky.nn.functional, torch.full((1,), 0.25), torch.full((CHANNELS,), 0.25)
    for slopes in (one, many):
        slopes.requires_grad_()
    return {
        "rrelu": (partial(F.rrelu, training=True), partial(ours.rrelu, training=True)),
        "rrelu, divide": (divided, partial(ours.rrelu, training=True, form="divide")),
        "dropout": (partial(F.dropout, p=0.3), partial(ours.dropout, p=0.3)),
        "relu6": (F.relu6, ours.relu6),
        "elu": (F.elu, ours.elu),
        "softplus": (F.softplus, ours.softplus),
        "prelu": (lambda x: F.prelu(x, one), lambda x: ours.prelu(x, one)),
        "prelu per channel": (lambda x: F.prelu(x, many), lambda x: ours.prelu(x, many)),
    }


def check(name: str, theirs: Function, ours: Function, x: Tensor) -> None:
    """Values and gradients; where slopes are drawn, that they are drawn from the same ends, and both ways alike."""
    leaf = x.detach().clone().requires_grad_()
    state = torch.get_rng_state()
    y = ours(leaf)
    (found,) = torch.autograd.grad(y.sum(), leaf)
    if name.startswith("rrelu"):
        slopes = torch.where(leaf.abs() < 1e-30, found, y / leaf).detach()
        low, high = slopes[leaf < 0].min().item(), slopes[leaf < 0].max().item()
        if not (measure.relative_error(found, slopes) < 1e-6 and 0.124 < low < 0.13 < 0.32 < high < 0.3334):
            raise WrongResultError(name)
        return
    if name == "dropout":
        torch.set_rng_state(state)
        wanted = theirs(torch.ones_like(leaf))  # the factors
        if not (torch.equal(y, leaf * wanted) and torch.equal(found, wanted)):
            raise WrongResultError(name)
        return
    wide = x.detach()[:64].double().requires_grad_()
    truth = theirs(wide) if not name.startswith("prelu") else F.leaky_relu(wide, 0.25)
    (wanted,) = torch.autograd.grad(truth.sum(), wide)
    if measure.relative_error(y[:64], truth) > 1e-6 or measure.relative_error(found[:64], wanted) > 1e-6:
        raise WrongResultError(name)


def measured(name: str, size: int, threads: int, rounds: int, threshold: str) -> list[Row]:
    """Forward and backward of one layer at one size."""
    torch.set_num_threads(threads)
    theirs, ours = layers()[name]
    x = torch.randn(size // (CHANNELS * 256), CHANNELS, 256, requires_grad=True)
    grad = torch.randn(x.shape)

    def step(function: Function) -> None:
        x.grad = None
        function(x).backward(grad)

    timings = measure.interleaved(
        {"torch": partial(step, theirs), "leaky": partial(step, ours)},
        check=partial(check, name, theirs, ours, x),
        rounds=rounds,
        warmup=2,
    )
    rows = measure.timing_rows(
        timings,
        "torch",
        layer=name,
        elements=size,
        threads=threads,
        threshold=threshold,
        level=native.level(),
    )
    for row, function in zip(rows, (theirs, ours), strict=True):
        row["kept_bytes_per_element"] = measure.saved_bytes(partial(function, x * 1)) / size
    return rows


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=11, help="steps timed of each candidate")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of torch and of leaky")
    parser.add_argument(
        "--threshold", choices=("raised", "default"), default="raised", help="of glibc's mmap"
    )
    given = parser.parse_args()
    if not native.available():
        raise SystemExit(f"bench_layers: no native kernels: {native.why_not()}")
    if given.threshold == "raised":
        measure.raise_mmap_threshold()
    measure.print_machine()
    rows = [
        row
        for threads in given.threads
        for name in layers()
        for size in SIZES
        for row in measured(name, size, threads, given.rounds, given.threshold)
    ]
    lines = [
        [
            f"{row['layer']} {row['elements']:,}",
            str(row["threads"]),
            str(row["candidate"]),
            quoted(row, "ms", "{:.2f}"),
            quoted(row, "ratio"),
            f"{row['kept_bytes_per_element']:.3f}",
            measure.against(
                float(row["ratio"] or 0),
                RRELU_GOAL if str(row["layer"]).startswith("rrelu") and row["candidate"] == "leaky" else None,
            ),
        ]
        for row in rows
    ]
    columns = (
        "layer, elements",
        "threads",
        "candidate",
        "ms",
        "over torch",
        "bytes kept per element",
        "goal",
    )
    measure.print_table("Forward and backward, float32: median [20 %, 80 %]", lines, columns)
    measure.keep("bench_layers", rows)


if __name__ == "__main__":
    main()
