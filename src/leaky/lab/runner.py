"""A design's two phases, run through the store: only what is missing there is computed."""

from __future__ import annotations

from leaky.errors import StudyError
from leaky.lab.design import Design, choose_rates
from leaky.lab.execute import LocalExecutor, run_all
from leaky.lab.loading import TaskSource
from leaky.lab.progress import StudyProgress
from leaky.lab.store import Store
from leaky.records import Metric, Trial, TrialPlan


class Runner:
    """Runs a design's two phases through the store."""

    def __init__(
        self, design: Design, source: TaskSource, metric: Metric, store: Store, workers: int, shown: bool
    ) -> None:
        self.design = design
        self.source = source
        self.metric = metric
        self.store = store
        self.reused = 0
        self._workers = workers
        self._executor: LocalExecutor | None = None
        higher = metric.higher_is_better
        self._progress = StudyProgress(
            design.trial_count,
            shown=shown,
            better=lambda a, b: a > b if higher else a < b,
            text=metric.text,
        )

    def run(self) -> tuple[dict[str, float], list[Trial]]:
        """The learning rates chosen, and all trials."""
        try:
            with self._progress:
                tuning = self._phase("tuning", self.design.tuning())
                chosen = choose_rates(tuning, higher_is_better=self.metric.higher_is_better)
                if self.design.baseline not in chosen:
                    raise StudyError(_nothing(tuning))
                self._progress.forget_best()
                final = self._phase("final", self.design.final(chosen))
        except BaseException:
            if self._executor:
                self._executor.shutdown()
            raise
        if all(trial.score is None for trial in final):
            raise StudyError(_nothing(final))
        return chosen, tuning + final

    def _phase(self, phase: str, plans: list[TrialPlan]) -> list[Trial]:
        stored = self.store.get(plan.key for plan in plans)
        done = {key: trial for key, trial in stored.items() if trial.status != "failed"}
        self.reused += len(done)
        self._progress.begin(phase, len(done))
        missing = [plan for plan in plans if plan.key not in done]

        def finished(trial: Trial) -> None:
            self.store.put(trial)
            done[trial.plan.key] = trial
            label = f"{trial.plan.activation} at learning rate {trial.plan.learning_rate:g}"
            self._progress.trial(label, trial.score, counts=trial.status == "finished")

        if missing:
            self._executor = self._executor or LocalExecutor(self._workers)
            run_all(self._executor, self.source, missing, finished)
        return [done[plan.key] for plan in plans]


def _nothing(trials: list[Trial]) -> str:
    errors = [trial.error for trial in trials if trial.error]
    first = f"; the first error: {errors[0]}" if errors else ""
    return f"compare: no result, {len(errors)} of {len(trials)} trials failed{first}"
