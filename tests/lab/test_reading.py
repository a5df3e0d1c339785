"""From studies in a store to what they come to together; and controls, where nothing is to be found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leaky
from leaky.errors import ArgumentError, StudyError
from leaky.lab import statistics
from leaky.lab.control import controls
from leaky.lab.reading import across, stored
from leaky.lab.store import Store
from leaky.records import Arm, Study

SHORT: dict[str, Any] = {"tuning_seeds": 1, "learning_rates": [0.1], "workers": 1, "progress": False}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_task_source: str) -> Path:
    """Four studies: one whose trials are all in the next, its widening, the same on other seeds, one that varies."""
    folder = tmp_path_factory.mktemp("across")
    (folder / "tiny_task.py").write_text(tiny_task_source)
    task, path = f"{folder / 'tiny_task.py'}:build", folder / "leaky.db"
    names = ["relu", "leaky_relu(negative_slope=0)", "tanh"]
    for more in ({"seeds": 3}, {"seeds": 6}, {"seeds": 6, "seed": 1}):
        leaky.lab.compare(task, names, store=path, **more, **SHORT)
    leaky.lab.compare(task, names, seeds=2, vary="optimizer=sgd,adam", store=path, **SHORT)
    return path


def studies(path: Path, *names: str) -> list[tuple[str, Study]]:
    with Store(path) as opened:
        return stored(opened, names)


def test_what_is_part_of_another_is_left_out_unless_named(store: Path) -> None:
    with Store(store) as opened:
        kept = [each.name for each in opened.studies()]
    assert len(kept) == 4
    assert [name for name, _ in studies(store)] == [
        kept[1], kept[2], f"{kept[3]} sgd", f"{kept[3]} adam",
    ]  # fmt: skip
    assert [name for name, _ in studies(store, kept[0])] == [kept[0]]
    assert [name.split()[0] for name, _ in studies(store, "tiny")] == [*kept, kept[3]]


def test_a_name_that_is_not_there(store: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"^report: no study `digits` in `.*`; there are tiny-\w{6}, tiny-"
    ):
        studies(store, "digits")


def test_a_store_without_studies(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "s.db") as opened,
        pytest.raises(StudyError, match=r"run its command again: what is"),
    ):
        stored(opened)


def test_together(store: Path) -> None:
    found = across(studies(store))
    assert found.baseline == "relu"
    assert set(found.common) == set(found.activations) == {
        "relu", "tanh", "leaky_relu(negative_slope=0.0)",
    }  # fmt: skip
    relu, same = (next(o for o in found.overall if o.activation == n) for n in found.common if n != "tanh")
    assert relu.score == same.score  # one function under two names
    assert all(0 <= o.score.low <= o.score.high <= 1 for o in found.overall)
    assert {o.probability is None for o in found.overall if o.activation == "relu"} == {True}
    for profile in found.profiles:
        assert profile.shares[-1] == 0  # nothing is better than the best
        assert list(profile.shares) == sorted(profile.shares, reverse=True)
    costs = {(c.study, c.activation): c for c in found.costs}
    for name, study in found.studies:
        assert costs[name, "relu"].time == costs[name, "relu"].saved == 1.0
        # F.leaky_relu keeps its input, relu and tanh their output, which the next layer keeps anyway
        assert costs[name, "tanh"].saved == 1.0
        arm = next(arm for arm in study.arms if arm.activation == "tanh")
        gain = costs[name, "tanh"].gain
        assert gain is not None
        assert arm.improvement is not None
        assert gain.estimate == pytest.approx(arm.improvement.estimate / study.margin)


def test_controls_are_found(store: Path) -> None:
    found = across(studies(store)).controls
    kinds = {(control.kind, control.activation) for control in found}
    assert ("halves", "tanh") in kinds
    renamed = [control for control in found if control.kind == "another name"]
    assert renamed
    assert {control.against for control in renamed} == {"leaky_relu(negative_slope=0.0)"}
    assert {(c.verdict, c.change.low, c.change.high) for c in renamed} == {
        ("no practical difference", 0.0, 0.0)
    }
    others = [control for control in found if control.kind == "other seeds"]
    assert {control.activation for control in others} == {"relu", "tanh", "leaky_relu(negative_slope=0.0)"}
    assert all(control.pairs == 6 for control in others)
    halves = [control for control in found if control.kind == "halves"]
    assert {control.splits for control in halves} == {20}


def pretended(scores: np.ndarray[Any, Any], study: Study) -> Study:
    arm = study.arms[0]
    made: Arm = replace(
        arm, scores=tuple(map(float, scores)), seeds=tuple(range(len(scores))),
        score=statistics.interquartile_mean(scores), diverged=0,
    )  # fmt: skip
    return replace(study, arms=(made,), margin=0.0)


def test_halves_of_the_same_raise_few_alarms_and_a_drift_raises_one(store: Path) -> None:
    study = studies(store)[0][1]
    rng = np.random.default_rng(3)
    quiet = [controls([("s", pretended(rng.normal(0.9, 0.01, 10), study))])[0] for _ in range(25)]
    assert sum(c.alarms for c in quiet) / sum(c.splits for c in quiet) < 0.08
    assert sum(c.verdict in ("better", "worse") for c in quiet) <= 4
    drift = np.concatenate((rng.normal(0.8, 0.005, 5), rng.normal(0.9, 0.005, 5)))
    assert controls([("s", pretended(drift, study))])[0].verdict == "worse"
