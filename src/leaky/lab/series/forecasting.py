"""What the tasks on series share: a series to windows per part, and windows with a model to a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.metrics import METRICS, NamedMetric
from leaky.lab.recipe import Recipe
from leaky.lab.series.naive import scored
from leaky.lab.series.networks import FORECASTERS, Shape
from leaky.lab.series.windows import windows
from leaky.nn import ActivationFactory
from leaky.records import Metric

Array = NDArray[np.generic]
_SKILL = 0.01
"""A margin is this share of the naive forecast's MSE: one point of the skill score 1 - MSE / MSE of the naive one."""
_NAMES = {
    "mlp": "a multilayer perceptron with 2 hidden layers of {width} units",
    "tcn": "a temporal convolutional network of {width} channels",
}


@dataclass(frozen=True)
class Size:
    """What a budget buys: steps known and forecast, a forecast every `stride` steps, (width, epochs) by preset.

    `stride` has no divisor in common with a season, or a model would never be trained at some hours of the day.
    """

    look_back: int
    horizon: int
    stride: int
    models: Mapping[str, tuple[int, int]]
    batch_size: int = 64


def arrays(
    known: NDArray[np.floating],
    wanted: NDArray[np.floating],
    parts: Mapping[str, tuple[int, int]],
    size: Size,
) -> dict[str, Array]:
    """Past and future per part: `train` and `train_future`, and so on; the test has a forecast at every step."""
    found: dict[str, Array] = {}
    for part, steps in parts.items():
        stride = 1 if part == "test" else size.stride
        past, future = windows(
            known, wanted, steps, look_back=size.look_back, horizon=size.horizon, stride=stride
        )
        found[part], found[f"{part}_future"] = past, future
    return found


def errors(unit: str, scale: float) -> tuple[NamedMetric, NamedMetric]:
    """MSE and MAE in the data's own unit, for outputs and targets that were divided by `scale`."""
    return (
        NamedMetric(
            Metric(f"mse in {unit}²", higher_is_better=False, percent=False),
            partial(_squared_error, scale),
            METRICS["mse"].constant,
        ),
        NamedMetric(
            Metric(f"mae in {unit}", higher_is_better=False, percent=False),
            partial(_absolute_error, scale),
            METRICS["mae"].constant,
        ),
    )


def _squared_error(scale: float, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return scale**2 * METRICS["mse"].function(outputs, targets)


def _absolute_error(scale: float, outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return scale * METRICS["mae"].function(outputs, targets)


def forecasting_task(
    name: str,
    data: Mapping[str, Array],
    preset: str,
    size: Size,
    *,
    naive: Mapping[str, Callable[[NDArray[np.floating], int], NDArray[np.floating]]],
    metrics: tuple[NamedMetric, NamedMetric],
    scale: float,
    about: str,
    learning_rates: tuple[float, ...],
) -> Task:
    """A task of `arrays` with one of the `FORECASTERS`, trained by Adam; the best of `naive` is the trivial answer.

    Args:
        naive: functions of (past of the variables to forecast, horizon), by the names that the report gives them.
        metrics: MSE and MAE, as `errors` makes them.
        scale: what the values were divided by.
    """
    future = np.asarray(data["test_future"], dtype=np.float32)
    past = np.asarray(data["test"], dtype=np.float32)[:, : future.shape[1]]
    best, *others = scored(
        {told: function(past, size.horizon) for told, function in naive.items()}, future, scale
    )
    kind, (width, epochs) = FORECASTERS[preset], size.models[preset]
    shape = Shape(data["train"].shape[1], size.look_back, future.shape[1], size.horizon)

    def model(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        assert isinstance(activation, ModelFactory)
        return kind(shape, width, activation)

    counts = f"{len(data['train']):,} for training, {len(future):,} for testing"
    mse, mae = (metric.record for metric in metrics)
    scores = ", ".join(f"{n.name} {mse.text(n.mse)} (mae {mae.text(n.mae)})" for n in (best, *others))
    return Task(
        name=name,
        train=(data["train"], data["train_future"]),
        validation=(data["validation"], data["validation_future"]),
        test=(data["test"], data["test_future"]),
        model=model,
        metric=metrics[0],
        metrics=metrics[1:],
        trivial=best.name,
        trivial_score=best.mse,
        margin=float(f"{_SKILL * best.mse:.2g}"),
        recipe=Recipe(optimizer="adam", schedule="cosine", batch_size=size.batch_size, epochs=epochs),
        learning_rates=learning_rates,
        description=f"{about}, {counts}; {_NAMES[preset].format(width=width)}",
        notes=(f"Naive forecasts of the same test data, mse: {scores}.",),
        version="1",
    )
