"""The two phases of one or several designs, run through the store: only what is missing there is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from leaky.errors import StudyError
from leaky.lab.design import Design, choose_rates
from leaky.lab.engine import Engine
from leaky.lab.execute import Executor, Run, run_all
from leaky.lab.interaction import Outcome
from leaky.lab.loading import TaskSource
from leaky.lab.progress import StudyProgress
from leaky.lab.store import Store
from leaky.records import Metric, Trial, TrialPlan

Search = Callable[["Runner", dict[str, float]], Outcome]


class Runner:
    """Runs the two phases of all designs through the store."""

    def __init__(
        self,
        designs: Sequence[Design],
        source: TaskSource,
        metric: Metric,
        store: Store,
        engine: Engine,
        shown: bool,
        searched: int = 0,
    ) -> None:
        self.designs = designs
        self.source = source
        self.metric = metric
        self.store = store
        self.reused = 0
        self._engine = engine
        self._executor: Executor | None = None
        higher = metric.higher_is_better
        self._progress = StudyProgress(
            sum(design.trial_count for design in designs) + searched,
            shown=shown,
            better=lambda a, b: a > b if higher else a < b,
            text=metric.text,
        )

    def run(self, search: Search | None = None) -> list[Outcome]:
        """For every design the learning rates chosen, and all its trials.

        A `search` goes on from the tuning of the first design, told the learning rates that this chose: it gives
        more activations, each with its learning rate, and the trials that it chose them by.
        """
        with self.working():
            tuning = self._phase("tuning", [design.tuning() for design in self.designs])
            higher = self.metric.higher_is_better
            chosen = [choose_rates(trials, higher_is_better=higher) for trials in tuning]
            if search is not None:
                self._progress.forget_best()
                self._progress.begin("search", 0)
                more, trials = search(self, chosen[0])
                chosen[0] = chosen[0] | more
                tuning[0] = list({trial.plan.key: trial for trial in tuning[0] + trials}.values())
            elif not any(d.baseline in rates for d, rates in zip(self.designs, chosen, strict=True)):
                raise StudyError(_nothing([trial for trials in tuning for trial in trials]))
            self._progress.forget_best()
            plans = [design.final(rates) for design, rates in zip(self.designs, chosen, strict=True)]
            final = self._phase("final", plans)
        finished = [trial for trials in final for trial in trials]
        if all(trial.score is None for trial in finished):
            raise StudyError(_nothing(finished))
        return [(c, before + after) for c, before, after in zip(chosen, tuning, final, strict=True)]

    @contextmanager
    def working(self) -> Iterator[None]:
        """Progress is shown while the block runs; what ends it early ends the workers."""
        try:
            with self._progress:
                self._progress.say(self._engine.told)
                yield
        except BaseException:
            if self._executor:
                self._executor.shutdown()
            raise

    def _phase(self, phase: str, groups: list[list[TrialPlan]]) -> list[list[Trial]]:
        plans = [plan for group in groups for plan in group]
        where = {
            plan.key: f" with {design.label}" if design.label else ""
            for design, group in zip(self.designs, groups, strict=True)
            for plan in group
        }
        done = self.compute(plans, where=where, phase=phase)
        return [[done[plan.key] for plan in group] for group in groups]

    def compute(
        self,
        plans: Sequence[TrialPlan],
        *,
        run: Run | None = None,
        where: Mapping[str, str] | None = None,
        phase: str = "",
    ) -> dict[str, Trial]:
        """The trials of these plans, by key: from the store, or else computed and put there (but for pruned ones).

        `run` is what the workers do with a plan, `where` what progress says of each beside activation and rate.
        """
        stored = self.store.get(plan.key for plan in plans)
        done = {key: trial for key, trial in stored.items() if trial.status != "failed"}
        self.reused += len(done)
        if phase:
            self._progress.begin(phase, len(done))
        missing = [plan for plan in plans if plan.key not in done]

        def finished(trial: Trial) -> None:
            if trial.status != "pruned":
                self.store.put(trial)
            done[trial.plan.key] = trial
            plan = trial.plan
            label = (
                f"{plan.activation} at learning rate {plan.learning_rate:g}{(where or {}).get(plan.key, '')}"
            )
            self._progress.trial(label, trial.score, counts=trial.status == "finished")

        if missing:
            self._executor = self._executor or self._engine.start()
            run_all(self._executor, self.source, missing, finished, run)
        return done


def _nothing(trials: list[Trial]) -> str:
    errors = [trial.error for trial in trials if trial.error]
    first = f"; the first error: {errors[0]}" if errors else ""
    return f"compare: no result, {len(errors)} of {len(trials)} trials failed{first}"
