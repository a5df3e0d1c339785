"""How the benchmarks measure, once for all of them.

- The candidates run in one process in turn (A B C C B A ...) after a warm-up; the median is quoted with the 20th and
  80th percentile, and a ratio is taken round by round, so that a busy moment of the machine counts for both.
- A check runs first. It raises `WrongResultError` and no number is printed or kept.
- The allocator counts: glibc hands blocks above its mmap threshold back to the system, so that every large tensor
  costs page faults. A benchmark says which state it measured, each in a process of its own: "as is", or "raised"
  after `raise_mmap_threshold`. The page faults of each call are kept beside its time.
- Bytes saved for backward are counted, not guessed, and do not depend on the machine.
- Rows go to benchmarks/results with the machine, its load and the versions.
"""

from __future__ import annotations

import csv
import ctypes
import gc
import json
import math
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from leaky.lab.environment import environment

RESULTS = Path(__file__).parent / "results"

Cell = str | int | float | bool | None
Row = dict[str, Cell]


class WrongResultError(Exception):
    """What was to be measured computes something else than it should."""


@dataclass(frozen=True)
class Spread:
    """A median between the 20th and the 80th percentile."""

    median: float
    p20: float
    p80: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        low, *_, high = statistics.quantiles(values, n=5, method="inclusive")
        return cls(statistics.median(values), low, high)


@dataclass(frozen=True)
class Timing:
    """Seconds of each round, and page faults a round."""

    seconds: tuple[float, ...]
    page_faults: float

    @property
    def spread(self) -> Spread:
        return Spread.of(self.seconds)

    def over(self, peer: Timing) -> Spread:
        """This time in units of the peer's, round by round."""
        return Spread.of([mine / theirs for mine, theirs in zip(self.seconds, peer.seconds, strict=True)])


def interleaved(
    candidates: Mapping[str, Callable[[], object]],
    *,
    check: Callable[[], object],
    rounds: int = 21,
    warmup: int = 5,
) -> dict[str, Timing]:
    """Time the candidates in turn, once `check` has passed; it raises `WrongResultError` where one is wrong.

    Every round has an order of its own: a candidate finds the memory and the caches as the one before it left them.
    """
    check()
    for _ in range(warmup):
        for call in candidates.values():
            call()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    faults = dict.fromkeys(candidates, 0)
    shuffled, turns = random.Random(0), list(candidates.items())
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            shuffled.shuffle(turns)
            for name, call in turns:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
                began = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - began)
                faults[name] += resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    finally:
        gc.enable()
    return {name: Timing(tuple(seconds[name]), faults[name] / rounds) for name in candidates}


def timing_rows(timings: Mapping[str, Timing], peer: str, **about: Cell) -> list[Row]:
    """One row per candidate: milliseconds, page faults, and the ratio to the peer."""
    rows = []
    for name, timing in timings.items():
        spread, ratio = timing.spread, timing.over(timings[peer])
        rows.append(
            {
                **about,
                "candidate": name,
                "rounds": len(timing.seconds),
                "ms": 1000 * spread.median,
                "ms_p20": 1000 * spread.p20,
                "ms_p80": 1000 * spread.p80,
                "page_faults": timing.page_faults,
                "peer": peer,
                "ratio": ratio.median,
                "ratio_p20": ratio.p20,
                "ratio_p80": ratio.p80,
            }
        )
    return rows


def saved_bytes(forward: Callable[[], object], model: nn.Module | None = None) -> int:
    """Bytes that `forward` keeps for the backward pass, each storage once, the model's own tensors left out.

    Left out with them are copies of parameters in another dtype, which autocast makes: they are weights, not
    activations, and their size does not grow with the batch. The count is the benchmarks' own, so that what leaky
    counts (`leaky.models.memory`) has something to be held against.
    """
    own = [*model.parameters(), *model.buffers()] if model is not None else []
    mine = {tensor.untyped_storage().data_ptr() for tensor in own}
    shaped: dict[torch.Size, list[Tensor]] = {}
    for tensor in own:
        shaped.setdefault(tensor.shape, []).append(tensor)
    alive: list[Tensor] = []  # what is kept stays alive, so that no address is used twice
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        if address in mine or address in sizes:
            return tensor
        alive.append(tensor)
        ways = (tensor, tensor.t()) if tensor.dim() == 2 else (tensor,)  # a linear layer keeps it transposed
        cast = any(_is_cast(way, other) for way in ways for other in shaped.get(way.shape, []))
        sizes[address] = 0 if cast else storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = forward()
    del result
    return sum(sizes.values())


