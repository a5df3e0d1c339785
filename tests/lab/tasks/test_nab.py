"""Marked series: probation and windows as NAB has them, and an autoencoder that beats the distance to the mean."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from leaky.lab.datasets import fetch
from leaky.lab.tasks import build
from leaky.lab.tasks.nab import Series, read_series
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

pytestmark = pytest.mark.usefixtures("shared_data")


@pytest.fixture
def series() -> dict[str, Series]:
    files = fetch("nab")
    return read_series(files["series"], json.loads(files["windows.json"].read_text()))


def trial(preset: str) -> Trial:
    task = build("nab", preset, "smoke")
    plan = TrialPlan("nab", preset, "", "relu", 0.001, 1, "final", task.recipe.record())
    return run_trial(task, plan)


def test_labels_and_probation_are_those_of_nab(series: dict[str, Series]) -> None:
    assert len(series) == 23
    assert sum(int(one.labels.sum()) for one in series.values()) == 12_906
    for one in series.values():
        assert one.labels[: one.probation].sum() == 0
        assert one.values[: one.probation].mean() == pytest.approx(0, abs=1e-4)
    taxi = series["realKnownCause/nyc_taxi.csv"]
    assert (len(taxi.values), taxi.probation, taxi.labels.sum()) == (10_320, 750, 1_035)
    assert np.diff(taxi.labels).clip(0).sum() == 5
    assert series["realAWSCloudwatch/iio_us-east-1_i-a2eb1cd9_NetworkIn.csv"].probation == 186


def test_a_window_lies_round_the_point_that_its_target_labels(series: dict[str, Series]) -> None:
    task = build("nab", "shallow", "smoke")
    train, validation, test = task.parts(seed=0)
    windows, targets = (torch.cat(part) for part in zip(*test.batches(), strict=True))
    first = next(iter(series.values()))
    here = targets[:, 0] // 2 == 0
    for number in (0, 7, int(here.sum()) - 1):
        point = first.probation + 8 * number
        assert windows[here][number].tolist() == first.values[point - 32 : point + 32].tolist()
        assert targets[here][number, 0] % 2 == first.labels[point]
    tested, chosen = (set((part.targets() // 2).flatten().tolist()) for part in (test, validation))
    assert not tested & chosen
    assert tested | chosen == set(range(23))
    assert len(train) == sum(one.probation - 63 for one in series.values())


@pytest.mark.parametrize("preset", ["shallow", "deep"])
def test_a_smoke_run_is_the_same_bit_for_bit_and_no_worse_than_the_distance(preset: str) -> None:
    name, trivial = build("nab", preset, "smoke").trivial_answer()
    assert name == "the distance to the training mean"
    assert trivial == pytest.approx(0.643, abs=0.001)
    first, second = trial(preset), trial(preset)
    assert first.status == "finished", first.error
    assert first.score is not None
    assert trivial is not None
    assert first.score > trivial
    assert (first.score, first.epochs, first.metrics) == (second.score, second.epochs, second.metrics)


def test_a_short_run_on_whole_windows_beats_the_distance() -> None:
    task = build("nab", "shallow", "small")
    _, trivial = task.trivial_answer()
    recipe = task.recipe.changed(epochs=2).record()
    found = run_trial(task, TrialPlan("nab", "shallow", "", "relu", 0.001, 1, "final", recipe))
    assert found.score is not None
    assert trivial is not None
    assert found.score > trivial + 0.02
