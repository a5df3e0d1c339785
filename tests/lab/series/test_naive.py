"""Naive forecasts against series that they forecast exactly, and their errors in the unit of the data."""

from __future__ import annotations

import numpy as np
import pytest

from leaky.lab.series.naive import last_value, scored, season_before, season_before_with_drift

WAVE = np.tile([0.0, 3.0, 1.0, -2.0], 6)[None, None]


def test_a_constant_is_its_last_value() -> None:
    assert (last_value(np.full((2, 3, 7), 5.0), 4) == np.full((2, 3, 4), 5.0)).all()


@pytest.mark.parametrize("horizon", [1, 4, 7, 12])
def test_a_wave_is_the_season_before(horizon: int) -> None:
    np.testing.assert_array_equal(season_before(WAVE[..., :12], horizon, 4), WAVE[..., 12 : 12 + horizon])


def test_a_wave_on_a_slope_is_the_season_before_and_its_growth() -> None:
    rising = WAVE + 0.25 * np.arange(24)
    np.testing.assert_allclose(season_before_with_drift(rising[..., :12], 4, 4), rising[..., 12:16])


def test_errors_are_in_the_unit_of_the_data_the_lowest_first() -> None:
    future = np.zeros((1, 1, 2))
    forecasts = {"far": np.array([[[2.0, 4.0]]]), "near": future - 1}
    found = scored(forecasts, future, scale=10)
    assert [(naive.name, naive.mse, naive.mae) for naive in found] == [("near", 100, 10), ("far", 1000, 30)]
