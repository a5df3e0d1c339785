"""`etth1`: load and oil temperature of an electricity transformer, hour by hour for two years, seven variables.

Source: H. Zhou et al. 2021, Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting. AAAI.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leaky.lab.datasets import DATASETS, featurised
from leaky.lab.definition import Task
from leaky.lab.metrics import METRICS
from leaky.lab.series.forecasting import Size, arrays, forecasting_task
from leaky.lab.series.naive import last_value, season_before

_DAY = 24
_MONTH = 30 * _DAY
_PARTS = {
    "train": (0, 12 * _MONTH),
    "validation": (12 * _MONTH, 16 * _MONTH),
    "test": (16 * _MONTH, 20 * _MONTH),
}
_SIZES = {
    "smoke": Size(96, 24, stride=5, models={"mlp": (64, 8), "tcn": (8, 4)}, batch_size=32),
    "small": Size(96, 24, stride=1, models={"mlp": (128, 5), "tcn": (16, 3)}),
    "full": Size(96, 96, stride=1, models={"mlp": (256, 5), "tcn": (32, 6)}),
}
_RATES = (0.0003, 0.001, 0.003, 0.01)


def build(preset: str, budget: str) -> Task:
    """All seven variables, a day ahead (four in "full"), by a perceptron ("mlp") or temporal convolutions ("tcn").

    As the literature does it: twelve months of 30 days for training, four for choosing learning rates, four for
    testing; values standardised by the training months; errors on that scale, the mean of all variables and steps.
    """
    size = _SIZES[budget]
    data = featurised("etth1", "1", partial(_featurise, size=size))
    return forecasting_task(
        "etth1",
        data,
        preset,
        size,
        naive={
            "the last value": last_value,
            "the same hour of the day before": partial(season_before, season=_DAY),
        },
        metrics=(METRICS["mse"], METRICS["mae"]),
        scale=1.0,
        about=f"{DATASETS['etth1'].credit}; 7 variables, {size.horizon} hours ahead from the last {size.look_back}",
        learning_rates=_RATES[1:3] if budget == "smoke" else _RATES,
    )


def _featurise(files: Mapping[str, Path], size: Size) -> dict[str, NDArray[np.generic]]:
    series = np.loadtxt(files["ETTh1.csv"], delimiter=",", skiprows=1, usecols=range(1, 8))
    known = series[slice(*_PARTS["train"])]
    scaled = (series - known.mean(0)) / known.std(0)
    return arrays(scaled, scaled, _PARTS, size)
