"""Norm and leaky ReLU in one layer, and the leaky ReLU alone, against torch: forward and backward.

    python benchmarks/bench_norm_act.py [--rounds 21] [--compile] [--only norm ...]

Each state of the allocator is measured in a process of its own: as it is, and with glibc's mmap threshold raised,
where page faults do not hide the arithmetic. `copy_` of the same bytes is the limit of the machine. Every candidate
is held against float64 first. `--compile` adds torch.compile, whose compilation takes minutes. inplace_abn joins
where it can be imported (build it from its source distribution and put it on PYTHONPATH).
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

import leaky
import measure
from measure import Row, WrongResultError, against, quoted

SLOPE = 0.01
ACTIVATION = f"leaky_relu(negative_slope={SLOPE})"
SHAPES = {"A": (16, 64, 64, 64), "B": (2, 32, 64, 64, 64), "C": (64, 64, 32, 32)}
SIZES = (2**14, 2**18, 2**24, 2**24 + 7)
ALLOCATORS = ("raised", "as is")
GOALS = {
    ("BatchNorm", "raised"): 0.50,
    ("InstanceNorm", "raised"): 0.35,
    ("GroupNorm", "raised"): 0.35,
    ("BatchNorm", "as is"): 0.75,
    ("InstanceNorm", "as is"): 0.75,
    ("GroupNorm", "as is"): 0.75,
    ("LeakyReLU", "raised"): 0.85,
    ("LeakyReLU", "as is"): 1.0,
}
PARTS = {"norm": ("BatchNorm", "InstanceNorm"), "group_norm": ("GroupNorm",), "activation": ()}
NORMS = [norm for norms in PARTS.values() for norm in norms]
GROUPS = 8

INPLACE_ABN = 0.15
"""At most this part of inplace_abn's time."""

Call = Callable[[], tuple[Tensor, ...]]


def norm_calls(norm: str, shape: tuple[int, ...], compiled: bool) -> tuple[dict[str, Call], Call]:
    """Forward and backward of each candidate, and of torch in float64."""
    channels, rank = shape[1], len(shape) - 2
    dims, sizes = ("", (GROUPS, channels)) if norm == "GroupNorm" else (f"{rank}d", (channels,))
    torch_norm = getattr(nn, norm + dims)
    options = {"affine": True}
    eager = nn.Sequential(torch_norm(*sizes, **options), nn.LeakyReLU(SLOPE, inplace=True))
    ours = getattr(leaky.nn, f"{norm}Act{dims}")(*sizes, activation=ACTIVATION, **options)
    noise = torch.Generator().manual_seed(0)
    weight = torch.rand(channels, generator=noise) + 0.5
    bias = torch.randn(channels, generator=noise)
    for layer in (eager[0], ours):
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    x = torch.randn(shape, generator=noise)
    gradient = torch.randn(shape, generator=noise)
    truth = nn.Sequential(torch_norm(*sizes, dtype=torch.float64, **options), nn.LeakyReLU(SLOPE))
    truth[0].load_state_dict(eager[0].state_dict())
    calls = {"torch": _call(eager, x, gradient), "leaky": _call(ours, x, gradient)}
    if compiled:
        calls["torch.compile"] = _call(torch.compile(eager), x, gradient)
        calls["leaky, compiled"] = _call(torch.compile(ours), x, gradient)
    if norm != "GroupNorm" and importlib.util.find_spec("inplace_abn"):
        calls["inplace_abn"] = inplace_abn_call(norm, weight, bias, x, gradient)
    return calls, lambda: _call(truth, x.double(), gradient.double())()


def inplace_abn_call(norm: str, weight: Tensor, bias: Tensor, x: Tensor, gradient: Tensor) -> Call:
    """The same by inplace_abn: |weight| + eps is what it multiplies with, and its input is overwritten, so copied.

    It has no instance norm: samples' channels are made channels of one sample, as F.instance_norm does.
    """
    from inplace_abn import InPlaceABN

    times = len(x) if norm == "InstanceNorm" else 1
    layer = InPlaceABN(times * len(weight), activation="leaky_relu", activation_param=SLOPE)
    shape = x.shape if times == 1 else (1, -1, *x.shape[2:])

    def overwriting(x: Tensor) -> Tensor:
        copy = x.clone().view(shape)
        y: Tensor = layer(copy)
        return y.view(x.shape)

    with torch.no_grad():
        layer.weight.copy_(weight.repeat(times) - layer.eps)
        layer.bias.copy_(bias.repeat(times))
    x = x.clone().requires_grad_()

    def call() -> tuple[Tensor, ...]:
        y = overwriting(x)
        of_x, of_weight, of_bias = torch.autograd.grad(y, [x, layer.weight, layer.bias], gradient)
        return y.detach(), of_x, of_weight.view(times, -1).sum(0), of_bias.view(times, -1).sum(0)

    return call


def activation_calls(size: int, compiled: bool) -> tuple[dict[str, Call], Call]:
    """The same for the leaky ReLU alone, out of place."""
    noise = torch.Generator().manual_seed(0)
    x, gradient = torch.randn(size, generator=noise), torch.randn(size, generator=noise)
    layers = {"torch": nn.LeakyReLU(SLOPE), "leaky": leaky.nn.LeakyReLU(SLOPE)}
    calls = {name: _call(layer, x, gradient) for name, layer in layers.items()}
    if compiled:
        calls["torch.compile"] = _call(torch.compile(nn.LeakyReLU(SLOPE)), x, gradient)
        calls["leaky, compiled"] = _call(torch.compile(leaky.nn.LeakyReLU(SLOPE)), x, gradient)
    return calls, lambda: _call(nn.LeakyReLU(SLOPE), x.double(), gradient.double())()


