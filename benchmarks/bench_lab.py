"""What the study engine costs beside training itself, what a second worker gains, and that features are made once.

    python benchmarks/bench_lab.py                    # every task, some ten minutes
    python benchmarks/bench_lab.py digits fsdd        # these, a minute each; the other rows stay

Overhead is everything in a trial's wall time, in its worker, that is neither forward pass, backward pass nor
optimiser step: drawing batches, counting units, metrics, keeping records. The forward passes that evaluate each
epoch are shown apart. The cost of handing trials out and storing them is measured from the driver: wall time with
one worker minus the time its trials took. Efficiency: the same trials by one and by two workers, in turn, workers
warm; 1 is twice as fast. Loading is timed in fresh processes, first with an empty cache (downloads are not counted
where LEAKY_DATA_DIR names a mirror), then with the features that this left.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from leaky.lab.environment import environment
from leaky.lab.execute import run_all
from leaky.lab.loading import TaskSource
from leaky.lab.local import LocalExecutor
from leaky.lab.store import Store
from leaky.lab.tasks import PRESETS
from leaky.records import Trial, TrialPlan

SECONDS = 20
"""Rounds go on for so long; one at least, five at most."""
BUDGETS = {"movie_reviews": "smoke", "tatoeba_deu_eng": "smoke"}
"""Small elsewhere: a trial of these takes seconds at smoke already, a small one only more of the same."""
TRIALS = {"digits": 12, "co2": 16, "bccd": 2, "fashion_mnist": 4, "movie_reviews": 4, "tatoeba_deu_eng": 4}
MOST_ROUNDS, USUAL_TRIALS = 5, 8
RESULTS = Path(__file__).parent / "results" / "bench_lab.csv"
_LOAD = """
import time
from leaky.lab.loading import TaskSource
began = time.perf_counter()
TaskSource("builtin", {task!r}, {preset!r}, budget={budget!r}).load()
print(time.perf_counter() - began)
"""
Row = dict[str, float | str]


def plans(source: TaskSource, first_seed: int, count: int, epochs: int | None = None) -> list[TrialPlan]:
    """Trials at the lowest learning rate of the task's grid, at which none diverges."""
    task = source.load()
    return [
        TrialPlan(
            source.name,
            source.preset,
            "bench",
            "leaky_relu(negative_slope=0.01)",
            min(task.learning_rates),
            seed,
            "final",
            task.recipe.changed(epochs=epochs).record(),
        )
        for seed in range(first_seed, first_seed + count)
    ]


def timed(source: TaskSource, workers: int, store: Store, first_seed: int) -> tuple[float, list[Trial]]:
    """Wall seconds for the trials by so many warm workers, stored as a study stores them."""
    executor = LocalExecutor(workers)
    _warm(executor, source)
    count = TRIALS.get(source.name, USUAL_TRIALS)
    done: list[Trial] = []

    def finished(trial: Trial) -> None:
        store.put(trial)
        done.append(trial)

    began = time.perf_counter()
    run_all(executor, source, plans(source, first_seed, count), finished)
    wall = time.perf_counter() - began
    failed = [trial for trial in done if trial.status != "finished"]
    if failed or len(done) != count:
        raise SystemExit(
            f"bench_lab: {len(failed)} of {len(done)} trials did not finish; no figure is printed"
        )
    return wall, done


_warmed: set[tuple[int, str]] = set()


def _warm(executor: LocalExecutor, source: TaskSource) -> None:
    """Wait until every worker has started, then let each load the task and train once."""
    seen: set[int] = set()
    while len(seen) < executor.workers:
        futures = [executor.submit(_process) for _ in range(2 * executor.workers)]
        seen |= {future.result() for future in futures}
    if not {(worker, source.name + source.preset) for worker in seen} <= _warmed:
        run_all(executor, source, plans(source, 10_000, executor.workers, epochs=1), lambda trial: None)
        _warmed.update((worker, source.name + source.preset) for worker in seen)


def _process() -> int:
    time.sleep(0.1)
    return os.getpid()


