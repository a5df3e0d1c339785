"""A task on its way to a worker that cannot load it by name: no such file there, or no such data."""

from __future__ import annotations

import hashlib
import pickle
from functools import lru_cache

from leaky.lab import handover
from leaky.lab.definition import Task
from leaky.lab.loading import TaskSource, fingerprint


class SentTask:
    """A task packed by the driver; Dask moves it from worker to worker, and each process unpacks it once."""

    def __init__(self, source: TaskSource) -> None:
        folder = source.file.parent if source.kind == "file" and source.file else None
        content, buffers = handover.packed(source.load(), folder)
        self.content = content
        self.buffers = [bytes(buffer.raw()) for buffer in buffers]
        digest = hashlib.sha256(content)
        for part in self.buffers:
            digest.update(part)
        self.digest = digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SentTask) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __sizeof__(self) -> int:
        return len(self.content) + sum(map(len, self.buffers))

    def load(self) -> Task:
        """The task, unpacked once in a process."""
        return _unpacked(self)


@lru_cache(maxsize=2)
def _unpacked(sent: SentTask) -> Task:
    # Into memory that may be written to: torch takes arrays on bytes with a warning only.
    task: Task = pickle.loads(sent.content, buffers=[bytearray(part) for part in sent.buffers])
    return task


@lru_cache(maxsize=8)
def at_hand(source: TaskSource, wanted: str) -> bool:
    """Whether this process can load the task by itself, and finds the data and the model that the driver has."""
    try:
        return source.unchanged() and fingerprint(source, source.load()) == wanted
    except Exception:  # whatever it is, the driver's own task does not depend on it
        return False
