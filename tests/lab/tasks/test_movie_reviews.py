"""Whole film reviews: the authors' folds, and a model that learns from their ends."""

from __future__ import annotations

from collections import Counter

import pytest

from leaky.lab.datasets import fetch
from leaky.lab.tasks import build
from leaky.lab.tasks.movie_reviews import _documents
from leaky.lab.train import run_trial
from leaky.records import TrialPlan

NAME = "movie_reviews"
pytestmark = pytest.mark.usefixtures("shared_data")


def test_folds_are_the_authors() -> None:
    documents = _documents(fetch(NAME)["movie_reviews.zip"], length=12)
    found = Counter((document.part, document.label) for document in documents)
    assert found == {
        (part, label): count
        for part, count in (("train", 700), ("validation", 100), ("test", 200))
        for label in (0, 1)
    }
    assert len({document.words for document in documents}) > 1_950
    assert all(len(document.words) <= 12 for document in documents)


def test_a_smoke_run_beats_the_majority() -> None:
    task = build(NAME, "textcnn", "smoke")
    assert len(task.parts(0)[0]) == 1_000
    _, majority = task.trivial_answer()
    assert majority is not None
    spec, recipe = "leaky_relu(negative_slope=0.1)", task.recipe.record()
    done = run_trial(task, TrialPlan(NAME, "textcnn", "", spec, 0.01, 3, "final", recipe))
    assert done.status == "finished", done.error
    assert done.score is not None
    assert done.score > majority + 0.04


@pytest.mark.parametrize("preset", ["bilstm", "transformer"])
def test_the_other_models_read_reviews_too(preset: str) -> None:
    task = build(NAME, preset, "smoke")
    recipe = task.recipe.changed(epochs=1, batch_size=250).record()
    done = run_trial(task, TrialPlan(NAME, preset, "", "relu", 0.003, 0, "tuning", recipe))
    assert done.status == "finished", done.error
    assert done.layers
