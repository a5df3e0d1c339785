"""`bike_sharing`: users of Washington's shared bicycles, hour by hour for two years, with weather and calendar.

Source: H. Fanaee-T, J. Gama 2014, Event Labeling Combining Ensemble Detectors and Background Knowledge. Progress in
Artificial Intelligence 2.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.series.forecasting import Size, arrays, errors, forecasting_task
from leaky.lab.series.naive import last_value, season_before

_DAY, _WEEK = 24, 7 * 24
_MONTHS = {
    "train": ("2011-01", "2012-07"),
    "validation": ("2012-07", "2012-10"),
    "test": ("2012-10", "2013-01"),
}
_SIZES = {
    "smoke": Size(_WEEK, _DAY, stride=5, models={"mlp": (64, 10), "tcn": (8, 3)}, batch_size=32),
    "small": Size(_WEEK, _DAY, stride=5, models={"mlp": (128, 20), "tcn": (16, 8)}),
    "full": Size(_WEEK, _DAY, stride=1, models={"mlp": (256, 40), "tcn": (32, 20)}),
}
_RATES = (0.0003, 0.001, 0.003, 0.01)


def build(preset: str, budget: str) -> Task:
    """Users in each of the next 24 hours from the last week; a perceptron ("mlp") or temporal convolutions ("tcn").

    A forecast knows the users up to now, and calendar and weather of the day ahead: as if the weather forecast were
    right. 2011 to June 2012 are for training, July to September 2012 for choosing learning rates, October to December
    for testing. Errors are in users an hour.
    """
    size = _SIZES[budget]
    data = featurised("bike_sharing", "1", partial(_featurise, size=size))
    scale = float(data["scale"])
    return forecasting_task(
        "bike_sharing",
        data,
        preset,
        size,
        naive={
            "the last value": last_value,
            "the same hour of the day before": partial(season_before, season=_DAY),
            "the same hour of the week before": partial(season_before, season=_WEEK),
        },
        metrics=errors("users", scale),
        scale=scale,
        about=f"{DATASETS['bike_sharing'].credit}; users in each of the next {size.horizon} hours "
        "from the last week, with calendar and weather of the day ahead",
        learning_rates=_RATES[1:3] if budget == "smoke" else _RATES,
    )


def _featurise(files: Mapping[str, Path], size: Size) -> dict[str, NDArray[np.generic]]:
    """Users, and weather and calendar of the same hour a day later; numbers standardised by the training months."""
    with files["bike_sharing_dataset_clean.csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    months = [row["date_time"][:7] for row in rows]
    parts = {
        part: (months.index(first), months.index(end) if end in months else len(rows))
        for part, (first, end) in _MONTHS.items()
    }
    measured = _columns(rows, "users", "temp", "hum", "windspeed")
    training = measured[slice(*parts["train"])]
    measured = (measured - training.mean(0)) / training.std(0)
    wet = np.array([[row["weather"] == kind for kind in ("mist", "rain")] for row in rows], dtype=float)
    hour, weekday = _columns(rows, "hour", "weekday").T
    calendar = np.column_stack(
        [
            *(wave(turn) for turn in (_turns(hour, 24), _turns(weekday, 7)) for wave in (np.sin, np.cos)),
            _columns(rows, "holiday", "workingday"),
        ]
    )
    # Beside the users of an hour stand weather and calendar of a day later: the window's last day tells of the day
    # ahead.
    given = np.concatenate([measured[:, 1:], wet, calendar], axis=1)
    known = np.concatenate([measured[:, :1], np.concatenate([given[_DAY:], given[-_DAY:]])], axis=1)
    return {**arrays(known, measured[:, :1], parts, size), "scale": training[:, 0].std()}


def _columns(rows: list[dict[str, str]], *names: str) -> NDArray[np.float64]:
    return np.array([[float(row[name]) for name in names] for row in rows])


def _turns(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    return 2 * np.pi * values / period
