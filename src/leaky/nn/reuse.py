"""Whether a backward may write its result over the gradient it was given, which saves memory and time.

It may where nobody else holds the gradient or its memory: the rule by which torch itself adds gradients in place,
read from the same reference counts.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import torch

_storage_uses: Any = getattr(torch._C, "_storage_Use_Count", None)
_countable = _storage_uses is not None and hasattr(torch.Tensor, "_use_count")


def held_once(grads: tuple[Any, ...]) -> bool:
    """Whether `grads[0]`, an argument of a running backward, and its memory are held by nobody but that backward.

    Gradients that the user gave, that a hook or another node keeps, that are asked for, and views of memory that
    something else looks at have more references.
    """
    if not _countable or grads[0] is None or torch.is_grad_enabled():
        return False
    if torch._C._are_functorch_transforms_active() or torch._C._functorch.is_legacy_batchedtensor(grads[0]):
        return False  # and no backward may start here, as `_alone` would
    if _references(grads) > _alone() or grads[0]._use_count() != 1:
        return False
    grad = grads[0]
    return bool(_storage_uses(grad.untyped_storage()._cdata) == 2)  # by the tensor, and the wrapper made here


def _references(grads: tuple[Any, ...]) -> int:
    grad = grads[0]
    return sys.getrefcount(grad)


@functools.cache
def _alone() -> int:
    """Python's references to a gradient that nobody else holds: the interpreter's calls are counted too.

    Found by running a backward, not at import: it starts autograd's threads, which a fork would lose.
    """
    found: list[int] = []
    with torch.enable_grad():
        _Probe.apply(torch.ones(2, requires_grad=True), found).sin().sum().backward()
    return found[0]


class _Probe(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, found: list[int]) -> torch.Tensor:
        ctx.found = found
        return x * 2

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        ctx.found.append(_references(grads))
        return grads[0] * 2, None
