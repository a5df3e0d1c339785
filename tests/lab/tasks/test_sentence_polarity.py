"""Sentences of film reviews: split without repetition, and learned by each of the models."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from leaky.lab.datasets import fetch
from leaky.lab.tasks import PRESETS, build
from leaky.lab.tasks.sentence_polarity import _documents
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

NAME = "sentence_polarity"
pytestmark = pytest.mark.usefixtures("shared_data")


def trial(preset: str, epochs: int | None = None) -> Trial:
    task = build(NAME, preset, "smoke")
    recipe = task.recipe.changed(epochs=epochs).record()
    plan = TrialPlan(NAME, preset, "", "leaky_relu(negative_slope=0.1)", 0.01, 1, "final", recipe)
    return run_trial(task, plan)


def test_every_sentence_is_in_one_part_and_classes_are_even(shared_data: Path) -> None:
    documents = _documents(fetch(NAME)["sentence_polarity.zip"])
    assert len(documents) == 10_662 - 2  # two differ from another in punctuation alone
    parts = {part: {d.words for d in documents if d.part == part} for part in ("train", "validation", "test")}
    assert not parts["train"] & parts["test"]
    assert not parts["train"] & parts["validation"]
    assert 0.09 < len(parts["test"]) / len(documents) < 0.11
    assert sum(document.label for document in documents) / len(documents) == pytest.approx(0.5, abs=0.001)


def test_small_has_all_sentences_and_knows_only_the_words_of_training() -> None:
    task = build(NAME, "textcnn", "small")
    train, validation, test = task.parts(seed=0)
    assert len(train) + len(validation) + len(test) == 10_660
    known = task.train_samples.take(train)[0].unique()
    asked = torch.cat([inputs for inputs, _ in test.batches()]).unique()
    assert torch.isin(asked, known).all()
    assert known.tolist() == list(range(len(known)))


@pytest.mark.parametrize("preset", PRESETS[NAME])
def test_a_smoke_run_beats_the_majority(preset: str) -> None:
    _, majority = build(NAME, preset, "smoke").trivial_answer()
    assert majority is not None
    assert 0.45 < majority < 0.55
    done = trial(preset)
    assert done.status == "finished", done.error
    assert done.score is not None
    assert done.score > majority + 0.06


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = trial("textcnn", epochs=1), trial("textcnn", epochs=1)
    assert (first.score, first.epochs) == (second.score, second.epochs)
