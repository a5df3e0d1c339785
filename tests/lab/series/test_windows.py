"""Windows line up with the series, and no step is forecast in two parts."""

from __future__ import annotations

import numpy as np

from leaky.lab.series.forecasting import Size, arrays
from leaky.lab.series.windows import windows

STEPS = np.arange(100.0)
SERIES = np.stack([STEPS, -STEPS], 1)


def test_the_future_follows_the_past() -> None:
    past, future = windows(SERIES, SERIES[:, :1], (20, 60), look_back=10, horizon=4)
    assert past.shape == (37, 2, 10)
    assert future.shape == (37, 1, 4)
    assert past.dtype == future.dtype == np.float32
    np.testing.assert_array_equal(past[:, 0, -1] + 1, future[:, 0, 0])
    np.testing.assert_array_equal(past[:, 1], -past[:, 0])
    np.testing.assert_array_equal(past[5, 0], np.arange(15, 25))
    assert (future.min(), future.max()) == (20, 59)


def test_the_first_forecast_waits_for_a_whole_past() -> None:
    past, future = windows(SERIES, SERIES, (0, 50), look_back=12, horizon=3, stride=5)
    assert past[0, 0].tolist() == list(range(12))
    assert future[:, 0, 0].tolist() == list(range(12, 48, 5))


def test_parts_share_no_step_that_is_forecast() -> None:
    parts = {"train": (0, 60), "validation": (60, 80), "test": (80, 100)}
    found = arrays(SERIES, SERIES[:, :1], parts, Size(8, 4, stride=3, models={}))
    steps = {part: set(np.unique(found[f"{part}_future"])) for part in parts}
    assert not steps["train"] & steps["validation"]
    assert not steps["validation"] & steps["test"]
    assert steps["test"] == set(range(80, 100))  # a forecast at every step, whatever the stride of training
    assert found["test"][0, 0].tolist() == list(range(72, 80))
