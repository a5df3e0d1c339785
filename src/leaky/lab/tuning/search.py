"""The search by Optuna: its sampler proposes, the lab's workers train, its pruner may stop them, it keeps the record.

Trials are asked for in batches of as many as there are workers, and told in their order: with one seed and one number
of workers a search takes the same course, stopped and resumed or not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from leaky.errors import ArgumentError
from leaky.extras import require
from leaky.lab.design import Design
from leaky.lab.interaction import Outcome
from leaky.lab.runner import Runner
from leaky.lab.tuning.ranking import at_best_rate, rank, representatives
from leaky.lab.tuning.reporting import Job, Reporting, open_storage, report, unless_finished
from leaky.lab.tuning.settings import Settings, told, without_password
from leaky.lab.tuning.space import Choice, Space
from leaky.records import Search, Trial, TrialPlan

_MARK = "leaky"
"""The study attribute that says which search it is."""


@dataclass
class _Asked:
    """A trial of Optuna's under way."""

    number: int
    trial_id: int
    choice: Choice
    trials: list[Trial] = field(default_factory=list)


class OptunaSearch:
    """A search to be handed to `Runner.run`; afterwards `record` says what Optuna did, `best` what was chosen."""

    def __init__(
        self, design: Design, space: Space, settings: Settings, *, seed: int, workers: int, higher: bool
    ) -> None:
        require("optuna", "tune", "the search by Optuna")
        self.design = design
        self.space = space
        self.settings = settings
        self.record: Search | None = None
        self.best: Choice | None = None
        self.values: dict[str, float] = {}
        """The value of each activation that the search has chosen, by name."""
        self._seed = seed
        self._batch = workers
        self._higher = higher

    @property
    def name(self) -> str:
        """The name of Optuna's study: the one given, or one made of all that defines the search."""
        entry = self.space.shape.spec.activation.name
        parts = (self.design.task, self.design.preset, entry, "layer" if self.space.places else "network")
        own = "-".join(part for part in (*parts, self._digest()[:8]) if part)
        return self.settings.study_name or own

    def __call__(self, runner: Runner, rates: dict[str, float]) -> Outcome:
        """Search until there are as many trials as asked for; the best near each value, with all their trials."""
        with told(self.settings.storage):
            self._open(rates)
            self._run(runner)
            found = self._finished(runner)
            self._count()
        groups = at_best_rate(found, higher_is_better=self._higher)
        if self.space.places:
            chosen = self._best_of(groups)
        else:
            self.values = {name: self.space.shape.named(name) for name in groups}
            anchors = self.space.shape.values
            chosen = representatives(groups, self.values, anchors, higher_is_better=self._higher)
        return {name: groups[name][0].plan.learning_rate for name in chosen}, found

    def _open(self, rates: dict[str, float]) -> None:
        import optuna

        self._storage = open_storage(self.settings.storage)
        self._study = optuna.create_study(
            study_name=self.name,
            storage=self._storage,
            direction="maximize" if self._higher else "minimize",
            sampler=self.settings.sampler,
            pruner=self.settings.pruner or self._median_rule(),
            load_if_exists=True,
        )
        self._pruner = self._study.pruner
        known = self._study.user_attrs.get(_MARK)
        if known not in (None, self._digest()) or (known is None and self._study.get_trials(deepcopy=False)):
            raise ArgumentError(
                f"tune: the Optuna study `{self.name}` is of another search (task, data, recipe, values or seeds "
                "differ); name another with --study-name"
            )
        if known is None:
            for key, value in (
                (_MARK, self._digest()),
                ("task", self.design.task),
                ("recipe", self.design.recipe),
            ):
                self._study.set_user_attr(key, value)
            of_values = {self.space.shape.named(n): r for n, r in rates.items() if self._is_ours(n)}
            for start in self.space.anchors(of_values):
                self._study.enqueue_trial(start)

    def _median_rule(self) -> Any:
        """From the middle of a first run on: earlier, it would end whatever learns slowly and ends well."""
        import optuna

        epochs, starts = int(self.design.recipe["epochs"]), len(self.space.shape.values)
        return optuna.pruners.MedianPruner(n_startup_trials=max(5, starts), n_warmup_steps=epochs // 2)

    def _is_ours(self, activation: str) -> bool:
        return activation in {self.space.shape.at(value) for value in self.space.shape.values}

    def _run(self, runner: Runner) -> None:
        from optuna.trial import TrialState as State

        existing = self._study.get_trials(deepcopy=False)
        done = sum(trial.state in (State.COMPLETE, State.PRUNED) for trial in existing)
        # What a killed search was at goes on with the parameters it has; one without any is given up.
        left = []
        for trial in existing:
            if trial.state == State.RUNNING:
                if "activation" in trial.user_attrs:
                    left.append(_Asked(trial.number, trial._trial_id, _choice(trial.user_attrs)))
                else:
                    self._study.tell(trial.number, state=State.FAIL, skip_if_finished=True)
        wanted = max(0, self.settings.trials - done)
        while wanted > 0:
            batch, left = left[: self._batch], left[self._batch :]
            while len(batch) < min(self._batch, wanted):
                batch.append(self._ask())
            self._train(runner, batch)
            wanted -= len(batch)

    def _ask(self) -> _Asked:
        import optuna

        if (
            self.settings.sampler is None
        ):  # seeded anew for each trial, or a resumed search would repeat its draws
            number = len(self._study.get_trials(deepcopy=False))
            self._study.sampler = optuna.samplers.TPESampler(seed=(self._seed * 1_000_003 + number) % 2**32)
        trial = self._study.ask()
        choice = self.space.suggest(trial)
        trial.set_user_attr("learning_rate", choice.learning_rate)
        trial.set_user_attr("values", list(choice.values))
        trial.set_user_attr("activation", choice.activation)  # last: with it the trial can be resumed
        return _Asked(trial.number, trial._trial_id, choice)

    def _train(self, runner: Runner, batch: list[_Asked]) -> None:
        """Every trial of the batch on each tuning seed, as long as it is not pruned; then tell Optuna, in order."""
        from optuna.trial import TrialState as State

        epochs, alive = int(self.design.recipe["epochs"]), list(batch)
        for seed in self.design.tuning_seeds:
            plans = [self._plan(asked.choice, seed) for asked in alive]
            jobs = {
                plan.key: Job(asked.trial_id, tuple(_scores(asked.trials)), epochs)
                for plan, asked in reversed(list(zip(plans, alive, strict=True)))
            }
            reporting = Reporting(self.settings.storage, self.name, self._pruner, jobs)
            done = runner.compute(list({plan.key: plan for plan in plans}.values()), run=reporting)
            for plan, asked in zip(plans, alive, strict=True):
                trial = done[plan.key]
                self._report(Job(asked.trial_id, tuple(_scores(asked.trials)), epochs), trial)
                asked.trials.append(trial)
            alive = [asked for asked in alive if asked.trials[-1].score is not None]
        for asked in batch:
            last = asked.trials[-1]
            ended = {"pruned": State.PRUNED, "failed": State.FAIL}.get(last.status)
            self._describe(asked)
            value = None if ended else sum(_scores(asked.trials)) / len(asked.trials)
            self._study.tell(asked.number, value, state=ended, skip_if_finished=True)

    def _report(self, job: Job, trial: Trial) -> None:
        """The epochs of a trial that was in the store already, or that another of the batch has trained."""
        known = self._storage.get_trial(job.trial_id).intermediate_values
        for epoch in trial.epochs:
            if epoch.validation_score is not None and job.step(epoch.epoch) not in known:
                report(self._storage, job, epoch.epoch, epoch.validation_score)

    def _describe(self, asked: _Asked) -> None:
        """What matters, for whoever looks at the study: scores by seed, keys in the store, and what went wrong."""
        last = asked.trials[-1]
        attrs: dict[str, Any] = {
            "scores": _scores(asked.trials),
            "seeds": [trial.plan.seed for trial in asked.trials],
            "keys": [trial.plan.key for trial in asked.trials],
            "diverged": sum(trial.status == "diverged" for trial in asked.trials),
        }
        if last.error:
            attrs["error"] = last.error
        for name, value in attrs.items():
            with unless_finished():
                self._storage.set_trial_user_attr(asked.trial_id, name, value)

    def _finished(self, runner: Runner) -> list[Trial]:
        """The lab's trials of Optuna's complete ones: from the store, and computed again where that is another."""
        from optuna.trial import TrialState as State

        complete = [t for t in self._study.get_trials(deepcopy=False) if t.state == State.COMPLETE]
        plans: dict[str, TrialPlan] = {}
        for trial in complete:
            for seed in self.design.tuning_seeds:
                plan = self._plan(_choice(trial.user_attrs), seed)
                plans[plan.key] = plan
        reused = runner.reused
        done = runner.compute(list(plans.values()))
        runner.reused = reused  # most of them were computed just now
        return list(done.values())

    def _best_of(self, groups: dict[str, list[Trial]]) -> list[str]:
        """The activation with the best rank on validation, as a list; empty where nothing came to a score."""
        ranked = {name: rank(trials, higher_is_better=self._higher) for name, trials in groups.items()}
        known = {name: found for name, found in ranked.items() if found is not None}
        if not known:
            return []
        best = min(known, key=lambda name: (known[name], name))
        attrs = next(t.user_attrs for t in self._study.trials if t.user_attrs.get("activation") == best)
        self.best = replace(_choice(attrs), learning_rate=groups[best][0].plan.learning_rate)
        return [best]

    def _count(self) -> None:
        from optuna.trial import TrialState as State

        states = [trial.state for trial in self._study.get_trials(deepcopy=False)]
        counts = (states.count(state) for state in (State.COMPLETE, State.PRUNED, State.FAIL))
        self.record = Search(without_password(self.settings.storage), self.name, *counts)

    def _plan(self, choice: Choice, seed: int) -> TrialPlan:
        alone = replace(
            self.design,
            activations=(choice.activation,),
            learning_rates=(choice.learning_rate,),
            tuning_seeds=(seed,),
        )
        return alone.tuning()[0]

    def _digest(self) -> str:
        shape = self.space.shape
        parts: list[Any] = [asdict(replace(self.design, activations=(), baseline="", final_seeds=()))]
        parts += [str(shape.spec), shape.parameter, shape.values, self.space.places]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _choice(attrs: dict[str, Any]) -> Choice:
    return Choice(attrs["activation"], tuple(attrs["values"]), attrs["learning_rate"])


def _scores(trials: list[Trial]) -> list[float]:
    return [trial.score for trial in trials if trial.score is not None]
