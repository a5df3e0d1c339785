"""The shell door: what is printed, what is written, and one line for every mistake."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SHORT = ("--seeds", "2", "--tuning-seeds", "1", "--activation", "relu", "--activation", "tanh")


def test_compare_prints_a_table_and_writes_report_and_plots(
    leaky_shell: Any, tiny_task: str, tmp_path: Path
) -> None:
    done = leaky_shell("compare", "--task", tiny_task, *SHORT, "--png", "plots")
    assert done.returncode == 0, done.stderr
    for text in ("relu", "tanh", "baseline", "report.html", "leaky.db"):
        assert text in done.stdout
    assert "trials" in done.stderr  # progress is told there
    assert "<html" in (tmp_path / "report.html").read_text()
    assert list((tmp_path / "plots").glob("*.png"))


def test_json_prints_the_study_and_nothing_else(leaky_shell: Any, tiny_task: str) -> None:
    done = leaky_shell("compare", "--task", tiny_task, *SHORT, "--json")
    study = json.loads(done.stdout)
    assert [arm["activation"] for arm in study["arms"]] == ["relu", "tanh"]
    assert len(study["trials"]) == 2 * (2 + 2)
    assert study["command"].startswith("leaky compare --task")


def test_results_lists_the_store(leaky_shell: Any, tiny_task: str) -> None:
    leaky_shell("compare", "--task", tiny_task, *SHORT, check=True)
    summary = leaky_shell("results", check=True).stdout
    assert "tuning" in summary
    assert "final" in summary
    lines = leaky_shell("results", "--json", check=True).stdout.splitlines()
    trials = [json.loads(line) for line in lines]
    assert len(trials) == 8
    for trial in trials:
        assert {"key", "activation", "seed", "phase", "score", "finished_at"} <= trial.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--activation", "leky_relu"), "unknown activation `leky_relu`: did you mean `leaky_relu`?"),
        (("--task", "digist"), "unknown task `digist`: did you mean `digits`?"),
        (("--activation", "leaky_relu(negative_slope=nan)"), "`negative_slope` must be finite, got nan"),
        (("--activation", "leaky_relu(negative_slope=inf)"), "`negative_slope` must be finite, got inf"),
        (("--seeds", "0"), "`seeds` must be a whole number of at least 1, got 0"),
        (("--report", "no/such/report.html"), "cannot write"),
        (("--store", "no/such/leaky.db"), "unable to open database file"),
        (("--learning-rate", "-1"), "`learning_rates` must be finite and above 0, got -1"),
        (("--task", "nowhere.py:build"), "no file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    leaky_shell: Any, tiny_task: str, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    task = () if "--task" in arguments else ("--task", tiny_task)
    done = leaky_shell("compare", *task, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("leaky: ")
    assert message in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_debug_shows_the_traceback(leaky_shell: Any) -> None:
    done = leaky_shell("compare", "--task", "digist", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_a_corrupt_store_is_refused_and_kept(leaky_shell: Any, tiny_task: str, tmp_path: Path) -> None:
    (tmp_path / "leaky.db").write_bytes(b"not a database, but mine")
    for command in (("compare", "--task", tiny_task), ("results",)):
        done = leaky_shell(*command)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "file is not a database" in done.stderr
    assert (tmp_path / "leaky.db").read_bytes() == b"not a database, but mine"


def test_a_task_that_raises_loses_nothing_that_was_stored(
    leaky_shell: Any, tiny_task: str, tmp_path: Path
) -> None:
    leaky_shell("compare", "--task", tiny_task, *SHORT, check=True)
    broken = tmp_path / "broken.py"
    broken.write_text("def build():\n    raise RuntimeError('the data moved')\n")
    done = leaky_shell("compare", "--task", f"{broken}:build")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "RuntimeError: the data moved (line 2 of" in done.stderr
    with sqlite3.connect(tmp_path / "leaky.db") as database:
        assert database.execute("SELECT count(*) FROM trials").fetchone() == (8,)


def test_results_without_a_store(leaky_shell: Any, tmp_path: Path) -> None:
    done = leaky_shell("results")
    assert done.returncode == 2
    assert "`leaky.db` does not exist" in done.stderr
    assert not (tmp_path / "leaky.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "--sedes", "3"), "--sedes"),
        (("compare", "--seeds", "1e3"), "'--seeds'"),
        (("comapre",), "comapre"),
    ],
)
def test_wrong_options_are_one_line_too(leaky_shell: Any, arguments: tuple[str, ...], message: str) -> None:
    done = leaky_shell(*arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


def test_no_command_is_the_help(leaky_shell: Any) -> None:
    done = leaky_shell()
    assert done.returncode == 2
    assert "compare" in done.stdout + done.stderr


def test_ctrl_c_says_what_is_kept(tiny_task: str, tmp_path: Path) -> None:
    # a job in a shell's background would inherit to ignore the signal
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listening}; from leaky.cli import main; main()"
    study = subprocess.Popen(
        [sys.executable, "-c", code, "compare", "--task", tiny_task, "--epochs", "2000"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "leaky.db").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    study.send_signal(signal.SIGINT)
    _, told = study.communicate(timeout=60)
    assert study.returncode == 130
    assert "leaky: interrupted; finished trials are in leaky.db, the same command goes on from there" in told
    assert "Traceback" not in told
