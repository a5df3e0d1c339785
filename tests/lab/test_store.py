"""The store keeps what was put, whatever happens around it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from leaky.errors import StoreError
from leaky.lab.store import Store
from leaky.records import Epoch, Trial, TrialPlan


def plan(seed: int = 0) -> TrialPlan:
    return TrialPlan("digits", "deep", "abc", "relu", 0.1, seed, "tuning", {"epochs": 1})


def trial(seed: int = 0, **changes: object) -> Trial:
    made = Trial(
        plan=plan(seed),
        status="finished",
        score=0.1 + 0.2,
        validation_score=0.3,
        epochs=(Epoch(1, 2.5, None, 0.3, (0.0, 0.25)),),
        layers=("1", "3"),
        seconds=1.0,
        compute_seconds=0.9,
        evaluation_seconds=0.05,
        error=None,
        environment={"torch": "2"},
        finished_at="2026-01-01T00:00:00.000+00:00",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_what_was_put_comes_back_to_the_bit(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.put(trial())
    with Store(tmp_path / "s.db") as store:
        assert store.get([plan().key, "unknown"]) == {plan().key: trial()}
        assert store.trials() == [trial()]


def test_a_finished_trial_is_never_overwritten_but_a_failed_one_is(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store.put(trial(status="failed", score=None, error="x"))
        store.put(trial())
        store.put(trial(score=0.9))
        assert [found.score for found in store.trials()] == [0.1 + 0.2]


def test_two_stores_on_one_file_see_each_other(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as one, Store(tmp_path / "s.db") as other:
        one.put(trial(0))
        other.put(trial(1))
        assert len(one.trials()) == len(other.trials()) == 2


def test_write_ahead_log(tmp_path: Path) -> None:
    Store(tmp_path / "s.db").close()
    with sqlite3.connect(tmp_path / "s.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"my thesis" * 1000)
    with pytest.raises(StoreError, match=r"cannot open `.*s\.db` \(file is not a database\); move it away"):
        Store(path)
    assert path.read_bytes() == b"my thesis" * 1000


def test_a_damaged_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with Store(path) as store:
        for seed in range(50):
            store.put(trial(seed))
    damaged = bytearray(path.read_bytes())
    damaged[4096:8192] = b"\xff" * 4096
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"s\.db"):
        Store(path)
    assert path.read_bytes() == bytes(damaged)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is a database of another program"):
        Store(path)
    assert path.read_bytes() == before


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    Store(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="has version 99, this leaky reads version 1"):
        Store(path)


@pytest.mark.parametrize("name", ["no/such/folder/s.db", "."])
def test_a_path_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        Store(tmp_path / name)


def test_reading_a_store_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist; run `leaky compare` first"):
        Store(tmp_path / "s.db", create=False)
    assert not list(tmp_path.iterdir())


def test_the_key_depends_on_all_that_defines_a_trial() -> None:
    changes: list[dict[str, object]] = [
        {"task": "x"},
        {"preset": "x"},
        {"fingerprint": "x"},
        {"activation": "elu"},
        {"learning_rate": 0.2},
        {"seed": 5},
        {"phase": "final"},
        {"recipe": {"epochs": 2}},
    ]
    keys = {replace(plan(), **change).key for change in changes}  # type: ignore[arg-type]
    assert len(keys | {plan().key}) == len(changes) + 1
