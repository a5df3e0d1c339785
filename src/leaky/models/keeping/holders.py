"""Who else keeps, for backward, the memory that goes into an activation or comes out of it: as far as graphs tell."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from leaky.models.graph import VIEWS, drops, forgets, is_metadata, may_alias, name_of, told
from leaky.models.trace import Region

Find = Callable[[fx.Node], Hashable | None]
"""The site whose call a node is, if it is one."""


@dataclass(frozen=True)
class Holders:
    """Of one tensor's memory: a layer that may keep it (None: surely none), and those that surely do."""

    other: str | None
    surely: frozenset[str]
    sites: frozenset[tuple[Hashable, int, str]]
    """Further calls of activations, each by its site, its place in the graph, and whether this is its "input" or its
    "output"."""


@dataclass(frozen=True)
class Use:
    """One call in a graph, which is that of train mode or eval mode."""

    input: Holders
    output: Holders
    training: bool
    norm: str | None = None
    """The norm whose output comes in, if one's does."""


def use_of(node: fx.Node, region: Region, site_of: Find) -> Use:
    """What the graph tells of one call of an activation or a norm."""
    given = given_to(node)
    unknown = Holders("what is no part of the graph", frozenset(), frozenset())
    before = _holders(given, node, region, site_of) if isinstance(given, fx.Node) else unknown
    return Use(before, _holders(node, node, region, site_of), region.training)


def given_to(node: fx.Node) -> Any:
    """The first argument of a call."""
    return node.args[0] if node.args else node.kwargs.get("input")


def _holders(start: fx.Node, call: fx.Node, region: Region, site_of: Find) -> Holders:
    """Follow the memory of `start` to all that shares it; what `call` itself keeps does not count."""
    other: str | None = None
    surely: set[str] = set()
    sites: set[tuple[Hashable, int, str]] = set()
    waiting, seen = [start], {start}
    while waiting:
        value = waiting.pop()
        if value is not call:
            site = site_of(value)
            if site is not None:
                sites.add((site, region.order[value], "output"))
            else:
                other = other or _keeps_output(value, region)
        for before in value.all_input_nodes:
            if before not in seen and _shares(value, before, region):
                seen.add(before)
                waiting.append(before)
        for user in value.users:
            if is_metadata(user):
                continue
            site = site_of(user)
            if site is not None and user is not call:
                sites.add((site, region.order[user], "input"))
            if _shares(user, value, region):
                if user not in seen:
                    seen.add(user)
                    waiting.append(user)
            elif site is None and user is not call:
                if _surely_keeps_input(user, value, region):
                    surely.add(told(user, region))
                other = other or _keeps_input(user, region)
    named = f"`{min(surely)}`" if surely else other
    return Holders(named, frozenset(surely), frozenset(sites))


def _shares(user: fx.Node, value: fx.Node, region: Region) -> bool:
    return may_alias(user, value, region) and not drops(user, region)


def _keeps_input(user: fx.Node, region: Region) -> str | None:
    if user.op == "output":
        return "whoever reads the output of the model"
    if forgets(user, region) or drops(user, region) or _scales(user):
        return None
    return f"`{told(user, region)}`"


def _surely_keeps_input(node: fx.Node, value: fx.Node, region: Region) -> bool:
    module = region.module(node)
    if isinstance(module, torch.nn.Linear):
        return module.weight.requires_grad
    if module is None:
        return name_of(node) in _POOLS and node.args[:1] == (value,)
    return isinstance(module, _KEEP_INPUT) and _torchs(module)


def _scales(node: fx.Node) -> bool:
    """Whether a value is only multiplied with, or divided by, a number."""
    factors = (operator.mul, torch.mul, "mul", operator.truediv, torch.div, "div")
    if node.op not in ("call_function", "call_method") or node.target not in factors or node.kwargs:
        return False
    numbers = [isinstance(value, int | float) for value in node.args]
    return numbers == [False, True] or (numbers == [True, False] and node.target is operator.mul)


_KEEP_INPUT = (
    *(torch.nn.modules.conv._ConvNd, torch.nn.modules.pooling._AvgPoolNd, torch.nn.LayerNorm),
    *(torch.nn.modules.pooling._MaxPoolNd, torch.nn.GELU, torch.nn.SiLU, torch.nn.GroupNorm),
    torch.nn.modules.batchnorm._NormBase,
)
_POOLS = frozenset({"avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d"})
_FRESH_MODULES = (
    *(
        torch.nn.modules.conv._ConvNd,
        torch.nn.Linear,
        torch.nn.Embedding,
        torch.nn.modules.batchnorm._NormBase,
    ),
    *(torch.nn.GroupNorm, torch.nn.LayerNorm, torch.nn.modules.pooling._AvgPoolNd),
    *(torch.nn.modules.pooling._MaxPoolNd, torch.nn.modules.pooling._AdaptiveAvgPoolNd),
    *(torch.nn.Upsample, torch.nn.PixelShuffle, torch.nn.PixelUnshuffle, torch.nn.GELU, torch.nn.SiLU),
    *(torch.nn.modules.padding._ConstantPadNd, torch.nn.Hardswish, torch.nn.Mish, torch.nn.Identity),
    *(torch.nn.Flatten, torch.nn.Unflatten, torch.nn.modules.dropout._DropoutNd, torch.nn.ChannelShuffle),
)
_FRESH = (
    VIEWS
    | _POOLS
    | frozenset(
        {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
        | {"matmul", "bmm", "mm", "addmm", "baddbmm", "mul", "truediv", "div", "add", "sub", "rsub", "neg"}
        | {"iadd", "isub", "imul", "itruediv", "cat", "concat", "concatenate", "stack", "sum", "mean", "pad"}
        | {
            "interpolate",
            "upsample",
            "pixel_shuffle",
            "pixel_unshuffle",
            "roll",
            "flip",
            "repeat",
            "gelu",
            "silu",
        }
        | {"batch_norm", "instance_norm", "group_norm", "layer_norm"}
    )
)
"""Operations that do not keep their output for backward."""


def _keeps_output(node: fx.Node, region: Region) -> str | None:
    if node.op == "placeholder":
        return None if region.whole else f"what is around `{region.name}`"
    module = region.module(node)
    if module is not None:
        fresh = isinstance(module, _FRESH_MODULES) and _torchs(module)
    else:
        fresh = node.op != "get_attr" and name_of(node) in _FRESH
    return None if fresh else f"`{told(node, region)}`"


def _torchs(module: torch.nn.Module) -> bool:
    """Whether a class is torch's own: leaky's subclasses keep something else."""
    return type(module).__module__.startswith("torch.nn.")
