"""What `leaky.lean(model)` does to whole networks: bytes kept for backward, numbers, memory and time of a step.

    python benchmarks/bench_lean.py [--model yolov3 ...] [--rounds 15] [--only bytes ...]

- bytes: what the forward pass keeps for backward, eager against lean, in float32 and under bfloat16 autocast;
- numbers: outputs and gradients against eager, and of both against eager in float64. They are checked for every
  network before anything about it is printed, and again in each process that takes times;
- step: a whole training step (zero_grad, forward, loss, backward, SGD with momentum), eager and lean in turn, on that
  input and on one nearer to what people train on, the allocator as it is, with the kernels that leaky chooses and
  with LEAKY_KERNELS=plain;
- peak: the most memory resident over one step, each in a process of its own.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

import leaky
import measure
from architectures import HiFiGANGenerator, PlainConvUNet3d, RRDBNet, YOLOv3
from measure import Row, WrongResultError, against, quoted


@dataclass(frozen=True)
class Network:
    """A network, an input, and the share of eager's bytes that lean may keep."""

    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    goal: float
    trained_on: tuple[int, ...]
    """An input nearer to what people train on: the step is timed on it as well."""
    ill_conditioned: bool = False
    """BatchNorm over few values amplifies rounding: the goal is twice eager's own distance to float64."""


NETWORKS = {
    "yolov3": Network("YOLOv3, 2x3x96x96", YOLOv3, (2, 3, 96, 96), 0.49, (2, 3, 224, 224), True),
    "nnunet": Network(
        "nnU-Net 3d, 5 stages, 64^3", PlainConvUNet3d, (1, 1, 64, 64, 64), 0.62, (2, 1, 64, 64, 64)
    ),
    "nnunet_small": Network(
        "nnU-Net 3d, 3 stages, 48^3",
        partial(PlainConvUNet3d, features=(16, 32, 64)),
        (1, 1, 48, 48, 48),
        0.62,
        (2, 1, 48, 48, 48),
    ),
    "hifigan": Network("HiFi-GAN v3, mel 1x80x32", HiFiGANGenerator, (1, 80, 32), 0.70, (4, 80, 32)),
    "rrdbnet": Network("RRDBNet (32, 16), 3 blocks, 48x48", RRDBNet, (1, 3, 48, 48), 0.89, (2, 3, 64, 64)),
}
OUTPUTS, GRADIENT = 1e-6, 2e-4
AUTOCAST_SLACK = 0.03
STEP, STEP_PLAIN = 1.0, 1.1
PARTS = ("bytes", "numbers", "step", "peak")


def built(network: Network, kind: str) -> nn.Module:
    """The network as initialised, eager or lean, always with the same weights."""
    torch.manual_seed(0)
    model = network.build().train()
    with torch.no_grad():
        for parameter in model.parameters():  # so that no weight norm is the identity, as it is when new
            parameter.mul_(1 + 0.01 * torch.randn_like(parameter))
    if kind == "lean":
        leaky.lean(model)
    return model


def example(network: Network) -> Tensor:
    """The same input every time."""
    return torch.randn(network.shape, generator=torch.Generator().manual_seed(1))


def outputs_of(model: nn.Module, x: Tensor) -> list[Tensor]:
    """The outputs as a list, however many."""
    found = model(x)
    return [found] if isinstance(found, Tensor) else list(found)


def loss_of(outputs: list[Tensor]) -> Tensor:
    """The mean square of each output: smooth, and every element has a gradient of its own."""
    return torch.stack([y.square().mean() for y in outputs]).sum()


@dataclass(frozen=True)
class Numbers:
    """What a model puts out, and the gradients of its parameters, input last."""

    outputs: list[Tensor]
    gradients: list[Tensor]

    @classmethod
    def of(cls, model: nn.Module, x: Tensor) -> Numbers:
        x = x.clone().requires_grad_()
        outputs = outputs_of(model, x)
        wanted = [*model.parameters(), x]  # nnU-Net has heads that only deep supervision uses: zeros for them
        gradients = torch.autograd.grad(loss_of(outputs), wanted, materialize_grads=True)
        return cls([y.detach() for y in outputs], list(gradients))

    def distance(self, truth: Numbers) -> Distance:
        """How far these are from the truth."""
        pairs = list(zip(self.gradients, truth.gradients, strict=True))
        apart = [float((mine.double() - theirs).norm()) for mine, theirs in pairs]
        size = [float(theirs.double().norm()) for _, theirs in pairs]
        outputs = [measure.relative_error(*pair) for pair in zip(self.outputs, truth.outputs, strict=True)]
        exact_zero = 1e-9 * max(size)  # a bias before a norm: its gradient is rounding alone
        tensors = [error / norm for error, norm in zip(apart, size, strict=True) if norm > exact_zero]
        return Distance(max(outputs), math.hypot(*apart) / math.hypot(*size), max(tensors))


