"""Norms and smooth activations whose output, or input, is one tensor too many: where they are.

torch keeps a norm's input, the input of a SiLU behind it, which is the norm's output, and the SiLU's output, which is
the next convolution's input. One of the three is enough: the others are computed again from it, or read back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import fx

from leaky.models.graph import changed_later, keepers, readers, told
from leaky.models.keeping import twins
from leaky.models.keeping.behind import readers_of, reads
from leaky.models.keeping.others import CLASSES
from leaky.models.trace import Region, Traces, inside, join
from leaky.nn.layers.curves import CURVES


@dataclass(frozen=True)
class Again:
    """A smooth activation with the norms before it, or norms alone (`name` is None), and the layers behind."""

    name: str | None
    norms: tuple[str, ...]
    behind: tuple[str, ...]
    unproved: str = ""
    """Why the graphs alone do not prove it."""
    left: str = ""
    """Why nothing can be gained."""

    @property
    def key(self) -> str:
        """The module that it goes by."""
        return self.name if self.name is not None else self.norms[0]


def find_again(
    model: torch.nn.Module, traces: Traces, paired: frozenset[str], first: dict[str, str]
) -> list[Again]:
    """All such sites; `paired` norms are fused with what follows them."""
    finder = _Finder(model, traces, paired, first)
    return [*finder.curves(), *finder.norms()]


class _Finder:
    def __init__(
        self, model: torch.nn.Module, traces: Traces, paired: frozenset[str], first: dict[str, str]
    ) -> None:
        self.modules = dict(model.named_modules())
        self.training = model.training
        self.traces = traces
        self.first = first
        self.calls: dict[str, list[tuple[Region, fx.Node]]] = {}
        for region in traces.regions:
            for node in region.graph.nodes:
                if node.op == "call_module" and (name := self._name(region, node)) in self.modules:
                    self.calls.setdefault(name, []).append((region, node))
        self.free = {name for name in self.calls if type(self.modules[name]) in twins.NORMS} - paired
        self.free = {name for name in self.free if not twins.has_hooks(self.modules[name])}
        self.taken: set[str] = set()

    def curves(self) -> Iterator[Again]:
        for name, calls in self.calls.items():
            module = self.modules[name]
            if type(module) not in (*CURVES, torch.nn.PReLU) or "forward" in vars(module):
                continue
            before = {self._norm_before(region, node) for region, node in calls}
            norms = tuple(sorted(norm for norm in before if norm is not None))
            behind, left = self._behind(calls)
            if getattr(module, "inplace", False) and any(
                self._others(region, node) for region, node in calls
            ):
                norms, behind, left = (), (), "its input, which it changes in place, is read elsewhere too"
            enough = behind and (len(norms) == len(before) or isinstance(module, torch.nn.PReLU))
            if isinstance(module, CLASSES) and not enough:
                continue  # it keeps bits, or its output, and that is as little
            self.taken |= set(norms)
            yield Again(name, norms, behind, self._unproved(name, calls), "" if norms or behind else left)

    def norms(self) -> Iterator[Again]:
        for name in sorted(self.free - self.taken):
            calls = self.calls[name]
            read = [
                self.modules.get(self._name(region, user))
                for region, node in calls
                for user in keepers(node, region)
            ]
            changed = any(any(changed_later(node, region)) for region, node in calls)
            if read and not changed and all(map(reads, read)):
                behind, _ = self._behind(calls)
                yield Again(None, (name,), behind, self._unproved(name, calls))

    def _name(self, region: Region, node: fx.Node) -> str:
        name = join(region.name, str(node.target))
        return self.first.get(name, name)

    def _behind(self, calls: list[tuple[Region, fx.Node]]) -> tuple[tuple[str, ...], str]:
        """The layers that need not keep the output, and why there are none in the mode that the model is in."""
        behind: list[str] = []
        left, gains = "nobody keeps its output", False
        for region, node in calls:
            layers = readers_of(node, region)
            if layers is None:
                other = next(user for user in keepers(node, region) if not reads(region.module(user)))
                read = (
                    "whoever reads the output of the model"
                    if other.op == "output"
                    else f"`{told(other, region)}`"
                )
                left = f"its output is kept by {read} anyway"
            behind += [self.first[name] for name in layers or () if name in self.first]
            gains = gains or (bool(layers) and region.training == self.training)
        return tuple(dict.fromkeys(behind)) if gains else (), left

    def _others(self, region: Region, node: fx.Node) -> bool:
        """Whether the activation's input is read by anything else."""
        given = node.args[0] if node.args else node.kwargs.get("input")
        return not isinstance(given, fx.Node) or set(readers(given, region)) != {node}

    def _norm_before(self, region: Region, node: fx.Node) -> str | None:
        """The norm whose output goes into the activation and nowhere else, in all of its calls."""
        given = node.args[0] if node.args else node.kwargs.get("input")
        if not isinstance(given, fx.Node) or given.op != "call_module":
            return None
        norm = self._name(region, given)
        if norm not in self.free:
            return None
        for place, call in self.calls[norm]:
            users = set(readers(call, place))
            stored = any(call in value for value in place.stored.values())
            if stored or {self._name(place, user) for user in users} != {self._name(region, node)}:
                return None
        return norm

    def _unproved(self, name: str, calls: list[tuple[Region, fx.Node]]) -> str:
        for region, node in calls:
            if not region.whole:
                return f"`{region.name}` traces, but not the model around it"
            if (unknown := changed_later(node, region)[1]) is not None:
                return unknown
        opaque = (each for each in self.traces.opaque if inside(name, each))
        return next((f"{f'`{each}`' if each else 'the model'} does not always trace" for each in opaque), "")
