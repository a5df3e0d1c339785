"""Activations that work along axes of their input, not element by element."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from leaky.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class Along:
    """Which axes f works along, and which lengths of them it takes.

    `axes` gives them from (number of dimensions, *parameters); `refuses` says what is wrong with (shape,
    *parameters), once the axes are known to exist, or None. `example` is an input to show it on.
    """

    axes: Callable[..., tuple[int, ...]]
    refuses: Callable[..., str | None] = lambda shape, *_: None
    example: Any = ((-1.0, 2.0),)

    def check(self, function: str, shape: tuple[int, ...], parameters: dict[str, Any]) -> tuple[int, ...]:
        """The axes, counted from 0; raises `ArgumentError` where the shape has none such or the wrong length."""
        values = tuple(parameters.values())
        axes = self.axes(len(shape), *values)
        for axis in axes or (0,):
            if not -len(shape) <= axis < len(shape) or not axes:
                raise ArgumentError(
                    f"{function}: `x` of shape {shape} is too small for "
                    + ", ".join(f"{name}={value}" for name, value in parameters.items())
                    + "; it needs more dimensions, (N, C, ...)"
                )
        wrong = self.refuses(shape, *values)
        if wrong:
            raise ArgumentError(f"{function}: {wrong}")
        return tuple(axis % len(shape) for axis in axes)
