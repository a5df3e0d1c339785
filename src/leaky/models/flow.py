"""What the output of a layer flows into: the activation that decides its gain."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import torch
from torch import fx

from leaky.catalogue import Spec
from leaky.models.activations import class_of, own_forward, spec_of
from leaky.models.graph import readers
from leaky.models.swap_calls import ruled
from leaky.models.swap_sites import LAYERS as TRANSFORMER_LAYERS
from leaky.models.swap_sites import NORM_ACTS, call_of, find, owner_of, rules_of, traced
from leaky.models.trace import Region, Traces, join

LINEAR = (torch.nn.Linear,)
CONVS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
TRANSPOSED = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)
LAYERS = (*LINEAR, *CONVS, *TRANSPOSED)
NORMS = (
    torch.nn.modules.batchnorm._NormBase,
    torch.nn.GroupNorm,
    torch.nn.LayerNorm,
    torch.nn.LocalResponseNorm,
)
POOLS = (
    torch.nn.modules.pooling._MaxPoolNd,
    torch.nn.modules.pooling._AvgPoolNd,
    torch.nn.modules.pooling._AdaptiveAvgPoolNd,
    torch.nn.modules.pooling._AdaptiveMaxPoolNd,
    torch.nn.modules.pooling._LPPoolNd,
)
DROPOUTS = (torch.nn.modules.dropout._DropoutNd,)
_PASSING = (*NORMS, *POOLS, *DROPOUTS, torch.nn.Identity, torch.nn.Flatten, torch.nn.Unflatten)
_PASSING_CALLS = frozenset(
    f"{name}{dim}"
    for name in (
        "dropout",
        "feature_dropout",
        "max_pool",
        "avg_pool",
        "adaptive_avg_pool",
        "adaptive_max_pool",
    )
    for dim in ("", "1d", "2d", "3d")
) | {"flatten", "view", "reshape", "contiguous", "permute", "transpose", "squeeze", "unsqueeze", "batch_norm"}
_SUMS = frozenset({operator.add, operator.iadd, torch.add})


def uncompiled(model: torch.nn.Module) -> torch.nn.Module:
    """The model that torch.compile has wrapped: its parameters are the same."""
    while type(model).__name__ == "OptimizedModule":
        model = model.get_submodule("_orig_mod")
    return model


@dataclass
class Graphs:
    """The graphs of a model, and its modules by the first of their names."""

    model: torch.nn.Module
    traces: Traces
    first: dict[str, str]
    modules: dict[str, torch.nn.Module] = field(default_factory=dict)

    @classmethod
    def of(cls, model: torch.nn.Module) -> Graphs:
        """Trace a copy of the model."""
        modules = dict(model.named_modules())
        by_module = {module: name for name, module in modules.items()}
        first = {name: by_module[module] for name, module in model.named_modules(remove_duplicate=False)}
        return cls(model, traced(model), first, modules)

    def called(self, region: Region, node: fx.Node) -> str | None:
        """The model's first name of the module that a node calls."""
        return self.first.get(join(region.name, str(node.target))) if node.op == "call_module" else None

    def activation(self, region: Region, node: fx.Node) -> Spec | None:
        """The activation that a node applies, whether as a module, in a norm, or as a function."""
        name = self.called(region, node)
        if name is not None:
            module = self.modules[name]
            if isinstance(module, NORM_ACTS) and type(module) in NORM_ACTS:
                spec: Spec = module.activation
                return spec
            return spec_of(module) if class_of(module) and not own_forward(module) else None
        call = call_of(node)
        if call is None or call[1] is None:
            return None
        return ruled(call[1], rules_of(self.modules[self.first[owner_of(node, region)]]))


def followers(graphs: Graphs, layers: dict[str, torch.nn.Module]) -> dict[str, tuple[list[Spec], str]]:
    """For each layer the activations that its output goes into, and how that was found."""
    found: dict[str, tuple[list[Spec], str]] = {}
    for region in graphs.traces.regions:
        for node in region.graph.nodes:
            name = graphs.called(region, node)
            if name in layers:
                known = found.setdefault(name, ([], "by its graph"))[0]
                known += [spec for spec in _ahead(graphs, region, node) if spec not in known]
    transformer = any(isinstance(module, TRANSFORMER_LAYERS) for module in graphs.modules.values())
    for site in find(graphs.model) if transformer else ():  # it traces the model once more
        if isinstance(site.module, TRANSFORMER_LAYERS) and site.spec is not None:
            found[join(site.name, "linear1")] = ([site.spec], "it is a Transformer layer's")
    order = list(graphs.modules)
    for name in layers:
        if name not in found:
            rest = (graphs.modules[other] for other in order[order.index(name) + 1 :])
            following = next((m for m in rest if class_of(m) or isinstance(m, LAYERS)), None)
            spec = spec_of(following) if following is not None else None
            found[name] = ([spec] if spec else [], "by the order of modules, as its call does not trace")
    return found


def _ahead(graphs: Graphs, region: Region, layer: fx.Node) -> list[Spec]:
    """The activations after a layer, through norms, pools, dropout, changes of shape, and sums of branches."""
    specs: list[Spec] = []
    waiting, seen = [layer], {layer}
    while waiting:
        for user in readers(waiting.pop(), region):
            if user in seen:
                continue
            seen.add(user)
            spec = graphs.activation(region, user)
            if spec is not None:
                specs.append(spec)
            elif _passes(region, user):
                waiting.append(user)
    return specs


def _passes(region: Region, node: fx.Node) -> bool:
    module = region.module(node)
    if module is not None:
        return isinstance(module, _PASSING)
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.target in _SUMS or name in _PASSING_CALLS
