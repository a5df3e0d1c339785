"""A note that rides on a tensor: a norm has applied the activation that comes next already.

The activation takes the note off and hands the tensor on. A tensor without a note is activated as ever, so one
activation may serve a fused norm here and a convolution there. A gradient that reaches a norm whose note was never
taken would be wrong, and raises instead.
"""

from __future__ import annotations

from typing import Any

import torch

from leaky.errors import LeakyError

_NAME = "_leaky_activated"


class Mark:
    """The note: which norm wrote it, and the slope that was applied."""

    def __init__(self, norm: str, slope: float) -> None:
        self.norm = norm
        self.slope = slope
        self.guard: Any = None

    def refuse(self, gradient: torch.Tensor) -> None:
        """Hook on the tensor while the note is on it."""
        raise LeakyError(
            f"lean: the norm `{self.norm}` applied its activation already, but its output went elsewhere than into "
            "that activation; call leaky.unlean(model), or make lean the part of the model that you call"
        )


def put(tensor: torch.Tensor, mark: Mark) -> torch.Tensor:
    """Write a note on a tensor."""
    if tensor.requires_grad:
        mark.guard = tensor.register_hook(mark.refuse)
    setattr(tensor, _NAME, mark)
    return tensor


def take(tensor: Any, slope: float, inplace: bool = False) -> float | None:
    """Take the note off: the slope that is left to apply (1: none); None where there is no note.

    What a norm has activated with another slope, as it was when the model was made lean, has the right signs: a
    second activation with the ratio of the two makes up for it, except after ReLU (slope 0).
    """
    if not isinstance(tensor, torch.Tensor):
        return None
    mark: Mark | None = getattr(tensor, _NAME, None)
    if mark is None:
        return None
    if mark.slope != slope and (inplace or not mark.slope):
        raise LeakyError(
            f"lean: the norm `{mark.norm}` applied negative_slope={mark.slope:g} already, and is followed by one of "
            f"{slope:g}{' in place' if inplace else ''}; call leaky.unlean(model)"
        )
    delattr(tensor, _NAME)
    if mark.guard is not None:
        mark.guard.remove()
    return 1.0 if slope == mark.slope else slope / mark.slope
