"""From what a user names as a task to a Task, here and in every worker process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from leaky import loading
from leaky.errors import ArgumentError, TaskError, one_line, unknown_name
from leaky.lab import handover, tasks
from leaky.lab.definition import Task


class Source(Protocol):
    """What a worker loads a task from."""

    def load(self) -> Task:
        """The task."""
        ...


@dataclass(frozen=True)
class TaskSource:
    """Where a task comes from: a name that any process on this machine can load it by.

    `digest` is of the file's content, so that a worker which saw an earlier version reads it again.
    """

    kind: str
    name: str
    preset: str = ""
    digest: str = ""
    budget: str = ""

    def load(self) -> Task:
        """The task; loaded once in a process, as long as its file stays the same."""
        return _load(self)

    def unchanged(self) -> bool:
        """Whether the file, where there is one, is on this machine and says what it said to the driver."""
        file = self.file
        return file is None or (file.is_file() and _digest(file) == self.digest)

    @property
    def file(self) -> Path | None:
        """The file that the task is read from; None for a built-in one."""
        if self.kind == "builtin":
            return None
        return Path(self.name if self.kind == "pickle" else self.name.rpartition(":")[0])


def task_source(task: str | Task, preset: str | None, scratch: Path, budget: str | None = None) -> TaskSource:
    """The source for a built-in name or field, `path/to/file.py:function`, or a Task made in Python.

    The latter is written into the folder `scratch`, where the workers find it.
    """
    if isinstance(task, Task):
        _only_built_in(task.name, preset=preset, budget=budget)
        path = scratch / "task.pickle"
        try:
            handover.write(task, path)
        except OSError as refused:
            raise TaskError(
                f"task `{task.name}`: cannot be handed to workers in `{scratch.parent}` ({one_line(refused)}); "
                "free some space, or name another folder in TMPDIR"
            ) from refused
        return TaskSource("pickle", str(path), digest=_digest(path))
    if not isinstance(task, str):
        raise ArgumentError(
            f"compare: `task` must be a name, `file.py:function` or a leaky.lab.Task, got {type(task).__name__}"
        )
    file, colon, function = task.rpartition(":")
    if colon and (file.endswith(".py") or not function.endswith(".py")):
        _only_built_in(task, preset=preset, budget=budget)
        path = Path(file).expanduser().resolve()
        if not path.is_file():
            raise TaskError(f"task: no file `{path}`; write `path/to/file.py:function`")
        return TaskSource("file", f"{path}:{function}", digest=_digest(path))
    if task.endswith(".py"):
        raise ArgumentError(f"task: `{task}` names no function; write `{task}:build`")
    task = tasks.ALIASES.get(task, task)
    if task not in tasks.PRESETS:
        error = unknown_name("task", task, [*tasks.PRESETS, *tasks.ALIASES])
        raise type(error)(f"{error}; a task of your own is named `path/to/file.py:function`")
    presets = tasks.PRESETS[task]
    if preset is not None and preset not in presets:
        raise unknown_name(f"preset of task `{task}`:", preset, presets)
    if budget is not None and budget not in tasks.BUDGETS:
        raise unknown_name("budget", budget, tasks.BUDGETS)
    return TaskSource("builtin", task, preset or presets[0], budget=budget or tasks.DEFAULT_BUDGET)


def fingerprint(source: TaskSource, task: Task) -> str:
    """The task's own, and for a task file its whole content: what `model` names elsewhere in it counts too."""
    content = source.digest if source.kind == "file" else ""
    return hashlib.sha256(f"{task.fingerprint()} {content}".encode()).hexdigest()[:24]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _only_built_in(task: str, **given: str | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(f"task: `{name}` is for built-in tasks; `{task}` has none, leave it out")


@lru_cache(maxsize=4)
def _load(source: TaskSource) -> Task:
    if source.kind == "builtin":
        return tasks.build(source.name, source.preset, source.budget or tasks.DEFAULT_BUDGET)
    if source.kind == "pickle":
        return handover.read(Path(source.name))
    file, _, function = source.name.rpartition(":")
    return _call(file, function)


def _call(file: str, function: str) -> Task:
    made = loading.load(file, function, "task", TaskError, Task)
    if not isinstance(made, Task):
        raise TaskError(
            f"task: `{function}` in `{file}` must return a leaky.lab.Task, got {type(made).__name__}"
        )
    return made
