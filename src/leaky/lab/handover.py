"""A task made in Python on its way to the workers: a pickle, and beside it its arrays, which every worker maps."""

from __future__ import annotations

import copy
import mmap
import pickle
from pathlib import Path

import cloudpickle

from leaky.lab.definition import Task

_ALIGNED = 64
"""Bytes that arrays begin at a multiple of, as vector instructions like them."""


def write(task: Task, path: Path) -> None:
    """Write the task to `path`, and its arrays once, however many workers there will be, beside it."""
    bare = copy.copy(task)
    for part in ("train", "validation", "test"):  # as they were given: the task holds them as tensors
        object.__setattr__(bare, part, None)
    buffers: list[pickle.PickleBuffer] = []
    content = cloudpickle.dumps(bare, protocol=5, buffer_callback=buffers.append)
    spans: list[tuple[int, int]] = []
    with _arrays(path).open("wb") as file:
        for buffer in buffers:
            raw = buffer.raw()
            file.write(bytes(-file.tell() % _ALIGNED))
            spans.append((file.tell(), raw.nbytes))
            file.write(raw)
    path.write_bytes(pickle.dumps((spans, content)))


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
