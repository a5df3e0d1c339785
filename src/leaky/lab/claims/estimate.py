"""How long what is missing will take: by one seed of a measurement, and two epochs of a training."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from leaky.lab.claims.claim import Claim, Measurement
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.kept import KeptClaims, seed_key
from leaky.lab.claims.measures import best_rates
from leaky.lab.claims.trained import prepared
from leaky.lab.claims.work import measured
from leaky.lab.definition import Task
from leaky.lab.design import Design
from leaky.lab.engine import Engine
from leaky.lab.recipe import Recipe
from leaky.lab.store import Store
from leaky.lab.train import run_trial

_EPOCHS = 2


class Estimate:
    """Seconds for claim after claim. Trials and seeds that several share are counted with the first of them."""

    def __init__(self, kept: KeptClaims, budget: str, trainers: Engine, local: Engine) -> None:
        self._kept = kept
        self._budget = budget
        self._trainers = trainers.workers
        self._local = local.workers
        self._counted: set[str] = set()
        self._trials: dict[str, tuple[float, float]] = {}

    def seconds(self, claim: Claim) -> float:
        """What is neither in the store nor counted yet, on all workers."""
        if isinstance(claim.method, Comparison):
            return self._of_comparison(claim.method) / self._trainers
        assert isinstance(claim.method, Measurement)
        return self._of_measurement(claim, claim.method)

    def _of_measurement(self, claim: Claim, method: Measurement) -> float:
        found = self._kept.measured(method, self._budget)
        keys = {seed: seed_key(method, self._budget, seed) for seed in method.seeds(self._budget)}
        missing = [seed for seed, key in keys.items() if seed not in found and key not in self._counted]
        self._counted.update(keys.values())
        if not missing:
            return 0.0
        seed = measured(claim.name, missing[0], self._budget)
        self._kept.put(claim, method, self._budget, missing[0], seed)
        return seed.seconds * (len(missing) - 1) / (1 if method.alone else self._local)

    def _of_comparison(self, comparison: Comparison) -> float:
        total = 0.0
        with Store(self._kept.path) as store:
            for setting in comparison.settings:
                with prepared(comparison, setting, self._budget) as (source, design):
                    for name in design.activations:
                        count = self._missing(
                            comparison, replace(design, activations=(name,)), store, source.load()
                        )
                        if count:
                            total += count * self._trial_seconds(source.load(), design, name)
        return total

    def _missing(self, comparison: Comparison, design: Design, store: Store, task: Task) -> int:
        """Trials of one activation; final ones as they follow from the tuning, where all of that is there."""
        plans = design.tuning()
        there = store.get(plan.key for plan in plans)
        keys = [plan.key for plan in plans if plan.key not in there]
        rates = best_rates(
            there.values(), comparison.tuned_on, higher_is_better=task.metric_record.higher_is_better
        )
        if keys or not rates:
            asked = [design.fingerprint, json.dumps(design.recipe), design.activations, comparison.tuned_on]
            keys += [f"{asked} {seed}" for seed in design.final_seeds]
        else:
            final = [plan.key for plan in design.final(rates)]
            done = store.get(final)
            keys += [key for key in final if key not in done]
        fresh = set(keys) - self._counted
        self._counted |= fresh
        return len(fresh)

    def _trial_seconds(self, task: Task, design: Design, name: str) -> float:
        """Of a whole trial: what its epochs take grows with them, building and splitting does not."""
        recipe = Recipe(**design.recipe)
        short = recipe.changed(epochs=_EPOCHS).record()
        key = json.dumps([design.fingerprint, short, name], sort_keys=True)
        if key not in self._trials:
            plan = replace(design, recipe=short, activations=(name,)).tuning()[0]
            if not self._trials:
                run_trial(task, plan)  # the first of all pays for what torch sets up once
            began = time.process_time()  # what else the machine is at now says little of the next hour
            trial = run_trial(task, plan)
            whole = time.process_time() - began
            passes = (trial.compute_seconds + trial.evaluation_seconds) / trial.seconds
            self._trials[key] = (whole, whole * passes)
        whole, passes = self._trials[key]
        return whole - passes + passes * recipe.epochs / _EPOCHS
