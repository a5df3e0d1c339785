"""What stands as `forward` on a module's instance, in the place of the forward it had."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any

import torch


class StandIn:
    """A forward around the one that was there before; it may be copied and pickled with its module."""

    def __init__(self, module: torch.nn.Module, replaced: Callable[..., Any] | None) -> None:
        self.module = module
        self.replaced = replaced

    @property
    def plain(self) -> Any:
        """The forward that was there before: the class's, or what took its place on the instance."""
        return self.replaced or type(self.module).forward.__get__(self.module)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.plain)

    @property
    def __code__(self) -> CodeType:  # torch.export asks where a forward is written
        code: CodeType = inspect.unwrap(self.plain).__code__
        return code

    def replicate(self) -> torch.nn.Module:
        """Stands as `_replicate_for_data_parallel` on the instance: a replica's forward is the replica's own."""
        replica: torch.nn.Module = type(self.module)._replicate_for_data_parallel(self.module)
        if self.replaced is None:
            own = copy.copy(self)
            own.module = replica
            vars(replica)["forward"] = own
        return replica
