"""leaky: the Python home of the leaky rectifier.

- `leaky.leaky_relu(x)` and every other entry of `leaky.catalogue`, on any array.
- `leaky.nn`: the same as torch modules, and initialisation with the right gain.
- `leaky.lean(model)`: the model trains with less memory, in place; `leaky.unlean(model)` undoes it.
- `leaky.lab.compare(...)`: which activation is better, on real data, with evidence.

Importing leaky loads NumPy only; torch and the lab's libraries are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from leaky import arrays, catalogue
from leaky.catalogue import Spec, parse
from leaky.errors import LeakyError

if TYPE_CHECKING:
    from leaky import lab as lab
    from leaky import nn as nn
    from leaky.models.lean import lean as lean
    from leaky.models.lean import unlean as unlean

__version__ = "0.1.0"

_LAZY = ("lab", "models", "nn")
_OF_MODELS = ("lean", "unlean")

__all__ = [
    "LeakyError",
    "Spec",
    "__version__",
    "catalogue",
    "lab",
    "lean",
    "nn",
    "parse",
    "unlean",
    *arrays.FUNCTIONS,
]


def __getattr__(name: str) -> Any:
    if name in arrays.FUNCTIONS:
        return arrays.FUNCTIONS[name]
    if name in _LAZY:
        return importlib.import_module(f"leaky.{name}")
    if name in _OF_MODELS:
        return getattr(importlib.import_module("leaky.models"), name)
    raise AttributeError(f"module 'leaky' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
