"""Changes to a task's recipe, as a study and the shell take them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import leaky
from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.lab.recipe import Recipe
from leaky.lab.recipe_changes import changed, changed_fields

BASE = Recipe(batch_size=16, epochs=2)


@pytest.mark.parametrize(
    "changes",
    [
        ["optimizer=sgd", "momentum=0.5", "dropout=0.1"],
        ["momentum = 0.5", "dropout=0.1", "optimizer=sgd"],  # the order does not matter
        {"optimizer": "sgd", "momentum": 0.5, "dropout": 0.1},
        {"momentum": "0.5", "dropout": "0.1", "optimizer": "sgd"},
    ],
)
def test_texts_and_mappings_say_the_same(changes: Any) -> None:
    wanted = Recipe(optimizer="sgd", momentum=0.5, dropout=0.1, batch_size=16, epochs=2)
    assert changed(BASE, changes) == wanted


def test_a_whole_recipe_takes_the_place_of_the_tasks() -> None:
    whole = Recipe(optimizer="adamw")
    assert changed(BASE, whole) == whole
    assert changed(BASE, whole, epochs=7) == whole.changed(epochs=7)
    assert changed_fields(whole) == {}


def test_nothing_changed_is_the_base() -> None:
    assert changed(BASE, None, epochs=None) == BASE
    assert changed(BASE, "initialisation=task") == BASE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("optimiser=adam", "unknown recipe field `optimiser`: did you mean `optimizer`?"),
        ("optimizer=adamw2", "recipe: `optimizer` must be one of sgd, momentum, adagrad, rmsprop, adam, adamw, got"),
        ("optimizer", "recipe: write `field=value`, such as optimizer=adamw, got 'optimizer'"),
        ("schedule=step,cosine", "recipe: `schedule` takes one value, got 'step,cosine'; --vary compares several"),
        (["epochs=1", "epochs=2"], "recipe: `epochs` is given twice; leave one of the two out"),
        ("learning_rate=0.1", "recipe: `learning_rate` is no field of the recipe: it is tuned for every activation"),
        ({"dropout": 2}, "recipe: `dropout` must be at least 0 and below 1, got 2"),
        ({"optimizer": "adam", "momentum": 0.5}, "recipe: `momentum` is of SGD, got optimizer 'adam'"),
    ],
)  # fmt: skip
def test_a_change_that_does_not_fit_is_told(changes: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        changed(BASE, changes)


def test_what_is_no_change_at_all_is_told() -> None:
    with pytest.raises(
        ArgumentTypeError, match=r"give `field=value` texts, a mapping or a leaky\.lab\.Recipe, got int"
    ):
        changed(BASE, 5)  # type: ignore[arg-type]


def test_a_study_trains_and_records_by_them(tiny_task: str, tmp_path: Path) -> None:
    common: dict[str, Any] = {
        "seeds": 2,
        "tuning_seeds": 1,
        "store": tmp_path / "s.db",
        "progress": False,
        "workers": 1,
    }
    plain = leaky.lab.compare(tiny_task, ["tanh"], **common)
    study = leaky.lab.compare(
        tiny_task, ["tanh"], recipe={"optimizer": "adamw", "schedule": "cosine"}, **common
    )
    assert study.reused == 0
    assert study.recipe["optimizer"] == "adamw"
    assert all(trial.plan.recipe["schedule"] == "cosine" for trial in study.trials)
    assert study.trials[0].epochs != plain.trials[0].epochs
    with pytest.raises(
        ArgumentError, match=r"vary: `dropout` is given as well, got 0\.1; leave one of the two out"
    ):
        leaky.lab.compare(tiny_task, ["tanh"], recipe="dropout=0.1", vary="dropout=0,0.2", **common)
    with pytest.raises(
        ArgumentError, match="recipe: `epochs` is given as well, got 3; leave one of the two out"
    ):
        leaky.lab.compare(tiny_task, ["tanh"], recipe="epochs=1", epochs=3, **common)


def test_the_shell_takes_them_and_the_report_shows_them(
    leaky_shell: Any, tiny_task: str, tmp_path: Path
) -> None:
    short = ("--seeds", "2", "--tuning-seeds", "1", "--activation", "tanh", "--json")
    done = leaky_shell(
        "compare", "--task", tiny_task, *short, "--recipe", "optimizer=adamw", "--recipe", "epochs=1"
    )
    assert done.returncode == 0, done.stderr
    study = json.loads(done.stdout)
    assert (study["recipe"]["optimizer"], study["recipe"]["epochs"]) == ("adamw", 1)
    assert "<dd>adamw</dd>" in (tmp_path / "report.html").read_text()
    done = leaky_shell("compare", "--task", tiny_task, *short, "--recipe", "optimizer=adamww")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "leaky: recipe: `optimizer` must be one of sgd" in done.stderr
