"""A study that varies how networks are trained, through the public doors."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import leaky
from leaky.errors import ArgumentError, TaskError
from leaky.records import Study

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def compare(tiny_task: str, tmp_path: Path) -> Any:
    def run(**changes: Any) -> Study:
        arguments: dict[str, Any] = {
            "task": tiny_task,
            "activations": ["tanh"],
            "seeds": 3,
            "tuning_seeds": 1,
            "store": tmp_path / "s.db",
            "progress": False,
            "workers": 1,
            **changes,
        }
        return leaky.lab.compare(**arguments)

    return run


def test_every_activation_is_tuned_and_trained_at_every_level(compare: Any) -> None:
    study = compare(vary={"initialisation": ["he", "xavier"]})
    assert [factor.levels for factor in study.factors] == [("he", "xavier")]
    assert [condition.levels for condition in study.conditions] == [("he",), ("xavier",)]
    assert len(study.trials) == 2 * 2 * (2 * 1 + 3)
    assert study.arms == study.conditions[0].arms
    for condition in study.conditions:
        alone = study.under(condition)
        assert {t.plan.recipe["initialisation"] for t in alone.trials} == {condition.levels[0]}
        assert len(alone.trials) == len(study.trials) // 2
        for arm in condition.arms:
            rates = {
                t.plan.learning_rate: t.score
                for t in alone.trials
                if t.plan.phase == "tuning" and t.plan.activation == arm.activation
            }
            assert arm.learning_rate == max(rates, key=lambda rate: (rates[rate], -rate))
    he, xavier = (
        {t.plan.seed: t.score for t in study.under(c).trials if t.plan.phase == "final"}
        for c in study.conditions
    )
    assert he.keys() == xavier.keys()
    contrast = study.conditions[1].contrast("tanh")
    gain = [c.arm("tanh").improvement.estimate for c in study.conditions]
    assert contrast.change.estimate == pytest.approx(gain[1] - gain[0])


def test_levels_at_the_tasks_own_are_the_trials_of_a_plain_study(compare: Any) -> None:
    plain = compare()
    study = compare(vary="schedule=constant,cosine")
    assert study.reused == len(plain.trials)
    assert study.conditions[0].arms == plain.arms
    assert compare(vary="schedule=constant,cosine").reused == len(study.trials)


def test_two_factors_give_every_combination_and_a_report(compare: Any, tmp_path: Path) -> None:
    study = compare(
        vary=["optimizer=momentum,adam", "schedule=constant,one_cycle"],
        report=tmp_path / "r.html",
        png=tmp_path / "png",
        seeds=2,
    )
    assert [c.levels for c in study.conditions] == [
        ("momentum", "constant"),
        ("momentum", "one_cycle"),
        ("adam", "constant"),
        ("adam", "one_cycle"),
    ]
    assert [len(condition.contrasts) for condition in study.conditions] == [0, 1, 1, 1]
    assert "momentum, adam" in (tmp_path / "r.html").read_text()
    assert sorted(path.name for path in (tmp_path / "png").iterdir())[0] == "1-interaction.png"


def test_a_study_as_json_is_complete(compare: Any) -> None:
    study = compare(vary="clip_grad_norm=none,0.1", activations=["relu"])
    plain = json.loads(json.dumps(study.to_json()))
    assert plain["factors"] == [{"name": "clip_grad_norm", "levels": ["none", "0.1"]}]
    assert plain["conditions"][1]["recipe"]["clip_grad_norm"] == 0.1
    assert plain["conditions"][1]["contrasts"] == []


def test_what_the_model_has_no_place_for_is_told_before_anything_runs(compare: Any, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"its model has no place for `dropout`, got 0\.5"):
        compare(vary="dropout=task,0.5")
    assert not (tmp_path / "s.db").exists()
    with pytest.raises(ArgumentError, match=r"vary: `epochs` is given as well, got 3"):
        compare(vary="epochs=1,2", epochs=3)


def test_an_old_stores_rows_are_read_and_reused(compare: Any, tmp_path: Path) -> None:
    study = compare()
    with sqlite3.connect(tmp_path / "s.db") as database:
        for key, record in database.execute("SELECT key, record FROM trials").fetchall():
            row = json.loads(record)
            for later in ("restored_epoch", "metrics"):
                row.pop(later)
            assert row["recipe"].keys() == {"optimizer", "momentum", "batch_size", "epochs"}
            database.execute("UPDATE trials SET record = ? WHERE key = ?", (json.dumps(row), key))
    assert compare().reused == len(study.trials)


def test_the_shell_prints_the_interaction_of_every_activation_and_level(
    leaky_shell: Shell, tiny_task: str, tmp_path: Path
) -> None:
    common = ("compare", "--task", tiny_task, "--activation", "tanh", "--workers", "1")
    done = leaky_shell(
        *common, "--seeds", "2", "--tuning-seeds", "1", "--vary", "initialisation=he,orthogonal",
        "--report", "r.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "initialisation" in done.stdout
    assert "orthogonal" in done.stdout
    assert "contrast" in done.stdout
    listed = leaky_shell("results", check=True).stdout
    assert listed.count("initialisation=he") == listed.count("initialisation=orthogonal") == 2 * 2
    assert (tmp_path / "r.html").stat().st_size > 10_000
