"""A site over time: window after window of a training, and which of its units died or came back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaky.doctor.measures import Totals, indices, layer_of
from leaky.records.diagnosis import Event, Life, Window

EVENTS = 10_000
"""Events kept per site: with few samples a window, units come and go without end."""
WINDOWS = 256
"""Windows kept per site; beyond, every other one is dropped."""


class History:
    """What a site did from window to window, and which of its units were dead."""

    def __init__(self) -> None:
        self._windows: list[tuple[int, Totals, NDArray[np.float32]]] = []
        self._dead: NDArray[np.bool_] | None = None
        self._born: tuple[int, ...] = ()
        self._measured = 0
        self._before: tuple[Totals, NDArray[np.float64]] | None = None
        self._died: dict[int, int] = {}
        self._revived: dict[int, int] = {}
        self._events: list[tuple[int, int, Event]] = []

    def see(self, step: int, pooled: Totals, positive: NDArray[np.float64]) -> None:
        """The next window: what was added to the sums, and to the inputs above 0 of each unit."""
        now = pooled, positive
        if self._before is not None:
            before, active = self._before
            units, pooled, positive = pooled.pool, pooled.minus(before), positive - active
            pooled.pool = units
        self._before = now
        self._measured += 1
        self._windows.append((step, pooled, (positive / pooled.values).astype(np.float32)))
        if len(self._windows) > WINDOWS:
            del self._windows[1:-1:2]
        dead = positive == 0
        if self._dead is None:
            self._born = indices(dead)
            for unit in self._born:
                self._note(step, unit, "born_dead")
        else:
            for unit in indices(dead & ~self._dead):
                self._revived.pop(unit, None)
                self._died[unit] = step
                self._note(step, unit, "died")
            for unit in indices(self._dead & ~dead):
                self._died.pop(unit, None)
                self._revived[unit] = step
                self._note(step, unit, "revived")
        self._dead = dead

    def windows(self) -> tuple[Window, ...]:
        """The windows that are kept, the first and the last among them."""
        return tuple(_window(*window) for window in self._windows)

    def _note(self, step: int, unit: int, event: Event) -> None:
        if len(self._events) < EVENTS:
            self._events.append((step, unit, event))

    def life(self) -> Life:
        """The record."""
        return Life(self._measured, self._born, dict(self._died), dict(self._revived), tuple(self._events))


def _window(step: int, pooled: Totals, positive: NDArray[np.float32]) -> Window:
    layer = layer_of(pooled)
    return Window(
        step=step,
        samples=pooled.samples,
        positive=positive,
        never_active=float((positive == 0).mean()),
        input_mean=layer.input_mean,
        mean=layer.mean,
        scale=layer.scale,
        gradient_before=layer.gradient_before,
        gradient_after=layer.gradient_after,
    )
