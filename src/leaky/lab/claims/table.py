"""Every claim of the ledger, by name, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from leaky.errors import unknown_name
from leaky.lab.claims import (
    accuracy,
    audits,
    capacity,
    cost,
    depth,
    dying,
    first_layer,
    gain_factor,
    gradients,
    kinks,
    learned,
    outputs,
    plasticity,
    randomized,
    recovering,
    slopes,
    speed,
    tiny_slopes,
)
from leaky.lab.claims.claim import Claim

_TRAINED = (accuracy, speed, slopes, depth, learned, randomized, audits)
_THEMES = (
    first_layer,
    gain_factor,
    gradients,
    outputs,
    capacity,
    dying,
    recovering,
    tiny_slopes,
    kinks,
    plasticity,
    *_TRAINED,
    cost,
)

CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {
        claim.name: claim
        for claim in sorted(
            (claim for theme in _THEMES for claim in theme.CLAIMS), key=lambda c: (c.number, c.name)
        )
    }
)


def family() -> int:
    """Hypotheses in the ledger, over which Holm's correction goes."""
    return sum(len(claim.hypotheses) for claim in CLAIMS.values())


def chosen(names: Iterable[str] = ()) -> tuple[Claim, ...]:
    """The claims of these names, or of these numbers; all of them where none is given.

    Raises `UnknownNameError` where there is none of that name.
    """
    wanted = list(names)
    if not wanted:
        return tuple(CLAIMS.values())
    found: dict[str, Claim] = {}
    for name in wanted:
        members = [c for c in CLAIMS.values() if name in (c.name, str(c.number))]
        if not members:
            raise unknown_name("claim", name, CLAIMS, see="leaky claims --list")
        found.update({claim.name: claim for claim in members})
    return tuple(found.values())
