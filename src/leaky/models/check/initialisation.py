"""2xx: initialisation whose gain does not fit the rectifiers, in chains without norms or sums, deep enough to matter.

A (leaky) ReLU is positively homogeneous, so a layer of independent weights and its rectifier change the scale of a
signal by the same factor at every scale: sqrt(fan_in * mean(weight^2)) over the activation's He gain. Through a chain
the factors multiply. Trained weights are not independent of the signal, so only weights that still are as they were
drawn count: a uniform distribution with its sharp edges, which the first steps of training blur.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from leaky.catalogue import lookup
from leaky.models.check.kinds import Kind
from leaky.models.check.nodes import call_name, listed, users
from leaky.models.check.subject import Place, Subject
from leaky.models.check.weights import Drawn, drawn
from leaky.models.trace import Region, join
from leaky.records import Finding

_MATTERS = 100.0
"""Factor on the signal through the chain, down or up. torch's default reaches it with six layers of ReLU, where on
scikit-learn's digits plain SGD begins to lose accuracy to He initialisation (docs/guide/check.md)."""
_OFF = 1.1
"""Factor of a layer that counts as wrong."""
_LAYERS = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
_POOLS = (
    torch.nn.modules.pooling._MaxPoolNd,
    torch.nn.modules.pooling._AvgPoolNd,
    torch.nn.modules.pooling._AdaptiveAvgPoolNd,
    torch.nn.modules.pooling._AdaptiveMaxPoolNd,
    torch.nn.modules.padding._ConstantPadNd,
    torch.nn.modules.padding._ReflectionPadNd,
    torch.nn.modules.padding._ReplicationPadNd,
    torch.nn.Flatten,
    torch.nn.Unflatten,
    torch.nn.Upsample,
    torch.nn.modules.dropout._DropoutNd,
    torch.nn.Identity,
)
_POOL_CALLS = frozenset(
    [f"{kind}_pool{dim}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for dim in (1, 2, 3)]
    + ["flatten", "view", "reshape", "squeeze", "unsqueeze", "permute", "transpose", "contiguous"]
    + ["dropout", "dropout2d", "pad", "interpolate"]
)


@dataclass(frozen=True)
class _Link:
    """A layer in a chain, the rectifier after it, and what the two do to the scale of a signal."""

    name: str
    activation: Kind
    factor: float
    default: bool


def wrong_gain(subject: Subject) -> Iterator[Finding]:
    """LKY201 and LKY202: one finding each for the whole model, with the factor per layer and through the chain."""
    for code, default in (("LKY201", True), ("LKY202", False)):
        wrong: dict[str, _Link] = {}
        worst: tuple[_Link, ...] = ()
        for chain in _chains(subject):
            total = _total(chain)
            off = [link for link in chain if not 1 / _OFF < link.factor < _OFF]
            if 1 / _MATTERS < total < _MATTERS or not any(link.default == default for link in off):
                continue
            wrong |= {link.name: link for link in off if link.default == default}
            if not worst or abs(math.log(total)) > abs(math.log(_total(worst))):
                worst = chain
        if wrong:
            yield _finding(code, wrong, worst)


def _finding(code: str, wrong: dict[str, _Link], worst: tuple[_Link, ...]) -> Finding:
    links = list(wrong.values())
    factors = sorted({f"{link.factor:.2f}" for link in links})
    each = factors[0] if len(factors) == 1 else f"{factors[0]} to {factors[-1]}"
    what = (
        "as torch's default kaiming_uniform_(a=sqrt(5)) draws them"
        if code == "LKY201"
        else "as a uniform initialisation draws them"
    )
    slope = links[0].activation.slope
    spec = f"leaky_relu(negative_slope={slope:g})" if slope else "relu"
    message = (
        f"the weights of {listed([link.name for link in links])} are {what}: with {spec} after them each "
        f"changes the scale of the signal by {each}, the chain of {len(worst)} by {_total(worst):.1e}"
    )
    remedy = f'call leaky.nn.init.he_normal_(layer.weight, "{spec}") for each, or put norms between them'
    return Finding(code, links[0].name, message, remedy)


def _total(chain: tuple[_Link, ...]) -> float:
    return math.exp(sum(math.log(link.factor) for link in chain))


def _chains(subject: Subject) -> Iterator[tuple[_Link, ...]]:
    """Every chain of layers, each followed by a rectifier, that ends where the next is no such layer."""
    known: dict[str, Drawn | None] = {}
    for region in subject.traces.regions:
        rectifiers = {
            place.node: place
            for place in subject.places
            if place.region is region and place.kind.name in ("relu", "leaky_relu", "prelu")
        }
        chain: dict[fx.Node, tuple[_Link, ...]] = {}
        for node in region.graph.nodes:
            link = _link(node, region, rectifiers, known)
            if link is not None:
                before = _producer(node.args[0] if node.args else None, region, rectifiers)
                chain[node] = (*chain.get(before, ()), link) if before is not None else (link,)
        yield from chain.values()


def _link(
    node: fx.Node, region: Region, rectifiers: dict[fx.Node, Place], known: dict[str, Drawn | None]
) -> _Link | None:
    layer = region.module(node)
    if type(layer) not in _LAYERS:
        return None
    readers = list(users(node, region))
    place = rectifiers.get(readers[0]) if len(readers) == 1 else None
    slope = None if place is None else place.kind.slope
    if place is None or slope is None or not 0 <= slope < 1:
        return None
    assert layer is not None
    name = join(region.name, str(node.target))
    if name not in known:
        known[name] = drawn(layer)
    weights = known[name]
    if weights is None:
        return None
    gain = lookup("leaky_relu").gain(negative_slope=slope)
    factor = math.sqrt(weights.second_moment * weights.fan_in) / gain
    return _Link(name, place.kind, factor, weights.default)


def _producer(value: Any, region: Region, rectifiers: dict[fx.Node, Place]) -> fx.Node | None:
    """The layer whose rectified output a value is, after pooling, dropout, padding and reshaping."""
    while isinstance(value, fx.Node):
        if value in rectifiers:
            before = rectifiers[value].input
            while isinstance(before, fx.Node) and isinstance(region.module(before), torch.nn.Identity):
                before = before.args[0]
            return before if isinstance(before, fx.Node) else None
        if not _keeps_scale(value, region) or not value.args:
            return None
        value = value.args[0]
    return None


def _keeps_scale(node: fx.Node, region: Region) -> bool:
    return call_name(node) in _POOL_CALLS or isinstance(region.module(node), _POOLS)
