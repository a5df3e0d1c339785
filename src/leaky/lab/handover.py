"""A task made in Python on its way to the workers: a pickle, and beside it its arrays, which every worker maps."""

from __future__ import annotations

import copy
import mmap
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import cloudpickle

from leaky.lab.definition import Task

_ALIGNED = 64
"""Bytes that arrays begin at a multiple of, as vector instructions like them."""


def write(task: Task, path: Path) -> None:
    """Write the task to `path`, and its arrays once, however many workers there will be, beside it."""
    content, buffers = packed(task)
    spans: list[tuple[int, int]] = []
    with _arrays(path).open("wb") as file:
        for buffer in buffers:
            raw = buffer.raw()
            file.write(bytes(-file.tell() % _ALIGNED))
            spans.append((file.tell(), raw.nbytes))
            file.write(raw)
    path.write_bytes(pickle.dumps((spans, content)))


def packed(task: Task, beside: Path | None = None) -> tuple[bytes, list[pickle.PickleBuffer]]:
    """The pickle of a task and, apart from it, its arrays.

    Modules in the folder `beside`, which another machine may not have, go along.
    """
    bare = copy.copy(task)
    for part in ("train", "validation", "test"):  # as they were given: the task holds them as tensors
        object.__setattr__(bare, part, None)
    buffers: list[pickle.PickleBuffer] = []
    with _by_value(beside):
        content = cloudpickle.dumps(bare, protocol=5, buffer_callback=buffers.append)
    return content, buffers


@contextmanager
def _by_value(folder: Path | None) -> Iterator[None]:
    own = (
        []
        if folder is None
        else [module for module in list(sys.modules.values()) if _lies_in(folder, module)]
    )
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _lies_in(folder: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if not file or not Path(file).is_relative_to(folder):
        return False
    installed = {"site-packages", "dist-packages"} & set(
        Path(file).parts
    )  # a virtual environment beside the file
    return not installed and module.__name__ != "__main__" and module.__name__.partition(".")[0] != "leaky"


def read(path: Path) -> Task:
    """The task written to `path`, its arrays mapped copy-on-write: processes share the pages of the file."""
    spans, content = pickle.loads(path.read_bytes())
    view = memoryview(b"")
    if _arrays(path).stat().st_size:
        with _arrays(path).open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    task: Task = pickle.loads(content, buffers=[view[start : start + length] for start, length in spans])
    return task


def _arrays(path: Path) -> Path:
    return path.with_suffix(".arrays")