def _call(layer: Callable[[Tensor], Tensor], x: Tensor, gradient: Tensor) -> Call:
    """The output and every gradient, in one call."""
    x = x.clone().requires_grad_()
    wanted = [x, *(layer.parameters() if isinstance(layer, nn.Module) else [])]

    def call() -> tuple[Tensor, ...]:
        y = layer(x)
        return y.detach(), *torch.autograd.grad(y, wanted, gradient)

    return call


def check(calls: Mapping[str, Call], truth: Call) -> None:
    """Every candidate within twice torch's own distance to float64, or four ulps of the largest value.

    inplace_abn, which always reads its input back from its output, is off by 1e-5 to 1e-4: allowed to it alone.
    """
    exact = truth()
    errors = {
        name: [measure.relative_error(found, right) for found, right in zip(call(), exact, strict=True)]
        for name, call in calls.items()
    }
    for name, found in errors.items():
        for what, error, own in zip(
            ("output", "input's gradient", "weight's gradient", "bias' gradient"),
            found,
            errors["torch"],
            strict=False,
        ):
            allowed = 1e-4 if name == "inplace_abn" else max(2 * own, 4 * torch.finfo(torch.float32).eps)
            if not error <= allowed:
                raise WrongResultError(f"{name}: {what} is off by {error:.1e}, allowed {allowed:.1e}")


def copy_call(elements: int) -> Callable[[], object]:
    """The machine's limit: as many floats copied into memory that is there already."""
    source, target = torch.ones(elements), torch.zeros(elements)
    return lambda: target.copy_(source)


def measured(
    layer: str, case: str, elements: int, calls: Mapping[str, Call], truth: Call, rounds: int, allocator: str
) -> list[Row]:
    """Rows of one case; none where a candidate is wrong."""
    timings = measure.interleaved(
        {**calls, "copy_": copy_call(elements)}, check=partial(check, calls, truth), rounds=rounds
    )
    rows = measure.timing_rows(
        timings, "torch", layer=layer, case=case, elements=elements, allocator=allocator
    )
    if "inplace_abn" in timings:
        for row in rows:
            if row["candidate"] == "leaky":
                row["over_inplace_abn"] = timings["leaky"].over(timings["inplace_abn"]).median
    return rows


def child(part: str, allocator: str, rounds: int, compiled: bool) -> list[Row]:
    """Everything of one part in one state of the allocator, in this process."""
    if allocator == "raised":
        measure.raise_mmap_threshold()
    rows: list[Row] = []
    for norm in PARTS[part]:
        for case, shape in SHAPES.items():
            title = f"{case} {'x'.join(map(str, shape))}"
            elements = torch.Size(shape).numel()
            calls, truth = norm_calls(norm, shape, compiled)
            rows += measured(norm, title, elements, calls, truth, rounds, allocator)
    for size in SIZES if part == "activation" else ():
        calls, truth = activation_calls(size, compiled)
        more = rounds if size >= 2**20 else 10 * rounds
        rows += measured("LeakyReLU", f"{size:,}", size, calls, truth, more, allocator)
    return rows


def main() -> None:
    """Measure, print, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="one part (repeat for more), kept apart"
    )
    parser.add_argument("--rounds", type=int, default=21, help="calls timed of each candidate")
    parser.add_argument("--compile", action="store_true", help="add torch.compile: slow to start")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        measure.hand_over(child(*arguments.child, arguments.rounds, arguments.compile))
        return
    measure.print_machine()
    passed = ["--rounds", str(arguments.rounds), *(["--compile"] if arguments.compile else [])]
    rows = [
        row
        for part in arguments.only or PARTS
        for allocator in ALLOCATORS
        for row in measure.fresh_process(__file__, *passed, "--child", part, allocator)
    ]
    for allocator in ALLOCATORS:
        _print(allocator, [row for row in rows if row["allocator"] == allocator])
    measure.keep("_".join(["bench_norm_act", *(arguments.only or [])]), rows)


def _print(allocator: str, rows: list[Row]) -> None:
    lines = []
    for row in rows:
        has_goal = row["candidate"] == "leaky" and (row["layer"] != "LeakyReLU" or row["elements"] == 2**24)
        goal = GOALS[str(row["layer"]), allocator] if has_goal else None
        lines.append(
            [
                f"{row['layer']} {row['case']}",
                str(row["candidate"]),
                quoted(row, "ms"),
                f"{row['page_faults']:,.0f}",
                quoted(row, "ratio"),
                against(float(row["ratio"]), goal),
            ]
        )
    measure.print_table(
        f"Forward and backward, float32, mmap threshold {allocator}: median [20 %, 80 %]",
        lines,
        ("layer", "candidate", "ms", "page faults", "over torch", "at most"),
    )
    for row in rows:
        if "over_inplace_abn" in row:
            ratio = float(str(row["over_inplace_abn"]))
            print(f"{row['layer']} {row['case']}: {ratio:.2f} of inplace_abn, {against(ratio, INPLACE_ABN)}")


if __name__ == "__main__":
    main()
