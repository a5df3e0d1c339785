"""What `leaky.lab.tune` is asked, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from leaky import report as reports
from leaky.errors import ArgumentError, shown
from leaky.extras import require
from leaky.lab.build import build_model
from leaky.lab.data import seeded
from leaky.lab.definition import Task
from leaky.lab.recipe import Recipe
from leaky.lab.tuning.shape import Shape


def places(task: Task, recipe: Recipe, shaped: Shape) -> int:
    """How many activations the model asks for."""
    with seeded(0):
        everything = torch.arange(len(task.train_samples))
        _, factory = build_model(task, recipe, shaped.at(shaped.positive[0]), 0, everything)
    if factory.places < 2:
        raise ArgumentError(
            f"tune: `per` layer needs a model with several activations, task `{task.name}` has {factory.places}; "
            "use network"
        )
    return factory.places


def by_optuna(asked: Mapping[str, Any]) -> bool:
    """Whether Optuna searches; raises where arguments do not go together, before anything is loaded."""
    per, search = asked["per"], asked["search"]
    for name, value, known in (
        ("per", per, ("network", "layer")),
        ("search", search, (None, "grid", "optuna")),
    ):
        if value not in known:
            words = " or ".join(repr(word) for word in known if word)
            raise ArgumentError(f"tune: `{name}` must be {words}, got {shown(value)}")
    if per == "layer" and search == "grid":
        raise ArgumentError(
            "tune: `search` grid has too many combinations with a value for each layer; use optuna"
        )
    if search != "optuna" and per != "layer":
        for name in ("trials", "storage", "study_name", "sampler", "pruner"):
            if asked[name] is not None:
                raise ArgumentError(f"tune: `{name}` is for the search by optuna; leave it out, or search so")
        return False
    require("optuna", "tune", "the search by Optuna")
    trials = asked["trials"]
    if trials is not None and (isinstance(trials, bool) or not isinstance(trials, int) or trials < 1):
        raise ArgumentError(f"tune: `trials` must be a whole number of at least 1, got {shown(trials)}")
    return True


def check_outputs(report: str | Path | None, png: str | Path | None) -> None:
    if report is not None:
        reports.check_writable(report)
    if png is not None:
        reports.check_directory(png)
