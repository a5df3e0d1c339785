"""Every float32 there is, through every element-wise function of the catalogue, against float64.

    python benchmarks/exhaustive.py [ENTRY ...] [--seconds N] [--workers N]

Entry by entry at its default parameters: 2^32 inputs, the value as `leaky.ENTRY(x)` gives it and the derivative as
`leaky.catalogue[ENTRY].derivative(x)` does, in NumPy float32, in blocks of 2^22. The truth is the catalogue's formula
in float64, which the contract's tests hold against mpmath, rounded once.

It takes minutes to an hour an entry. It can be stopped at any time, by Ctrl-C or after --seconds, and goes on at the
block where it was; the row of an entry is kept in benchmarks/results/exhaustive.csv when its last block is done, and
an entry that has a row is not run again unless it is named.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import leaky
from leaky.errors import unknown_name
from leaky.lab.environment import environment
from ulps import Worst, at_precision, worst

RESULTS = Path(__file__).parent / "results" / "exhaustive.csv"
STATE = Path(__file__).parents[1] / "build" / "exhaustive"
BLOCK = 22
CHUNK = 16
"""So many inputs at a time stay in a core's cache."""
BLOCKS = 1 << (32 - BLOCK)

Found = tuple[Worst, Worst, float]
"""Worst value, worst derivative, seconds."""


def measure(name: str, block: int) -> Found:
    """One block of 2^22 neighbouring bit patterns."""
    began = time.perf_counter()
    entry, function = leaky.catalogue[name], getattr(leaky, name)
    parameters = at_precision(entry, {}, np.float32)
    value, slope = Worst(), Worst()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in range(block << BLOCK, (block + 1) << BLOCK, 1 << CHUNK):
            x = np.arange(start, start + (1 << CHUNK), dtype=np.uint32).view(np.float32)
            with np.errstate(invalid="ignore"):  # signalling NaNs
                wide = x.astype(np.float64)
            value = value.merge(worst(function(x), entry.value(wide, **parameters), x))
            slope = slope.merge(worst(entry.derivative(x), entry.derivative(wide, **parameters), x))
    return value, slope, time.perf_counter() - began


class Entry:
    """What has been found about one entry so far, kept in a file."""

    def __init__(self, name: str) -> None:
        self.name, self.path = name, STATE / f"{name}.json"
        self.done, self.value, self.slope, self.seconds = 0, Worst(), Worst(), 0.0
        if self.path.exists():
            kept = json.loads(self.path.read_text())
            self.done, self.seconds = kept["done"], kept["seconds"]
            self.value, self.slope = Worst(**kept["value"]), Worst(**kept["slope"])

    def add(self, found: Found) -> None:
        """One more block; kept before the next is begun."""
        value, slope, seconds = found
        self.value, self.slope = self.value.merge(value), self.slope.merge(slope)
        self.seconds += seconds
        self.done += 1
        text = json.dumps(
            {
                "done": self.done,
                "seconds": self.seconds,
                "value": asdict(self.value),
                "slope": asdict(self.slope),
            }
        )
        scratch = self.path.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(self.path)

    def row(self) -> dict[str, Any]:
        """What is kept of it for good."""
        parameters = leaky.catalogue[self.name].bind()
        about = environment()
        return {
            "entry": self.name,
            "parameters": ", ".join(f"{name}={value!r}" for name, value in parameters.items()),
            "inputs": 1 << 32,
            "value_ulps": self.value.ulps,
            "value_at": repr(self.value.at),
            "value_eps": f"{self.value.eps:.3g}",
            "derivative_ulps": self.slope.ulps,
            "derivative_at": repr(self.slope.at),
            "derivative_eps": f"{self.slope.eps:.3g}",
            "seconds": round(self.seconds),
            "numpy": np.__version__,
            **{key: about[key] for key in ("leaky", "python", "processor")},
            "date": time.strftime("%Y-%m-%d"),
        }


def kept() -> dict[str, dict[str, Any]]:
    """The rows there are."""
    if not RESULTS.exists():
        return {}
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return {row["entry"]: row for row in csv.DictReader(file)}


def keep(row: dict[str, Any]) -> None:
    """Add a row, or put it in the place of the older one."""
    rows = {**kept(), row["entry"]: row}
    order = [name for name in leaky.catalogue if name in rows]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in order)


def run(entries: Iterable[Entry], pool: ProcessPoolExecutor, workers: int, until: float) -> bool:
    """All blocks of all entries in turn; False where time was up before."""
    columns = (
        TextColumn("{task.description:26}"),
        BarColumn(),
        TextColumn("{task.percentage:5.1f} %"),
        TimeRemainingColumn(),
        TextColumn("worst so far {task.fields[worst]} ulp"),
    )
    with Progress(*columns) as progress:
        for entry in entries:
            task = progress.add_task(entry.name, total=BLOCKS, completed=entry.done, worst="")
            while entry.done < BLOCKS:
                if time.monotonic() > until:
                    return False
                blocks = range(entry.done, min(BLOCKS, entry.done + 4 * workers))
                for found in pool.map(measure, [entry.name] * len(blocks), blocks):
                    entry.add(found)
                worst_so_far = f"{entry.value.ulps} value, {entry.slope.ulps} derivative"
                progress.update(task, completed=entry.done, worst=worst_so_far)
            keep(entry.row())
            entry.path.unlink(missing_ok=True)
    return True


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1]


def _stay_on(cores: Any) -> None:
    """Each process on one core: the threads of its kernels would only wait for the other processes."""
    core = cores.get()
    if core >= 0:
        os.sched_setaffinity(0, {core})


def main() -> int:
    """Run what is asked for, or all that has no row yet."""
    elementwise = [name for name, entry in leaky.catalogue.items() if entry.elementwise]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("entries", nargs="*", metavar="ENTRY")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--workers", type=int, default=2, help="processes, 2 by default")
    given = parser.parse_args()
    for name in given.entries:
        if name not in elementwise:
            parser.error(str(unknown_name("element-wise activation", name, elementwise)))
    STATE.mkdir(parents=True, exist_ok=True)
    names = given.entries or [name for name in elementwise if name not in kept()]
    until = time.monotonic() + given.seconds
    cores: Any = multiprocessing.Queue()
    for _, core in zip(range(given.workers), itertools.cycle(_cores()), strict=False):
        cores.put(core)
    with ProcessPoolExecutor(given.workers, initializer=_stay_on, initargs=(cores,)) as pool:
        complete = run((Entry(name) for name in names), pool, given.workers, until)
    if not complete:
        print("stopped; the next run goes on here")
        return 1
    missing = [name for name in elementwise if name not in kept()]
    print(f"rows in {RESULTS}; not run yet: {', '.join(missing) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
