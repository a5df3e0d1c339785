"""Six tables: the published counts, parts that share no row, and autoencoders that beat the distance to the mean."""

from __future__ import annotations

import numpy as np
import pytest

from leaky.lab.datasets import fetch
from leaky.lab.tables.ranking import NOT_COUNTED
from leaky.lab.tasks import PRESETS, build
from leaky.lab.tasks.adbench import TABLES, split
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

pytestmark = pytest.mark.usefixtures("shared_data")
COUNTS = {
    "pendigits": (6870, 156),
    "satimage-2": (5803, 71),
    "thyroid": (3772, 93),
    "vowels": (1456, 50),
    "WDBC": (367, 10),
    "cardio": (1831, 176),
}


def trial(preset: str) -> Trial:
    task = build("adbench", preset, "smoke")
    plan = TrialPlan("adbench", preset, "", "relu", 0.003, 1, "final", task.recipe.record())
    return run_trial(task, plan)


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_in_one_part_and_equal_ones_are_together(name: str) -> None:
    with np.load(fetch("adbench")[TABLES[name]]) as table:
        values, labels = table["X"], table["y"]
    assert (len(labels), labels.sum()) == COUNTS[name]
    parts = split(values, labels)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(labels)))
    assert labels[parts["train"]].sum() == 0
    seen = [set(map(bytes, np.ascontiguousarray(values[rows]))) for rows in parts.values()]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    normal, odd = len(labels) - labels.sum(), labels.sum()
    assert len(parts["train"]) == pytest.approx(normal / 2, rel=0.02)
    assert labels[parts["test"]].sum() == pytest.approx(0.7 * odd, abs=1)


def test_tables_stand_side_by_side_and_repeated_rows_count_in_training_alone() -> None:
    task = build("adbench", "shallow", "small")
    train, validation, test = task.parts(seed=0)
    rows, targets = task.train_samples.take(train)
    assert rows.shape == (3357, 16 + 36 + 6 + 12 + 30 + 21)
    assert (targets == 2 * np.arange(6)).all()
    assert rows[:, :16].mean(0).abs().max() < 1e-5
    assert rows[:, :16].std(0).sub(1).abs().max() < 1e-3
    counted = (test.targets() != NOT_COUNTED).sum(0).tolist()
    assert counted[0] == len(test)
    assert counted[4] < 150
    odd = ((test.targets() % 2 == 1) & (test.targets() >= 0)).sum(0).tolist()
    assert odd[4] == 7
    assert (validation.targets() != NOT_COUNTED).any(0).all()


@pytest.mark.parametrize("preset", PRESETS["adbench"])
def test_a_smoke_run_beats_the_distance_to_the_mean_the_same_bit_for_bit(preset: str) -> None:
    name, trivial = build("adbench", preset, "smoke").trivial_answer()
    assert name == "the distance to the training mean"
    assert trivial is not None
    assert 0.9 < trivial < 0.93
    first, second = trial(preset), trial(preset)
    assert first.status == "finished", first.error
    assert first.score is not None
    assert first.score > trivial + 0.01
    own = [value for name, value in first.metrics.items() if name.startswith("ROC AUC ")]
    assert len(own) == len(TABLES)
    assert first.score == pytest.approx(np.mean([value for value in own if value is not None]), abs=1e-5)
    assert (first.score, first.epochs, first.metrics) == (second.score, second.epochs, second.metrics)
