"""The learning rate over a run."""

from __future__ import annotations

import math

import pytest
import torch

from leaky.lab.recipe import Recipe
from leaky.lab.training.optimizers import optimizer
from leaky.lab.training.schedules import Schedule


def rates(
    recipe: Recipe, scores: list[float | None], steps: int = 4, *, higher_is_better: bool = True
) -> list[float]:
    """The learning rate at the end of every epoch, after batches and epochs have been told."""
    model = torch.nn.Linear(1, 1)
    made = optimizer(recipe, model, 0.1)
    schedule = Schedule(recipe, made, steps, higher_is_better=higher_is_better)
    seen = []
    for score in scores:
        for _ in range(steps):
            made.step()
            schedule.after_batch()
        schedule.after_epoch(score)
        seen.append(made.param_groups[0]["lr"])
    return seen


def test_constant_stays() -> None:
    assert rates(Recipe(epochs=3), [0.1, 0.2, 0.3]) == [0.1] * 3


def test_step_takes_a_tenth_after_each_third() -> None:
    seen = rates(Recipe(schedule="step", epochs=6), [0.0] * 6)
    assert seen == pytest.approx([0.1, 0.01, 0.01, 0.001, 0.001, 0.0001])


def test_cosine_ends_at_zero() -> None:
    seen = rates(Recipe(schedule="cosine", epochs=4), [0.0] * 4)
    assert seen == pytest.approx([0.05 * (1 + math.cos(math.pi * k / 4)) for k in range(1, 5)])


@pytest.mark.parametrize(("higher", "sign"), [(True, 1), (False, -1)])
def test_plateau_waits_for_a_tenth_of_the_epochs_and_knows_the_direction(higher: bool, sign: int) -> None:
    scores: list[float | None] = [sign * 0.5, sign * 0.6, sign * 0.55, sign * 0.6, None, sign * 0.7]
    seen = rates(Recipe(schedule="plateau", epochs=20), scores, higher_is_better=higher)
    assert seen == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_one_cycle_rises_to_the_rate_and_falls_again() -> None:
    recipe = Recipe(schedule="one_cycle", epochs=10)
    seen = rates(recipe, [0.0] * 9, steps=3)
    assert max(seen) == pytest.approx(0.1, rel=0.02)
    assert seen[0] < 0.1 > seen[-1]
    assert seen.index(max(seen)) in (1, 2, 3)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["step", "cosine", "plateau", "one_cycle"])
def test_every_optimizer_takes_every_schedule_to_its_end(name: str, schedule: str) -> None:
    seen = rates(Recipe(optimizer=name, schedule=schedule, epochs=3), [0.1, 0.1, 0.1], steps=2)
    assert all(0 <= rate <= 0.1 for rate in seen)
    assert seen[-1] < 0.1


def test_one_cycle_switches_no_momentum_on() -> None:
    model = torch.nn.Linear(1, 1)
    recipe = Recipe(optimizer="sgd", schedule="one_cycle", epochs=2)
    made = optimizer(recipe, model, 0.1)
    Schedule(recipe, made, 4, higher_is_better=True)
    assert made.param_groups[0]["momentum"] == 0
