"""What an activation is. The only place that knows a formula.

The package is itself the table: `leaky.catalogue["leaky_relu"]` is an entry, `"relu" in leaky.catalogue`
asks for one, iterating gives the names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

from leaky.catalogue.entry import Activation
from leaky.catalogue.facts import Facts, Onnx
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.spec import Spec, parse
from leaky.catalogue.table import MODULES, TABLE, Catalogue, lookup


class _CatalogueModule(ModuleType):
    """A module may name its own class: this one makes the package answer to the protocol of a mapping."""

    def __getitem__(self, name: str) -> Activation:
        return lookup(name)

    def __contains__(self, name: object) -> bool:
        return name in TABLE

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)

    keys = staticmethod(TABLE.keys)
    values = staticmethod(TABLE.values)
    items = staticmethod(TABLE.items)
    get = staticmethod(TABLE.get)


sys.modules[__name__].__class__ = _CatalogueModule

__all__ = [
    "MODULES",
    "TABLE",
    "Activation",
    "Catalogue",
    "Facts",
    "Onnx",
    "Parameter",
    "Spec",
    "lookup",
    "parse",
]
