"""Which changes free nothing on the example: each is undone in thought, in what a run of the changed model kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from leaky.models.by_graph import NOBODY
from leaky.models.observe import Observation, Pass

ANYWAY = "what it keeps is kept by other layers anyway"
SMALL = "on what the example brings, its form that keeps less keeps as much"


def idle(
    before: Observation, after: Observation, groups: Mapping[Any, Iterable[Any]], fused: Iterable[str]
) -> dict[Any, str]:
    """Of the changes, each with its sites, those without which the model would keep no more, and why.

    One after the other, so that of two that free the same one stays, and again while that changes anything. Calls
    that the `fused` norms have activated are no part of it.
    """
    kept = _Kept(after, set(fused))
    changes = {
        change: [each for site in sites for each in kept.passes(before, site)]
        for change, sites in groups.items()
    }
    found: dict[Any, str] = {}
    settled = False
    while not settled:
        settled = True
        for change, passes in changes.items():
            if change in found:
                continue
            freed, taken = kept.undone(passes)
            if taken <= freed:
                found[change] = kept.reason(passes)
                kept.undo(passes)
                settled = False
    return found


class _Kept:
    """What is kept, by whom: a pass is one call of a site, in the run after and with its counterpart before."""

    def __init__(self, after: Observation, fused: set[str]) -> None:
        self.after = after
        self.fused = fused
        self.sizes = dict(after.sizes)
        self.by = {memory: set(keepers) for memory, keepers in after.keepers.items()}

    def passes(self, before: Observation, site: Any) -> Iterator[tuple[Pass, Pass]]:
        then, now = before.passes.get(site, []), self.after.passes.get(site, [])
        if len(then) == len(now):
            yield from ((a, b) for a, b in zip(then, now, strict=True) if b.norm not in self.fused)

    def undone(self, passes: list[tuple[Pass, Pass]]) -> tuple[int, int]:
        """Bytes freed and bytes taken if these sites kept what they kept before."""
        own = {now.name for _, now in passes}
        freed = sum(self.sizes[memory] for memory, by in self.by.items() if by <= own)
        parts = {memory: size for then, now in passes for memory, size in _parts(then, now).items()}
        taken = sum(size for memory, size in parts.items() if self.by.get(memory, set()) <= own)
        return freed, taken

    def reason(self, passes: list[tuple[Pass, Pass]]) -> str:
        """Why nothing is gained."""
        own = {now.name for _, now in passes}
        if any(self.by.get(memory, set()) - own for then, now in passes for memory in _parts(then, now)):
            return ANYWAY
        return NOBODY if any(now.output in now.kept for _, now in passes) else SMALL

    def undo(self, passes: list[tuple[Pass, Pass]]) -> None:
        own = {now.name for _, now in passes}
        self.by = {memory: by - own for memory, by in self.by.items() if not by <= own}
        for then, now in passes:
            for memory, size in _parts(then, now).items():
                self.sizes[memory] = size
                self.by.setdefault(memory, set()).add(now.name)


def _parts(then: Pass, now: Pass) -> dict[Any, int]:
    """What a call kept before, as memory of the run after."""
    found: dict[Any, int] = {}
    for memory, size in then.kept.items():
        if memory == then.output:
            found[now.output] = size
        elif memory == then.input:
            found[now.input] = size
        else:
            found[now.name, memory] = size
    return found
