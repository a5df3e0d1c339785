"""What a worker of a cluster does with a trial."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distributed import get_client

from leaky.errors import StudyError
from leaky.lab.cluster.installed import difference, installed
from leaky.lab.cluster.sent import SentTask, at_hand
from leaky.lab.execute import Run, WorkerDiedError
from leaky.lab.loading import Source, TaskSource
from leaky.records import Trial, TrialPlan

TRIES = 2
"""A trial whose worker dies is tried once more."""

_ONE_AT_A_TIME = threading.Lock()
"""A worker may have several threads, but torch's generators and its number of threads belong to the process."""


class NotAtHand:
    """The answer of a worker that needs the task from the driver."""


def work(
    run: Run, source: TaskSource, plan: TrialPlan, study: str, driver: dict[str, str], sent: SentTask | None
) -> Trial | NotAtHand:
    """Run a trial, one at a time in a process, unless two processes have died with it already.

    Raises:
        StudyError: this worker, which joined late, has another leaky.
        WorkerDiedError: the trial has been tried twice.
    """
    with _ONE_AT_A_TIME:
        if unlike := difference(installed(), driver):
            raise StudyError(f"compare: a worker that joined late {unlike}; install the same there")
        if sent is None and not at_hand(source, plan.fingerprint):
            return NotAtHand()
        loaded: Source = source if sent is None else sent
        with _counted(study, plan.key):
            return run(loaded, plan)


@contextmanager
def _counted(study: str, key: str) -> Iterator[None]:
    """Count a try with the scheduler, which outlives this process; one that ends in any way is not counted."""
    client: Any = get_client()
    place = ["leaky", study, key]
    tried = client.get_metadata(place, 0)
    if tried >= TRIES:
        raise WorkerDiedError(f"{tried} worker processes were lost with this trial")
    client.set_metadata(place, tried + 1)
    try:
        yield
    finally:
        client.set_metadata(place, tried)
