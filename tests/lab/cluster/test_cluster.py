"""Studies on a cluster: the same numbers as at home, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import leaky
from leaky.lab.store import Store
from leaky.records import Study, Trial

SHORT: dict[str, Any] = {"tuning_seeds": 1, "learning_rates": [0.1], "progress": False}

DYING = """
import os, pathlib, signal

def model(activation, seed):
    mark = pathlib.Path({folder!r}) / "died"
    if os.getpid() != {driver} and str(activation) == "tanh" and ({always} or not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(activation, seed)
"""


def numbers(study: Study) -> dict[str, tuple[Any, ...]]:
    """All of every trial that does not tell when and how fast it was computed."""
    return {
        t.plan.key: (t.status, t.score, t.validation_score, t.epochs, t.layers, t.metrics, t.learned)
        for t in study.trials
    }


def stored(path: Path) -> dict[str, Trial]:
    with Store(path) as store:
        return {trial.plan.key: trial for trial in store.trials()}


def test_the_same_numbers_as_on_this_machine(tiny_task: str, tmp_path: Path, address: str) -> None:
    asked: dict[str, Any] = {"activations": ["relu", "elu"], "seeds": 3, **SHORT}
    here = leaky.lab.compare(tiny_task, store=tmp_path / "here.db", workers=1, **asked)
    there = leaky.lab.compare(tiny_task, store=tmp_path / "there.db", executor=address, **asked)
    assert numbers(here) == numbers(there)
    assert here.arms == there.arms
    assert there.environment["executor"] == "dask, 2 processes"


@pytest.mark.parametrize("first", ["here", "there"])
def test_a_study_begun_in_one_place_is_finished_in_the_other(
    tiny_task: str, tmp_path: Path, address: str, first: str
) -> None:
    places: list[dict[str, Any]] = [{"workers": 1}, {"executor": address}]
    begin, end = places if first == "here" else reversed(places)
    asked: dict[str, Any] = {"activations": ["relu", "elu"], "store": tmp_path / "s.db", **SHORT}
    begun = leaky.lab.compare(tiny_task, seeds=2, **begin, **asked)
    ended = leaky.lab.compare(tiny_task, seeds=4, **end, **asked)
    assert ended.reused == len(begun.trials) == 6
    whole = leaky.lab.compare(tiny_task, seeds=4, workers=1, **{**asked, "store": tmp_path / "whole.db"})
    assert numbers(ended) == numbers(whole)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("always", [False, True])
def test_a_trial_whose_worker_is_killed_is_tried_once_more(
    changed_task: Any, tmp_path: Path, address: str, always: bool
) -> None:
    task = changed_task(DYING.format(folder=str(tmp_path), driver=os.getpid(), always=always))
    asked: dict[str, Any] = {"seeds": 2, "store": tmp_path / "s.db", **SHORT}
    study = leaky.lab.compare(task, ["relu", "tanh", "elu"], executor=address, **asked)
    outcome = {(t.plan.activation, t.plan.phase, t.plan.seed): t for t in stored(tmp_path / "s.db").values()}
    failed = {key for key, trial in outcome.items() if trial.status == "failed"}
    assert failed == ({("tanh", "tuning", 0)} if always else set())
    assert len(outcome) == 3 * 3 - (2 if always else 0)
    if always:
        assert "the worker process died, twice" in str(outcome["tanh", "tuning", 0].error)
        assert [arm.verdict for arm in study.arms if arm.activation == "tanh"] == ["no result"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_worker_killed_from_outside_costs_nothing(tiny_task: str, tmp_path: Path, cluster: Any) -> None:
    store = tmp_path / "s.db"
    with cluster.get_client() as client:
        workers = list(client.run(os.getpid).values())

        def kill_one() -> None:
            while not store.exists() or not stored(store):
                time.sleep(0.01)
            os.kill(workers[0], signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        study = leaky.lab.compare(
            tiny_task, ["relu", "elu"], seeds=6, epochs=40, store=store, executor=client, **SHORT
        )
        killer.join()
        assert workers != list(client.run(os.getpid).values())
    assert [trial.status for trial in study.trials] == ["finished"] * 14


def test_a_worker_that_cannot_load_the_task_gets_the_drivers(
    tiny_task: str, tmp_path: Path, address: str
) -> None:
    path = Path(tiny_task.rpartition(":")[0])
    (path.parent / "beside_it.py").write_text("WIDTH = 8\n\ndef width():\n    return WIDTH\n")
    text = path.read_text().replace("Linear(4, 8)", "Linear(4, width())")
    text = f"import os\nfrom beside_it import width\n{text}".replace(
        "def build():",
        f"def build():\n    if os.getpid() != {os.getpid()}:\n        raise OSError('no such data')",
    )
    path.write_text(text)
    study = leaky.lab.compare(
        tiny_task, ["relu"], seeds=2, store=tmp_path / "s.db", executor=address, **SHORT
    )
    assert [(trial.status, trial.error) for trial in study.trials] == [("finished", None)] * 3


@pytest.mark.usefixtures("shared_data")
def test_published_data_that_workers_lack_are_sent(tmp_path: Path, address: str) -> None:
    asked: dict[str, Any] = {"budget": "smoke", "seeds": 1, "epochs": 1, **SHORT}
    here = leaky.lab.compare("co2", ["relu"], store=tmp_path / "here.db", workers=1, **asked)
    there = leaky.lab.compare("co2", ["relu"], store=tmp_path / "there.db", executor=address, **asked)
    assert numbers(here) == numbers(there)


def test_a_task_made_in_python(tmp_path: Path, cluster: Any) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3)).astype(np.float32)

    def model(activation: Any, seed: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(3, 4), activation(), torch.nn.Linear(4, 1))

    task = leaky.lab.Task(
        name="plane",
        train=(x, x.sum(1, keepdims=True)),
        model=model,
        metric="mse",
        margin=0.01,
        recipe=leaky.lab.Recipe(epochs=1),
    )
    with cluster.get_client() as client:
        study = leaky.lab.compare(task, ["relu"], seeds=2, store=tmp_path / "s.db", executor=client, **SHORT)
        assert client.status == "running"  # it is its owner's to close
    assert [trial.status for trial in study.trials] == ["finished"] * 3


def test_claims_train_there_and_measure_here(tmp_path: Path, address: str) -> None:
    """One that trains and one that does not: the numbers are those of this machine alone."""
    names = ["too_large", "sparse"]
    here = leaky.lab.run_claims(names, budget="smoke", store=tmp_path / "here.db", workers=1)
    there = leaky.lab.run_claims(names, budget="smoke", store=tmp_path / "there.db", executor=address)
    assert [entry.effects for entry in here] == [entry.effects for entry in there]
    assert all(entry.effects for entry in there)


def trials_with_the_scheduler(client: Any) -> list[str]:
    tasks = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
    return [str(key) for key in tasks if "leaky" in str(key)]


def test_nothing_of_a_study_stays_with_the_scheduler(tiny_task: str, tmp_path: Path, cluster: Any) -> None:
    with cluster.get_client() as client:
        before = client.get_metadata(["leaky"], {})
        leaky.lab.compare(tiny_task, ["relu"], seeds=2, store=tmp_path / "s.db", executor=client, **SHORT)
        left = client.get_metadata(["leaky"])
        assert [left[study] for study in left.keys() - before.keys()] == [0]
        deadline = time.monotonic() + 60
        while (kept := trials_with_the_scheduler(client)) and time.monotonic() < deadline:
            time.sleep(0.05)  # released futures are told of in batches
        assert kept == []


def test_a_search_by_optuna(tiny_task: str, tmp_path: Path, address: str) -> None:
    pytest.importorskip("optuna")
    tuning = leaky.lab.tune(
        tiny_task,
        search="optuna",
        trials=3,
        seeds=1,
        tuning_seeds=1,
        values=[0, 0.1],
        store=tmp_path / "s.db",
        executor=address,
        progress=False,
    )
    assert tuning.search is not None
    assert tuning.search.complete + tuning.search.pruned == 3
