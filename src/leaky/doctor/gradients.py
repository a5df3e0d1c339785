"""Gradients before and after a site, read where autograd hands them over and never changed.

A hook on the activation's own node sees both: the gradient at its output, and the one it passes on. That is not the
gradient of its input, which other readers of the input (a skip connection) add to.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from leaky.doctor.aside import Aside
from leaky.doctor.bits import unpacking
from leaky.doctor.functions import Applied
from leaky.doctor.tally import Tally

_NODES = {"selu": "elu", "celu": "elu", "prelu": "prelukernel", "rrelu": "rreluwithnoise"}
_PRECISE = (torch.float32, torch.float64)


def follow(
    y: torch.Tensor, tally: Tally, applied: Applied, unit: int, x: torch.Tensor | None, fused: bool
) -> None:
    """Let `tally` see the gradients of the call that made `y`; `fused` where a norm applied the activation.

    Where autograd has no node for the activation alone, the gradient before it is that after it times f': by the
    signs of the output, or by the input `x` where that was not overwritten.
    """
    node: Any = y.grad_fn
    if node is None:
        return
    place = y.output_nr
    own = not fused and _is_own(node, applied)
    slope = None if own else _slope(y, applied, unit, x)

    def hook(before: tuple[torch.Tensor | None, ...], after: tuple[torch.Tensor | None, ...]) -> None:
        gradient = after[place]
        if gradient is None:
            return
        with Aside():
            passed = before[0] if own else None if slope is None else gradient * slope()
            tally.gradient(gradient, passed, unit)

    node.register_hook(hook)


def own_derivative(y: torch.Tensor, applied: Applied) -> torch.Tensor | None:
    """f'(x) from what the call that made `y` keeps for its backward, where f is not two lines: no f once more."""
    node: Any = y.grad_fn
    if node is None or applied.slopes is not None or y.dtype not in _PRECISE:
        return None
    if not _is_own(node, applied) or not callable(node) or unpacking():  # functions written in Python are not
        return None
    found = node(torch.ones_like(y))
    found = found[0] if isinstance(found, tuple) else found
    return found if isinstance(found, torch.Tensor) and found.shape == y.shape else None


def _is_own(node: Any, applied: Applied) -> bool:
    return _named(type(node).__name__, applied.entry.name)


@lru_cache(maxsize=1024)
def _named(node: str, entry: str) -> bool:
    name = node.partition("Backward")[0].lower().lstrip("_")
    return name.startswith("keep") or name in (
        _NODES.get(entry),
        entry.replace("_", ""),
    )  # Keep...: leaky's own


def _slope(y: torch.Tensor, applied: Applied, unit: int, x: torch.Tensor | None) -> Any:
    """f' of the call, when it is asked for."""
    slopes = applied.slopes
    if slopes is not None and isinstance(slopes[0], float) and slopes[0] >= 0 and slopes[1] == 1:
        output, left = y.detach(), slopes[0]
        return lambda: torch.where(output > 0, 1.0, left).to(output.dtype)
    if x is None:
        return None
    with Aside():
        derivative = applied.derivative(x, unit)
    return lambda: derivative
