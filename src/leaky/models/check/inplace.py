"""LKY401 and LKY402: activations in place whose input somebody else reads, where torch.fx could read it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import fx

from leaky.models.check.nodes import call_name, described
from leaky.models.check.subject import Place, Subject
from leaky.models.graph import readers
from leaky.models.trace import Region
from leaky.records import Finding

# What surely returns the same memory, not a copy.
_VIEWS = frozenset(
    ["view", "view_as", "permute", "transpose", "squeeze", "unsqueeze", "detach", "movedim", "swapaxes", "t"]
)
# The same of a part: what is done to one part is not done to the others.
_PARTS = frozenset(["getitem", "chunk", "split", "narrow", "select", "unbind", "diagonal"])


def input_read_again(subject: Subject) -> Iterator[Finding]:
    """LKY401: who reads the input afterwards reads the activated values."""
    for place in _in_place(subject):
        node = place.input
        after = place.region.order[place.node]
        late = [
            user
            for value in _same_memory(node, place)
            for user in readers(value, place.region)
            if place.region.order[user] > after and not _is_view(user, place.region)
        ]
        if late:
            reader = min(late, key=place.region.order.__getitem__)
            who = (
                "is returned"
                if reader.op == "output"
                else f"is read again by {described(reader, place.region)}"
            )
            message = (
                f"{place.told} overwrites {described(node, place.region)}, which {who} afterwards: "
                f"that sees the activated values{subject.also(place.site)}"
            )
            yield Finding("LKY401", place.site, message, _remedy(place))


def input_of_the_model(subject: Subject) -> Iterator[Finding]:
    """LKY402: the caller's own tensor is overwritten."""
    for place in _in_place(subject):
        base = _base(place.input, place.region)
        if place.region.whole and base.op == "placeholder":
            message = (
                f"{place.told} overwrites the argument `{base.target}` of the model: the caller's tensor is changed"
                f"{subject.also(place.site)}"
            )
            yield Finding("LKY402", place.site, message, _remedy(place))


def _in_place(subject: Subject) -> Iterator[Place]:
    """Activations in place whose result is used; where it is not, overwriting is all that was wanted."""
    for place in subject.places:
        if (
            place.kind.inplace
            and not place.kind.normed
            and isinstance(place.input, fx.Node)
            and place.node.users
        ):
            yield place


def _remedy(place: Place) -> str:
    if place.is_call:
        return f"write F.{place.kind.name}(x) without inplace=True"
    return f"set model.get_submodule({place.site!r}).inplace = False" if place.site else "write inplace=False"


def _is_view(node: fx.Node, region: Region, names: frozenset[str] = _VIEWS | _PARTS) -> bool:
    if node.op == "call_module":
        return isinstance(region.module(node), torch.nn.Identity)
    name = call_name(node)
    return name in names and not (name == "getitem" and isinstance(node.args[1], fx.Node | list))


def _base(node: fx.Node, region: Region) -> fx.Node:
    """The value of which a node is a view."""
    while _is_view(node, region, _VIEWS) and node.args and isinstance(node.args[0], fx.Node):
        node = node.args[0]
    return node


def _same_memory(node: fx.Node, place: Place) -> list[fx.Node]:
    """The value that is overwritten, and its views."""
    found = [_base(node, place.region)]
    for value in found:
        found += [user for user in value.users if _is_view(user, place.region) and user not in found]
    return found
