"""Claims about training: `leaky.lab.compare` in several settings, learning rates tuned for every arm in each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaky.catalogue import parse
from leaky.lab.claims.claim import Values
from leaky.lab.definition import Task
from leaky.lab.identity import identity
from leaky.lab.recipe import Recipe
from leaky.lab.study import compare
from leaky.lab.train import run_trial
from leaky.records import Study, Trial, TrialPlan

_LEARNED = 0.2
"""The training loss that a network has to come down to, to count as having learned."""


@dataclass(frozen=True)
class Setting:
    """One task and recipe: `build(budget, **arguments)` makes the task."""

    label: str
    build: Callable[..., Task]
    rates: tuple[float, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def task(self, budget: str) -> Task:
        """The task of that budget."""
        return self.build(budget, **self.arguments)

    def chosen_rates(self, budget: str) -> tuple[float, ...]:
        """The grid of learning rates; the smoke budget takes one."""
        return self.rates[1:2] if budget == "smoke" else self.rates

    def definition(self, budget: str) -> str:
        """What changes where the trials do."""
        plain = [self.label, self.chosen_rates(budget), dict(self.arguments), dict(self.recipe)]
        return f"{json.dumps(plain, sort_keys=True)} {identity(self.build)}"


@dataclass(frozen=True)
class Comparison:
    """Activations trained in several settings on the same seeds.

    Values are named `measure, arm, setting`. Measures are of the final trials: `score`, the metric on the test data;
    `epochs`, log10 of the epochs until the training loss was 0.2 at most, between two epochs on the line
    through them, and the last one where it never was; `gap`, validation loss less training loss at the end.
    """

    settings: tuple[Setting, ...]
    arms: Mapping[str, str]
    repeats: int = 13
    tuning: int = 3

    def seeds(self, budget: str) -> tuple[int, ...]:
        """The paired seeds, counted from 0; the trials have the lab's own."""
        return tuple(range(2 if budget == "smoke" else self.repeats))

    def definition(self, budget: str) -> list[str]:
        """The settings, the arms, and how values are read off trials."""
        return [
            *(setting.definition(budget) for setting in self.settings),
            json.dumps(dict(self.arms), sort_keys=True),
            str(1 if budget == "smoke" else self.tuning),
            identity(MEASURES["score"]) + identity(MEASURES["epochs"]) + identity(MEASURES["gap"]),
        ]

    @property
    def trials(self) -> int:
        """Trials of one arm in one setting."""
        return self.tuning * max(len(setting.rates) for setting in self.settings) + self.repeats

    def run(
        self, budget: str, store: Path, workers: int | None, shown: bool
    ) -> tuple[dict[int, Values], tuple[str, ...]]:
        """The values of every seed, and notes on what was lost; trials in the store are not run again."""
        rows: dict[int, Values] = {seed: {} for seed in self.seeds(budget)}
        notes = []
        names = list(self.arms.values())
        for setting in self.settings:
            study = compare(
                setting.task(budget),
                names,
                baseline=names[0],
                learning_rates=setting.chosen_rates(budget),
                seeds=len(rows),
                tuning_seeds=1 if budget == "smoke" else self.tuning,
                recipe=dict(setting.recipe),
                workers=workers,
                store=store,
                progress=shown,
            )
            notes += self._read(setting, study, rows)
        return rows, tuple(notes)

    def _read(self, setting: Setting, study: Study, rows: dict[int, Values]) -> list[str]:
        notes = []
        for arm, text in self.arms.items():
            name = str(parse(text))
            final = {
                t.plan.seed: t for t in study.trials if t.plan.phase == "final" and t.plan.activation == name
            }
            for row, seed in zip(rows.values(), study.final_seeds, strict=True):
                for measure, function in MEASURES.items():
                    value = function(final[seed]) if seed in final else math.nan
                    row[f"{measure}, {arm}, {setting.label}"] = value
            for status in ("diverged", "failed"):
                count = sum(trial.status == status for trial in final.values())
                if count:
                    notes.append(f"{count} of {len(final)} runs of {arm} {status} ({setting.label}).")
            arms = {a.activation: a for a in study.arms}
            if name in arms and arms[name].at_grid_edge and len(study.learning_rates) > 1:
                rate = arms[name].learning_rate
                notes.append(f"{arm} was best at the edge of its grid, {rate:g} ({setting.label}).")
        return notes

    def estimate(self, budget: str, workers: int) -> float:
        """Seconds that it will take, from one epoch of every arm in every setting."""
        total = 0.0
        for setting in self.settings:
            task = setting.task(budget)
            recipe = task.recipe.changed(**setting.recipe)
            one = recipe.changed(epochs=1).record()
            for text in self.arms.values():
                plan = TrialPlan(task.name, "", "", str(parse(text)), setting.rates[0], 0, "tuning", one)
                runs = len(setting.chosen_rates(budget)) * self.tuning + len(self.seeds(budget))
                total += run_trial(task, plan).seconds * Recipe(**recipe.record()).epochs * runs
        return total / workers


def _score(trial: Trial) -> float:
    return math.nan if trial.score is None else trial.score


def _epochs(trial: Trial) -> float:
    before = None
    for epoch in trial.epochs:
        loss = epoch.train_loss
        if loss is not None and loss <= _LEARNED:
            part = 1.0 if before is None else (before - _LEARNED) / (before - loss)
            return math.log10(epoch.epoch - 1 + part)
        before = loss
    return math.log10(max(1, int(trial.plan.recipe["epochs"])))


def _gap(trial: Trial) -> float:
    last = trial.epochs[-1] if trial.epochs else None
    if last is None or last.validation_loss is None or last.train_loss is None:
        return math.nan
    return last.validation_loss - last.train_loss


MEASURES: Mapping[str, Callable[[Trial], float]] = {"score": _score, "epochs": _epochs, "gap": _gap}
