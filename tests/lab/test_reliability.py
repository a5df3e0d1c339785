"""Full disks, killed workers, two studies at once: nothing finished is lost, and one line says what to do.

A limit on the size of files stands for a full disk: the system refuses to write what lies beyond it.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leaky.errors import StoreError
from leaky.lab.store import Store
from leaky.records import Trial, TrialPlan

resource = pytest.importorskip("resource", reason="this system has no limits on the size of files")

COMMAND = [sys.executable, "-c", "from leaky.cli import main; main()"]
TOTAL = 2 * (2 * 3 + 4)


def study(task: str, *more: str) -> list[str]:
    activations = ["--activation", "relu", "--activation", "elu"]
    return [*COMMAND, "compare", "--task", task, *activations, "--seeds", "4", *more]


def limited(size: int) -> Callable[[], None]:
    """What a child process calls first: its files may grow to `size` bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def done(
    command: list[str], folder: Path, prepare: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, preexec_fn=prepare
    )


def rows(path: Path) -> dict[str, str]:
    """Key to time of finishing; nothing where there is no store yet."""
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            return dict(database.execute("SELECT key, finished_at FROM trials"))
    except sqlite3.OperationalError:
        return {}


def put(store: Store, seed: int) -> None:
    plan = TrialPlan("digits", "deep", "abc", "relu", 0.1, seed, "tuning", {"epochs": 1})
    moment = "2026-01-01T00:00:00.000+00:00"
    store.put(Trial(plan, "finished", 0.5, 0.5, (), ("x" * 2_000,), 1.0, 1.0, 0.0, None, {}, moment))


def put_many(store: Store, count: int) -> None:
    for seed in range(count):
        put(store, seed)


def test_a_disk_that_fills_up_during_a_study_loses_nothing(tiny_task: str, tmp_path: Path) -> None:
    store = tmp_path / "leaky.db"
    full = done(study(tiny_task, "--workers", "1"), tmp_path, limited(100_000))
    assert full.returncode == 2
    *_, told = full.stderr.splitlines()
    assert told.startswith(f"leaky: store: cannot write `{store}` (")
    assert told.endswith("free some space; what is finished is kept, and the same command goes on from there")
    assert "Traceback" not in full.stderr
    kept = rows(store)
    assert 0 < len(kept) < TOTAL

    again = done(study(tiny_task, "--workers", "1"), tmp_path)
    assert again.returncode == 0, again.stderr
    after = rows(store)
    assert len(after) == TOTAL
    assert kept.items() <= after.items()


def test_a_store_that_is_full_keeps_what_it_has(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store:
        store._database.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match=r"cannot write `.*` \(database or disk is full\); free some"):
            put_many(store, 100)
        kept = len(store.trials())
        assert 0 < kept < 100
        store._database.execute("PRAGMA max_page_count = 1000")
        put(store, 1_000)  # goes on once there is space
    with Store(tmp_path / "s.db") as store:
        assert len(store.trials()) == kept + 1


def test_a_store_that_another_program_holds(tmp_path: Path) -> None:
    with Store(tmp_path / "s.db") as store, sqlite3.connect(tmp_path / "s.db") as other:
        store._database.execute("PRAGMA busy_timeout = 10")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"\(database is locked\); another program holds it; run again"):
            put(store, 1)


@pytest.mark.parametrize("version", [0, 2])
def test_a_store_of_another_version_is_refused_and_not_touched(tmp_path: Path, version: int) -> None:
    path = tmp_path / "s.db"
    Store(path).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=f"version {version}, this leaky reads version 1; use the leaky that"
    ):
        Store(path)
    assert path.read_bytes() == before


def test_two_studies_on_one_store_at_once(tiny_task: str, tmp_path: Path) -> None:
    command = study(tiny_task, "--workers", "1", "--json")
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outcomes = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], outcomes
    assert len(rows(tmp_path / "leaky.db")) == TOTAL
    arms = [json.loads(printed)["arms"] for printed, _ in outcomes]
    assert arms[0] == arms[1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_worker_that_is_killed_costs_nothing(tiny_task: str, tmp_path: Path) -> None:
    store = tmp_path / "leaky.db"
    command = study(tiny_task, "--epochs", "40", "--workers", "2")
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        deadline = time.monotonic() + 90
        while len(rows(store)) < 3:
            assert time.monotonic() < deadline, "the study never got going"
            time.sleep(0.01)
        listing = subprocess.run(
            ["ps", "-e", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        workers = [
            int(pid)
            for pid, parent, args in (line.split(maxsplit=2) for line in listing.stdout.splitlines())
            if int(parent) == run.pid and "LokyProcess" in args
        ]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        _, told = run.communicate(timeout=120)
    assert run.returncode == 0, told
    with Store(store) as opened:
        assert [trial.status for trial in opened.trials()] == ["finished"] * TOTAL


@pytest.mark.usefixtures("shared_data")
def test_features_that_do_not_fit_are_not_kept_by_half(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEAKY_CACHE_DIR", str(tmp_path / "cache"))
    command = [*COMMAND, "compare", "--task", "co2", "--budget", "smoke", "--activation", "relu"]
    full = done(command, tmp_path, limited(50_000))
    assert (full.returncode, full.stderr.count("\n")) == (2, 1)
    assert full.stderr.startswith(
        f"leaky: data: no space left for the features of co2 in `{tmp_path / 'cache'}`;"
    )
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".npy"]


@pytest.mark.parametrize("arguments", [("list",), ("list", "--json")])
def test_output_that_does_not_fit(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert told.stderr.startswith(
        "leaky: output: cannot be written (No space left on device); free some space"
    )