@torch.no_grad()
def _is_cast(tensor: Tensor, original: Tensor) -> bool:
    """Whether a tensor of the same shape is the original in another dtype; a few elements settle most cases."""
    if tensor.dtype == original.dtype:
        return False
    pairs = ((tensor.reshape(-1)[:64], original.reshape(-1)[:64]), (tensor, original))
    return all(torch.equal(mine, theirs.to(mine.dtype)) for mine, theirs in pairs)


def raise_mmap_threshold() -> None:
    """Let glibc keep freed blocks of up to 1 GiB instead of returning them to the system. Cannot be undone."""
    if platform.libc_ver()[0] != "glibc":
        raise SystemExit("measure: raising the mmap threshold needs glibc; measure the allocator as it is")
    mallopt = ctypes.CDLL(None).mallopt
    trim_threshold, mmap_threshold = -1, -3
    if not (mallopt(mmap_threshold, 2**30) and mallopt(trim_threshold, 2**31 - 1)):
        raise SystemExit("measure: glibc refused the mmap threshold; measure the allocator as it is")


def resident_bytes() -> int:
    """Resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def peak_bytes() -> int:
    """The most memory this process has had resident. (ru_maxrss starts at what the parent had; this does not.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])


def relative_error(found: Tensor, truth: Tensor) -> float:
    """Largest difference in units of the truth's largest value; infinite where something is not finite."""
    if not truth.numel():
        return 0.0
    found, wide = found.detach(), truth.detach().double()
    error = float((found.double() - wide).abs().max()) / (float(wide.abs().max()) or 1.0)
    return error if math.isfinite(error) else math.inf


def fresh_process(script: str, *arguments: str, **variables: str) -> list[Row]:
    """Run a benchmark's own script in a new process and read back the rows it hands over by `hand_over`."""
    done = subprocess.run(
        [sys.executable, script, *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{Path(script).name} {' '.join(arguments)}: failed; no figure is printed")
    rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
    return rows


def hand_over(rows: Iterable[Row]) -> None:
    """Give rows to the process that started this one."""
    print(json.dumps(list(rows)))


def machine() -> Row:
    """Where and when: versions, processor, threads, load."""
    return {
        **environment(),
        "threads": torch.get_num_threads(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "date": time.strftime("%Y-%m-%d"),
    }


def keep(name: str, rows: Sequence[Row], *, of: Sequence[str] = ()) -> None:
    """Write rows with the machine to benchmarks/results/NAME.csv.

    They take the place of all rows there, or, with `of`, of those that have the same in these columns; new ones come
    last.
    """
    about = machine()
    path = RESULTS / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    found: list[Row] = [{**about, **row} for row in rows]  # a row knows its threads better
    if of and path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            found = _in_place(list(csv.DictReader(file)), found, of)
    columns = [*dict.fromkeys(column for row in found for column in row if column not in about), *about]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    print(f"rows in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def _in_place(old: Sequence[Mapping[str, Cell]], new: Sequence[Row], of: Sequence[str]) -> list[Row]:
    """The old rows, with new ones where they have the same in the columns `of`."""

    def key(row: Mapping[str, Cell]) -> tuple[str, ...]:
        return tuple(str(row.get(column, "")) for column in of)

    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in old:
        groups.setdefault(key(row), []).append(dict(row))
    groups |= {key(row): [] for row in new}  # an old group keeps its place
    for row in new:
        groups[key(row)].append(row)
    return [row for rows in groups.values() for row in rows]


def print_table(title: str, rows: Iterable[Sequence[str]], columns: Sequence[str]) -> None:
    """The first column left, the figures right."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console = Console()
    Console(width=console.width if console.is_terminal else 160).print(table)


def print_machine() -> None:
    """One line above the tables."""
    about = machine()
    print(
        f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, load {about['load']}; "
        f"Python {about['python']}, torch {about['torch']}, leaky {about['leaky']}"
    )


def quoted(row: Row, name: str, form: str = "{:.2f}") -> str:
    """A median with its 20th and 80th percentile."""
    values = [form.format(row[column]) for column in (name, f"{name}_p20", f"{name}_p80")]
    return f"{values[0]} [{values[1]}, {values[2]}]"


def against(value: float, goal: float | None) -> str:
    """The goal, and whether it is reached."""
    if goal is None:
        return "-"
    return f"{goal:.2f} {'reached' if value <= goal else 'missed'}"
