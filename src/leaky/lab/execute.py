"""Trials side by side: what an engine must offer, and the loop that outlives its workers.

The loop knows three verbs only, `submit`, `as_completed` and `restart`: `leaky.lab.local` stands behind them for the
cores of this machine, `leaky.lab.cluster` for those of many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import Any, Protocol

from leaky.errors import StudyError, one_line
from leaky.lab.environment import environment, now
from leaky.lab.loading import Source, TaskSource
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan

Run = Callable[[Source, TrialPlan], Trial]
_FAILED_STARTS = 3


class WorkerDiedError(Exception):
    """The worker processes that had this trial, and no other, died each time it was tried."""


class Executor(Protocol):
    """What an engine must offer.

    A future raises `BrokenExecutor` where a worker's death took all others with it, and `WorkerDiedError` where the
    engine itself has told the guilty trial from the others and tried it again.
    """

    @property
    def slots(self) -> int:
        """How many trials it wants to hold at a time."""
        ...

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
        queue, limit = (suspects, 1) if alone else (waiting, executor.slots)
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


def run_in_worker(source: Source, plan: TrialPlan) -> Trial:
    """One trial, in a worker process."""
    return run_trial(source.load(), plan)


def _lost(plan: TrialPlan, *, error: BaseException) -> Trial:
    died = isinstance(error, BrokenExecutor | WorkerDiedError)
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
        finished_at=now(),
    )
