"""What is read off trials, and the learning rates that are chosen by it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from leaky.lab.claims.measures import MEASURES, best_rates, measured
from leaky.records import Epoch, Trial, TrialPlan


def trial(losses: list[float | None], validation: float = 0.5, **changes: Any) -> Trial:
    plan = TrialPlan("made up", "", "", "relu", 0.1, 0, "final", {"epochs": len(losses)})
    epochs = tuple(Epoch(n, loss, validation, None, ()) for n, loss in enumerate(losses, start=1))
    made = Trial(plan, "finished", 0.75, None, epochs, (), 1.0, 1.0, 0.0, None, {}, "")
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ([0.6, 0.4, 0.1, 0.05], 2 + 2 / 3),  # 0.2 is two thirds of the way from 0.4 to 0.1
        ([0.1, 0.05, 0.04, 0.04], 1.0),
        ([0.9, 0.8, 0.7, 0.6], 4.0),
        ([None, None, None, None], 4.0),
    ],
)
def test_epochs_until_it_has_learned(losses: list[float | None], epochs: float) -> None:
    assert 10 ** MEASURES["epochs"](trial(losses)) == pytest.approx(epochs)


def test_what_is_measured_at_the_end() -> None:
    made = trial([0.9, 0.1], at_end={"loss": 0.5, "train_loss": 0.2, "train_score": 0.95})
    found = {name: measured(name, made, higher_is_better=True) for name in MEASURES}
    assert found.pop("gap") == pytest.approx(0.3)
    assert found == {
        "score": 0.75,
        "train_score": 0.95,
        "loss": 0.5,
        "train_loss": 0.2,
        "epochs": MEASURES["epochs"](made),
        "early_loss": 0.9,
    }
    older = trial([0.9])  # a row of a store from before these were kept
    assert math.isnan(MEASURES["train_loss"](older))


def test_a_tenth_of_the_epochs() -> None:
    losses = [float(n) for n in range(1, 41)]
    assert MEASURES["early_loss"](trial(list(losses))) == 4.0
    assert MEASURES["early_loss"](trial([None])) != MEASURES["early_loss"](trial([None]))  # NaN


def test_a_diverged_run_is_the_worst_there_is_and_a_failed_one_no_number() -> None:
    lost = trial([0.9, None], status="diverged", score=0.1)
    found = {name: measured(name, lost, higher_is_better=True) for name in MEASURES}
    assert {name for name, value in found.items() if value == -math.inf} == {"score", "train_score"}
    assert {value for name, value in found.items() if "score" not in name} == {math.inf}
    assert measured("score", lost, higher_is_better=False) == math.inf
    for none in (None, trial([0.9], status="failed", score=None)):
        assert math.isnan(measured("score", none, higher_is_better=True))


def tuned(rate: float, score: float, losses: list[float], validation: float = 0.5, **changes: Any) -> Trial:
    made = trial(list(losses), validation, score=score, **changes)
    return replace(made, plan=replace(made.plan, learning_rate=rate, phase="tuning"))


def test_rates_are_chosen_by_what_is_compared() -> None:
    trials = [
        tuned(0.1, 0.9, [0.8, 0.7], 0.6),
        tuned(0.2, 0.8, [0.8, 0.1], 0.4),
        tuned(0.3, 0.7, [0.5, 0.3], 0.5),
        tuned(0.4, 0.95, [0.1, 0.1], 0.1, status="diverged"),
    ]
    best = {by: best_rates(trials, by, higher_is_better=True)["relu"] for by in ("score", "epochs", "loss")}
    assert best == {"score": 0.1, "epochs": 0.2, "loss": 0.2}
    assert best_rates(trials, "early_loss", higher_is_better=True) == {"relu": 0.3}
    assert best_rates(trials, "score", higher_is_better=False) == {"relu": 0.3}


def test_of_equal_rates_the_lower_validation_loss_is_taken() -> None:
    equal = [tuned(0.1, 0.9, [0.8], 0.6), tuned(0.2, 0.9, [0.8], 0.4), tuned(0.3, 0.9, [0.8], 0.4)]
    assert best_rates(equal, "score", higher_is_better=True) == {"relu": 0.2}
    assert best_rates([replace(equal[0], status="failed", score=None)], "score", higher_is_better=True) == {}
