"""Workers die; studies do not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import leaky
from leaky.lab.local import LocalExecutor
from leaky.lab.store import Store

DYING = """

import os, pathlib
plain = model

def model(activation, seed):
    mark = pathlib.Path(__file__).with_name("died")
    if os.getpid() != {driver} and str(activation) == "tanh" and ({always} or not mark.exists()):
        mark.touch()
        os._exit(7)
    return plain(activation, seed)
"""


@pytest.fixture
def study(tiny_task: str, tmp_path: Path) -> Any:
    def run(always: bool) -> Any:
        path = Path(tiny_task.rpartition(":")[0])
        source, build = path.read_text().split("def build")
        path.write_text(source + DYING.format(always=always, driver=os.getpid()) + "\ndef build" + build)
        return leaky.lab.compare(
            tiny_task,
            ["relu", "tanh", "elu"],
            seeds=2,
            tuning_seeds=1,
            learning_rates=[0.1],
            workers=2,
            store=tmp_path / "s.db",
            progress=False,
        )

    return run


def test_a_worker_that_dies_once_costs_nothing(study: Any) -> None:
    done = study(always=False)
    assert {trial.status for trial in done.trials} == {"finished"}
    assert len(done.trials) == 3 * 3


def test_a_trial_that_kills_its_worker_twice_is_recorded_as_failed_and_only_that_one(
    study: Any, tmp_path: Path
) -> None:
    done = study(always=True)
    with Store(tmp_path / "s.db") as store:
        outcome = {(t.plan.activation, t.plan.phase, t.plan.seed): t for t in store.trials()}
    failed = {key for key, trial in outcome.items() if trial.status == "failed"}
    assert failed == {("tanh", "tuning", 0)}  # without a learning rate there are no final runs
    assert "the worker process died, twice" in str(outcome["tanh", "tuning", 0].error)
    assert len(outcome) == 3 + 2 * 2
    assert [arm.verdict for arm in done.arms if arm.activation == "tanh"] == ["no result"]
    assert any("tanh has no result" in note for note in done.notes)


def test_workers_look_for_data_where_their_study_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("first", "second"):
        monkeypatch.setenv("LEAKY_CACHE_DIR", folder)
        assert LocalExecutor(1).submit(os.environ.get, "LEAKY_CACHE_DIR").result() == folder
