"""`kill -9` at any moment: the same command finishes the study and repeats nothing that was done."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaky.lab.store import Store

COMMAND = "from leaky.cli import main; main()"


def stored(path: Path) -> dict[str, str]:
    """Keys and finishing times, read while the study runs."""
    if not path.exists():
        return {}
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            return dict(database.execute("SELECT key, finished_at FROM trials"))
    except sqlite3.OperationalError:  # the table is not there yet
        return {}


def processes_in(group: int) -> list[int]:
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [int(pid) for pid, pgid, state in rows if int(pgid) == group and not state.startswith("Z")]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_study_goes_on_where_it_was(tiny_task: str, tmp_path: Path) -> None:
    store = tmp_path / "leaky.db"
    arguments = [
        "compare",
        "--task",
        tiny_task,
        "--activation",
        "relu",
        "--activation",
        "elu",
        "--seeds",
        "6",
    ]
    # Slow enough to be caught in the middle: epochs are the tiny task's only cost.
    command = [sys.executable, "-c", COMMAND, *arguments, "--epochs", "40"]
    study = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    total = 2 * (2 * 3 + 6)
    try:
        deadline = time.monotonic() + 90
        while len(stored(store)) < 4:
            assert time.monotonic() < deadline, "the study never got going"
            assert study.poll() is None, "the study ended before it could be killed"
            time.sleep(0.005)
    finally:
        study.kill()
        study.wait()
    before = stored(store)
    assert 4 <= len(before) < total

    deadline = time.monotonic() + 20
    while processes_in(study.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_in(study.pid) == [], "workers outlived their driver"
    assert stored(store) == before

    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    after = stored(store)
    assert len(after) == total
    assert {key: after[key] for key in before} == before, "a finished trial was computed again"
    with Store(store) as opened:
        assert {trial.status for trial in opened.trials()} == {"finished"}
