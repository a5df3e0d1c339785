"""`leaky.lab.compare`: which activation is better on a task, and how sure that is."""

from __future__ import annotations

import inspect
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from leaky import report as reports
from leaky.catalogue import Spec
from leaky.errors import ArgumentError
from leaky.lab.definition import Task
from leaky.lab.design import Design, activation_names, rate_grid
from leaky.lab.design import seeds as seed_ranges
from leaky.lab.engine import Named, engine
from leaky.lab.environment import environment, now
from leaky.lab.factors import Vary, designs, factors
from leaky.lab.kept import KeptStudy
from leaky.lab.loading import fingerprint, task_source
from leaky.lab.preflight import preflight
from leaky.lab.recipe import Recipe
from leaky.lab.recipe_changes import Changes, changed, changed_fields
from leaky.lab.runner import Runner
from leaky.lab.store import Store
from leaky.records import Study

ACTIVATIONS = (
    "relu",
    "leaky_relu(negative_slope=0.01)",
    "leaky_relu(negative_slope=0.2)",
    "prelu",
    "elu",
    "tanh",
)
"""What is compared unless said otherwise."""

SEEDS, SMOKE_SEEDS = (3, 10), (1, 3)
"""Tuning and final seeds unless said otherwise."""


def compare(
    task: str | Task = "digits",
    activations: Sequence[str | Spec] = ACTIVATIONS,
    *,
    preset: str | None = None,
    budget: str | None = None,
    baseline: str | Spec = "relu",
    learning_rates: Iterable[float] | None = None,
    seeds: int | None = None,
    tuning_seeds: int | None = None,
    seed: int = 0,
    margin: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    recipe: Changes | None = None,
    vary: Vary | None = None,
    workers: int | None = None,
    executor: Named = None,
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
        task: a built-in task ("digits"), a field ("image_classification", which means its first task),
            `path/to/file.py:function`, or a `leaky.lab.Task`.
        activations: specs such as "leaky_relu(negative_slope=0.1)".
        preset: of a built-in task; digits has "deep" (default) and "shallow".
        budget: of a built-in task: "smoke" (seconds for a study), "small" (default; at most some 20 seconds for
            a trial on one core) or "full" (what the field would spend).
        baseline: the activation differences are taken to; it is added where it is missing.
        learning_rates: the grid, by default the task's.
        seeds: final runs per activation, at least 1. Five cannot reach p < 0.05, ten (the default) can; the budget
            "smoke" takes three.
        tuning_seeds: runs per activation and learning rate, at least 1; by default three, "smoke" takes one.
        seed: another number repeats the whole study on other seeds.
        margin: the smallest difference that matters, in the metric's unit; by default the task's.
        epochs: overrides the task's recipe.
        batch_size: overrides the task's recipe.
        recipe: changes to the task's recipe, such as {"optimizer": "adamw", "schedule": "cosine"} or
            "optimizer=adamw"; or a `Recipe` in place of the task's.
        vary: one or two fields of the recipe and their levels, such as {"initialisation": ["he", "xavier"]} or
            "initialisation=he,xavier": every activation is tuned and trained under every combination, and the study
            tells how the differences between activations change with it (`study.conditions`).
        workers: processes side by side, one core each; by default one per core. On a cluster the most of its workers
            that are given something at a time; by default all.
        executor: who runs the trials: "local" (default) the cores of this machine; "dask://HOST:PORT" the cluster of
            the Dask scheduler there (needs `pip install 'leaky[dask]'`); or a `distributed.Client` of your own.
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
    usual_tuning, usual = SMOKE_SEEDS if budget == "smoke" else SEEDS
    tuning, final = seed_ranges(
        seed, usual_tuning if tuning_seeds is None else tuning_seeds, usual if seeds is None else seeds
    )
    varied = factors(vary)
    given = changed_fields(recipe, epochs=epochs, batch_size=batch_size)
    for factor in varied:
        if factor.name in given:
            raise ArgumentError(
                f"vary: `{factor.name}` is given as well, got {given[factor.name]}; leave one of the two out"
            )
    if report is not None:
        reports.check_writable(report)
    if png is not None:
        reports.check_directory(png)
    with (
        engine(executor, workers) as trainers,
        tempfile.TemporaryDirectory(prefix="leaky-") as scratch,
    ):
        source = task_source(task, preset, Path(scratch), budget)
        loaded = source.load()
        limit = margin_of(margin, loaded)
        grid = rate_grid(loaded.learning_rates if learning_rates is None else learning_rates)
        trained = changed(loaded.recipe, recipe, epochs=epochs, batch_size=batch_size)
        base = Design(
            task=loaded.name,
            preset=source.preset,
            fingerprint=fingerprint(source, loaded),
            recipe=trained.record(),
            activations=names,
            baseline=reference,
            learning_rates=grid,
            tuning_seeds=tuning,
            final_seeds=final,
        )
        planned = designs(base, trained, varied)
        for design in planned:
            preflight(loaded, names, Recipe(**design.recipe))
        metric = loaded.metric_record
        trivial, trivial_score = loaded.trivial_answer()
        kept = KeptStudy(
            designs=planned,
            metric=metric,
            margin=limit,
            resolution=loaded.resolution,
            description=loaded.description,
            command=command or call_text(compare, asked),
            environment={**environment(), **trainers.environment},
            began_at=now(),
            metrics=loaded.metric_records,
            trivial=trivial,
            trivial_score=trivial_score,
            notes=loaded.notes,
            factors=varied,
        )
        with Store(store) as database:
            database.keep(kept)
            runner = Runner(planned, source, metric, database, trainers, progress)
            outcomes = runner.run()
    study = kept.study(outcomes, reused=runner.reused, seconds=time.monotonic() - began)
    if report is not None:
        reports.write_html(study, report)
    if png is not None:
        reports.write_png(study, png)
    return study


def call_text(function: Callable[..., Any], asked: dict[str, Any]) -> str:
    """The Python call that was made, for studies that no shell command started."""
    told = []
    for name, parameter in inspect.signature(function).parameters.items():
        value = asked[name]
        if value is parameter.default or value == parameter.default or name == "command":
            continue
        if isinstance(value, Task):
            told.append(f"task={value.name}")
            continue
        if name == "activations":
            value = [str(spec) for spec in value]
        told.append(f"{name}={str(value) if isinstance(value, Spec | Path) else value!r}")
    return f"leaky.lab.{function.__name__}({', '.join(told)})"


def margin_of(margin: float | None, task: Task) -> float:
    if margin is None:
        return task.practical_margin()
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < math.inf:
        raise ArgumentError(f"compare: `margin` must be a finite number of at least 0, got {margin!r}")
    return float(margin)
