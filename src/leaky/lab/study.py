"""`leaky.lab.compare`: which activation is better on a task, and how sure that is."""

from __future__ import annotations

import hashlib
import inspect
import math
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leaky import report as reports
from leaky.catalogue import Spec
from leaky.errors import ArgumentError
from leaky.lab.analyse import analyse
from leaky.lab.design import Design, activation_names, rate_grid
from leaky.lab.design import seeds as seed_ranges
from leaky.lab.environment import environment
from leaky.lab.loading import TaskSource, task_source
from leaky.lab.preflight import preflight
from leaky.lab.runner import Runner
from leaky.lab.store import Store
from leaky.lab.task import Task
from leaky.records import Study, Trial

ACTIVATIONS = (
    "relu",
    "leaky_relu(negative_slope=0.01)",
    "leaky_relu(negative_slope=0.2)",
    "prelu",
    "elu",
    "tanh",
)
"""What is compared unless said otherwise."""


def compare(
    task: str | Task = "digits",
    activations: Sequence[str | Spec] = ACTIVATIONS,
    *,
    preset: str | None = None,
    baseline: str | Spec = "relu",
    learning_rates: Iterable[float] | None = None,
    seeds: int = 10,
    tuning_seeds: int = 3,
    seed: int = 0,
    margin: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    store: str | Path = "leaky.db",
    report: str | Path | None = None,
    png: str | Path | None = None,
    progress: bool = True,
    command: str | None = None,
) -> Study:
    """Compare activations on a task: learning rate tuned for each, fresh paired seeds, intervals, a verdict.

    Every activation is tuned over the same grid of learning rates on a validation split; at its best rate it
    is trained again on fresh seeds, and each of those runs touches the test split once. Runs with one seed
    share initial draws, split and batch order across activations. Each finished trial is in the store at
    once: a study that was stopped in any way goes on where it was when called again with the same arguments.

    Args:
        task: a built-in task ("digits"), `path/to/file.py:function`, or a `leaky.lab.Task`.
        activations: specs such as "leaky_relu(negative_slope=0.1)".
        preset: of a built-in task; digits has "deep" (default) and "shallow".
        baseline: the activation differences are taken to; it is added where it is missing.
        learning_rates: the grid, by default the task's.
        seeds: final runs per activation, at least 1. Five cannot reach p < 0.05, ten can.
        tuning_seeds: runs per activation and learning rate, at least 1.
        seed: another number repeats the whole study on other seeds.
        margin: the smallest difference that matters, in the metric's unit; by default the task's.
        epochs: overrides the task's recipe.
        batch_size: overrides the task's recipe.
        workers: processes side by side, one core each; by default one per core.
        store: the SQLite file that holds the trials.
        report: write a self-contained HTML report here.
        png: write the report's plots into this folder.
        progress: show progress on stderr.
        command: recorded in the report as the way to repeat the study.

    Returns:
        A `leaky.records.Study` with its arms (one per activation) and every trial.

    Raises:
        ArgumentError: an argument is out of range, a path cannot be written (before anything runs).
        TaskError: the task cannot be loaded, or fails on its first two samples.
        StoreError: the store cannot be used.
        StudyError: no trial of the baseline, or of any other activation, came to a score.

    Example:
        >>> import leaky
        >>> study = leaky.lab.compare(                                            # doctest: +SKIP
        ...     "digits", ["relu", "leaky_relu(negative_slope=0.2)"], report="report.html"
        ... )
        >>> for arm in study.arms:                                                # doctest: +SKIP
        ...     print(arm.activation, arm.score.estimate, arm.verdict)
    """
    asked = dict(locals())
    began = time.monotonic()
    names, reference = activation_names(activations, baseline)
    tuning, final = seed_ranges(seed, tuning_seeds, seeds)
    count = _workers(workers)
    if report is not None:
        reports.check_writable(report)
    if png is not None:
        reports.check_directory(png)
    with tempfile.TemporaryDirectory(prefix="leaky-") as scratch:
        source = task_source(task, preset, Path(scratch))
        loaded = source.load()
        limit = _margin(margin, loaded)
        grid = rate_grid(loaded.learning_rates if learning_rates is None else learning_rates)
        recipe = loaded.recipe.changed(epochs=epochs, batch_size=batch_size)
        preflight(loaded, names)
        design = Design(
            task=loaded.name,
            preset=source.preset,
            fingerprint=_fingerprint(source, loaded),
            recipe=asdict(recipe),
            activations=names,
            baseline=reference,
            learning_rates=grid,
            tuning_seeds=tuning,
            final_seeds=final,
        )
        metric = loaded.metric_record
        with Store(store) as database:
            runner = Runner(design, source, metric, database, count, progress)
            chosen, trials = runner.run()
    study = Study(
        task=loaded.name,
        preset=source.preset,
        description=loaded.description,
        metric=metric,
        margin=limit,
        baseline=reference,
        learning_rates=grid,
        tuning_seeds=tuning,
        final_seeds=final,
        recipe=asdict(recipe),
        arms=analyse(design, chosen, trials, metric, margin=limit, resolution=loaded.resolution),
        trials=tuple(trials),
        reused=runner.reused,
        seconds=time.monotonic() - began,
        command=command or _call(asked),
        environment={**environment(), "workers": str(count)},
        notes=tuple(_notes(design, chosen, trials)),
    )
    if report is not None:
        reports.write_html(study, report)
    if png is not None:
        reports.write_png(study, png)
    return study


