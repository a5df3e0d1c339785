"""Who runs the trials of a study: the cores of this machine, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from leaky.errors import ArgumentError
from leaky.extras import require
from leaky.lab.execute import Executor
from leaky.lab.local import LocalExecutor

if TYPE_CHECKING:
    from distributed import Client

Named = Union[str, "Client", None]
"""How a user names an executor."""


@dataclass(frozen=True)
class Engine:
    """What a study runs on: `start` makes its executor, once there is something to compute.

    `told` is what progress says of it, `environment` what the study keeps of it, `elsewhere` names the machines of
    its workers that are not this one.
    """

    workers: int
    start: Callable[[], Executor]
    told: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()


@contextmanager
def engine(executor: Named, workers: int | None) -> Iterator[Engine]:
    """The engine of that name, connected; disconnected when the block ends."""
    limit = _checked(workers)
    if executor is None or executor == "local":
        count = limit or _cores()
        yield Engine(count, lambda: LocalExecutor(count), environment={"workers": str(count)})
        return
    require("distributed", "dask", "an executor on a cluster")
    from leaky.lab.cluster import connected

    with connected(executor, limit) as cluster:
        yield cluster


def _checked(workers: int | None) -> int | None:
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ArgumentError(f"compare: `workers` must be a whole number of at least 1, got {workers!r}")
    return workers


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
