"""Comparisons as they are run: the grid's edge, settings of their own, what is read off the trials."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leaky.lab.claims.comparison import Comparison, Setting
from leaky.lab.claims.trained import Found, further_rates, prepared, train
from leaky.lab.definition import Task
from leaky.lab.engine import engine
from leaky.lab.factory import ModelFactory
from leaky.lab.recipe import Recipe
from leaky.lab.store import Store
from leaky.records import Trial, TrialPlan

X = np.random.default_rng(0).normal(size=(60, 3))


def model(activation: ModelFactory, seed: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(3, 4), activation(), torch.nn.Linear(4, 2))


def build(budget: str, *, batch: int = 16) -> Task:
    return Task(
        name="t",
        train=(X, (X[:, 0] > 0).astype(int)),
        model=model,
        recipe=Recipe(epochs=1 if budget == "smoke" else 3, batch_size=batch),
    )


HERE = Setting("here", build, (0.01, 0.1))
ARMS = {"ReLU": "relu", "leaky": "leaky_relu"}


def run(comparison: Comparison, store: Path, budget: str = "small") -> Found:
    with engine(None, 1) as trainers:
        return train(comparison, budget, store, trainers, command="leaky claims made_up", shown=False)


def test_every_setting_has_its_own_seeds_and_arms(tmp_path: Path) -> None:
    there = Setting("there", build, (0.1,), {"batch": 8}, repeats=2, arms={"ELU": "elu"})
    comparison = Comparison((HERE, there), ARMS, repeats=3, tuning=1)
    found = run(comparison, tmp_path / "c.db")
    assert list(found.rows) == [0, 1, 2]
    names = [{name.split(", ", 1)[1] for name in row} for row in found.rows.values()]
    assert names[0] == names[1] == {"ReLU, here", "leaky, here", "ELU, there"}
    assert names[2] == {"ReLU, here", "leaky, here"}
    assert {name.split(", ")[0] for name in found.rows[0]} == {
        *("score", "train_score", "loss", "train_loss", "gap", "epochs", "early_loss")
    }
    assert all(math.isfinite(value) for row in found.rows.values() for value in row.values())
    assert 0 < found.seconds < 60
    assert found.began_at[:2] == "20"
    with Store(tmp_path / "c.db") as store:
        assert [study.command for study in store.studies()] == ["leaky claims made_up"] * 2


def test_a_run_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison, put = Comparison((HERE,), ARMS, repeats=2, tuning=1), Store.put
    written: list[str] = []

    def counting(self: Store, trial: Trial) -> None:
        put(self, trial)
        written.append(trial.plan.key)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Store, "put", counting)
    with pytest.raises(KeyboardInterrupt):
        run(comparison, tmp_path / "c.db")
    first = run(comparison, tmp_path / "c.db")
    assert len(written) == len(set(written))
    count = len(written)
    assert run(comparison, tmp_path / "c.db") == first
    assert len(written) == count


def test_an_arm_at_the_edge_has_one_rate_more(tmp_path: Path) -> None:
    """Rates far too small: the largest is best, and so is the one a factor of 3 beyond it."""
    comparison = Comparison((replace(HERE, rates=(1e-5, 1e-4)),), ARMS, repeats=2, tuning=1, tuned_on="loss")
    found = run(comparison, tmp_path / "c.db")
    assert found.at_edge == ["ReLU, here", "leaky, here"]
    assert (
        "ReLU was best at the edge of its learning rates, 0.0003, though one more was tried" in found.notes[0]
    )
    with Store(tmp_path / "c.db") as store:
        final = [trial for trial in store.trials() if trial.plan.phase == "final"]
    assert {trial.plan.learning_rate for trial in final} == {3e-4}


def test_rates_beyond_the_edges() -> None:
    with prepared(Comparison((HERE,), ARMS), replace(HERE, rates=(0.3, 0.01, 0.1)), "small") as (_, design):
        assert further_rates(design, {"a": 0.01, "b": 0.1, "c": 0.3}) == {"a": 0.00333333, "c": 0.9}
        assert design.learning_rates == (0.01, 0.1, 0.3)
    with prepared(Comparison((HERE,), ARMS), HERE, "smoke") as (_, design):
        assert further_rates(design, {"a": 0.1}) == {}  # one rate has no edge


def test_definitions_say_what_the_trials_depend_on() -> None:
    made = Comparison((HERE,), ARMS, repeats=3, tuning=1)
    same = Comparison((replace(HERE, rates=(0.1, 0.01)),), dict(ARMS), repeats=3, tuning=1)
    assert made.definition("small") == same.definition("small")
    for other in (
        replace(made, repeats=4),
        replace(made, tuning=2),
        replace(made, tuned_on="loss"),
        replace(made, arms={"ReLU": "relu"}),
        replace(made, settings=(replace(HERE, repeats=4),)),
        replace(made, settings=(replace(HERE, arms={"ELU": "elu"}),)),
        replace(made, settings=(replace(HERE, recipe={"weight_decay": 0.1}),)),
        replace(made, settings=(replace(HERE, arguments={"batch": 8}),)),
    ):
        assert other.definition("small") != made.definition("small")


def test_what_failed_is_told_and_has_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    get = Store.get

    def failing(self: Store, keys: object) -> dict[str, Trial]:
        found = get(self, keys)  # type: ignore[arg-type]
        return {key: _diverged(trial) for key, trial in found.items()}

    comparison = Comparison((HERE,), ARMS, repeats=2, tuning=1)
    run(comparison, tmp_path / "c.db")
    monkeypatch.setattr(Store, "get", failing)
    found = run(comparison, tmp_path / "c.db")
    assert "2 of 2 runs of leaky diverged (here)." in found.notes
    assert {row["score, leaky, here"] for row in found.rows.values()} == {-math.inf}


def _diverged(trial: Trial) -> Trial:
    plan: TrialPlan = trial.plan
    lost = plan.phase == "final" and plan.activation.startswith("leaky")
    return replace(trial, status="diverged", at_end={}) if lost else trial
