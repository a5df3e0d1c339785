"""What `recycle` did: plain records, and the text that shows them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RecycledSite:
    """What was done at a site, or the reason for nothing. Names are of modules."""

    name: str
    units: tuple[int, ...]
    activation: str = ""
    producer: str = ""
    norms: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class RecycleReport:
    """Every site that was asked for."""

    sites: tuple[RecycledSite, ...]

    @property
    def recycled(self) -> tuple[RecycledSite, ...]:
        """The sites whose units have a new start."""
        return tuple(site for site in self.sites if not site.reason)

    @property
    def refused(self) -> tuple[RecycledSite, ...]:
        """The sites that stayed as they were; each has its reason."""
        return tuple(site for site in self.sites if site.reason)

    @property
    def units(self) -> int:
        """The number of units that have a new start."""
        return sum(len(site.units) for site in self.recycled)

    def to_json(self) -> dict[str, Any]:
        """The records as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [f"{_units(self.units)} at {len(self.recycled)} of {len(self.sites)} sites recycled"]
        for site in self.sites:
            layers = " -> ".join([site.producer, *site.norms, site.activation, ", ".join(site.consumers)])
            told = f"left: {site.reason}" if site.reason else f"{_units(len(site.units))}; {layers}"
            rows.append(f"  {site.name}: {told}")
        return "\n".join(rows)


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count} units"
