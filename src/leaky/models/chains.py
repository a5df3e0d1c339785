"""The layers around an activation: whose rows feed its units, and whose columns read them.

A chain is producer -> norms -> activation -> pools, dropout, flatten -> consumers, with nobody else looking in. What
is not understood is refused with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from leaky.catalogue import Spec
from leaky.models.flattening import Columns, called, flattened
from leaky.models.flow import CONVS, DROPOUTS, LINEAR, POOLS, Graphs
from leaky.models.graph import readers
from leaky.models.keeping.behind import plain_class
from leaky.models.places import Place
from leaky.models.swap_sites import NORM_ACTS
from leaky.models.trace import Region, join

_CHANNEL_NORMS = (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.instancenorm._InstanceNorm)
_POOL_CALLS = re.compile(r"(adaptive_)?(max|avg|lp)_pool[123]d(_with_indices)?")
_DROPOUT_CALLS = re.compile(r"(feature_)?(alpha_)?dropout([123]d)?_?")


@dataclass(frozen=True)
class Consumer:
    """A layer that reads the units; each unit is `block` columns of its weight, one after the other."""

    name: str
    block: int = 1


@dataclass(frozen=True)
class Chain:
    """Names of the layers around one activation."""

    activation: Spec
    producer: str
    norms: tuple[str, ...]
    consumers: tuple[Consumer, ...]
    units: int


class RefusedError(Exception):
    """Why a site has no chain."""


def chain(graphs: Graphs, sites: list[Place]) -> Chain:
    """The layers around one site, the same in every graph; raise `RefusedError` where they cannot be told."""
    chains = {_Reader(graphs, region).chain(node) for region, node in sites}
    if len(chains) > 1:
        raise RefusedError("it has other neighbours in training than in use, or in another call")
    return chains.pop()


class _Reader:
    """Reads chains in one graph."""

    def __init__(self, graphs: Graphs, region: Region) -> None:
        self.graphs = graphs
        self.region = region

    def chain(self, node: fx.Node) -> Chain:
        module = self._module(node)
        activation = node
        if plain_class(module) in (*LINEAR, *CONVS):
            producer = node
            activation, norms = self._to_activation(node)
        else:
            producer, norms = self._to_producer(node)
        spec = self.graphs.activation(self.region, activation)
        layer = self._layer(producer)
        assert spec is not None
        features_last = isinstance(layer, LINEAR)
        units = layer.out_features if features_last else layer.out_channels
        name = self._name(producer)
        norms += [self._name(activation)] if isinstance(self._module(activation), NORM_ACTS) else []
        for norm in norms:
            self._once(norm)
            if getattr(self.graphs.modules[norm], "num_features", None) != units:
                raise RefusedError(f"`{norm}` does not have the {units} units of `{name}`")
        consumers = sorted(self._consumers(activation, layer, units), key=lambda c: (c.name, c.block))
        if len({consumer.name for consumer in consumers}) < len(consumers):
            raise RefusedError(f"`{consumers[0].name}` reads it twice")
        if any(consumer.name == name for consumer in consumers):
            raise RefusedError(f"`{name}` reads its own output")
        return Chain(spec, name, tuple(norms), tuple(consumers), units)

    def _to_producer(self, activation: fx.Node) -> tuple[fx.Node, list[str]]:
        norms: list[str] = []
        node = activation
        while True:
            before = self._input(node)
            if not isinstance(before, fx.Node):
                raise RefusedError("what goes into it is not the output of one layer")
            self._alone(before, node)
            module = self._module(before)
            if plain_class(module) in (*LINEAR, *CONVS):
                return before, norms[::-1]
            if isinstance(module, _CHANNEL_NORMS) and not isinstance(module, NORM_ACTS):
                norms.append(self._name(before))
            elif not isinstance(module, DROPOUTS):
                raise RefusedError(f"`{self._told(before)}` comes before it, which is not understood")
            node = before

    def _to_activation(self, producer: fx.Node) -> tuple[fx.Node, list[str]]:
        norms: list[str] = []
        node = producer
        while True:
            after = list(dict.fromkeys(readers(node, self.region)))
            if len(after) != 1:
                raise RefusedError(f"{len(after)} operations read the output of `{self._told(producer)}`")
            self._alone(node, after[0])
            node, module = after[0], self._module(after[0])
            if self.graphs.activation(self.region, node) is not None:
                return node, norms
            if isinstance(module, _CHANNEL_NORMS):
                norms.append(self._name(node))
            elif not isinstance(module, DROPOUTS):
                raise RefusedError(f"`{self._told(node)}` comes after it, and no activation")

    def _consumers(self, activation: fx.Node, layer: Any, units: int) -> Iterator[Consumer]:
        features_last = isinstance(layer, LINEAR)
        waiting: list[tuple[fx.Node, Columns | None]] = [(activation, None)]
        while waiting:
            node, flat = waiting.pop()
            self._kept(node)
            for user in dict.fromkeys(readers(node, self.region)):
                module = self._module(user)
                if user.op == "output":
                    raise RefusedError("it is an output, and its next layer is not known")
                fits = (
                    flat or features_last
                    if plain_class(module) in LINEAR
                    else not flat and type(module) is type(layer)
                )
                if plain_class(module) in (*LINEAR, *CONVS) and fits:
                    yield self._consumer(user, node, units, flat)
                elif self._is_dropout(user) or (not features_last and not flat and self._is_pool(user)):
                    waiting.append((user, flat))
                elif (shape := self._flattened(user, node, layer)) is not None:
                    waiting.append((user, flat or shape))
                else:
                    raise RefusedError(
                        f"`{self._told(user)}` reads it, through which units cannot be followed"
                    )

    def _consumer(self, user: fx.Node, node: fx.Node, units: int, flat: Columns | None) -> Consumer:
        if self._input(user) is not node:
            raise RefusedError(f"`{self._told(user)}` is called in a way that is not understood")
        layer = self._layer(user)
        if not isinstance(layer, LINEAR):
            return Consumer(self._name(user))
        if layer.in_features == units:
            return Consumer(self._name(user))
        if not flat or flat == "features" or layer.in_features % units:
            raise RefusedError(
                f"{units} units do not fit the {layer.in_features} inputs of `{self._name(user)}`"
            )
        if isinstance(flat, int) and flat not in (-1, layer.in_features):
            raise RefusedError(f"the shape before `{self._name(user)}` is not understood")
        return Consumer(self._name(user), layer.in_features // units)

    def _flattened(self, user: fx.Node, node: fx.Node, layer: Any) -> Columns | None:
        if self._input(user) is not node:
            return None
        positions = 0 if isinstance(layer, LINEAR) else len(layer.kernel_size)
        return flattened(user, self._module(user), self._call(user), positions)

    def _is_pool(self, node: fx.Node) -> bool:
        return isinstance(self._module(node), POOLS) or bool(_POOL_CALLS.fullmatch(self._call(node)))

    def _is_dropout(self, node: fx.Node) -> bool:
        return isinstance(self._module(node), DROPOUTS) or bool(_DROPOUT_CALLS.fullmatch(self._call(node)))

    def _input(self, node: fx.Node) -> Any:
        """What a node is called with, before Identity modules."""
        before = node.args[0] if node.args else node.kwargs.get("input")
        if isinstance(before, fx.Node) and isinstance(self._module(before), torch.nn.Identity):
            return self._input(before)
        return before

    def _alone(self, node: fx.Node, reader: fx.Node) -> None:
        others = [user for user in readers(node, self.region) if user is not reader]
        if others:
            raise RefusedError(f"`{self._told(others[0])}` reads the output of `{self._told(node)}` too")
        self._kept(node)

    def _kept(self, node: fx.Node) -> None:
        kept = next((name for name, nodes in self.region.stored.items() if node in nodes), None)
        if kept is not None:
            raise RefusedError(f"it is kept as `{kept}`, where others may read it")

    def _layer(self, node: fx.Node) -> Any:
        """The Linear or Conv that a node calls, which is called once and has weights of its own."""
        name = self._name(node)
        layer: Any = self.graphs.modules[name]
        self._once(name)
        if getattr(layer, "groups", 1) != 1:
            raise RefusedError(
                f"`{name}` has groups={layer.groups}, whose units share no full row of weights"
            )
        if not isinstance(layer._parameters.get("weight"), torch.Tensor):
            raise RefusedError(f"the weight of `{name}` is computed from other parameters")
        if "forward" in vars(layer):
            raise RefusedError(f"the forward of `{name}` was replaced")
        if not layer.weight.requires_grad:
            raise RefusedError(f"`{name}` is frozen")
        return layer

    def _once(self, name: str) -> None:
        """Refuse a layer that is called several times in a forward, or shares its parameters."""
        for region in self.graphs.traces.regions:
            count = sum(self.graphs.called(region, node) == name for node in region.graph.nodes)
            if count > 1:
                raise RefusedError(f"`{name}` is called {count} times, and its units serve other places too")
        module = self.graphs.modules[name]
        own = {id(parameter) for parameter in module.parameters()}
        for other, holder in self.graphs.modules.items():
            if holder is not module and any(id(p) in own for p in holder._parameters.values()):
                raise RefusedError(f"`{name}` shares a parameter with `{other}`")

    def _module(self, node: fx.Node) -> torch.nn.Module | None:
        return self.region.module(node)

    def _name(self, node: fx.Node) -> str:
        name = self.graphs.called(self.region, node)
        if name is None:
            raise RefusedError(f"`{self._told(node)}` is made in the forward")
        return name

    def _call(self, node: fx.Node) -> str:
        return called(node)

    def _told(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return join(self.region.name, str(node.target))
        return self._call(node) or ("input" if node.op == "placeholder" else node.op)
