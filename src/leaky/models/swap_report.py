"""What `swap` found and did: plain records, and the text that shows them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SwapSite:
    """One place where the activation asked for is applied.

    `name` is the module's dotted name, for calls of functions that of the module whose forward makes them, then the
    function: `block.relu`. `after` is None where the site was left; `reason` says why, or what else is to know.
    """

    name: str
    before: str
    after: str | None
    reason: str = ""
    also: tuple[str, ...] = ()
    kind: str = "module"
    """`module`, `calls` of functions, `norm` (a norm that applies it) or `attribute` (of a Transformer layer)."""


@dataclass(frozen=True)
class SwapReport:
    """Every site of the activation, and the keys that `state_dict` has gained and lost."""

    model: str
    sites: tuple[SwapSite, ...]
    keys_added: tuple[str, ...] = ()
    keys_removed: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    """The norms whose running statistics were estimated again."""

    @property
    def changed(self) -> tuple[SwapSite, ...]:
        """The sites that became something else."""
        return tuple(site for site in self.sites if site.after is not None)

    @property
    def left(self) -> tuple[SwapSite, ...]:
        """The sites that stayed as they were; each has its reason."""
        return tuple(site for site in self.sites if site.after is None)

    @property
    def summary(self) -> str:
        """What was done, in a sentence or a few."""
        told = [f"{self.model}: {len(self.changed)} of {_counted(len(self.sites), 'site')} swapped"]
        if self.keys_added:
            told.append(
                f"state_dict has gained {', '.join(self.keys_added)}: give these parameters to the optimizer, and "
                "swap before such a checkpoint is loaded"
            )
        if self.keys_removed:
            told.append(f"state_dict has lost {', '.join(self.keys_removed)}")
        if self.norms:
            told.append(f"running statistics of {_counted(len(self.norms), 'norm')} estimated again")
        return "; ".join(told) + "."

    def to_json(self) -> dict[str, Any]:
        """The records as plain data."""
        return {**asdict(self), "summary": self.summary}

    def __str__(self) -> str:
        rows = [self.summary]
        for site in self.sites:
            name = (site.name or "(the model)") + (f" (also {', '.join(site.also)})" if site.also else "")
            if site.kind != "module":
                name += f" [{site.kind}]"
            became = f"-> {site.after}" if site.after is not None else "left"
            rows.append(f"  {name}: {site.before} {became}{f': {site.reason}' if site.reason else ''}")
        return "\n".join(rows)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
