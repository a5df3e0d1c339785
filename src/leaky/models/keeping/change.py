"""What `lean` may do to a model, and the one place that does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from leaky.models.keeping import twins


@dataclass(frozen=True)
class Change:
    """One thing to do to a model.

    `name` is a norm (fuse), an activation (bits), the owner of calls (calls), or a smooth activation or norm whose
    output is computed again (again).
    """

    what: Literal["fuse", "bits", "calls", "again"]
    name: str
    activations: tuple[str, ...] = ()
    slope: float = 0.0
    kinds: frozenset[str] = frozenset()
    around: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    """Layers that keep the output of what is fused, and need not where it is computed again."""
    norms: tuple[str, ...] = ()
    """Norms before a smooth activation (again)."""

    @property
    def key(self) -> tuple[str, str]:
        """What refusing this change goes by."""
        return (self.what, self.name)


@dataclass
class Plan:
    """The changes to make, and of every activation and call that is left the reason."""

    changes: list[Change] = field(default_factory=list)
    left: dict[Any, str] = field(default_factory=dict)


def apply(model: torch.nn.Module, changes: list[Change]) -> None:
    """Change the model."""
    modules = dict(model.named_modules())
    for change in changes:
        match change.what:
            case "fuse":
                found = tuple(modules[name] for name in change.activations)
                around = tuple(modules[name] for name in change.around)
                absorption = twins.Absorption(change.name, change.slope, found, around)
                twins.absorb(modules[change.name], absorption)
                for name in change.behind:
                    twins.read_again(modules[name])
            case "bits":
                twins.keep_bits(modules[change.name])
                for name in change.behind:  # of a PReLU: on another device it keeps its input
                    twins.read_again(modules[name])
            case "calls":
                twins.lean_calls(modules[change.name], change.kinds)
            case "again":
                for name in change.norms:
                    twins.keep_output(modules[name])
                if change.name not in change.norms:
                    twins.keep_input(modules[change.name])
                for name in change.behind:
                    twins.read_again(modules[name])
