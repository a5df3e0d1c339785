"""Layers behind a norm and its activation that need not keep their input, as backward can compute it again."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from leaky.models.graph import keepers
from leaky.models.stand_in import StandIn
from leaky.models.trace import Region, join
from leaky.nn.recompute import reading

READERS = (
    torch.nn.modules.conv._ConvNd,
    torch.nn.Linear,
    torch.nn.modules.pooling._MaxPoolNd,
    torch.nn.modules.pooling._AvgPoolNd,
)
"""Layers whose backward needs their input, and no more of what they compute than where a maximum was."""


class Reading(StandIn):
    """A layer's forward that keeps no input which backward can compute again; it stands as `forward` there."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__(module, vars(module).get("forward"))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = args[0] if args else kwargs.get("input")
        if torch.compiler.is_compiling() or not (isinstance(given, torch.Tensor) and torch.is_grad_enabled()):
            return self.plain(*args, **kwargs)
        with reading(given):
            return self.plain(*args, **kwargs)


def readers_of(node: fx.Node, region: Region) -> tuple[str, ...] | None:
    """The layers that keep a value for backward, by their names in the region; None where something else does."""
    names = []
    for user in keepers(node, region):
        module = region.module(user)
        if not isinstance(module, READERS):
            return None
        names.append(join(region.name, str(user.target)))
    return tuple(names)
