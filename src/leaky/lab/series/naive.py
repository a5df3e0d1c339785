"""Forecasts that need no network: what a model must beat.

Each takes the past of the variables to forecast, shape (forecasts, variables, look_back), and gives their future,
shape (forecasts, variables, horizon).

Source: R. Hyndman, G. Athanasopoulos 2021, Forecasting: Principles and Practice, 3rd edition, section 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def last_value(past: Floats, horizon: int) -> Floats:
    """The last value, over and over.

    Example:
        >>> last_value(np.array([[[1.0, 2.0, 3.0]]]), 2).tolist()
        [[[3.0, 3.0]]]
    """
    return np.repeat(past[..., -1:], horizon, axis=-1)


def season_before(past: Floats, horizon: int, season: int) -> Floats:
    """The last season, over and over.

    Example:
        >>> season_before(np.array([[[9.0, 1.0, 2.0]]]), 3, season=2).tolist()
        [[[1.0, 2.0, 1.0]]]
    """
    times = -(-horizon // season)
    return np.tile(past[..., -season:], (1, 1, times))[..., :horizon]


def season_before_with_drift(past: Floats, horizon: int, season: int) -> Floats:
    """The last season, and what the mean of the season grew by since the one before it.

    `horizon` is at most one season.

    Example:
        >>> season_before_with_drift(np.array([[[1.0, 3.0, 2.0, 4.0]]]), 2, season=2).tolist()
        [[[3.0, 5.0]]]
    """
    now, before = past[..., -season:], past[..., -2 * season : -season]
    growth = now.mean(-1, keepdims=True) - before.mean(-1, keepdims=True)
    grown: Floats = season_before(past, horizon, season) + growth
    return grown


@dataclass(frozen=True)
class Naive:
    """A naive forecast's name and what it scores."""

    name: str
    mse: float
    mae: float


def scored(forecasts: Mapping[str, Floats], future: Floats, scale: float = 1.0) -> list[Naive]:
    """Mean squared and mean absolute error of each in the unit of `scale` times the values; the lowest MSE first."""
    found = []
    for name, forecast in forecasts.items():
        error = scale * (forecast.astype(np.float64) - future)
        found.append(Naive(name, float(np.square(error).mean()), float(np.abs(error).mean())))
    return sorted(found, key=lambda naive: naive.mse)
