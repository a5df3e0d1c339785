"""Nodes of a graph as the rules see them: what a value comes from, who reads it, what both are in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import fx

from leaky.models.graph import readers
from leaky.models.trace import Region, join

_PASSING = (torch.nn.Identity, torch.nn.modules.dropout._DropoutNd)
_PASSING_CALLS = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "dropout_"})


def call_name(node: fx.Node) -> str:
    """The name of the function or of the tensor's method that a node calls; empty for any other node."""
    if node.op == "call_method":
        return str(node.target)
    return str(getattr(node.target, "__name__", "")) if node.op == "call_function" else ""


def through(value: Any, region: Region) -> Any:
    """The node whose value this is, before Identity modules and dropout."""
    while isinstance(value, fx.Node) and _passes(value, region) and value.args:
        value = value.args[0]
    return value


def users(node: fx.Node, region: Region) -> Iterator[fx.Node]:
    """Who reads a value, also after Identity modules and dropout."""
    for user in readers(node, region):
        if _passes(user, region):
            yield from users(user, region)
        else:
            yield user


def described(node: fx.Node, region: Region) -> str:
    """A value in a sentence, by what it comes from, or a reader by what it is."""
    if node.op == "call_module":
        return f"`{join(region.name, str(node.target))}`"
    if node.op == "placeholder":
        return f"the argument `{node.target}`"
    return f"a call of `{call_name(node)}`" if call_name(node) else f"`{node.target}`"


def _passes(node: fx.Node, region: Region) -> bool:
    return call_name(node) in _PASSING_CALLS or isinstance(region.module(node), _PASSING)


def listed(names: list[str], most: int = 4) -> str:
    """Names in a sentence, the first few of many."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
