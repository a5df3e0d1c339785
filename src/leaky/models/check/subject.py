"""What the rules read: a copy of the model, plain again, its activations, and its calls as graphs.

On the copy, wrappers are taken off (torch.compile, DataParallel, DistributedDataParallel) and `leaky.lean` is undone:
a model has the same findings wrapped, lean or neither, under the names it has without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from leaky.errors import ArgumentError
from leaky.models.check.kinds import Kind, kind_of_call, kind_of_module
from leaky.models.isolate import copy_of
from leaky.models.keeping import twins
from leaky.models.trace import Region, Traces, is_leaf, join, trace

_WRAPPERS: Mapping[str, str] = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
}


@dataclass(frozen=True, eq=False)
class Place:
    """One call of an activation in a graph. `site` is the module, or for a function that whose forward calls it."""

    region: Region
    node: fx.Node
    kind: Kind
    site: str
    is_call: bool

    @property
    def input(self) -> Any:
        """What it reads: a node, where it is given one."""
        return self.node.args[0] if self.node.args else self.node.kwargs.get("input")

    @property
    def told(self) -> str:
        """The activation with its parameters, and for a call of a function that it is one."""
        return f"a call of {self.kind}" if self.is_call else str(self.kind)


@dataclass
class Subject:
    """A model as the rules see it."""

    model: torch.nn.Module
    optimizer: Any
    parameter_names: dict[int, str]
    """Names by the identity of the user's own parameters, of which an optimiser has a list."""
    traces: Traces
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """All names of each module, by its first."""
    activations: dict[str, tuple[torch.nn.Module, Kind]] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        by_module: dict[torch.nn.Module, list[str]] = {}
        for name, module in self.model.named_modules(remove_duplicate=False):
            by_module.setdefault(module, []).append(name)
        for module, names in by_module.items():
            self.names[names[0]] = tuple(names)
            if (kind := kind_of_module(module)) is not None:
                self.activations[names[0]] = (module, kind)
        first = {name: names[0] for names in self.names.values() for name in names}
        for region in self.traces.regions:
            self.places += self._places(region, first)

    def _places(self, region: Region, first: dict[str, str]) -> Iterator[Place]:
        for node in region.graph.nodes:
            module = region.module(node)
            if module is not None and (kind := kind_of_module(module)) is not None:
                name = join(region.name, str(node.target))
                yield Place(region, node, kind, first.get(name, name), is_call=False)
            elif (kind := kind_of_call(node)) is not None:
                path = [first.get(name, name) for name in region.path(node)]
                own = next((name for name in path if name in self.activations), None)
                # The forward of a user's subclass of an activation is that module's call.
                yield Place(region, node, kind, own or path[-1], is_call=own is None)

    @property
    def calls(self) -> dict[tuple[str, str], Place]:
        """The calls of functions, each kind once per module whose forward makes them."""
        return {(place.site, str(place.kind)): place for place in reversed(self.places) if place.is_call}

    @property
    def unread(self) -> dict[str, str]:
        """Modules whose forward torch.fx could not follow in any way, and why."""
        read = {
            name
            for region in self.traces.regions
            for node in region.graph.nodes
            for name in region.path(node)
        }
        return {name: reason for name, reason in self.traces.opaque.items() if name not in read}

    def also(self, site: str) -> str:
        """Further names of a module, to put after what is said of it."""
        others = self.names.get(site, ())[1:]
        return f" (the same module as {', '.join(f'`{name}`' for name in others)})" if others else ""


def subject_of(model: torch.nn.Module, optimizer: Any) -> Subject:
    """Read a model; nothing of it is changed, and where it cannot be copied, it is not traced."""
    names = _plain_names(model)
    inner = _unwrapped(model)
    try:
        copied = copy_of(inner)
    except ArgumentError as error:
        reason = str(error.__cause__ or error)
        return Subject(inner, optimizer, names, Traces(opaque={"": f"it cannot be copied: {reason}"}))
    copied = _plain_copy(copied)
    if is_leaf(copied) and not kind_of_module(copied):  # one operation of torch's: it has no order of calls
        return Subject(copied, optimizer, names, Traces())
    return Subject(copied, optimizer, names, trace(copied))


def _inner(module: torch.nn.Module) -> torch.nn.Module | None:
    attribute = _WRAPPERS.get(type(module).__name__)
    inner = None if attribute is None else module._modules.get(attribute)
    return inner if type(module).__module__.startswith("torch") else None


def _unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    while (inner := _inner(module)) is not None:
        module = inner
    return module


def _plain_names(model: torch.nn.Module) -> dict[int, str]:
    """The parameters' names without the wrappers on the way to them."""
    wrappers = {
        name: _WRAPPERS[type(m).__name__] for name, m in model.named_modules() if _inner(m) is not None
    }
    names = {}
    for name, parameter in model.named_parameters():
        parts = name.split(".")
        kept = [part for at, part in enumerate(parts) if wrappers.get(".".join(parts[:at])) != part]
        names[id(parameter)] = ".".join(kept)
    return names


def _plain_copy(copied: torch.nn.Module) -> torch.nn.Module:
    for module in list(copied.modules()):
        twins.restore(module)
        for name, child in list(module._modules.items()):
            if child is not None and _inner(child) is not None:
                module._modules[name] = _unwrapped(child)
    return copied
