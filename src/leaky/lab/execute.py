"""Trials on all cores: an executor that hands out work, and the loop that outlives its workers.

The loop knows three verbs only, `submit`, `as_completed` and `restart`: another engine fits behind them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import BrokenExecutor, Future, as_completed
from datetime import UTC, datetime
from typing import Any, Protocol

import loky

from leaky.errors import StudyError, one_line
from leaky.lab.environment import environment
from leaky.lab.loading import TaskSource
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

Run = Callable[[TaskSource, TrialPlan], Trial]
_IDLE_SECONDS = 60
_FAILED_STARTS = 3


class Executor(Protocol):
    """What an engine must offer. A future of a worker that died raises `BrokenExecutor`."""

    workers: int

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start `function(*arguments)` on some worker."""
        ...

    def as_completed(self, futures: Collection[Future[Any]]) -> Iterator[Future[Any]]:
        """Yield the futures as they finish."""
        ...

    def restart(self) -> None:
        """Make the engine usable again after a worker died."""
        ...

    def shutdown(self) -> None:
        """Kill the workers, whatever they are at."""
        ...


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

    def restart(self) -> None:
        """A fresh set of workers; what the old ones were at is lost."""
        self.shutdown()
        self._start()

    def shutdown(self) -> None:
        """Kill the workers, whatever they are at."""
        self._pool.shutdown(wait=True, kill_workers=True)


def run_all(
    executor: Executor,
    source: TaskSource,
    plans: Collection[TrialPlan],
    finished: Callable[[Trial], None],
    run: Run | None = None,
) -> None:
    """Run every plan and call `finished` with each record as it comes, in the driver.

    A worker that dies takes with it every trial in flight, and nobody can say which one was to blame: so those
    trials are tried once more, one at a time. One that dies again alone is recorded as failed. `run` is what the
    workers do with a plan, by default `run_in_worker`.
    """
    run = run or run_in_worker
    waiting = deque(plans)
    suspects: deque[TrialPlan] = deque()
    running: dict[Future[Any], TrialPlan] = {}
    failed_starts = 0
    while waiting or suspects or running:
        alone = bool(suspects)  # and then nothing else is running
        queue, limit = (suspects, 1) if alone else (waiting, executor.workers + 1)
        try:
            while queue and len(running) < limit:
                running[executor.submit(run, source, queue[0])] = queue[0]
                queue.popleft()
            future = next(executor.as_completed(list(running)))
            error = future.exception()
        except BrokenExecutor as broken:  # it died before it could be given anything
            future, error = None, broken
        if isinstance(error, BrokenExecutor):
            failed_starts = failed_starts + 1 if not running else 0
            if failed_starts == _FAILED_STARTS:
                raise StudyError(f"compare: no worker process can be started ({one_line(error)})") from error
            if alone and running:
                finished(_lost(next(iter(running.values())), error=error))
            else:
                suspects.extend(running.values())
            running.clear()
            executor.restart()
            continue
        failed_starts = 0
        assert future is not None
        plan = running.pop(future)
        # An error here is one of the way back: a record that cannot be pickled, say. The trial's own are in it.
        finished(_lost(plan, error=error) if error else future.result())


def run_in_worker(source: TaskSource, plan: TrialPlan) -> Trial:
    """One trial, in a worker process."""
    return run_trial(source.load(), plan)


def _lost(plan: TrialPlan, *, error: BaseException) -> Trial:
    died = isinstance(error, BrokenExecutor)
    return Trial(
        plan=plan,
        status="failed",
        score=None,
        validation_score=None,
        epochs=(),
        layers=(),
        seconds=0.0,
        compute_seconds=0.0,
        evaluation_seconds=0.0,
        error=f"the worker process died, twice: {one_line(error)}" if died else one_line(error),
        environment=environment(),
        finished_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _die_with(parent: int) -> None:
    """End this worker soon after its driver is gone: a killed study must not go on computing for nobody."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
