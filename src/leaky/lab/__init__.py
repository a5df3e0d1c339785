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
    from leaky.lab.definition import Task
    from leaky.lab.factory import ModelFactory
    from leaky.lab.metrics import NamedMetric
    from leaky.lab.recipe import Recipe
    from leaky.lab.study import ACTIVATIONS, compare
    from leaky.records import Metric

_HOMES = {
    "ACTIVATIONS": "study",
    "Metric": "metrics",
    "ModelFactory": "factory",
    "NamedMetric": "metrics",
    "Recipe": "recipe",
    "Task": "definition",
    "compare": "study",
}
_NEEDS = ("torch", "scipy", "sklearn", "loky", "pooch", "plotly", "matplotlib", "jinja2")

__all__ = ["ACTIVATIONS", "Metric", "ModelFactory", "NamedMetric", "Recipe", "Task", "compare"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'leaky.lab' has no attribute {name!r}")
    for module in _NEEDS:
        require(module, "lab", "leaky.lab")
    return getattr(importlib.import_module(f"leaky.lab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
