"""Trials on the cores of this machine: loky's worker processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, as_completed
from typing import Any

import loky

_IDLE_SECONDS = 60


class LocalExecutor:
    """loky's worker processes on this machine; they stay for a minute, ready for the next study."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._start()

    def _start(self) -> None:
        # Trials run side by side: one thread each, or they would fight over the cores.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        # Workers of an earlier study do not know where its successor keeps data: another folder, other workers.
        own = {name: value for name, value in os.environ.items() if name.startswith("LEAKY_")}
        self._pool = loky.get_reusable_executor(
            self.workers,
            timeout=_IDLE_SECONDS,
            initializer=_die_with,
            initargs=(os.getpid(),),
            env={**threads, **own},
        )

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start `function(*arguments)` in a worker process."""
        future: Future[Any] = self._pool.submit(function, *arguments)
        return future

    def as_completed(self, futures: Collection[Future[Any]]) -> Iterator[Future[Any]]:
        """Yield the futures as they finish."""
        return as_completed(futures)

    @property
    def slots(self) -> int:
        """One trial more than there are workers, so that none of them waits for the driver."""
        return self.workers + 1

    def restart(self) -> None:
        """A fresh set of workers; what the old ones were at is lost."""
        self.shutdown()
        self._start()

    def shutdown(self) -> None:
        """Kill the workers, whatever they are at."""
        self._pool.shutdown(wait=True, kill_workers=True)


def _die_with(parent: int) -> None:
    """End this worker soon after its driver is gone: a killed study must not go on computing for nobody."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
