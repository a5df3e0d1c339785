"""Spoken digits: voices in one part only, and networks that understand some of them in a moment."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.datasets import fetch
from leaky.lab.tasks import PRESETS, build
from leaky.lab.tasks.fsdd import SPEAKERS, _picture
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

pytestmark = pytest.mark.usefixtures("shared_data")


def trial(preset: str) -> Trial:
    task = build("fsdd", preset, "smoke")
    plan = TrialPlan("fsdd", preset, "", "leaky_relu(negative_slope=0.01)", 0.003, 1, "final", {})
    return run_trial(task, TrialPlan(**{**vars(plan), "recipe": task.recipe.record()}))


def test_every_speaker_is_in_one_part_and_all_are_there() -> None:
    named = [speaker for speakers in SPEAKERS.values() for speaker in speakers]
    recorded = {path.name.split("_")[1] for path in fetch("fsdd")["recordings"].glob("*.wav")}
    assert sorted(named) == sorted(recorded)
    assert len(named) == len(set(named)) == 6


def test_pictures_are_of_the_recordings_that_the_labels_say() -> None:
    task = build("fsdd", "dnn", "smoke")
    train, validation, test = task.parts(seed=0)
    assert (len(train), len(validation), len(test)) == (3 * 120, 120, 2 * 120)
    assert test.targets().bincount().tolist() == [24] * 10
    folder = fetch("fsdd")["recordings"]
    inputs, targets = task.train_samples.take(torch.tensor([120 + 3 * 12 + 5]))  # lucas comes second
    assert targets.tolist() == [3]
    assert inputs.shape == (1, 1, 40, 40)
    assert torch.equal(inputs[0, 0], torch.from_numpy(_picture(folder / "3_lucas_5.wav", 100)))
    assert task.trivial_answer() == ("the majority class", pytest.approx(0.9))
    assert not task.metric_record.higher_is_better


@pytest.mark.parametrize("preset", PRESETS["fsdd"])
def test_a_smoke_run_beats_the_majority_class_the_same_bit_for_bit(preset: str) -> None:
    first, second = trial(preset), trial(preset)
    assert first.status == "finished", first.error
    assert first.score is not None
    assert first.score < 0.9 - 0.2
    assert (first.score, first.epochs) == (second.score, second.epochs)