def _fingerprint(source: TaskSource, task: Task) -> str:
    """The task's own, and for a task file its whole content: what `model` names elsewhere in it counts too."""
    content = source.digest if source.kind == "file" else ""
    return hashlib.sha256(f"{task.fingerprint()} {content}".encode()).hexdigest()[:24]


def _call(asked: dict[str, Any]) -> str:
    """The Python call that was made, for studies that no shell command started."""
    told = []
    for name, parameter in inspect.signature(compare).parameters.items():
        value = asked[name]
        if value is parameter.default or value == parameter.default or name == "command":
            continue
        if isinstance(value, Task):
            told.append(f"task={value.name}")
            continue
        if name == "activations":
            value = [str(spec) for spec in value]
        told.append(f"{name}={str(value) if isinstance(value, Spec | Path) else value!r}")
    return f"leaky.lab.compare({', '.join(told)})"


def _workers(workers: int | None) -> int:
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ArgumentError(f"compare: `workers` must be a whole number of at least 1, got {workers!r}")
    return workers


def _margin(margin: float | None, task: Task) -> float:
    if margin is None:
        return task.practical_margin()
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < math.inf:
        raise ArgumentError(f"compare: `margin` must be a finite number of at least 0, got {margin!r}")
    return float(margin)


def _notes(design: Design, chosen: dict[str, float], trials: list[Trial]) -> list[str]:
    """What a reader should know before trusting the table."""
    notes = []
    for name, rate in chosen.items():
        if len(design.learning_rates) > 1 and rate in (design.learning_rates[0], design.learning_rates[-1]):
            end = "lowest" if rate == design.learning_rates[0] else "highest"
            notes.append(
                f"{name} did best at {rate:g}, the {end} learning rate of the grid; a wider grid may suit it better."
            )
    for name in design.activations:
        if name not in chosen:
            notes.append(f"{name} has no result: all its tuning trials failed.")
    failed = sum(trial.status == "failed" for trial in trials)
    if failed:
        notes.append(
            f"{failed} trials failed and are left out of the scores; running again tries them again."
        )
    versions = {(trial.environment.get("torch"), trial.environment.get("numpy")) for trial in trials}
    if len(versions) > 1:
        notes.append("Trials in the store were computed with several versions of torch or NumPy.")
    if len(design.final_seeds) < 6 and len(design.activations) > 1:
        least = 2 / 2 ** len(design.final_seeds)
        notes.append(
            f"{len(design.final_seeds)} final seeds cannot give a p below {least:.3g}; ten can give 0.002."
        )
    return notes
