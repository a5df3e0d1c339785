"""Find where a model applies an activation that could keep less, and what its graphs tell of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import fx

from leaky.models.functions import NAMES, Call, read_node
from leaky.models.graph import changed_later, hands_on
from leaky.models.keeping import twins
from leaky.models.keeping.again import find_again
from leaky.models.keeping.holders import given_to, use_of
from leaky.models.keeping.pairs import called, find_pairs
from leaky.models.keeping.sites import ACTIVATIONS, DONE, KINDS, Activation, Calls, Sites, call_of
from leaky.models.reading import CHECKPOINTS, mentions
from leaky.models.trace import Region, Traces, is_leaf


def find(model: torch.nn.Module, traces: Traces) -> Sites:
    """All sites of `model`; `traces` are of a copy of it."""
    names = _names(model)
    modules = dict(model.named_modules())
    activations = {
        name: Activation(name, names[name][1:], call_of(module), _own_class(module))
        for name, module in modules.items()
        if isinstance(module, KINDS) and not hands_on(module)
    }
    checkpoints = frozenset(
        name for name, module in modules.items() if not is_leaf(module) and mentions(module, CHECKPOINTS)
    )
    done = tuple(name for name, module in modules.items() if type(module) in DONE)
    sites = Sites(activations, [], {}, checkpoints, done=done)
    first = {name: every[0] for every in names.values() for name in every}
    _read_uses(sites, traces, first)
    _read_code(sites, model, traces)
    find_pairs(sites, model, traces, first)
    sites.again = find_again(model, traces, frozenset(pair.norm for pair in sites.pairs), first)
    return sites


def _names(model: torch.nn.Module) -> dict[str, tuple[str, ...]]:
    """All names of each module, by its first."""
    by_module: dict[torch.nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        by_module.setdefault(module, []).append(name)
    return {names[0]: tuple(names) for names in by_module.values()}


def _own_class(module: torch.nn.Module) -> str:
    if type(module) in ACTIVATIONS or twins.is_lean(module):
        return "" if "forward" not in vars(module) else "its forward was replaced"
    return f"{type(module).__name__} is a class of its own"


def _read_uses(sites: Sites, traces: Traces, first: dict[str, str]) -> None:
    for region in traces.regions:

        def site_of(node: fx.Node, region: Region = region) -> Any:
            return _key(sites, region, node, first)

        for node in region.graph.nodes:
            if type(region.module(node)) in twins.NORMS:
                sites.norms.setdefault(called(region, node, first), []).append(use_of(node, region, site_of))
            key = site_of(node)
            if key is None:
                continue
            if isinstance(key, tuple):
                site: Activation | Calls = sites.calls.setdefault(key, Calls(*key))
            else:
                site = sites.activations[key]
            norm = _norm_before(node, region, first)
            site.uses.append(replace(use_of(node, region, site_of), norm=norm))
            known, unknown = changed_later(node, region)
            site.changed = site.changed or known or unknown


def _norm_before(node: fx.Node, region: Region, first: dict[str, str]) -> str | None:
    """The norm whose output a node reads, perhaps through modules that hand it on."""
    given = given_to(node)
    while isinstance(given, fx.Node) and hands_on(region.module(given)):
        given = given_to(given)
    if isinstance(given, fx.Node) and type(region.module(given)) in twins.NORMS:
        return called(region, given, first)
    return None


def _key(sites: Sites, region: Region, node: fx.Node, first: dict[str, str]) -> str | tuple[str, Call] | None:
    """The site that a node calls: an activation's name, or the owner and the call."""
    if isinstance(region.module(node), KINDS):
        name = called(region, node, first)
        return name if name in sites.activations else None
    call = read_node(node)
    if call is None:
        return None
    owner = first[region.path(node)[-1]]
    return None if owner in sites.activations else (owner, call)  # within a class of the user's


def _read_code(sites: Sites, model: torch.nn.Module, traces: Traces) -> None:
    """Functions that code which does not trace names."""
    modules = dict(model.named_modules())
    for name in traces.opaque:
        module = modules[name]
        if is_leaf(module) or any(owner == name for owner, _ in sites.calls):
            continue
        children = {child for child, _ in module.named_children()}
        for mentioned in sorted(mentions(module, NAMES.keys()) - children):
            call = NAMES[mentioned]
            sites.calls[name, call] = Calls(name, call, changed="its forward does not trace", seen=False)
