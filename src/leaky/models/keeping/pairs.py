"""Find the norms whose output goes into a (leaky) ReLU and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import fx

from leaky.models.functions import read_node
from leaky.models.graph import changed_later, handed_on, readers
from leaky.models.keeping import twins
from leaky.models.keeping.behind import readers_of
from leaky.models.keeping.sites import Activation, Calls, Pair, Sites, call_of
from leaky.models.trace import Region, Traces, inside, join


def called(region: Region, node: fx.Node, first: dict[str, str]) -> str:
    """The model's first name of the module that a node calls (its own, where the forward has just made it)."""
    name = join(region.name, str(node.target))
    return first.get(name, name)


def find_pairs(sites: Sites, model: torch.nn.Module, traces: Traces, first: dict[str, str]) -> None:
    nodes: dict[str, list[tuple[Region, fx.Node]]] = {}
    for region in traces.regions:
        for node in region.graph.nodes:
            if type(region.module(node)) in twins.NORMS and called(region, node, first) in first:
                nodes.setdefault(called(region, node, first), []).append((region, node))
    for norm, calls in nodes.items():
        found = [_follows(sites, model, region, node, first) for region, node in calls]
        problem = next((reason for _, reason in found if reason), None)
        pairs = [pair for pair, _ in found if pair is not None]
        if problem is None and len(pairs) == len(found):
            if len({(pair.slope, pair.owner, pair.owner and pair.cover) for pair in pairs}) > 1:
                problem = "it is followed by different activations in different calls"
            elif twins.has_hooks(model.get_submodule(norm)):
                problem = "it has hooks"
        if pairs and (problem is not None or len(pairs) < len(found)):
            reason = problem or "not every call of it is followed by an activation"
            for pair in pairs:
                _refuse(sites, pair, f"not fused with `{norm}`: {reason}")
        elif pairs:
            activations = tuple(dict.fromkeys(name for pair in pairs for name in pair.activations))
            around = tuple(dict.fromkeys(name for pair in pairs for name in pair.around))
            opaque = (
                f"{f'`{name}`' if name else 'the model'} does not always trace"
                for name in traces.opaque
                if inside(norm, name)
            )
            unproved = next((pair.unproved for pair in pairs if pair.unproved), next(opaque, ""))
            sites.pairs.append(
                replace(
                    pairs[0],
                    activations=activations,
                    calls=len(pairs),
                    unproved=unproved,
                    around=around,
                    behind=tuple(dict.fromkeys(name for pair in pairs for name in pair.behind)),
                    freed=all(pair.freed for pair in pairs),
                )
            )


def _refuse(sites: Sites, pair: Pair, reason: str) -> None:
    targets: list[Activation | Calls] = [sites.activations[name] for name in pair.activations]
    targets += [
        calls
        for (owner, call), calls in sites.calls.items()
        if owner == pair.owner and call.relu == pair.relu and not call.other
    ]
    for target in targets:
        if reason not in target.refused:
            target.refused.append(reason)


def _follows(
    sites: Sites, model: torch.nn.Module, region: Region, node: fx.Node, first: dict[str, str]
) -> tuple[Pair | None, str | None]:
    """The pair that a norm's call is half of, and why it may not be fused."""
    users = list(dict.fromkeys(readers(node, region)))
    stored = next((name for name, value in region.stored.items() if node in value), None)
    norm = called(region, node, first)
    passed = [called(region, each, first) for each in handed_on(node, region)]
    for user in sorted(users, key=region.order.__getitem__):
        module = region.module(user)
        name = None
        owner = None
        if isinstance(module, torch.nn.LeakyReLU | torch.nn.ReLU) and not isinstance(module, torch.nn.ReLU6):
            name = called(region, user, first)
            if name not in sites.activations:
                continue
            call = call_of(module)
        else:
            read = read_node(user)
            if read is None or read.other:
                continue
            call, owner = read, first[region.path(user)[-1]]
        between = [first[name] for name in region.between(node, user)]
        around = (*between, *(each for each in passed if each in first))
        cover = first[region.shared(node, user)[-1]]
        pair = Pair(norm, (name,) if name is not None else (), call.slope, owner, cover=cover, around=around)
        layers = readers_of(user, region)
        if layers is not None:
            behind = tuple(first[each] for each in layers if each in first)
            pair = replace(pair, behind=behind, freed=len(behind) == len(layers))
        others = [other for other in users if other is not user]
        if owner in sites.activations:
            return None, None
        if not call.inplace and others:
            return pair, "its output is read elsewhere too"
        if call.inplace and any(region.order[other] < region.order[user] for other in others):
            return pair, "its output is read before the activation changes it"
        if stored is not None:
            return pair, f"its output is kept as `{stored}`"
        if not (call.relu or 0 < call.slope < float("inf")):
            return pair, f"a slope of {call.slope:g} has no inverse"
        if name is not None:
            activation = model.get_submodule(name)
            if sites.activations[name].own_class:
                return pair, sites.activations[name].own_class
            if twins.has_hooks(activation):
                return pair, f"`{name}` has hooks"
        parts = _checkpoint_between(sites, region, node, user)
        if parts is not None:
            return pair, f"`{parts}` checkpoints activations, perhaps between the two"
        known, unknown = (None, None) if call.inplace else changed_later(user, region)
        if known is not None:
            return pair, known
        if not region.whole:
            unknown = unknown or f"`{region.name}` traces, but not the model around it"
        return replace(pair, unproved=unknown or ""), None
    return None, None


def _checkpoint_between(sites: Sites, region: Region, norm: fx.Node, activation: fx.Node) -> str | None:
    """A module that may checkpoint one of the two calls without the other."""
    parted = [*region.shared(norm, activation)[-1:], *region.between(norm, activation)]
    return next((name for name in sorted(parted) if name in sites.checkpoints), None)
