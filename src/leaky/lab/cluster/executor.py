"""Dask's client behind the three verbs of the loop."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import distributed
from distributed import KilledWorker

from leaky.errors import StudyError
from leaky.lab.cluster.installed import installed
from leaky.lab.cluster.sent import SentTask
from leaky.lab.cluster.work import NotAtHand, work
from leaky.lab.execute import WorkerDiedError
from leaky.lab.loading import TaskSource
from leaky.records import TrialPlan

_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0
_TIMES_LOST = 5
_wait: Any = distributed.wait
_KEPT = "what is finished is in the store, and the same command goes on from there"


@dataclass(eq=False)
class _Job:
    """A trial that Dask has: the future that the loop holds, and Dask's own, which may change."""

    arguments: tuple[Any, TaskSource, TrialPlan]
    outer: Future[Any]
    inner: Any = None
    lost: int = 0


class DaskExecutor:
    """Trials on a Dask cluster.

    Dask itself gives a trial whose worker died to another; the trial counts its tries with the scheduler, so the
    second death is its last, and no other trial suffers for it. A worker loads the task by name where it can, and
    gets the driver's where it cannot.
    """

    def __init__(self, client: Any, name: str, limit: int | None = None) -> None:
        self.client = client
        self.name = name
        self._limit = limit
        self._study = uuid.uuid4().hex
        self._jobs: dict[Future[Any], _Job] = {}
        self._sent: Any = None
        self._alone_since: float | None = None

    @property
    def slots(self) -> int:
        """Two trials a worker, so that none waits for the driver; or the limit that was set."""
        return self._limit or max(1, 2 * self._workers())

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hand `function(source, plan)` to the scheduler."""
        source, plan = arguments
        job = _Job((function, source, plan), Future())
        self._jobs[job.outer] = job
        self._hand_out(job)
        return job.outer

    def as_completed(self, futures: Collection[Future[Any]]) -> Iterator[Future[Any]]:
        """Yield the futures as they finish.

        Raises:
            StudyError: the scheduler is gone, or has had no workers for a minute.
        """
        pending = {self._jobs[future] for future in futures}
        while pending:
            for job in self._ended(pending):
                if self._settled(job):
                    pending.discard(job)
                    del self._jobs[job.outer]
                    yield job.outer

    def restart(self) -> None:
        """Nothing to do: Dask's nannies start dead workers anew."""

    def shutdown(self) -> None:
        """Take back what no worker has begun; what one is at, it finishes for nobody."""
        with suppress(Exception):  # there is nothing to take back where nobody answers
            self.client.cancel([job.inner for job in self._jobs.values()], force=True)
        self._jobs.clear()

    def close(self) -> None:
        """Leave nothing of the study with the scheduler."""
        self.shutdown()
        with suppress(Exception):
            self.client.set_metadata(["leaky", self._study], 0)

    def _hand_out(self, job: _Job) -> None:
        function, source, plan = job.arguments
        self._reconnected()
        job.inner = self.client.submit(
            work, function, source, plan, self._study, installed(), self._sent,
            key=f"leaky-trial-{uuid.uuid4().hex}", pure=False,
        )  # fmt: skip

    def _ended(self, jobs: Collection[_Job]) -> list[_Job]:
        """Those that need no more waiting, for better or worse; none where all went on for a while."""
        if all(job.inner.status == "pending" for job in jobs):
            try:
                _wait([job.inner for job in jobs], timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED")
            except TimeoutError:
                self._look()
            except Exception:  # Dask cancels what it has lost: seen below
                pass
        return [job for job in jobs if job.inner.status != "pending"]

    def _settled(self, job: _Job) -> bool:
        """Whether the job's own future has its result now; if not, the job was handed out again."""
        error: BaseException | None = None
        if job.inner.status == "finished":
            answer = job.inner.result()
            self._alone_since = None
            if not isinstance(answer, NotAtHand):
                job.outer.set_result(answer)
                return True
            self._send(job.arguments[1])
        elif job.inner.status == "error":
            error = job.inner.exception()
            if isinstance(error, StudyError):
                raise error
            if not isinstance(error, KilledWorker):
                job.outer.set_exception(error)
                return True
            job.lost += (
                1  # more workers died than the scheduler allows, with the trial perhaps only in their queue
            )
        else:
            job.lost += 1
            self._sent = None  # may have been lost with it
        if job.lost > _TIMES_LOST:
            job.outer.set_exception(WorkerDiedError(f"Dask gave it up {job.lost} times: {error or 'lost'}"))
            return True
        self._hand_out(job)
        return False

    def _send(self, source: TaskSource) -> None:
        """Give the task to all workers; each hands it on to those that join later."""
        if self._sent is None:
            try:
                self._sent = self.client.scatter(SentTask(source), broadcast=True, hash=False)
            except TimeoutError:
                raise StudyError(f"compare: no worker at {self.name} takes the task; {_KEPT}") from None

    def _look(self) -> None:
        """Nothing has finished for a while: is anybody there?"""
        if self._workers():
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if self.client.status == "closed":
            raise StudyError(f"compare: the Dask scheduler at {self.name} is gone; {_KEPT}")
        if now - self._alone_since > _PATIENCE_SECONDS:
            raise StudyError(
                f"compare: no workers at {self.name} for {_PATIENCE_SECONDS:.0f} seconds; start some "
                f"(`dask worker HOST:PORT --nthreads 1`); {_KEPT}"
            )

    def _workers(self) -> int:
        """How many worker processes there are now; 0 where nobody answers."""
        try:
            return len(self.client.nthreads())
        except Exception:  # of many kinds, with one meaning: the connection is lost
            return 0

    def _reconnected(self) -> None:
        """Wait until the scheduler answers again."""
        while self.client.status != "running":
            self._look()
            time.sleep(0.2)
