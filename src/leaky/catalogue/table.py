"""The one table of activations, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from leaky.catalogue import acronyms
from leaky.catalogue.adaptive import ADAPTIVE
from leaky.catalogue.bounded import CLIPPED
from leaky.catalogue.entry import Activation
from leaky.catalogue.exponential import EXPONENTIAL
from leaky.catalogue.gated import GATED
from leaky.catalogue.hard import HARD
from leaky.catalogue.hinges import HINGES
from leaky.catalogue.pade import PADE
from leaky.catalogue.rectifiers import RECTIFIERS
from leaky.catalogue.shaping import SHAPING
from leaky.catalogue.sigmoidal import SIGMOIDAL
from leaky.errors import unknown_name

_FAMILIES = (RECTIFIERS, CLIPPED, SHAPING, EXPONENTIAL, SIGMOIDAL, HARD, GATED, ADAPTIVE, HINGES, PADE)
TABLE: Mapping[str, Activation] = MappingProxyType(
    {activation.name: activation for family in _FAMILIES for activation in family}
)
MODULES: Mapping[str, Activation] = MappingProxyType({entry.module: entry for entry in TABLE.values()})
"""The same entries by the class name of their torch module."""


def lookup(name: str) -> Activation:
    """The entry called `name`; raises `UnknownNameError` with the nearest name that exists.

    An acronym in use for several activations, such as SReLU, is refused with the list of what it may mean.
    """
    try:
        return TABLE[name]
    except (KeyError, TypeError):
        several = acronyms.refuse(str(name), TABLE.values())
        raise several or unknown_name("activation", str(name), TABLE) from None


class Catalogue(Mapping[str, Activation]):
    """The table as users see it: a mapping from names to entries."""

    def __getitem__(self, name: str) -> Activation:
        return lookup(name)

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)
