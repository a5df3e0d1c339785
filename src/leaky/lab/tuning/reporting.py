"""What a worker tells Optuna while it trains: the validation score after each epoch, and whether to go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from leaky.lab.loading import Source
from leaky.lab.train import run_trial
from leaky.records import Trial, TrialPlan


@dataclass(frozen=True)
class Job:
    """One training run of an Optuna trial: the scores of its earlier seeds, and the steps that those took."""

    trial_id: int
    before: tuple[float, ...]
    epochs: int

    def step(self, epoch: int) -> int:
        """Optuna's step, from 0: seeds one after another, epoch by epoch."""
        return len(self.before) * self.epochs + epoch - 1

    def value(self, score: float) -> float:
        """The mean over the seeds so far: at the last step it is the trial's value."""
        return (sum(self.before) + score) / (len(self.before) + 1)


@dataclass(frozen=True)
class Reporting:
    """What workers do with a plan of a search: train, report, and stop where the pruner says so."""

    url: str
    study_name: str
    pruner: Any
    jobs: Mapping[str, Job]

    def __call__(self, source: Source, plan: TrialPlan) -> Trial:
        """One trial, in a worker process."""
        job = self.jobs[plan.key]
        study, storage = open_study(self.url, self.study_name)

        def stop(epoch: int, score: float | None) -> bool:
            if score is None:
                return False
            report(storage, job, epoch, score)
            # The last epoch is paid for: what it scored is worth more than a pruned trial.
            last = epoch == job.epochs
            return not last and bool(self.pruner.prune(study, storage.get_trial(job.trial_id)))

        return run_trial(source.load(), plan, stop)


def report(storage: Any, job: Job, epoch: int, score: float) -> None:
    """Write the score of an epoch into Optuna's storage."""
    with unless_finished():
        storage.set_trial_intermediate_value(job.trial_id, job.step(epoch), job.value(score))


@contextmanager
def unless_finished() -> Iterator[None]:
    """What another process on the same study has finished meanwhile needs no more told of it."""
    import optuna

    with suppress(optuna.exceptions.UpdateFinishedTrialError):
        yield


def open_storage(url: str) -> Any:
    """Optuna's storage at that URL; a SQLite file waits for other writers."""
    import optuna

    if url.startswith("sqlite"):
        return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    return optuna.storages.get_storage(url)


@lru_cache(maxsize=4)
def open_study(url: str, name: str) -> tuple[Any, Any]:
    """The study and its storage, opened once in a worker process."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(url)
    return optuna.load_study(study_name=name, storage=storage), storage
