"""Fashion-MNIST: the official data, five networks, and what they reach in a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaky.lab.tasks import BUDGETS, PRESETS, build
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

pytestmark = pytest.mark.usefixtures("shared_data")


def trial(preset: str, rate: float, seed: int = 1) -> Trial:
    task = build("fashion_mnist", preset, "smoke")
    recipe = task.recipe.record()
    return run_trial(
        task,
        TrialPlan("fashion_mnist", preset, "", "leaky_relu(negative_slope=0.1)", rate, seed, "final", recipe),
    )


def test_the_data_are_the_official_ones() -> None:
    task = build("fashion_mnist", "shallow", "full")
    train, validation, test = task.parts(seed=0)
    assert (len(train), len(validation), len(test)) == (50_000, 10_000, 10_000)
    inputs = task.train_samples.take(train)[0]
    assert inputs.shape == (50_000, 1, 28, 28)
    assert abs(inputs.mean()) < 0.01
    assert abs(inputs.std() - 1) < 0.01
    assert test.targets().bincount().tolist() == [1000] * 10
    name, score = task.trivial_answer()
    assert (name, score) == ("the majority class", pytest.approx(0.1))


@pytest.mark.parametrize("preset", PRESETS["fashion_mnist"])
def test_a_smoke_run_beats_the_majority_class(preset: str) -> None:
    task = build("fashion_mnist", preset, "smoke")
    _, trivial = task.trivial_answer()
    found = trial(preset, max(task.learning_rates))
    assert found.status == "finished", found.error
    assert trivial is not None
    assert found.score is not None
    assert found.score > trivial + 0.1


def test_a_trial_is_the_same_bit_for_bit() -> None:
    first, second = trial("vgg_norm", 0.03), trial("vgg_norm", 0.03)
    assert (first.score, first.epochs) == (second.score, second.epochs)


def test_budgets_grow(shared_data: Path) -> None:
    tasks = [build("fashion_mnist", "vgg", budget) for budget in BUDGETS]
    sizes = [len(task.train_samples) for task in tasks]
    assert sizes == sorted(set(sizes))
    assert len({task.fingerprint() for task in tasks[:2]}) == 2