@dataclass(frozen=True)
class Distance:
    """Relative differences: the worst output by its largest value, the whole gradient and its worst tensor in L2."""

    outputs: float
    gradient: float
    tensor: float

    def within(self, outputs: float, gradient: float, tensor: float = math.inf) -> bool:
        return self.outputs <= outputs and self.gradient <= gradient and self.tensor <= tensor


def numbers(name: str, *, thorough: bool = True) -> Row:
    """How far lean is from eager, and both from eager in float64; raises `WrongResultError` where lean is wrong.

    Right is what is within the fixed limits of eager, or within twice eager's own distance to float64, the worst of
    inputs one rounding apart (its worst tensor within five times: a rounding that moves one element across the kink
    is all it takes). If not `thorough`, float64 is computed only where the fixed limits do not settle it.
    """
    network = NETWORKS[name]
    x = example(network)
    eager = Numbers.of(built(network, "eager"), x)
    lean = Numbers.of(built(network, "lean"), x)
    apart = lean.distance(eager)
    row: Row = {"part": "numbers", "model": name, **asdict(apart)}
    settled = apart.within(OUTPUTS, GRADIENT, GRADIENT)
    if settled and not thorough:
        return row
    truth = Numbers.of(built(network, "eager").double(), x.double())
    own, found = _own_distance(network, eager, truth), lean.distance(truth)
    for who, distance in (("eager", own), ("lean", found)):
        row |= {f"{who}_{what}_to_float64": error for what, error in asdict(distance).items()}
    if not settled and not found.within(2 * own.outputs, 2 * own.gradient, 5 * own.tensor):
        raise WrongResultError(
            f"{network.title}: lean to eager {apart}; to float64 {found}, eager itself {own}"
        )
    return row


def _own_distance(network: Network, eager: Numbers, truth: Numbers) -> Distance:
    """Eager's distance to float64: the worst of several inputs one rounding apart.

    Batch norms over a few values make it swing by a factor of twenty between inputs that differ by 1e-7 (YOLOv3: 3e-4
    to 1.5e-2), so one draw says little.
    """
    nudges = [
        torch.randn(network.shape, generator=torch.Generator().manual_seed(seed)) for seed in range(2, 6)
    ]
    nudged = [example(network) * (1 + 1e-7 * nudge) for nudge in nudges]
    found = [eager, *(Numbers.of(built(network, "eager"), x) for x in nudged)]
    all_of_them = [asdict(numbers.distance(truth)) for numbers in found]
    return Distance(**{what: max(row[what] for row in all_of_them) for what in all_of_them[0]})


def bytes_kept(name: str) -> list[Row]:
    """Bytes kept for backward, in float32 and under bfloat16 autocast."""
    network = NETWORKS[name]
    x = example(network)
    rows: list[Row] = []
    for precision in ("float32", "bfloat16 autocast"):
        kept = {}
        for kind in ("eager", "lean"):
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
    """Eager and lean in turn, in this process."""
    rows = []
    for shape in (NETWORKS[name].shape, NETWORKS[name].trained_on):
        network = replace(NETWORKS[name], shape=shape)
        timings = measure.interleaved(
            steps_of(network, "eager", "lean"),
            check=partial(numbers, name, thorough=False),
            rounds=rounds,
            warmup=2,
        )
        about = {"part": "step", "model": name, "kernels": kernels, "allocator": "as is"}
        rows += measure.timing_rows(timings, "eager", **about, input="x".join(map(str, shape)))
    return rows


def peak_of_step(name: str, kind: str) -> list[Row]:
    """The most memory one step takes beyond the model, in this process."""
    step = steps_of(NETWORKS[name], kind)[kind]
    before = measure.resident_bytes()
    step()
    return [{"part": "peak", "model": name, "candidate": kind, "peak": measure.peak_bytes() - before}]


