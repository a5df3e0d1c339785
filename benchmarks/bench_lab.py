"""What the study engine costs beside training itself, and what a second worker gains.

    python benchmarks/bench_lab.py

Overhead is everything in a trial's wall time, in its worker, that is neither forward pass, backward pass nor
optimiser step: drawing batches, counting units, keeping records. The forward passes that evaluate each epoch are
shown apart. The cost of handing trials out and storing them is measured from the driver: wall time with one worker
minus the time its trials took. Speed-up: the same trials by one and by two workers, in turn, workers warm.
"""

from __future__ import annotations

import csv
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from leaky.lab.environment import environment
from leaky.lab.execute import LocalExecutor, run_all
from leaky.lab.loading import TaskSource
from leaky.lab.store import Store
from leaky.lab.tasks import PRESETS
from leaky.records import Trial, TrialPlan

TRIALS = 12
ROUNDS = 5
RESULTS = Path(__file__).parent / "results" / "bench_lab.csv"


def plans(preset: str, first_seed: int) -> list[TrialPlan]:
    """Trials at a learning rate at which none diverges."""
    recipe = asdict(TaskSource("builtin", "digits", preset).load().recipe)
    return [
        TrialPlan("digits", preset, "bench", "leaky_relu(negative_slope=0.01)", 0.001, seed, "final", recipe)
        for seed in range(first_seed, first_seed + TRIALS)
    ]


def timed(preset: str, workers: int, store: Store, first_seed: int) -> tuple[float, list[Trial]]:
    """Wall seconds for the trials by so many warm workers, stored as a study stores them."""
    source = TaskSource("builtin", "digits", preset)
    executor = LocalExecutor(workers)
    _warm(executor, source, preset)
    done: list[Trial] = []

    def finished(trial: Trial) -> None:
        store.put(trial)
        done.append(trial)

    began = time.perf_counter()
    run_all(executor, source, plans(preset, first_seed), finished)
    wall = time.perf_counter() - began
    failed = [trial for trial in done if trial.status != "finished"]
    if failed or len(done) != TRIALS:
        raise SystemExit(
            f"bench_lab: {len(failed)} of {len(done)} trials did not finish; no figure is printed"
        )
    return wall, done


def _warm(executor: LocalExecutor, source: TaskSource, preset: str) -> None:
    """Wait until every worker has started, then let each load the task and train."""
    seen: set[int] = set()
    while len(seen) < executor.workers:
        seen |= {
            future.result() for future in [executor.submit(_process) for _ in range(2 * executor.workers)]
        }
    run_all(executor, source, plans(preset, 10_000), lambda trial: None)


def _process() -> int:
    time.sleep(0.1)
    return os.getpid()


def main() -> None:
    """Measure, print, keep the rows."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "bench.db") as store:
        for preset in PRESETS["digits"]:
            for number in range(ROUNDS):
                seed = 100 * number
                one, trials = timed(preset, 1, store, seed)
                two, _ = timed(preset, 2, store, seed + 50)
                seconds = sum(trial.seconds for trial in trials)
                training = sum(trial.compute_seconds for trial in trials)
                evaluating = sum(trial.evaluation_seconds for trial in trials)
                rows.append(
                    {
                        "preset": preset,
                        "round": number,
                        "trial_ms": 1000 * seconds / TRIALS,
                        "training_share": training / seconds,
                        "evaluation_share": evaluating / seconds,
                        "engine_share": 1 - (training + evaluating) / seconds,
                        "driver_share": one / seconds - 1,
                        "speed_up": one / two,
                    }
                )
    _print(rows)
    _keep(rows)


def _print(rows: list[dict[str, float | str]]) -> None:
    table = Table(
        title=f"digits, {TRIALS} trials, {ROUNDS} rounds: median [20 %, 80 %]", title_justify="left"
    )
    columns = {
        "trial_ms": ("trial", "{:.0f} ms"),
        "training_share": ("forward, backward, step", "{:.1%}"),
        "evaluation_share": ("evaluation forward", "{:.1%}"),
        "engine_share": ("engine", "{:.1%}"),
        "driver_share": ("hand out and store", "{:.1%}"),
        "speed_up": ("two workers over one", "{:.2f} x"),
    }
    table.add_column("preset")
    for title, _ in columns.values():
        table.add_column(title, justify="right")
    for preset in PRESETS["digits"]:
        mine = [row for row in rows if row["preset"] == preset]
        cells = []
        for name, (_, form) in columns.items():
            values = [float(row[name]) for row in mine]
            low, *_, high = statistics.quantiles(values, n=5)
            cells.append(
                " ".join(
                    [form.format(statistics.median(values)), f"[{form.format(low)}, {form.format(high)}]"]
                )
            )
        table.add_row(preset, *cells)
    Console().print(table)


def _keep(rows: list[dict[str, float | str]]) -> None:
    machine = {**environment(), "load": f"{os.getloadavg()[0]:.1f}"}
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[*rows[0], *machine])
        writer.writeheader()
        writer.writerows({**row, **machine} for row in rows)
    print(f"rows in {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")


if __name__ == "__main__":
    main()
