"""A study is made anew from the store, to the last number."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import leaky
from leaky.lab.kept import KeptStudy
from leaky.lab.store import Store

SHORT: dict[str, Any] = {"seeds": 2, "tuning_seeds": 1, "workers": 1, "progress": False}


def anew(path: Path) -> list[Any]:
    with Store(path) as store:
        return [kept.study(kept.outcomes(store.get)) for kept in store.studies()]


def test_a_comparison_comes_back_whole(tiny_task: str, tmp_path: Path) -> None:
    study = leaky.lab.compare(tiny_task, ["relu", "elu"], store=tmp_path / "s.db", **SHORT)
    (again,) = anew(tmp_path / "s.db")
    assert replace(again, reused=study.reused, seconds=study.seconds) == study


def test_a_study_that_varies_the_recipe_comes_back_whole(tiny_task: str, tmp_path: Path) -> None:
    study = leaky.lab.compare(
        tiny_task,
        ["relu", "elu"],
        vary="optimizer=sgd,adam",
        learning_rates=[0.01],
        store=tmp_path / "s.db",
        **SHORT,
    )
    (again,) = anew(tmp_path / "s.db")
    assert replace(again, reused=study.reused, seconds=study.seconds) == study


def test_a_tuning_is_a_study_too(tiny_task: str, tmp_path: Path) -> None:
    tuning = leaky.lab.tune(tiny_task, values=[0.0, 0.1], store=tmp_path / "s.db", **SHORT)
    (again,) = anew(tmp_path / "s.db")
    assert {arm.activation: arm.scores for arm in again.arms} == {
        arm.activation: arm.scores for arm in tuning.study.arms
    }
    assert again.baseline == tuning.study.baseline


def test_the_same_question_is_one_study(tiny_task: str, tmp_path: Path) -> None:
    for activations in (["relu", "elu"], ["relu", "elu"], ["relu"]):
        leaky.lab.compare(tiny_task, activations, store=tmp_path / "s.db", **SHORT)
    with Store(tmp_path / "s.db") as store:
        kept = store.studies()
    assert [each.designs[0].activations for each in kept] == [("relu", "elu(alpha=1.0)"), ("relu",)]
    assert all(each.name == f"tiny-{each.key[:6]}" for each in kept)
    assert KeptStudy.from_json(json.loads(json.dumps(kept[0].to_json()))) == kept[0]


def test_a_store_from_before_has_no_studies_and_still_takes_one(tiny_task: str, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    leaky.lab.compare(tiny_task, ["relu"], store=path, **SHORT)
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE studies")
    database.close()
    assert anew(path) == []
    study = leaky.lab.compare(tiny_task, ["relu"], store=path, **SHORT)
    assert study.reused == len(study.trials)
    assert len(anew(path)) == 1
