"""Blood cells: boxes as annotated, and a detector that finds cells."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from leaky.lab.tasks import build
from leaky.lab.tasks.bccd import CLASSES, borrowed_score
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

pytestmark = pytest.mark.usefixtures("shared_data")


def trial(activation: str) -> Trial:
    task = build("bccd", "darknet", "smoke")
    plan = TrialPlan("bccd", "darknet", "", activation, 0.01, 1, "final", task.recipe.record())
    return run_trial(task, plan)


def test_the_data_are_those_that_were_annotated() -> None:
    """Counts of the official split, less the two boxes without area."""
    task = build("bccd", "darknet", "small")
    train, validation, test = task.parts(seed=0)
    assert (len(train), len(validation), len(test)) == (205, 87, 72)
    boxes = torch.cat((task.train_samples.take(train)[1], validation.targets(), test.targets()))
    of_class = boxes[..., 0]
    assert [int((of_class == label).sum()) for label in range(len(CLASSES))] == [4153, 372, 361]
    real = boxes[of_class >= 0][:, 1:]
    assert (real[:, 2:] > real[:, :2]).all()
    assert (real >= 0).all()
    assert (real <= 1).all()
    images = task.train_samples.take(train)[0]
    assert images.shape == (205, 3, 96, 128)
    assert images.mean((0, 2, 3)).abs().max() < 1e-3
    assert images.std((0, 2, 3)).sub(1).abs().max() < 1e-2


def test_a_smoke_run_beats_the_boxes_of_another_image_and_repeats_bit_for_bit() -> None:
    name, trivial = build("bccd", "darknet", "smoke").trivial_answer()
    assert name == "the boxes of another image"
    assert trivial is not None
    assert 0 < trivial < 0.05
    first, second = (trial("leaky_relu(negative_slope=0.1)") for _ in range(2))
    assert first.status == "finished", first.error
    assert first.score is not None
    assert first.score > trivial + 0.15
    assert list(first.metrics) == [f"AP50 {name}" for name in CLASSES]
    mean = np.mean([value for value in first.metrics.values() if value is not None])
    assert first.score == pytest.approx(mean, rel=1e-4)
    assert (first.score, first.epochs, first.metrics) == (second.score, second.epochs, second.metrics)


def test_borrowed_boxes_are_right_where_all_images_are_one() -> None:
    one = np.full((5, 1, 5), [2, 0.1, 0.1, 0.4, 0.4], np.float32)
    assert borrowed_score(one, one) == 1.0
    assert math.isclose(borrowed_score(one, one + np.float32([0, 0.5, 0.5, 0.5, 0.5])), 0.0)