def main() -> None:
    """Measure, print, keep the rows."""
    arguments = _arguments()
    if arguments.child:
        task, name, *values = arguments.child
        if task == "step":
            measure.hand_over(time_step(name, arguments.rounds, values[0]))
        else:
            measure.hand_over(peak_of_step(name, values[0]))
        return
    measure.print_machine()
    rows: list[Row] = []
    names = arguments.model or list(NETWORKS)
    parts = arguments.only or PARTS
    checked = {}
    for name in names:
        try:
            checked[name] = numbers(name)
        except WrongResultError as wrong:
            print(f"no figure for {name}: {wrong}")
    for part in parts:
        found = [row for name in checked for row in _measured(part, name, checked[name], arguments.rounds)]
        _print(part, found)
        rows += found
    measure.keep("bench_lean", rows)
    if len(checked) < len(names):
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    parser.add_argument("--model", action="append", choices=NETWORKS, help="one network (repeat for more)")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part (repeat for more)")
    parser.add_argument("--rounds", type=int, default=15, help="training steps timed of each")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(part: str, name: str, checked: Row, rounds: int) -> list[Row]:
    if part == "numbers":
        return [checked]
    if part == "bytes":
        return bytes_kept(name)
    if part == "peak":
        return [
            row
            for kind in ("eager", "lean")
            for row in measure.fresh_process(__file__, "--child", "peak", name, kind)
        ]
    return [
        row
        for kernels, variables in (("chosen", {"LEAKY_KERNELS": ""}), ("plain", {"LEAKY_KERNELS": "plain"}))
        for row in measure.fresh_process(
            __file__, "--rounds", str(rounds), "--child", "step", name, kernels, **variables
        )
    ]


def _print(part: str, rows: list[Row]) -> None:
    printers = {"bytes": _print_bytes, "numbers": _print_numbers, "step": _print_steps, "peak": _print_peaks}
    printers[part](rows)


def _print_bytes(rows: list[Row]) -> None:
    lines = []
    for row in rows:
        network = NETWORKS[str(row["model"])]
        goal = network.goal + (AUTOCAST_SLACK if row["precision"] != "float32" else 0)
        lines.append(
            [
                network.title,
                str(row["precision"]),
                _mebibytes(row["eager"]),
                _mebibytes(row["lean"]),
                f"{row['ratio']:.3f}",
                against(float(row["ratio"]), goal),
            ]
        )
    measure.print_table(
        "Bytes kept for backward", lines, ("network", "precision", "eager", "lean", "ratio", "at most")
    )


def _print_numbers(rows: list[Row]) -> None:
    lines = []
    for row in rows:
        network = NETWORKS[str(row["model"])]
        line = [network.title]
        for what, limit in (("outputs", OUTPUTS), ("gradient", GRADIENT)):
            value, eager, lean = (
                float(str(row[column]))
                for column in (what, f"eager_{what}_to_float64", f"lean_{what}_to_float64")
            )
            good = lean <= 2 * eager if network.ill_conditioned else value <= limit
            line += [f"{value:.1e}", f"{eager:.1e}", f"{lean:.1e}"]
            line.append(
                f"{'2 x eager' if network.ill_conditioned else limit} {'reached' if good else 'missed'}"
            )
        lines.append([*line, f"{row['eager_tensor_to_float64']:.0e}, {row['lean_tensor_to_float64']:.0e}"])
    titles = ("lean-eager", "eager-f64", "lean-f64", "at most")
    measure.print_table(
        "Relative differences in float32: outputs, then the whole gradient; last the worst tensor of a gradient",
        lines,
        ("network", *(f"{what}: {title}" for what in ("y", "g") for title in titles), "tensor: eager, lean"),
    )


def _print_steps(rows: list[Row]) -> None:
    lines = []
    eager: Row = {}
    for row in rows:
        if row["candidate"] == "eager":
            eager = row
            continue
        goal = STEP_PLAIN if row["kernels"] == "plain" else STEP
        lines.append(
            [
                NETWORKS[str(row["model"])].title.rpartition(",")[0],
                str(row["input"]),
                str(row["kernels"]),
                quoted(eager, "ms", "{:.1f}"),
                quoted(row, "ms", "{:.1f}"),
                quoted(row, "ratio"),
                against(float(row["ratio"]), goal),
            ]
        )
    measure.print_table(
        "A training step, allocator as it is: median [20 %, 80 %]",
        lines,
        ("network", "input", "kernels", "eager, ms", "lean, ms", "ratio", "at most"),
    )


def _print_peaks(rows: list[Row]) -> None:
    lines = []
    for eager, lean in zip(rows[::2], rows[1::2], strict=True):
        ratio = float(lean["peak"]) / float(eager["peak"])
        lines.append(
            [
                NETWORKS[str(eager["model"])].title,
                _mebibytes(eager["peak"]),
                _mebibytes(lean["peak"]),
                f"{ratio:.2f}",
            ]
        )
    measure.print_table(
        "Resident memory at the peak of a first step, beyond the model",
        lines,
        ("network", "eager", "lean", "ratio"),
    )


def _mebibytes(count: object) -> str:
    return f"{float(str(count)) / 2**20:.1f} MiB"


if __name__ == "__main__":
    main()
