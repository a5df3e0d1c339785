"""One training run: paired, repeatable, honest about divergence."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch

from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.tasks import PRESETS, build
from leaky.lab.train import _streams, run_trial
from leaky.nn import ActivationFactory
from leaky.records import Trial, TrialPlan

X = np.random.default_rng(0).normal(size=(90, 3))


def model(activation: Any, seed: int) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(3, 6), activation(), torch.nn.Dropout(0.2), torch.nn.Linear(6, 2)
    )


def task(**changes: Any) -> Task:
    return Task(**{"name": "t", "train": (X, (X[:, 0] > 0).astype(int)), "model": model, **changes})


def plan(**changes: Any) -> TrialPlan:
    made = TrialPlan("t", "", "f", "relu", 0.1, 3, "tuning", asdict(Recipe(epochs=3, batch_size=16)))
    return replace(made, **changes)


def numbers(trial: Trial) -> Any:
    return (trial.score, trial.epochs, trial.status)


def test_the_same_plan_gives_the_same_bits_whatever_happened_before() -> None:
    first = run_trial(task(), plan())
    torch.manual_seed(99)
    torch.rand(7)
    assert numbers(run_trial(task(), plan())) == numbers(first)
    assert numbers(run_trial(task(), plan(seed=4))) != numbers(first)


def test_a_tuning_trial_is_scored_on_validation_and_a_final_one_on_the_test_split() -> None:
    tuning, final = run_trial(task(), plan()), run_trial(task(), plan(phase="final"))
    assert tuning.epochs == final.epochs
    assert tuning.score == tuning.validation_score == tuning.epochs[-1].validation_score
    assert final.validation_score == tuning.validation_score
    assert final.score is not None
    assert round(final.score * 22, 6) % 1 == 0  # a share of the 22 test samples


def test_a_final_trial_is_judged_at_its_end_in_evaluation_mode() -> None:
    """Without dropout, on the data trained on and on the test data; of tuning nothing is kept."""
    final = run_trial(task(loss=torch.nn.functional.cross_entropy), plan(phase="final"))
    assert set(final.at_end) == {"loss", "train_loss", "train_score"}
    count = len(task().parts(0)[0])
    assert final.at_end["train_score"] is not None
    assert final.at_end["train_score"] * count == pytest.approx(
        round(final.at_end["train_score"] * count), abs=1e-3
    )
    train_loss, seen = final.epochs[-1].train_loss, final.at_end["train_loss"]
    assert train_loss is not None
    assert seen is not None
    assert seen != train_loss
    assert run_trial(task(), plan()).at_end == {}
    assert Trial.from_json(final.to_json()) == final
    older = final.to_json()
    del older["at_end"]
    assert Trial.from_json(older) == replace(final, at_end={})


def test_the_test_split_is_touched_once_a_final_run_and_never_while_tuning() -> None:
    seen: list[int] = []

    def metric(outputs: torch.Tensor, targets: torch.Tensor) -> float:
        seen.append(len(targets))
        return 0.5

    made = task(metric=metric, diverged_score=0.0, test=(X[:31], np.zeros(31, int)))
    run_trial(made, plan())
    assert seen.count(31) == 0
    run_trial(made, plan(phase="final"))
    assert seen.count(31) == 1


def test_initial_draws_and_batch_order_are_shared_across_activations() -> None:
    seen: dict[str, list[torch.Tensor]] = {}

    def watching(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        made = model(activation, seed)
        seen[str(activation)] = [p.detach().clone() for p in made.parameters()]
        inputs = seen[str(activation)]
        made.register_forward_pre_hook(lambda module, given: inputs.append(given[0].clone()))
        return made

    made = task(model=watching)
    run_trial(made, plan())
    run_trial(made, plan(activation="tanh"))
    assert len(seen["relu"]) == len(seen["tanh"]) > 10
    assert all(torch.equal(a, b) for a, b in zip(seen["relu"], seen["tanh"], strict=True))


def test_digits_initial_weights_are_paired_up_to_the_gain() -> None:
    made = build("digits", "shallow")
    relu = made.model(ModelFactory("relu"), 5)
    leaky = made.model(ModelFactory("leaky_relu(negative_slope=1/3)"), 5)
    ratio = leaky[0].weight / relu[0].weight  # type: ignore[index]
    assert torch.allclose(ratio, torch.full_like(ratio, (2 / (1 + 1 / 9) / 2) ** 0.5), atol=1e-5)
    assert torch.equal(relu[-1].weight, leaky[-1].weight)  # type: ignore[index]


@pytest.mark.parametrize("preset", PRESETS["digits"])
def test_digits_learn(preset: str) -> None:
    made = build("digits", preset)
    done = run_trial(made, plan(learning_rate=0.003, recipe=asdict(replace(made.recipe, epochs=12))))
    assert done.status == "finished"
    assert done.score is not None
    assert done.score > 0.7  # the largest class has a share of 0.1
    assert len(done.layers) == {"shallow": 2, "deep": 24}[preset]


def test_epochs_are_recorded() -> None:
    done = run_trial(task(), plan())
    assert [epoch.epoch for epoch in done.epochs] == [1, 2, 3]
    assert done.layers == ("1",)
    for epoch in done.epochs:
        assert epoch.train_loss is not None
        assert epoch.validation_loss is not None
        assert len(epoch.never_active) == 1
    assert 0 < done.compute_seconds < done.seconds


def test_divergence_is_a_result_and_ends_the_run() -> None:
    made = task(train=(X, X[:, :1]), metric="mse", margin=1, model=lambda a, s: torch.nn.Linear(3, 1))
    done = run_trial(made, plan(learning_rate=1e6, recipe=asdict(Recipe(epochs=50, batch_size=4))))
    assert done.status == "diverged"
    assert done.score == made.score_if_diverged(made.parts(_streams(3)[0])[1])
    assert done.epochs[-1].train_loss is None
    assert len(done.epochs) < 50


def test_nan_outputs_do_not_pass_for_a_class() -> None:
    class Nan(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            clean = self.weight * x[:, :2]
            return clean if self.training else clean * torch.nan

    done = run_trial(task(model=lambda a, s: Nan()), plan(phase="final"))
    assert done.status == "diverged"


def test_what_the_task_raises_is_recorded() -> None:
    def broken(activation: Any, seed: int) -> torch.nn.Module:
        raise ValueError("no\nluck")

    done = run_trial(task(model=broken), plan())
    assert (done.status, done.score) == ("failed", None)
    assert done.error is not None
    assert done.error.startswith("ValueError: no luck (")
    assert "test_train.py" in done.error


def test_one_thread_computes_and_the_setting_comes_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen: list[int] = []

    def watching(activation: Any, seed: int) -> torch.nn.Module:
        seen.append(torch.get_num_threads())
        return model(activation, seed)

    try:
        run_trial(task(model=watching), plan())
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_a_last_batch_of_one_is_left_out() -> None:
    def normed(activation: Any, seed: int) -> torch.nn.Module:
        return torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), activation(), torch.nn.Linear(4, 2)
        )

    made = task(model=normed, train=(X[:29], np.arange(29) % 2), test=(X, np.zeros(90, int)))
    assert len(made.parts(0)[0]) == 23
    done = run_trial(made, plan(recipe=asdict(Recipe(epochs=2, batch_size=22))))
    assert done.status == "finished"


def test_early_stopping_scores_the_best_epochs_weights() -> None:
    recipe = Recipe(epochs=40, batch_size=16, early_stopping=3)
    done = run_trial(task(), plan(recipe=recipe.record(), learning_rate=0.5))
    assert done.restored_epoch is not None
    assert len(done.epochs) in (done.restored_epoch + 3, 40)
    scores = [epoch.validation_score or 0.0 for epoch in done.epochs]
    assert scores.index(max(scores)) + 1 == done.restored_epoch
    assert done.score == done.validation_score == max(scores)
    short = Recipe(epochs=done.restored_epoch, batch_size=16)
    final = run_trial(task(), plan(recipe=recipe.record(), learning_rate=0.5, phase="final"))
    same = run_trial(task(), plan(recipe=short.record(), learning_rate=0.5, phase="final"))
    assert final.score == same.score
    assert final.never_active == same.never_active
    assert Trial.from_json(final.to_json()) == final


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adamw"},
        {"schedule": "one_cycle"},
        {"weight_decay": 0.1},
        {"initialisation": "lsuv"},
        {"clip_grad_norm": 0.01},
    ],
)
def test_what_a_recipe_changes_changes_the_run_and_repeats_bit_for_bit(change: dict[str, Any]) -> None:
    recipe = Recipe(epochs=3, batch_size=16)
    there = plan(recipe=replace(recipe, **change).record())
    first = run_trial(task(), there)
    assert first.status == "finished"
    assert numbers(run_trial(task(), there)) == numbers(first)
    assert numbers(run_trial(task(), plan(recipe=recipe.record()))) != numbers(first)


def test_bytes_kept_for_backward_are_those_of_one_batch() -> None:
    def narrow(activation: Any, seed: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(3, 6), activation(), torch.nn.Linear(6, 1))

    def squares(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs - targets).square().mean()

    made = task(model=narrow, train=(X, X[:, :1]), metric="mse", loss=squares, margin=0.1)
    # What the activation keeps and its output, which the next layer keeps, are one tensor of 16 samples for ReLU;
    # then come the differences that the square keeps. SiLU keeps its input as well.
    assert run_trial(made, plan()).saved_bytes == 4 * 16 * (6 + 1)
    assert run_trial(made, plan(activation="silu")).saved_bytes == 4 * 16 * (6 + 6 + 1)
