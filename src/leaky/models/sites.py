"""Find where a model applies a (leaky) ReLU, and the norms whose output goes into one and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import fx

from leaky import nn
from leaky.models import others, twins
from leaky.models.again import Again, find_again
from leaky.models.behind import readers_of
from leaky.models.functions import NAMES, Call, read_node
from leaky.models.graph import changed_later, handed_on, hands_on, readers
from leaky.models.holders import Use, given_to, use_of
from leaky.models.reading import CHECKPOINTS, mentions
from leaky.models.trace import Region, Traces, inside, is_leaf, join
from leaky.nn import norms

ACTIVATIONS = (
    *(torch.nn.LeakyReLU, nn.LeakyReLU, torch.nn.ReLU, nn.ReLU),
    *others.OTHERS,
    *(other.becomes for other in others.OTHERS.values()),
)
_DONE = frozenset({nn.BiasAct, *norms.CLASSES})
KINDS: tuple[type[torch.nn.Module], ...] = (torch.nn.LeakyReLU, torch.nn.ReLU, *others.CLASSES)


@dataclass
class Activation:
    """An activation module. `uses` says per call in a graph who else keeps its input and its output."""

    name: str
    also: tuple[str, ...]
    call: Call
    own_class: str = ""
    """The class where it is a subclass of the user's: such a module is left alone."""
    uses: list[Use] = field(default_factory=list)
    changed: str | None = None
    """Who changes its output in place later, or may."""
    refused: list[str] = field(default_factory=list)
    """Why norms before it were not fused with it."""


@dataclass(frozen=True)
class Pair:
    """A norm and what follows it everywhere: activation modules, or calls made in the forward of `owner`."""

    norm: str
    activations: tuple[str, ...]
    slope: float
    owner: str | None = None
    cover: str = ""
    """The innermost module in whose forward both run."""
    calls: int = 1
    """How often the graphs call the norm."""
    unproved: str = ""
    """Why the graphs alone do not prove it: then the whole model must be tried on an example."""
    around: tuple[str, ...] = ()
    """Modules whose forward ends after the norm or starts before the activation, or that hand on what is between the
    two: hooks on them look there."""
    behind: tuple[str, ...] = ()
    """The layers that keep the activation's output, where no others do: they can do without."""
    freed: bool = False
    """Whether nothing else keeps it."""

    @property
    def relu(self) -> bool:
        """Whether the activation is a ReLU, not a leaky one."""
        return self.slope == 0

    def made_by(self, call: Call) -> bool:
        """Whether a call is of the function that the activation is."""
        return not call.other and (call.relu, call.slope) == (self.relu, self.slope)


@dataclass
class Calls:
    """The calls of one kind of function with one slope in the forward of one module."""

    owner: str
    call: Call
    uses: list[Use] = field(default_factory=list)
    changed: str | None = None
    seen: bool = True
    """False where only the name of the function was found in code that does not trace."""
    refused: list[str] = field(default_factory=list)


@dataclass
class Sites:
    """Everything found."""

    activations: dict[str, Activation]
    pairs: list[Pair]
    calls: dict[tuple[str, Call], Calls]
    checkpoints: frozenset[str]
    """Modules whose code calls torch.utils.checkpoint."""
    norms: dict[str, list[Use]] = field(default_factory=dict)
    """Calls of norms in graphs: who else keeps their input."""
    again: list[Again] = field(default_factory=list)
    """Norms and smooth activations that keep more than one tensor."""
    done: tuple[str, ...] = ()
    """Modules of leaky that hold an activation and keep no more than they need."""


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
    done = tuple(name for name, module in modules.items() if type(module) in _DONE)
    sites = Sites(activations, [], {}, checkpoints, done=done)
    first = {name: every[0] for every in names.values() for name in every}
    _read_uses(sites, traces, first)
    _read_code(sites, model, traces)
    _find_pairs(sites, model, traces, first)
    sites.again = find_again(model, traces, frozenset(pair.norm for pair in sites.pairs), first)
    return sites


def call_of(module: Any) -> Call:
    """What an activation module computes."""
    if isinstance(module, torch.nn.LeakyReLU):
        return Call(False, module.negative_slope, module.inplace)
    if isinstance(module, torch.nn.ReLU):
        return Call(True, 0.0, module.inplace)
    inplace = bool(getattr(module, "inplace", False))
    return Call(False, 0.0, inplace, others.name_of(module), others.settings_of(module))


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


def _called(region: Region, node: fx.Node, first: dict[str, str]) -> str:
    """The model's first name of the module that a node calls (its own, where the forward has just made it)."""
    name = join(region.name, str(node.target))
    return first.get(name, name)


def _read_uses(sites: Sites, traces: Traces, first: dict[str, str]) -> None:
    for region in traces.regions:

        def site_of(node: fx.Node, region: Region = region) -> Any:
            return _key(sites, region, node, first)

        for node in region.graph.nodes:
            if type(region.module(node)) in twins.NORMS:
                sites.norms.setdefault(_called(region, node, first), []).append(use_of(node, region, site_of))
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
        return _called(region, given, first)
    return None


def _key(sites: Sites, region: Region, node: fx.Node, first: dict[str, str]) -> str | tuple[str, Call] | None:
    """The site that a node calls: an activation's name, or the owner and the call."""
    if isinstance(region.module(node), KINDS):
        name = _called(region, node, first)
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


def _find_pairs(sites: Sites, model: torch.nn.Module, traces: Traces, first: dict[str, str]) -> None:
    nodes: dict[str, list[tuple[Region, fx.Node]]] = {}
    for region in traces.regions:
        for node in region.graph.nodes:
            if type(region.module(node)) in twins.NORMS and _called(region, node, first) in first:
                nodes.setdefault(_called(region, node, first), []).append((region, node))
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
    norm = _called(region, node, first)
    passed = [_called(region, each, first) for each in handed_on(node, region)]
    for user in sorted(users, key=region.order.__getitem__):
        module = region.module(user)
        name = None
        owner = None
        if isinstance(module, torch.nn.LeakyReLU | torch.nn.ReLU) and not isinstance(module, torch.nn.ReLU6):
            name = _called(region, user, first)
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
