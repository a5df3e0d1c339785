"""`co2`: carbon dioxide in the air over Mauna Loa, week by week from 1958 to 2001.

Source: C. Keeling, T. Whorf 2004, Atmospheric CO2 Concentrations derived from flask air samples at sites in the SIO
network. CDIAC.
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
from leaky.lab.series.naive import last_value, season_before, season_before_with_drift

_YEAR = 52
_BACK = 2 * _YEAR
_FIRST_DAYS = {"train": "19580101", "validation": "19880101", "test": "19940101"}
_SIZES = {
    "smoke": Size(_BACK, _YEAR, stride=5, models={"mlp": (32, 12), "tcn": (8, 8)}, batch_size=32),
    "small": Size(_BACK, _YEAR, stride=1, models={"mlp": (64, 15), "tcn": (16, 15)}, batch_size=32),
    "full": Size(_BACK, _YEAR, stride=1, models={"mlp": (128, 60), "tcn": (32, 60)}, batch_size=32),
}
_RATES = (0.0003, 0.001, 0.003, 0.01)


def build(preset: str, budget: str) -> Task:
    """The next 52 weeks from the last 104, by a perceptron ("mlp") or temporal convolutions ("tcn").

    1958 to 1987 are for training, 1988 to 1993 for choosing learning rates, 1994 to 2001 for testing. 59 weeks have
    no measurement, all in the training years: they are filled along a straight line. Errors are in ppm.
    """
    size = _SIZES[budget]
    data = featurised("co2", "1", partial(_featurise, size=size))
    scale = float(data["scale"])
    return forecasting_task(
        "co2",
        data,
        preset,
        size,
        naive={
            "the last value": last_value,
            "the same week of the year before": partial(season_before, season=_YEAR),
            "the year before and its growth": partial(season_before_with_drift, season=_YEAR),
        },
        metrics=errors("ppm", scale),
        scale=scale,
        about=f"{DATASETS['co2'].credit}; {size.horizon} weeks ahead from the last {size.look_back}",
        learning_rates=_RATES[1:3] if budget == "smoke" else _RATES,
    )


def _featurise(files: Mapping[str, Path], size: Size) -> dict[str, NDArray[np.generic]]:
    """The series in units of its spread around the mean of two years, which is what a model has to explain."""
    with files["co2.csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    days = [row["date"] for row in rows]
    firsts = [next(n for n, day in enumerate(days) if day >= first) for first in _FIRST_DAYS.values()]
    parts = dict(zip(_FIRST_DAYS, zip(firsts, [*firsts[1:], len(rows)], strict=True), strict=True))
    measured = np.array([float(row["co2"] or "nan") for row in rows])
    weeks, there = np.arange(len(rows)), np.isfinite(measured)
    series = np.interp(weeks, weeks[there], measured[there])
    training = series[slice(*parts["train"])]
    around = training - np.convolve(training, np.full(_BACK, 1 / _BACK), "same")
    scale = float(around[_YEAR:-_YEAR].std())
    scaled = ((series - training.mean()) / scale)[:, None]
    return {**arrays(scaled, scaled, parts, size), "scale": np.array(scale)}
