"""Derivatives that jump: one formula per piece, and a side to stand on where two pieces meet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Array = Any
SIDES = ("left", "right", "mid")
"""What `kink` may be: the slope of the piece on that side, or the mean of both."""


class Sided(ABC):
    """A derivative formula with jumps: calling it gives PyTorch's side, `left`, `right` and `mid` the others."""

    @abstractmethod
    def edges(self, *parameters: Any) -> tuple[Any, ...]:
        """Where the derivative jumps."""

    @abstractmethod
    def on(self, side: str | None, xp: Any, x: Array, *parameters: Any) -> Array:
        """f'(x) with the slope of that `side` at every edge; None is the entry's own convention."""

    def __call__(self, xp: Any, x: Array, *parameters: Any) -> Array:
        return self.on(None, xp, x, *parameters)

    def left(self, xp: Any, x: Array, *parameters: Any) -> Array:
        """The slope of the piece on the left."""
        return self.on("left", xp, x, *parameters)

    def right(self, xp: Any, x: Array, *parameters: Any) -> Array:
        """The slope of the piece on the right."""
        return self.on("right", xp, x, *parameters)

    def mid(self, xp: Any, x: Array, *parameters: Any) -> Array:
        """The mean of both sides."""
        left, right = self.left(xp, x, *parameters), self.right(xp, x, *parameters)
        return xp.where(left == right, left, (left + right) / 2)


@dataclass(frozen=True)
class Pieces(Sided):
    """f' of a function in pieces: `slopes` from left to right, `between` (of the parameters) the edges of the pieces.

    `own` is for each edge the side that PyTorch takes there. Slopes are numbers or functions of (xp, x, *parameters)
    that are finite wherever their piece is not; NaN stays NaN.
    """

    slopes: tuple[float | Callable[..., Any], ...]
    between: Callable[..., tuple[Any, ...]] = lambda *_: (0.0,)
    own: tuple[str, ...] = ("left",)

    def edges(self, *parameters: Any) -> tuple[Any, ...]:
        """Where two pieces meet."""
        return self.between(*parameters)

    def on(self, side: str | None, xp: Any, x: Array, *parameters: Any) -> Array:
        """f'(x), piece by piece."""
        first, *rest = (slope(xp, x, *parameters) if callable(slope) else slope for slope in self.slopes)
        result = xp.where(x == x, xp.ones_like(x) * first, x)
        for edge, slope, own in zip(self.edges(*parameters), rest, self.own, strict=True):
            beyond = x >= edge if (side or own) == "right" else x > edge
            result = xp.where(beyond, xp.ones_like(x) * slope, result)
        return result
