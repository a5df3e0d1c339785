"""A tuning made of random numbers: PyTorch's default too low, a plateau above it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leaky.records import Interval, Layered, Learned, Metric, Point, Search, Standing, Tuning

from .example_study import example_study

VALUES = (0.0, 0.01, 0.1, 0.3)
STANDINGS: tuple[Standing, ...] = (
    "worse than the best",
    "worse than the best",
    "as good as the best",
    "undecided",
)
GAPS = (
    Interval(-0.028, -0.04, -0.012),
    Interval(-0.02, -0.03, -0.011),
    Interval(-0.001, -0.005, 0.0),
    Interval(0.0, -0.02, 0.0),
)


def spec(value: float) -> str:
    return f"leaky_relu(negative_slope={value})"


def example_tuning(
    *,
    standings: tuple[Standing, ...] = STANDINGS,
    recommended: float = 0.1,
    layers: int = 3,
    metric: Metric | None = None,
    **changes: Any,
) -> Tuning:
    """A complete result; the same arguments always give the same numbers."""
    names = (*(spec(value) for value in VALUES), "prelu(negative_slope=0.25)", "by")
    study = example_study(names, rates=(0.003, 0.03), epochs=4, layers=layers, metric=metric)
    arms = {arm.activation: replace(arm, verdict="undecided") for arm in study.arms}
    study = replace(study, baseline=spec(0.1), command="leaky tune --task digits", notes=("a note",))
    points = tuple(
        Point(value, arms[spec(value)], 0.9 + value / 100, gap, standing)
        for value, gap, standing in zip(VALUES, GAPS, standings, strict=True)
    )
    plateau = tuple(p.value for p in points if p.standing == "as good as the best")
    seeds = arms["prelu(negative_slope=0.25)"].seeds
    tuning = Tuning(
        study=study,
        activation="leaky_relu",
        parameter="negative_slope",
        default=0.01,
        per="network",
        points=points,
        chosen=0.1,
        plateau=plateau,
        recommended=recommended,
        learned=Learned(
            arm=arms["prelu(negative_slope=0.25)"],
            layers=tuple(f"layer{number}" for number in range(layers)),
            seeds=seeds,
            values=tuple(tuple(0.1 * place - 0.05 for place in range(layers)) for _ in seeds),
            start=0.25,
        ),
    )
    return replace(tuning, **changes)


def layered(tuning: Tuning, values: tuple[float, ...] = (0.02, 0.1, 0.3)) -> Tuning:
    """The same with a value for every layer."""
    arm = next(arm for arm in tuning.study.arms if arm.activation == "by")
    names = tuple(f"layer{number}" for number in range(len(values)))
    search = Search("sqlite:////data/leaky-optuna.db", "digits-layer", complete=30, pruned=9, failed=1)
    return replace(
        tuning, per="layer", layered=Layered(replace(arm, verdict="worse"), values, names), search=search
    )
