"""Acronyms that mean several activations: no entry has them as its name, asking for one lists the candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from leaky.errors import UnknownNameError

if TYPE_CHECKING:
    from leaky.catalogue.entry import Activation

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "BReLU": ("bipolar: f(x) in even channels, -f(-x) in odd ones",),
    "DReLU": ("dual: max(x, 0) - max(y, 0) of two inputs",),
    "NReLU": ("natural logarithm: log(1 + max(x, 0))",),
}
"""What the same acronym means besides that has no entry here."""


def plain(name: str) -> str:
    """A name without what people write differently: case, `_` and `-`."""
    return name.lower().replace("_", "").replace("-", "")


def refuse(name: str, entries: Iterable[Activation]) -> UnknownNameError | None:
    """The error for an acronym that is no entry's name; None for anything else."""
    meant = [
        (entry, acronym, word)
        for entry in entries
        for acronym, word in entry.acronyms
        if plain(acronym) == plain(name)
    ]
    if not meant:
        return None
    acronym = meant[0][1]
    others = ELSEWHERE.get(acronym, ())
    if len(meant) == 1 and not others:
        return UnknownNameError(f"unknown activation `{name}`: did you mean `{meant[0][0].name}`?")
    listed = ", ".join(f"`{entry.name}` ({word})" for entry, _, word in meant)
    also = f"; not here: {'; '.join(others)}" if others else ""
    return UnknownNameError(
        f"unknown activation `{name}`: the acronym means several, write one of {listed}{also}"
    )
