"""What `leaky.lean(model)` does to whole networks: bytes kept for backward, numbers, memory and time of a step.

    python benchmarks/bench_lean.py [--model yolov3 ...] [--rounds 15] [--only bytes ...]

- bytes: what the forward pass keeps for backward, eager, lean, and with every block computed again in backward
  (torch.utils.checkpoint), in float32 and under bfloat16 autocast;
- numbers: outputs and gradients against eager, and of both against eager in float64. They are checked for every
  network before anything about it is printed, and again in each process that takes times;
- step: a whole training step (zero_grad, forward, loss, backward, SGD with momentum) of the three in turn, on that
  input and on one nearer to what people train on, the allocator as it is, with the kernels that leaky chooses, and of
  eager and lean with LEAKY_KERNELS=plain;
- peak: the most memory resident over one step on either input, each in a process of its own;
- gpu_bytes: bytes kept on a GPU, counted in Triton's interpreter on smaller networks (see gpu_bytes.py).

What is measured takes the place of rows of the same part and network; the others stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import nn

import gpu_bytes
import lean_networks
import measure
from leaky.kernels import gpu
from lean_networks import Network, built, example, loss_of, outputs_of
from lean_numbers import numbers
from lean_tables import print_part
from measure import Row, WrongResultError

PARTS = ("bytes", "numbers", "step", "peak", "gpu_bytes")
KINDS = ("eager", "lean", "checkpointing")


def bytes_kept(name: str) -> list[Row]:
    """Bytes kept for backward, in float32 and under bfloat16 autocast."""
    network = lean_networks.NETWORKS[name]
    x = example(network)
    rows: list[Row] = []
    for precision in ("float32", "bfloat16 autocast"):
        kept = {}
        for kind in KINDS:
            model = built(network, kind)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision != "float32"):
                kept[kind] = measure.saved_bytes(partial(model, x), model)
        ratio = kept["lean"] / kept["eager"]
        rows.append({"part": "bytes", "model": name, "precision": precision, **kept, "ratio": ratio})
    return rows


def steps_of(network: Network, *kinds: str) -> dict[str, Callable[[], None]]:
    """One training step of each kind, as a call.

    All kinds train the same parameters: where in memory 60 million weights lie moves a step by more than what is
    measured here.
    """
    models = {kind: built(network, kind) for kind in kinds}
    first = models[kinds[0]]
    for other in models.values():
        for own, shared in zip(other.modules(), first.modules(), strict=True):
            own._parameters.update(shared._parameters)
    x = example(network)
    optimiser = torch.optim.SGD(first.parameters(), lr=1e-6, momentum=0.9)

    def step(model: nn.Module) -> None:
        optimiser.zero_grad()
        loss_of(outputs_of(model, x)).backward()
        optimiser.step()

    return {kind: partial(step, model) for kind, model in models.items()}


def time_step(name: str, rounds: int, kernels: str) -> list[Row]:
    """Eager, lean and checkpointing in turn, in this process."""
    rows = []
    for shape in inputs(name):
        network = replace(lean_networks.NETWORKS[name], shape=shape)
        timings = measure.interleaved(
            steps_of(network, *(KINDS[:2] if kernels == "plain" else KINDS)),
            check=partial(numbers, name, thorough=False),
            rounds=rounds,
            warmup=2,
        )
        about = {"part": "step", "model": name, "kernels": kernels, "allocator": "as is"}
        rows += measure.timing_rows(timings, "eager", **about, input=told(shape))
    return rows


def peak_of_step(name: str, kind: str, input_: str) -> list[Row]:
    """The most memory one step takes beyond the model, in this process."""
    (shape,) = [shape for shape in inputs(name) if told(shape) == input_]
    step = steps_of(replace(lean_networks.NETWORKS[name], shape=shape), kind)[kind]
    before = measure.resident_bytes()
    step()
    peak = measure.peak_bytes() - before
    return [{"part": "peak", "model": name, "input": input_, "candidate": kind, "peak": peak}]


def inputs(name: str) -> tuple[tuple[int, ...], ...]:
    """The shapes that a step is measured on."""
    network = lean_networks.NETWORKS[name]
    return network.shape, network.trained_on


def told(shape: tuple[int, ...]) -> str:
    """A shape as rows name it."""
    return "x".join(map(str, shape))


def main() -> None:
    """Measure, print, keep the rows."""
    arguments = _arguments()
    if arguments.child:
        task, name, *values = arguments.child
        if task == "gpu_bytes":
            measure.hand_over(gpu_bytes.rows(name))
        elif task == "step":
            measure.hand_over(time_step(name, arguments.rounds, values[0]))
        else:
            measure.hand_over(peak_of_step(name, *values))
        return
    measure.print_machine()
    rows: list[Row] = []
    names = [name for name in lean_networks.NETWORKS if name in (arguments.model or lean_networks.NETWORKS)]
    parts = [part for part in arguments.only or PARTS if part != "gpu_bytes"]
    checked = {}
    for name in names if parts else ():
        try:
            checked[name] = numbers(name)
        except WrongResultError as wrong:
            print(f"no figure for {name}: {wrong}")
    for part in parts:
        found = [row for name in checked for row in _measured(part, name, checked[name], arguments.rounds)]
        print_part(part, found)
        rows += found
    if "gpu_bytes" in (arguments.only or PARTS):
        small = [name for name in gpu_bytes.NETWORKS if name in (arguments.model or gpu_bytes.NETWORKS)]
        rows += _counted(small)
    measure.keep("bench_lean", rows, of=("part", "model"))
    if parts and len(checked) < len(names):
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument(
        "--model",
        action="append",
        choices={**lean_networks.NETWORKS, **gpu_bytes.NETWORKS},
        help="one network (repeat for more)",
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="one part (repeat for more)")
    parser.add_argument("--rounds", type=int, default=15, help="training steps timed of each")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def _counted(names: list[str]) -> list[Row]:
    """What is kept on a GPU, each network in a process of its own with Triton's interpreter."""
    if not gpu.available():
        print("no bytes on a GPU: Triton is not installed")
        return []
    found = [
        row
        for name in names
        for row in measure.fresh_process(__file__, "--child", "gpu_bytes", name, **gpu_bytes.INTERPRETER)
    ]
    print_part("gpu_bytes", found)
    return found


def _measured(part: str, name: str, checked: Row, rounds: int) -> list[Row]:
    if part == "numbers":
        return [checked]
    if part == "bytes":
        return bytes_kept(name)
    if part == "peak":
        return [
            row
            for shape in inputs(name)
            for kind in KINDS
            for row in measure.fresh_process(__file__, "--child", "peak", name, kind, told(shape))
        ]
    return [
        row
        for kernels, variables in (("chosen", {"LEAKY_KERNELS": ""}), ("plain", {"LEAKY_KERNELS": "plain"}))
        for row in measure.fresh_process(
            __file__, "--rounds", str(rounds), "--child", "step", name, kernels, **variables
        )
    ]


if __name__ == "__main__":
    main()
