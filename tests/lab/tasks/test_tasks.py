"""The built-in tasks by name, field, preset and budget."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from leaky.errors import ArgumentError, UnknownNameError
from leaky.lab.loading import task_source
from leaky.lab.tasks import ALIASES, BUDGETS, FIELDS, PRESETS, build


def test_a_field_stands_for_its_first_task(tmp_path: Path) -> None:
    for field, tasks in FIELDS.items():
        source = task_source(field, None, tmp_path)
        assert source == task_source(next(iter(tasks)), None, tmp_path)
        assert (source.name, source.preset, source.budget) == (ALIASES[field], tasks[source.name][0], "small")
    assert ALIASES["image_classification"] == "digits"
    assert ALIASES["object_detection"] == "bccd"


def test_names_are_one_of_a_kind() -> None:
    names = [*PRESETS, *FIELDS]
    assert len(names) == len(set(names)) == sum(map(len, FIELDS.values())) + len(FIELDS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("digits", None, "tiny"), "unknown budget `tiny`: known are full, small, smoke"),
        (("digits", None, "smal"), "unknown budget `smal`: did you mean `small`?"),
        (("fashion_mnst", None, None), "unknown task `fashion_mnst`: did you mean `fashion_mnist`?"),
        (
            ("object_detectoin", None, None),
            "unknown task `object_detectoin`: did you mean `object_detection`?",
        ),
        (
            ("fashion_mnist", "resnet9", None),
            "unknown preset of task `fashion_mnist`: `resnet9`: did you mean `resnet8`?",
        ),
    ],
)
def test_names_that_nobody_knows(
    arguments: tuple[str, str | None, str | None], told: str, tmp_path: Path
) -> None:
    task, preset, budget = arguments
    with pytest.raises(UnknownNameError) as caught:
        task_source(task, preset, tmp_path, budget)
    assert str(caught.value).startswith(told)


def test_a_budget_is_for_built_in_tasks(tiny_task: str, tmp_path: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"task: `budget` is for built-in tasks; `.*` has none, leave it out"
    ):
        task_source(tiny_task, None, tmp_path, "smoke")


@pytest.mark.parametrize("preset", PRESETS["digits"])
def test_budgets_of_the_digits_differ_in_epochs(preset: str) -> None:
    tasks = [build("digits", preset, budget) for budget in BUDGETS]
    assert [task.recipe.epochs for task in tasks] == [4, 30, 100]
    assert set(tasks[0].learning_rates) < set(tasks[1].learning_rates) == set(tasks[2].learning_rates)
    assert len({task.fingerprint() for task in tasks}) == 1
    recipes = {dataclasses.replace(task.recipe, epochs=1) for task in tasks}
    assert len(recipes) == 1


def test_the_guide_has_every_field_task_and_preset() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "tasks.md").read_text()
    for field, tasks in FIELDS.items():
        section = guide.partition(f"\n## {field.replace('_', ' ').capitalize()}\n")[2].partition("\n## ")[0]
        for name in (*tasks, *(preset for presets in tasks.values() for preset in presets)):
            assert f"`{name}`" in section, f"{field}: {name}"
