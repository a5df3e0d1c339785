"""leaky: the Python home of the leaky rectifier.

- `leaky.leaky_relu(x)` and every other entry of `leaky.catalogue`, on any array.
- `leaky.nn`: the same as torch modules, and initialisation with the right gain.
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

__version__ = "0.1.0"

_LAZY = ("lab", "nn")

__all__ = ["LeakyError", "Spec", "__version__", "catalogue", "lab", "nn", "parse", *arrays.FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name in arrays.FUNCTIONS:
        return arrays.FUNCTIONS[name]
    if name in _LAZY:
        return importlib.import_module(f"leaky.{name}")
    raise AttributeError(f"module 'leaky' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
