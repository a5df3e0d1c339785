"""4xx: the order of calls, where torch.fx could read it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import fx

from leaky.models.check.kinds import NEVER_NEGATIVE, RECTIFIERS, RECTIFYING, UNCHANGED_ABOVE_0, Kind
from leaky.models.check.nodes import call_name, described, listed, through, users
from leaky.models.check.subject import Subject
from leaky.models.trace import Region
from leaky.records import Finding

_CENTRING = (
    torch.nn.modules.batchnorm._BatchNorm,
    torch.nn.modules.instancenorm._InstanceNorm,
    torch.nn.LayerNorm,
    torch.nn.GroupNorm,
)
"""Norms that subtract a mean."""
_NORM_CALLS = frozenset({"batch_norm", "instance_norm", "layer_norm", "group_norm"})
_LAYERS = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
_WIDEST_HEAD = 16
"""Outputs of a linear layer that ends a model; wider ones with a rectifier are encoders as often as heads."""
_WIDEST_DENSE_HEAD = 4
"""The same for a convolution: depth, flow, colours."""
_SHAPES = frozenset({"squeeze", "unsqueeze", "view", "reshape", "flatten", "ravel"})


def two_in_a_row(subject: Subject) -> Iterator[Finding]:
    """LKY403: an activation of an activation. Mish (softplus, tanh) and attention (leaky_relu, softmax) are none."""
    by_node = {(place.region.name, place.node): place for place in subject.places}
    for second in subject.places:
        before = through(second.input, second.region)
        first = by_node.get((second.region.name, before)) if isinstance(before, fx.Node) else None
        if first is None or first is second or second.kind.normed:
            continue
        if not ({first.kind.name, second.kind.name} & RECTIFYING):
            continue
        if second.kind.name not in RECTIFYING | {"sigmoid", "tanh", "hardsigmoid"}:
            continue
        certain = _composed(first.kind, second.kind)
        alone = len(set(users(first.node, first.region))) == 1
        if certain is None and not alone:
            continue
        message = (
            f"{second.told} comes right after {first.told} of {_named(first.site)}"
            f"{f': {certain}' if certain else ', with no layer between them'}"
        )
        yield Finding("LKY403", second.site, message, "take one of the two out, or put a layer between them")


def _composed(first: Kind, second: Kind) -> str | None:
    """What two activations are together, where that is certain."""
    if second.name in UNCHANGED_ABOVE_0 and first.name in NEVER_NEGATIVE:
        return "what reaches it is never below 0, where it changes nothing"
    if first.slope is not None and second.slope is not None and {first.name, second.name} <= RECTIFIERS:
        slope = first.slope * second.slope
        if "prelu" in (first.name, second.name) and slope > 0:
            return "together they are one learned slope"
        if "relu6" not in (first.name, second.name) and min(first.slope, second.slope) >= 0:
            return (
                f"together they are leaky_relu(negative_slope={slope:g})"
                if slope
                else "together they are relu"
            )
    if first.name in ("relu", "relu6") and second.name == "sigmoid":
        return "what comes out is never below 0.5"
    if first.name in ("relu", "relu6") and second.name == "tanh":
        return "what comes out is never below 0"
    return None


def undone_by_norm(subject: Subject) -> Iterator[Finding]:
    """LKY404: a ReLU of which a norm moves the zeros, a SELU of which it sets mean and variance. One finding each."""
    found: dict[str, dict[str, str]] = {"relu": {}, "selu": {}}
    for place in subject.places:
        readers = set(users(place.node, place.region))
        norms = [described(node, place.region) for node in readers if _centres(node, place.region)]
        kind = "relu" if place.kind.slope == 0 else place.kind.name
        if kind in found and norms and len(norms) == len(readers):
            found[kind].setdefault(place.site, norms[0])
    for kind, told in (
        ("relu", "which subtracts the mean again: what the rectifier cut to 0 is not 0 any more"),
        ("selu", "which sets anew the mean and variance that SELU's constants are made to keep"),
    ):
        if not found[kind]:
            continue
        site, norm = next(iter(found[kind].items()))
        message = f"{kind} goes straight into {norm}, {told}"
        others = [name or "the model" for name in found[kind] if name != site]
        message += f" (also {listed(others)})" if others else ""
        remedy = (
            "put the norm before the activation, as in torch.nn.Sequential(layer, norm, activation)"
            if kind == "relu"
            else "take the norm out, or write torch.nn.ELU()"
        )
        yield Finding("LKY404", site, message, remedy)


def ends_a_head(subject: Subject) -> Iterator[Finding]:
    """LKY405: layer, rectifier, output of the model, with few outputs; sigmoid, tanh and softmax may end one."""
    for place in subject.places:
        if not place.region.whole or place.kind.name not in RECTIFYING or place.kind.normed:
            continue
        before = through(place.input, place.region)
        layer = place.region.module(before) if isinstance(before, fx.Node) else None
        if (
            not isinstance(layer, _LAYERS)
            or not _is_head(layer)
            or not _only_returned(place.node, place.region)
        ):
            continue
        width = _width(layer)[1]
        what = "the output" if width == 1 else f"the {width} outputs"
        slope = place.kind.slope
        if slope == 0:
            told = "can never be below 0, and get no gradient once they would be"
        elif slope is not None:
            told = f"are multiplied by {slope:g} below 0"
        else:
            told = "are damped below 0"
        message = f"{place.told} ends the model: {what} of {described(before, place.region)} {told}"
        remedy = (
            f"take it out and return what {described(before, place.region)} gives; for targets above 0 write "
            "torch.nn.Softplus()"
        )
        yield Finding("LKY405", place.site, f"{message}{subject.also(place.site)}", remedy)


def _named(site: str) -> str:
    return f"`{site}`" if site else "the model"


def _centres(node: fx.Node, region: Region) -> bool:
    return call_name(node) in _NORM_CALLS or isinstance(region.module(node), _CENTRING)


def _width(layer: torch.nn.Module) -> tuple[int, int]:
    if isinstance(layer, torch.nn.Linear):
        return layer.in_features, layer.out_features
    return int(layer.in_channels), int(layer.out_channels)  # type: ignore[arg-type]


def _is_head(layer: torch.nn.Module) -> bool:
    before, after = _width(layer)
    widest = _WIDEST_HEAD if isinstance(layer, torch.nn.Linear) else _WIDEST_DENSE_HEAD
    return after < before and after <= widest


def _only_returned(node: fx.Node, region: Region) -> bool:
    """Whether a value is the model's output, perhaps in another shape, and nothing else reads it."""
    waiting = list(users(node, region))
    if not waiting:
        return False
    while waiting:
        user = waiting.pop()
        if call_name(user) in _SHAPES or isinstance(
            region.module(user), torch.nn.Flatten | torch.nn.Unflatten
        ):
            waiting += users(user, region)
        elif user.op != "output":
            return False
    return True
