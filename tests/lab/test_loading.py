"""What a user may write for a task, and what is said when it does not work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leaky.errors import ArgumentError, LeakyError, TaskError, UnknownNameError
from leaky.lab.loading import task_source


def load(text: str, tmp_path: Path) -> object:
    return task_source(text, None, tmp_path).load()


def test_a_file_with_a_function(tiny_task: str, tmp_path: Path) -> None:
    assert load(tiny_task, tmp_path).name == "tiny"  # type: ignore[attr-defined]


def test_a_file_may_import_the_files_beside_it(tiny_task: str, tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text("from tiny_task import build")
    assert load(f"{tmp_path / 'outer.py'}:build", tmp_path).name == "tiny"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "def build():\n    raise ValueError('no\\ndata')",
            "`build()` raised ValueError: no data (line 2 of `",
        ),
        ("1 / 0\ndef build(): pass", "raised ZeroDivisionError: division by zero (line 1 of `"),
        ("def build(:", "raised SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)", "raised SystemExit: 3"),
        ("def build(): return 5", "must return a leaky.lab.Task, got int"),
        ("def biuld(): pass", "did you mean `biuld`?"),
        ("def build(x): pass", "`build()` raised TypeError: build() missing 1 required positional argument"),
        ("import nowhere_to_be_found", "raised ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    ],
)
def test_a_file_that_raises(tmp_path: Path, source: str, message: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(LeakyError, match=re.escape(message)) as caught:
        load(f"{path}:build", tmp_path)
    assert "\n" not in str(caught.value)


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=re.escape("unknown task `digist`: did you mean `digits`?")):
        load("digist", tmp_path)
    with pytest.raises(TaskError, match=r"task: no file `.*nowhere\.py`"):
        load("nowhere.py:build", tmp_path)
    with pytest.raises(ArgumentError, match=r"names no function; write `task\.py:build`"):
        load("task.py", tmp_path)


def test_a_task_that_cannot_be_written_for_the_workers(tiny_task: str, tmp_path: Path) -> None:
    made = task_source(tiny_task, None, tmp_path).load()
    with pytest.raises(
        TaskError, match=r"`tiny`: cannot be handed to workers in `.*` \(FileNotFound.*; free some"
    ):
        task_source(made, None, tmp_path / "gone")
