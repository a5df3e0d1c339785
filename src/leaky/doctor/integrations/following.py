"""A watch that follows a loop it does not own, and what each of its measured steps added.

A trainer counts the steps itself, evaluates between two of them, and may fail at any point: so the watch looks
only between `resume` and `pause`, and takes over the trainer's count.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from leaky.doctor.measures import Totals, site_of
from leaky.doctor.watch import Watch
from leaky.records.diagnosis import Site


@dataclass(frozen=True)
class Measured:
    """What one measured step showed by itself; `step` updates had been made before it."""

    step: int
    sites: tuple[Site, ...]


class Since:
    """Tells what a watch has measured since it was last asked."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._measured = 0
        self._before: dict[tuple[str, int], Totals] = {}

    def take(self) -> Measured | None:
        """None where no step was measured; of several, all together under the number of the last."""
        watch = self._watch
        if watch.measured == self._measured:
            return None
        self._measured = watch.measured
        sites = []
        for key, now in watch.totals().items():
            before = self._before.get(key)
            self._before[key] = now
            added = now if before is None else _difference(now, before)
            if added.samples:
                sites.append(site_of(added))
        step = watch.last
        return Measured(step, tuple(sites)) if sites and step is not None else None


class Following(Watch):
    """A watch of a loop that has made `step` updates; it looks at nothing until `resume`."""

    def __init__(self, model: torch.nn.Module, *, every: int, step: int) -> None:
        super().__init__(model, every=every, first=step)  # refuses what cannot be watched before training
        self.pause()
        self._since = Since(self)
        self._collector.failed = self.pause  # the loop may not tell of an error: leave nothing behind

    def reach(self, step: int) -> Measured | None:
        """So many updates have been made: what was measured since the last, if anything was."""
        while self.steps < step and not self.closed:
            self.step()
        return self._since.take()


def _difference(now: Totals, before: Totals) -> Totals:
    """What was added between two, with the histogram."""
    added = now.minus(before)
    added.kinked, added.bounded = now.kinked, now.bounded
    if now.histogram is not None and before.histogram is not None:
        added.histogram = now.histogram - before.histogram
    return added
