"""Which changes free nothing on the example: each is undone in thought, in what a run of the changed model kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from leaky.models.keeping.by_graph import NOBODY
from leaky.models.keeping.observe import Observation, Pass

ANYWAY = "what it keeps is kept by other layers anyway"
SMALL = "on what the example brings, its form that keeps less keeps as much"


@dataclass(frozen=True)
class Part:
    """What one change is about: sites or, where a `norm` was fused, that and the activations of its outputs.

    `again` says that layers behind these may do without their input.
    """

    sites: tuple[Any, ...] = ()
    norm: str | None = None
    again: bool = False


def idle(before: Observation, after: Observation, parts: Mapping[Any, Part]) -> dict[Any, str]:
    """Of the changes, by anything, those without which the model would keep no more, and why.

    One after the other, so that of two that free the same one stays, and again while that changes anything.
    """
    kept = _Kept(before, after, {part.norm for part in parts.values() if part.norm is not None})
    changes = {change: kept.undoing(part) for change, part in parts.items()}
    found: dict[Any, str] = {}
    settled = False
    while not settled:
        settled = True
        for change, undoing in changes.items():
            freed, taken = kept.freed(undoing), kept.taken(undoing)
            seen = bool(freed or undoing.memory)  # nothing is where activations are checkpointed
            if seen and taken <= freed and change not in found:
                found[change] = kept.reason(undoing)
                kept.undo(undoing)
                settled = False
    return found


@dataclass
class _Undoing:
    """What undoing a change does: calls whose keeping ends, and memory that is kept then, with its size."""

    calls: set[Any] = field(default_factory=set)
    memory: dict[Any, int] = field(default_factory=dict)
    kept: dict[Any, int] = field(default_factory=dict)
    """What these calls keep now."""
    keeps_output: bool = False


class _Kept:
    """What is kept, and by whom, in the run after; it is altered as changes are undone."""

    def __init__(self, before: Observation, after: Observation, fused: set[str]) -> None:
        self.before, self.after, self.fused = before, after, fused
        self.sizes = dict(after.sizes)
        self.by: dict[Any, set[Any]] = {}
        self.of: dict[Any, set[Any]] = {}
        for memory, keepers in after.keepers.items():
            self._keep(memory, keepers)

    def undoing(self, part: Part) -> _Undoing:
        """What undoing a change would do; where the two runs did not call the same, nothing."""
        found = _Undoing()
        if part.norm is None:
            for then, now in (pair for site in part.sites for pair in self._both(site)):
                if now.norm not in self.fused:
                    self._add(found, then, now, fresh=False)
                    self._behind(found, part, then, now)
            return found
        for then, now in self._both(part.norm):
            self._add(found, then, now, fresh=False)
        for then, now in (pair for site in self.after.passes for pair in self._both(site)):
            if now.norm == part.norm:
                self._add(found, then, now, fresh=then.input != then.output)
                self._behind(found, part, then, now)
        return found

    def _behind(self, found: _Undoing, part: Part, then: Pass, now: Pass) -> None:
        """Layers behind would keep the output again."""
        if part.again and then.output in self.before.sizes:
            found.memory[now.output] = self.before.sizes[then.output]

    def _both(self, site: Any) -> Iterator[tuple[Pass, Pass]]:
        then, now = self.before.passes.get(site, []), self.after.passes.get(site, [])
        return zip(then, now, strict=True) if len(then) == len(now) else iter(())

    def _add(self, found: _Undoing, then: Pass, now: Pass, *, fresh: bool) -> None:
        """A call would keep what it kept before; its input in memory of its own, if that is `fresh`."""
        found.calls.add(now.name)
        found.kept |= now.kept
        found.keeps_output |= now.output in now.kept
        for memory, size in then.kept.items():
            if memory == then.output:
                found.memory[now.output] = size
            elif memory == then.input and not fresh:
                found.memory[now.input] = size
            else:
                found.memory[now.name, memory] = size

    def freed(self, undoing: _Undoing) -> int:
        """Bytes that only the calls in question keep."""
        memories = {memory for call in undoing.calls for memory in self.of.get(call, ())}
        return sum(self.sizes[memory] for memory in memories if self.by[memory] <= undoing.calls)

    def taken(self, undoing: _Undoing) -> int:
        """Bytes of what they would keep and nobody else does."""
        return sum(size for memory, size in undoing.memory.items() if not self._others(memory, undoing))

    def reason(self, undoing: _Undoing) -> str:
        """Why nothing is gained."""
        shared = {
            memory for memory in undoing.memory if not isinstance(memory, tuple)
        }  # others are the call's own
        if shared <= undoing.kept.keys() and sum(undoing.memory.values()) <= sum(undoing.kept.values()):
            return SMALL
        if any(self._others(memory, undoing) for memory in undoing.memory):
            return ANYWAY
        return NOBODY if undoing.keeps_output else SMALL

    def undo(self, undoing: _Undoing) -> None:
        """Go on as if the change had not been made."""
        for call in undoing.calls:
            for memory in self.of.pop(call, ()):
                self.by[memory].discard(call)
        for memory, size in undoing.memory.items():
            self.sizes[memory] = size
            self._keep(memory, undoing.calls)

    def _keep(self, memory: Any, calls: set[Any]) -> None:
        self.by.setdefault(memory, set()).update(calls)
        for call in calls:
            self.of.setdefault(call, set()).add(memory)

    def _others(self, memory: Any, undoing: _Undoing) -> set[Any]:
        return self.by.get(memory, set()) - undoing.calls
