"""Layers behind a norm and its activation that need not keep their input, as backward can compute it again."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import fx

from leaky.models.graph import keepers
from leaky.models.trace import Region, join
from leaky.nn.recomputation import reading

READERS = (
    torch.nn.modules.conv._ConvNd,
    torch.nn.Linear,
    torch.nn.modules.pooling._MaxPoolNd,
    torch.nn.modules.pooling._AvgPoolNd,
)
"""Layers whose backward needs their input, and no more of what they compute than where a maximum was."""


class Reading(torch.nn.Module):
    """A layer that keeps no input which backward can compute again; in all else, its name too, the class it was."""

    plain: ClassVar[type[torch.nn.Module]]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes."""
        given = args[0] if args else kwargs.get("input")
        looked_at = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
        if looked_at or not (isinstance(given, torch.Tensor) and torch.is_grad_enabled()):
            return super().forward(*args, **kwargs)
        with reading(given):
            return super().forward(*args, **kwargs)

    def _get_name(self) -> str:
        return self.plain.__name__

    def __reduce_ex__(
        self, protocol: Any
    ) -> Any:  # the class is made when it is asked for, not found by name
        return _blank, (self.plain,), self.__getstate__()


_MADE: dict[type[torch.nn.Module], type[Reading]] = {}


def reading_class(plain: type[torch.nn.Module]) -> type[Reading]:
    """`plain` as `Reading`; it says of itself that it is from the same module, as tracers ask."""
    if plain not in _MADE:
        members = {"plain": plain, "__module__": plain.__module__, "__doc__": plain.__doc__}
        _MADE[plain] = type(f"Reading{plain.__name__}", (Reading, plain), members)
    return _MADE[plain]


def _blank(plain: type[torch.nn.Module]) -> torch.nn.Module:
    cls = reading_class(plain)
    return cls.__new__(cls)


def plain_class(module: Any) -> Any:
    """The class of a layer, or the one it had before."""
    return module.plain if isinstance(module, Reading) else type(module)


def reads(module: torch.nn.Module | None) -> bool:
    """Whether a layer keeps the very tensor that it reads, no padded copy, and torch will not change its class."""
    zeros = getattr(module, "padding_mode", "zeros") == "zeros"
    return isinstance(module, READERS) and zeros and not torch.nn.utils.parametrize.is_parametrized(module)


def readers_of(node: fx.Node, region: Region) -> tuple[str, ...] | None:
    """The layers that keep a value for backward, by their names in the region; None where something else does."""
    names = []
    for user in keepers(node, region):
        module = region.module(user)
        if not reads(module):
            return None
        names.append(join(region.name, str(user.target)))
    return tuple(names)
