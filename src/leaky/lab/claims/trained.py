"""Running a comparison: rates tuned setting by setting, fresh paired seeds, and the values read off the trials."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from leaky.lab.claims.claim import Values
from leaky.lab.claims.code import code
from leaky.lab.claims.comparison import EDGE, Comparison, Setting
from leaky.lab.claims.measures import MEASURES, best_rates, measured
from leaky.lab.design import Design
from leaky.lab.design import seeds as seed_ranges
from leaky.lab.engine import Engine
from leaky.lab.environment import environment, now
from leaky.lab.kept import KeptStudy
from leaky.lab.loading import TaskSource, fingerprint, task_source
from leaky.lab.preflight import preflight
from leaky.lab.recipe import Recipe
from leaky.lab.runner import Runner
from leaky.lab.store import Store
from leaky.records import Trial


@dataclass
class Found:
    """What was measured for a claim: values by seed, what a reader must know of them, and what they cost.

    `at_edge` are the ends `arm, setting` of names whose learning rate was best at the edge of those tried; `began_at`
    is when the first of the numbers was there, `seconds` what one core took for all of them.
    """

    rows: dict[int, Values]
    notes: list[str] = field(default_factory=list)
    at_edge: list[str] = field(default_factory=list)
    began_at: str = ""
    seconds: float = 0.0

    def paid(self, at: str, seconds: float) -> None:
        """One more trial or seed, there at that time after so many seconds."""
        self.began_at = min(self.began_at or at, at)
        self.seconds += seconds


def train(
    comparison: Comparison, budget: str, store: Path, engine: Engine, *, command: str, shown: bool
) -> Found:
    """The values of every seed; trials that the store has are not run again."""
    found = Found({seed: {} for seed in comparison.seeds(budget)})
    for setting in comparison.settings:
        with Store(store) as database, prepared(comparison, setting, budget) as (source, design):
            task = source.load()
            preflight(task, design.activations, Recipe(**design.recipe))
            kept = KeptStudy(
                designs=(design,),
                metric=task.metric_record,
                margin=task.margin or 0.0,
                resolution=task.resolution,
                description=f"{task.description} ({setting.label})",
                command=command,
                environment={**environment(), **engine.environment},
                began_at=now(),
                metrics=task.metric_records,
            )
            runner = Runner([design], source, task.metric_record, database, engine, shown)
            with runner.working():
                rates, beyond, tuning = _tuned(comparison, runner, design)
                database.keep(replace(kept, rates=rates))  # for `leaky report`
                final = list(runner.compute(design.final(rates), phase="final").values())
        for trial in (*tuning, *final):
            found.paid(trial.finished_at, trial.seconds)
        arms = comparison.arms_of(setting)
        for arm in (arm for arm, name in arms.items() if name in beyond):
            found.at_edge.append(f"{arm}, {setting.label}")
            found.notes.append(
                f"{arm} was best at the edge of its learning rates, {rates[arms[arm]]:g}, though one more was tried "
                f"there ({setting.label}): nothing is decided by it."
            )
        higher = task.metric_record.higher_is_better
        for arm, name in arms.items():
            mine = {trial.plan.seed: trial for trial in final if trial.plan.activation == name}
            for row, seed in zip(found.rows.values(), design.final_seeds, strict=False):
                for measure in MEASURES:
                    value = measured(measure, mine.get(seed), higher_is_better=higher)
                    row[f"{measure}, {arm}, {setting.label}"] = value
            found.notes += _lost(mine, f"{arm} {{}} ({setting.label}).")
    found.notes += [order.told(found.rows) for order in comparison.orders]
    return found


@contextmanager
def prepared(comparison: Comparison, setting: Setting, budget: str) -> Iterator[tuple[TaskSource, Design]]:
    """Where workers load the task of a setting from, as long as the block runs, and the trials it consists of."""
    names = tuple(dict.fromkeys(comparison.arms_of(setting).values()))
    tuning, final = seed_ranges(0, comparison.tunings(budget), comparison.repeats_of(setting, budget))
    with tempfile.TemporaryDirectory(prefix="leaky-") as scratch:
        source = task_source(setting.task(budget), None, Path(scratch))
        task = source.load()
        yield (
            source,
            Design(
                task=task.name,
                preset="",
                fingerprint=_fingerprint(fingerprint(source, task), code(setting.build)),
                recipe=task.recipe.changed(**setting.recipe).record(),
                activations=names,
                baseline=names[0],
                learning_rates=setting.chosen_rates(budget),
                tuning_seeds=tuning,
                final_seeds=final,
            ),
        )


def _fingerprint(*parts: str) -> str:
    """Of the task, and of the code that makes it: of a model that is an object a fingerprint has the state alone."""
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:24]


def _tuned(
    comparison: Comparison, runner: Runner, design: Design
) -> tuple[dict[str, float], set[str], list[Trial]]:
    """The rates, the activations that are best at an edge nevertheless, and the trials that say so."""

    def best() -> dict[str, float]:
        return best_rates(trials, comparison.tuned_on, higher_is_better=runner.metric.higher_is_better)

    trials = list(runner.compute(design.tuning(), phase="tuning").values())
    farther = further_rates(design, best())
    plans = [
        plan
        for name, rate in farther.items()
        for plan in replace(design, activations=(name,), learning_rates=(rate,)).tuning()
    ]
    trials += runner.compute(plans, phase="beyond the edge").values()
    rates = best()
    return rates, {name for name, rate in farther.items() if rates[name] == rate}, trials


def further_rates(design: Design, rates: Mapping[str, float]) -> dict[str, float]:
    """For every activation that is best at the edge of the grid the rate to be tried beside it."""
    low, high = design.learning_rates[0], design.learning_rates[-1]
    if low == high:
        return {}
    beyond = {low: low / EDGE, high: high * EDGE}
    return {name: float(f"{beyond[rate]:.6g}") for name, rate in rates.items() if rate in beyond}


def _lost(trials: Mapping[int, Trial], told: str) -> Iterator[str]:
    for status in ("diverged", "failed"):
        count = sum(trial.status == status for trial in trials.values())
        if count:
            yield f"{count} of {len(trials)} runs of {told.format(status)}"
