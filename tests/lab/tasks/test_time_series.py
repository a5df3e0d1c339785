"""The tasks on time series: parts in the order of time, errors in the data's unit, naive forecasts beaten."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch

from leaky.lab.datasets import fetch
from leaky.lab.tasks import BUDGETS, FIELDS, PRESETS, build
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

TASKS = FIELDS["time_series"]
pytestmark = pytest.mark.usefixtures("shared_data")


def trial(name: str, preset: str, epochs: int | None = None) -> Trial:
    task = build(name, preset, "smoke")
    recipe = task.recipe.changed(epochs=epochs).record()
    plan = TrialPlan(name, preset, "", "leaky_relu(negative_slope=0.1)", 0.003, 1, "final", recipe)
    return run_trial(task, plan)


@pytest.mark.parametrize(("name", "preset"), [(name, preset) for name in TASKS for preset in PRESETS[name]])
def test_a_smoke_run_beats_the_best_naive_forecast(name: str, preset: str) -> None:
    told, naive = build(name, preset, "smoke").trivial_answer()
    assert told.startswith("the ")
    done = trial(name, preset)
    assert done.status == "finished", done.error
    assert done.score is not None
    assert naive is not None
    assert done.score < naive
    (mae,) = done.metrics.values()
    assert mae is not None
    assert mae < done.score**0.5  # Jensen: both are in one unit


def test_the_naive_forecasts_of_etth1_score_what_the_literature_reports() -> None:
    """A. Zeng et al. 2023, Are Transformers Effective for Time Series Forecasting? AAAI, table 2, "Repeat", 96."""
    (note,) = build("etth1", "mlp", "full").notes
    assert "the last value 1.294 (mae 0.7132)" in note  # they print 1.295 and 0.713


def test_etth1_is_standardised_by_its_training_months_and_split_by_months() -> None:
    task = build("etth1", "mlp", "small")
    raw = np.loadtxt(fetch("etth1")["ETTh1.csv"], delimiter=",", skiprows=1, usecols=range(1, 8))
    year, month = raw[: 12 * 720], 720
    scaled = torch.from_numpy((raw - year.mean(0)) / year.std(0)).float()
    _, validation, test = task.parts(seed=0)
    for part, first in ((validation, 12 * month), (test, 16 * month)):
        past, future = next(iter(part.batches()))
        torch.testing.assert_close(past[0].T, scaled[first - 96 : first])
        torch.testing.assert_close(future[0].T, scaled[first : first + 24])
    assert len(test) == 4 * month - 24 + 1


def test_bicycles_are_counted_in_users_and_the_day_ahead_is_known_by_calendar_and_weather() -> None:
    task = build("bike_sharing", "mlp", "smoke")
    _, _, test = task.parts(seed=0)
    _, future = next(iter(test.batches()))
    rows = fetch("bike_sharing")["bike_sharing_dataset_clean.csv"].read_text().splitlines()
    first = next(n for n, row in enumerate(rows) if row.startswith("2012-10-01 00"))
    users = torch.tensor([float(row.split(",")[8]) for row in rows[first : first + 48]])
    # One user too many in every hour is an error of 1, in users.
    scale = (users[0] - users[1]) / (future[0, 0, 0] - future[0, 0, 1])
    assert task.score(future + 1 / scale, future) == pytest.approx(1, rel=1e-3)
    assert task.scores(future - 2 / scale, future) == {"mae in users": pytest.approx(2, rel=1e-3)}
    past = torch.cat([inputs for inputs, _ in test.batches()])
    assert past.shape[1:] == (12, 168)
    hours = past[0, 6, -24:]  # the sine of the hour, of a day later
    torch.testing.assert_close(hours, torch.sin(2 * torch.pi * torch.arange(24) / 24), rtol=0, atol=1e-6)


def test_gaps_of_co2_are_in_the_training_years_alone() -> None:
    rows = fetch("co2")["co2.csv"].read_text().splitlines()[1:]
    assert sum(row.endswith(",") for row in rows) == 59
    assert max(row[:8] for row in rows if row.endswith(",")) < "1988"
    task = build("co2", "mlp", "small")
    past, future = next(iter(task.parts(seed=0)[2].batches()))
    assert past.shape[1:] == (1, 104)
    assert future.shape[1:] == (1, 52)
    ppm = torch.tensor([float(row[9:]) for row in rows[-52:]])
    last = task.parts(seed=0)[2].targets()[-1, 0]
    scale = (ppm[-1] - ppm[0]) / (last[-1] - last[0])
    torch.testing.assert_close((last - last[0]) * scale, ppm - ppm[0], rtol=0, atol=1e-3)
    assert task.score(future + 1 / scale, future) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(("name", "season"), [("etth1", 24), ("bike_sharing", 7 * 24), ("co2", 52)])
def test_training_forecasts_begin_at_every_hour_and_week(name: str, season: int) -> None:
    """A stride of 4 hours would train on six hours of the day, and be tested on all."""
    sizes = importlib.import_module(f"leaky.lab.tasks.{name}")._SIZES
    assert sizes.keys() == set(BUDGETS)
    assert {math.gcd(size.stride, season) for size in sizes.values()} == {1}


@pytest.mark.parametrize("name", TASKS)
def test_lower_is_better_and_a_margin_is_one_point_of_skill(name: str) -> None:
    for preset in PRESETS[name]:
        for budget in BUDGETS[:2]:
            task = build(name, preset, budget)
            assert not any(m.higher_is_better for m in (task.metric_record, *task.metric_records))
            _, naive = task.trivial_answer()
            assert naive is not None
            assert task.practical_margin() == pytest.approx(0.01 * naive, rel=0.05)


@pytest.mark.parametrize("preset", PRESETS["co2"])
def test_the_same_seed_gives_the_same_bits(preset: str) -> None:
    first, second = trial("co2", preset, 2), trial("co2", preset, 2)
    assert (first.score, first.metrics, first.epochs) == (second.score, second.metrics, second.epochs)
