"""Which activation, which slope: studies on real data, with evidence.

>>> import leaky
>>> study = leaky.lab.compare("digits", ["leaky_relu(negative_slope=0.2)"])   # doctest: +SKIP

What is named here is loaded, with torch and the lab's other libraries, when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from leaky.extras import require

if TYPE_CHECKING:
    from leaky.lab.claims.ledger import run_claims
    from leaky.lab.definition import Task
    from leaky.lab.factory import ModelFactory
    from leaky.lab.metrics import NamedMetric
    from leaky.lab.own.arrays import task
    from leaky.lab.own.csv_file import task_from_csv
    from leaky.lab.own.image_folder import task_from_images
    from leaky.lab.reading import across, stored
    from leaky.lab.recipe import Recipe
    from leaky.lab.study import ACTIVATIONS, compare
    from leaky.lab.tuning.suggest import suggest_activation
    from leaky.lab.tuning.tune import tune
    from leaky.records import Metric

_HOMES = {
    "ACTIVATIONS": "study",
    "Metric": "metrics",
    "ModelFactory": "factory",
    "NamedMetric": "metrics",
    "Recipe": "recipe",
    "Task": "definition",
    "across": "reading",
    "compare": "study",
    "run_claims": "claims.ledger",
    "stored": "reading",
    "suggest_activation": "tuning.suggest",
    "tune": "tuning.tune",
    "task": "own.arrays",
    "task_from_csv": "own.csv_file",
    "task_from_images": "own.image_folder",
}
_NEEDS = ("torch", "scipy", "sklearn", "loky", "pooch", "plotly", "matplotlib", "jinja2")

__all__ = [
    "ACTIVATIONS",
    "Metric",
    "ModelFactory",
    "NamedMetric",
    "Recipe",
    "Task",
    "across",
    "compare",
    "run_claims",
    "stored",
    "suggest_activation",
    "task",
    "task_from_csv",
    "task_from_images",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'leaky.lab' has no attribute {name!r}")
    for module in _NEEDS:
        require(module, "lab", "leaky.lab")
    return getattr(importlib.import_module(f"leaky.lab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
