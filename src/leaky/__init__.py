"""leaky: the Python home of the leaky rectifier.

- `leaky.leaky_relu(x)` and every other entry of `leaky.catalogue`, on any array.
- `leaky.translate("keras:LeakyReLU", to="torch")`: another framework's call; `leaky.from_module(module)`: its entry.
- `leaky.nn`: the same as torch modules, and initialisation with the right gain.
- `leaky.lean(model)`: the model trains with less memory, in place; `leaky.unlean(model)` undoes it.
- `leaky.check(model)`: mistakes with activations in a model's definition, found without running it.
- `leaky.swap(model, "relu", "leaky_relu")`, `leaky.recycle(model, optimizer, dormant)` and
  `leaky.initialise_(model, "he")`: other activations, another start for dormant units, new weights.
- `leaky.diagnose(model, batches)`, `leaky.watch(model)`: which units are dead, one-sided, saturated, and since when.
- `leaky.lab.compare(...)`: which activation is better, on real data, with evidence.

Importing leaky loads NumPy only; torch and the lab's libraries are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from leaky import arrays, catalogue
from leaky.catalogue import Spec, parse
from leaky.errors import LeakyError, UnknownNameError

if TYPE_CHECKING:
    from leaky import doctor as doctor
    from leaky import lab as lab
    from leaky import nn as nn
    from leaky.catalogue.conventions.translate import translate as translate
    from leaky.doctor.diagnose import diagnose as diagnose
    from leaky.doctor.recycle import recycle as recycle
    from leaky.doctor.watch import watch as watch
    from leaky.models.check import check as check
    from leaky.models.from_module import from_module as from_module
    from leaky.models.initialise import initialise_ as initialise_
    from leaky.models.lean import lean as lean
    from leaky.models.lean import unlean as unlean
    from leaky.models.swap import swap as swap
    from leaky.models.swap import unswap as unswap

__version__ = "0.1.0"

_LAZY = ("doctor", "lab", "models", "nn")
_OF_MODELS = ("check", "initialise_", "lean", "swap", "unlean", "unswap")
_ELSEWHERE = {
    "diagnose": "leaky.doctor.diagnose",
    "from_module": "leaky.models.from_module",
    "recycle": "leaky.doctor.recycle",
    "translate": "leaky.catalogue.conventions.translate",
    "watch": "leaky.doctor.watch",
}

__all__ = [
    "LeakyError",
    "Spec",
    "__version__",
    "catalogue",
    "check",
    "diagnose",
    "doctor",
    "from_module",
    "initialise_",
    "lab",
    "lean",
    "nn",
    "parse",
    "recycle",
    "swap",
    "translate",
    "unlean",
    "unswap",
    "watch",
    *arrays.FUNCTIONS,
]


globals().update(arrays.FUNCTIONS)  # `__getattr__` would cost a third of a microsecond at every call


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"leaky.{name}")
    if name in _OF_MODELS:
        return getattr(importlib.import_module("leaky.models"), name)
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module 'leaky' has no attribute {name!r}{_hint(name)}")


def _hint(name: str) -> str:
    """The activation that may be meant, or those that an acronym may mean."""
    try:
        catalogue.lookup(name)
    except UnknownNameError as error:
        told = str(error).partition(": ")[2]
        if not name.startswith("_") and told.startswith(("did you mean", "the acronym")):
            return f"; {told}"
    return ""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
