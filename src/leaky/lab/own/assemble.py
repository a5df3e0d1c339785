"""From inputs and targets to a `Task`: what is not given follows from the data, and the report says what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from leaky.errors import ArgumentError, unknown_name
from leaky.lab.definition import Task
from leaky.lab.own import defaults
from leaky.lab.own.grids import Grid, GridEncoder
from leaky.lab.own.networks import network, of_network, of_own
from leaky.lab.own.splits import Rows, test_rows
from leaky.lab.own.table import Table, TableEncoder
from leaky.lab.own.targets import Targets
from leaky.lab.recipe_changes import changed

FEWEST = 20
"""Rows below which nothing could be said about a difference."""

_ARGUMENTS = ("name", "model", "metric", "test", "validation")


@dataclass(frozen=True)
class Samples:
    """Inputs with their targets."""

    inputs: Table | Grid
    targets: Targets

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets.values):
            raise ArgumentError(
                f"task: `X` has {len(self.inputs):,} rows and `y` {len(self.targets.values):,}; give one target a row"
            )

    def __len__(self) -> int:
        return len(self.inputs)

    def rows(self, kept: npt.NDArray[Any]) -> Samples:
        """Some of them."""
        targets = Targets(self.targets.values[kept], self.targets.names, self.targets.labels)
        return Samples(self.inputs.rows(kept), targets)

    def encoded(
        self, encoder: TableEncoder | GridEncoder
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
        """The pair of arrays that a task takes."""
        return encoder.encode(self.inputs), self.targets.values  # type: ignore[arg-type]  # fitted on its kind


def assemble(
    samples: Samples,
    *,
    name: str,
    model: Any = None,
    metric: Any = None,
    test: Samples | None = None,
    validation: Samples | None = None,
    given: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> Task:
    """The task. `given` are other fields of `Task`, which go before what follows from the data.

    Raises:
        ArgumentError: too few rows, or a field that `Task` has not.
        TaskError: a field does not fit, as from `Task`.
    """
    _check_fields(given)
    if len(samples) < FEWEST:
        raise ArgumentError(
            f"task: {len(samples)} rows are too few to train and test on; at least {FEWEST} are needed"
        )
    rows, held_out = _split(samples, test, given.get("test_fraction", Task.test_fraction))
    training, test = samples.rows(rows), test or samples.rows(held_out)
    targets, scale = training.targets, defaults.scale(training.targets)
    encoder = samples.inputs.fitted(rows)
    metric = metric or defaults.metric(targets)
    margin, about_margin = defaults.margin(metric, scale)
    about_model, build = _model(training.inputs.kind, model, encoder.shape, targets, scale)
    about = [
        f"{len(training):,} training and {len(test):,} test rows: {encoder.about}",
        defaults.told_targets(targets),
        about_model,
        "" if "margin" in given else about_margin,
    ]
    filled: dict[str, Any] = {
        "metrics": defaults.further_metrics(metric, targets),
        "loss": defaults.loss(metric, targets, scale),
        "margin": margin,
        "learning_rates": defaults.LEARNING_RATES,
        "description": ", ".join(part for part in about if part),
        **{field: value for field, value in given.items() if field != "test_fraction"},
        "recipe": changed(defaults.recipe(len(training)), given.get("recipe")),
        "notes": (*notes, *encoder.notes, *defaults.class_notes(metric, targets)),
    }
    return Task(
        name=name,
        train=training.encoded(encoder),
        test=test.encoded(encoder),
        validation=None if validation is None else validation.encoded(encoder),
        model=build,
        metric=metric,
        **filled,
    )


def _check_fields(given: Mapping[str, Any]) -> None:
    known = {field.name for field in fields(Task)} - {"train", "notes"}
    for field in given:
        if field not in known:
            raise unknown_name("argument of task:", field, {*known, *_ARGUMENTS})


def _split(samples: Samples, test: Samples | None, fraction: Any) -> tuple[Rows, Rows]:
    """The rows to train on and those to test on, which are none where test data are given."""
    if test is not None:
        return np.arange(len(samples)), np.empty(0, np.int64)
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction < 1:
        raise ArgumentError(f"task: `test_fraction` must be between 0 and 1, got {fraction!r}")
    classes = samples.targets.values if samples.targets.of_classes else None
    train, held_out = test_rows(len(samples), classes, fraction)
    if not len(held_out):
        raise ArgumentError("task: every class has a single row, so none is left to test on; give more rows")
    return train, held_out


def _model(
    kind: str, model: Any, shape: tuple[int, ...], targets: Targets, scale: defaults.Scale | None
) -> tuple[str, Any]:
    """What the report says of the model, and the task's model function."""
    if model is None or isinstance(model, str):
        about, build = network(kind, model)
        return about, partial(of_network, build, shape, targets.outputs, scale)
    if not callable(model):
        raise ArgumentError(
            f"task: `model` must be a name or a function of (activation, seed), got {model!r}"
        )
    return "a model of your own", model if scale is None else partial(of_own, model, scale)
