"""The calls of a model as graphs, by torch.fx; a part that does not trace is a single node in the graph around it.

A region is one graph: the whole model's or, where something in it does not trace, those of the parts that do. The
model is traced in train and eval mode, and with its optional arguments left out and given: what is said of a site
must hold in all of them. Trace copies only, since a forward that keeps what it computed would keep proxies.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from leaky.models.isolate import Example, told


@dataclass(frozen=True)
class Region:
    """One traced forward. `name` is the traced module's; `whole` says that it is the model's own, `training` the mode
    it was in.
    """

    name: str
    graph: fx.Graph
    root: torch.nn.Module
    whole: bool
    training: bool
    stored: dict[str, set[fx.Node]] = field(default_factory=dict)
    """What attributes of modules held after the forward, by their dotted names: others may read it there."""
    order: dict[fx.Node, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order.update({node: number for number, node in enumerate(self.graph.nodes)})

    def module(self, node: fx.Node) -> torch.nn.Module | None:
        """The module that a node calls."""
        return self.root.get_submodule(str(node.target)) if node.op == "call_module" else None

    def path(self, node: fx.Node) -> list[str]:
        """Names of the modules whose forward is running at a node, the outermost first."""
        stack = [name for name, _ in node.meta.get("nn_module_stack", {}).values()]
        if node.op == "call_module" and stack:
            stack.pop()
        return [self.name, *(join(self.name, name) for name in stack if name)]

    def shared(self, node: fx.Node, other: fx.Node) -> list[str]:
        """The modules in whose forward both nodes run, the outermost first."""
        return [a for a, b in zip(self.path(node), self.path(other), strict=False) if a == b]

    def between(self, node: fx.Node, other: fx.Node) -> list[str]:
        """Modules in whose forward only one of the two nodes runs."""
        return sorted({*self.path(node), *self.path(other)} - set(self.shared(node, other)))


@dataclass
class Traces:
    """All regions of a model, and why some parts did not trace (by name; empty: the model)."""

    regions: list[Region] = field(default_factory=list)
    opaque: dict[str, str] = field(default_factory=dict)


def trace(model: torch.nn.Module, example: Example | None = None) -> Traces:
    """Trace `model`, a copy that may be spoilt."""
    traces = Traces()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for training in (True, False):
            for module in model.modules():
                module.training = training
            _trace(model, "", traces, _variants(model, example), set())
    return traces


def join(outer: str, inner: str) -> str:
    """A dotted name within another."""
    return ".".join(part for part in (outer, inner) if part)


def inside(name: str, outer: str) -> bool:
    """Whether a module is another, or within it, by their names."""
    return outer in ("", name) or name.startswith(f"{outer}.")


class _Proxy(fx.Proxy):
    """Tells `y += x` from `y + x`, and lets `y[i] = x` be traced: both change a tensor in place."""

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


def _in_place(name: str) -> Any:
    function = getattr(operator, name)

    def method(self: _Proxy, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return method


for _name in ("iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor"):
    setattr(_Proxy, f"__{_name}__", _in_place(_name))


class _Tracer(fx.Tracer):
    def __init__(self) -> None:
        super().__init__()
        self.opaque: dict[str, str] = {}

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def is_leaf_module(self, m: torch.nn.Module, module_qualified_name: str) -> bool:
        return is_leaf(m)

    def call_module(self, m: torch.nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        name = self.path_of_module(m)
        if is_leaf(m):
            return super().call_module(m, forward, args, kwargs)
        before, stack = len(self.graph.nodes), dict(self.module_stack)
        try:
            if name in self.opaque:
                raise fx.proxy.TraceError(self.opaque[name])
            if watched(m):
                raise fx.proxy.TraceError("it has hooks")
            return super().call_module(m, forward, args, kwargs)
        except Exception as error:
            self.opaque.setdefault(name, str(error) if watched(m) else told(error))
            for node in reversed(list(self.graph.nodes)[before:]):
                self.graph.erase_node(node)
            self.module_stack.clear()
            self.module_stack.update(stack)
            return self.create_proxy("call_module", name, args, kwargs)


def is_leaf(module: torch.nn.Module) -> bool:
    """Whether a module is one operation: torch.nn's and leaky's own are."""
    home = type(module).__module__
    return home.startswith(("torch.nn", "torch.ao.nn", "leaky.")) and not isinstance(
        module, torch.nn.Sequential
    )


def watched(module: torch.nn.Module) -> bool:
    """Whether hooks see (and may change) what goes in or out of a module, or its forward was replaced."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or "forward" in vars(module)
    )


def _trace(
    root: torch.nn.Module, name: str, traces: Traces, variants: list[dict[str, Any]], seen: set[str]
) -> None:
    if name in seen:
        return
    seen.add(name)
    regions: list[Region] = []
    opaque: dict[str, str] = {}
    for values in variants:
        tracer = _Tracer()
        try:
            if "forward" in vars(root):
                raise fx.proxy.TraceError("its forward was replaced")
            graph = tracer.trace(root, concrete_args=values or None)
            regions.append(Region(name, graph, root, name == "", root.training, _stored(root, name, tracer)))
            opaque |= tracer.opaque
        except Exception as error:
            if not regions:
                traces.opaque.setdefault(name, told(error))
                break
    traces.regions += regions
    for inner, reason in opaque.items():
        traces.opaque.setdefault(join(name, inner), reason)
    inside = {join(name, inner): root.get_submodule(inner) for inner in opaque} if regions else {name: root}
    for parent_name, parent in inside.items():
        for child_name, child in _callable_children(parent, parent_name):
            _trace(child, child_name, traces, _variants(child, None), seen)


def _stored(root: torch.nn.Module, name: str, tracer: fx.Tracer) -> dict[str, set[fx.Node]]:
    """Values that the forward left in attributes of modules, which the graph does not show."""
    found: dict[str, set[fx.Node]] = {}
    for module_name, module in root.named_modules():
        for attribute, value in vars(module).items():
            nodes = {leaf.node for leaf in _proxies(value) if leaf.tracer is tracer}
            if nodes:
                found[join(join(name, module_name), attribute)] = nodes
    return found


def _proxies(value: Any) -> Iterator[fx.Proxy]:
    if isinstance(value, fx.Proxy):
        yield value
    elif type(value) in (list, tuple, set):
        for item in value:
            yield from _proxies(item)
    elif type(value) is dict:
        for item in value.values():
            yield from _proxies(item)


def _callable_children(parent: torch.nn.Module, name: str) -> list[tuple[str, torch.nn.Module]]:
    found = []
    for child_name, child in parent.named_children():
        if isinstance(child, torch.nn.ModuleList | torch.nn.ModuleDict):
            found += _callable_children(child, join(name, child_name))
        elif not is_leaf(child):
            found.append((join(name, child_name), child))
    return found


def _variants(root: torch.nn.Module, example: Example | None) -> list[dict[str, Any]]:
    """Values that a forward's arguments are fixed to, first as they are mostly given."""
    try:
        signature = inspect.signature(type(root).forward)  # a scripted module's class has none
        bound = signature.bind_partial(root, *example.args, **example.kwargs) if example else None
    except (AttributeError, TypeError, ValueError):
        return [{}]
    given = {} if bound is None else bound.arguments
    defaults = {
        name: given.get(name, parameter.default)
        for name, parameter in signature.parameters.items()
        if parameter.default is not parameter.empty
        and isinstance(given.get(name, parameter.default), None | bool | int | float | str)
    }
    return [defaults] if example or not defaults else [defaults, {}]