def loads(task: str, preset: str, budget: str) -> tuple[float, float]:
    """Seconds to load a task in a fresh process: with an empty cache, and with what that left."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", _LOAD.format(task=task, preset=preset, budget=budget)]
        seconds = [
            subprocess.run(
                command,
                env={**os.environ, "LEAKY_CACHE_DIR": cache},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for _ in range(2)
        ]
    first, again = map(float, seconds)
    return first, again


def measured(task: str, preset: str) -> list[Row]:
    """The rows of one task and model."""
    budget = BUDGETS.get(task, "small")
    source = TaskSource("builtin", task, preset, budget=budget)
    first, again = loads(task, preset, budget)
    rows: list[Row] = []
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "bench.db") as store:
        while len(rows) < MOST_ROUNDS and (not rows or time.perf_counter() - began < SECONDS):
            seed = 100 * len(rows)
            one, trials = timed(source, 1, store, seed)
            two, _ = timed(source, 2, store, seed + 50)
            seconds = sum(trial.seconds for trial in trials)
            training = sum(trial.compute_seconds for trial in trials)
            evaluating = sum(trial.evaluation_seconds for trial in trials)
            rows.append(
                {
                    "task": task,
                    "preset": preset,
                    "budget": budget,
                    "round": len(rows),
                    "trials": len(trials),
                    "trial_ms": 1000 * seconds / len(trials),
                    "training_share": training / seconds,
                    "evaluation_share": evaluating / seconds,
                    "engine_share": 1 - (training + evaluating) / seconds,
                    "driver_share": one / seconds - 1,
                    "efficiency": one / two / 2,
                    "first_load_s": first,
                    "load_s": again,
                }
            )
    return rows


def main(tasks: list[str]) -> None:
    """Measure, print, keep the rows."""
    rows = []
    for task in tasks or PRESETS:
        presets = PRESETS[task] if task == "digits" else PRESETS[task][:1]
        mine = [row for preset in presets for row in measured(task, preset)]
        _keep(mine)
        rows += mine
    _print(rows)
    print(f"rows in {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")


def _print(rows: list[Row]) -> None:
    table = Table(title="median [20 %, 80 %] of the rounds", title_justify="left")
    columns = {
        "trial_ms": ("trial", "{:.0f} ms"),
        "training_share": ("forward, backward, step", "{:.1%}"),
        "evaluation_share": ("evaluation forward", "{:.1%}"),
        "engine_share": ("engine", "{:.1%}"),
        "driver_share": ("hand out and store", "{:.1%}"),
        "efficiency": ("efficiency of two", "{:.2f}"),
        "first_load_s": ("first load", "{:.2f} s"),
        "load_s": ("load", "{:.2f} s"),
    }
    table.add_column("task, preset, budget")
    for title, _ in columns.values():
        table.add_column(title, justify="right")
    for kind in dict.fromkeys(_kind(row) for row in rows):
        mine = [row for row in rows if _kind(row) == kind]
        cells = []
        for name, (_, form) in columns.items():
            values = sorted(float(row[name]) for row in mine)
            told = form.format(statistics.median(values))
            if values[0] != values[-1]:
                low, *_, high = statistics.quantiles(values, n=5)
                told += f" [{form.format(low)}, {form.format(high)}]"
            cells.append(told)
        table.add_row(", ".join(kind), *cells)
    Console(width=max(150, Console().width)).print(table)


def _kind(row: Row) -> tuple[str, str, str]:
    return str(row["task"]), str(row["preset"]), str(row["budget"])


def _keep(rows: list[Row]) -> None:
    """The rows take the place of those of the same tasks."""
    machine: Row = {**environment(), "load": f"{os.getloadavg()[0]:.1f}"}
    kept: list[Row] = []
    if RESULTS.exists():
        with RESULTS.open(newline="") as file:
            kept = [dict(row) for row in csv.DictReader(file)]
    measured_now = {row["task"] for row in rows}
    rows = [{**row, **machine} for row in rows]
    kept = [row for row in kept if row.get("task") not in measured_now and row.keys() == rows[0].keys()]
    order = list(PRESETS)
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(sorted([*kept, *rows], key=lambda row: order.index(str(row["task"]))))


if __name__ == "__main__":
    main(sys.argv[1:])
