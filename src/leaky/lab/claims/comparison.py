"""Claims about training: activations in several settings, the learning rate tuned for every arm in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from leaky.catalogue import parse
from leaky.lab.claims.code import code
from leaky.lab.claims.measures import MEASURES, TUNED_ON, best_rates, measured
from leaky.lab.claims.ordering import Order
from leaky.lab.definition import Task
from leaky.lab.recipe import Recipe
from leaky.records import PROTOCOL

EDGE = 3.0
"""The factor by which a grid is extended, once, for an arm that is best at its edge."""


@dataclass(frozen=True)
class Setting:
    """One task and recipe: `build(budget, **arguments)` makes the task.

    Args:
        label: how values of this setting are named.
        build: makes the task, at the top of a module.
        rates: the learning rates tried for every arm.
        arguments: of `build`, beside the budget.
        recipe: changes to the task's recipe.
        repeats: paired seeds here; None: the comparison's.
        arms: of this setting alone, by name; None: the comparison's.
    """

    label: str
    build: Callable[..., Task]
    rates: tuple[float, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    repeats: int | None = None
    arms: Mapping[str, str] | None = None

    def task(self, budget: str) -> Task:
        """The task of that budget."""
        return self.build(budget, **self.arguments)

    def chosen_rates(self, budget: str) -> tuple[float, ...]:
        """The grid of learning rates; the smoke budget takes one."""
        return tuple(sorted(self.rates[1:2] if budget == "smoke" else self.rates))

    def definition(self, budget: str) -> str:
        """What changes where the trials do."""
        arms = None if self.arms is None else dict(self.arms)
        plain = [self.label, self.chosen_rates(budget), dict(self.arguments), dict(self.recipe), arms]
        return f"{json.dumps(plain, sort_keys=True)} {code(self.build)}"


@dataclass(frozen=True)
class Comparison:
    """Activations trained in several settings on the same seeds.

    Values are named `measure, arm, setting`, with the measures of `leaky.lab.claims.measures`. The learning rate of
    every arm in every setting is the best of the grid by `tuned_on`, on `tuning` seeds of their own. Where that is
    at the edge of the grid, the rate a factor of 3 beyond is tried as well; where that one is best, the values are
    noted to be at the edge, and no hypothesis about them is decided.

    Args:
        settings: tasks and recipes.
        arms: activations by name, the one that others are compared with first.
        repeats: paired seeds of the final trials with the budget "small"; "smoke" takes two.
        tuning: seeds for each learning rate; "smoke" takes one.
        tuned_on: what a rate is chosen by: "score", "epochs", "loss" (validation) or "early_loss".
        orders: published orders of arms, whose certainty is noted.
    """

    settings: tuple[Setting, ...]
    arms: Mapping[str, str]
    repeats: int = 13
    tuning: int = 5
    tuned_on: Literal["score", "epochs", "loss", "early_loss"] = "score"
    orders: tuple[Order, ...] = ()

    def seeds(self, budget: str) -> tuple[int, ...]:
        """The paired seeds of the setting that has most, counted from 0; the trials have the lab's own."""
        return tuple(range(max(self.repeats_of(setting, budget) for setting in self.settings)))

    def repeats_of(self, setting: Setting, budget: str) -> int:
        """The number of paired seeds of a setting."""
        return 2 if budget == "smoke" else setting.repeats or self.repeats

    def arms_of(self, setting: Setting) -> dict[str, str]:
        """The canonical spec of every arm of a setting."""
        arms = self.arms if setting.arms is None else setting.arms
        return {arm: str(parse(text)) for arm, text in arms.items()}

    def tunings(self, budget: str) -> int:
        """Seeds for each learning rate."""
        return 1 if budget == "smoke" else self.tuning

    def definition(self, budget: str) -> list[str]:
        """The settings, the arms, how often, and how values are read off trials."""
        return [
            *(f"{self.repeats_of(s, budget)} {s.definition(budget)}" for s in self.settings),
            json.dumps(dict(self.arms), sort_keys=True),
            f"{self.tunings(budget)} {self.tuned_on} {EDGE} {PROTOCOL}",
            json.dumps([asdict(Recipe()), *map(asdict, self.orders)], sort_keys=True),
            *map(code, (measured, best_rates, *MEASURES.values(), *TUNED_ON.values())),
        ]
