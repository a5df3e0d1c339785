"""Find every place where a model applies an activation of the catalogue, as `swap` and its kin need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import fx

from leaky.catalogue import Spec, lookup
from leaky.errors import ArgumentError
from leaky.models import activations
from leaky.models.activations import FUNCTIONS, NAMES, own_forward, read_call, short, spec_of
from leaky.models.isolate import copy_of, random_state_kept
from leaky.models.keeping.calls import LeanForward
from leaky.models.lean import unlean
from leaky.models.reading import CHECKPOINTS, mentions
from leaky.models.swap_calls import Rules, SwapForward, ruled
from leaky.models.trace import Region, Traces, is_leaf, join, trace
from leaky.nn import norms

LAYERS = (torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer)
NORM_ACTS = norms.CLASSES


@dataclass(frozen=True)
class Site:
    """One place. `spec` is None for a call whose parameters are known only when it runs."""

    kind: Literal["module", "calls", "norm", "attribute"]
    name: str
    activation: str
    spec: Spec | None
    module: torch.nn.Module
    """The activation itself, the norm, or the module whose forward (or attribute) it is."""
    also: tuple[str, ...] = ()
    inplace: bool = False
    problem: str = ""
    """Why it cannot be swapped."""
    owner: str = ""
    """Of calls: the module whose forward makes them."""

    @property
    def path(self) -> str:
        """The dotted name of `module`."""
        return self.owner if self.kind == "calls" else self.name

    @property
    def text(self) -> str:
        """The activation, to print."""
        return self.activation if self.spec is None else short(self.spec)


def find(model: torch.nn.Module) -> list[Site]:
    """Every site: modules in the order of their names, and after each the calls that its forward makes."""
    names: dict[torch.nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    calls = _calls(model)
    return [
        site
        for module, (name, *also) in names.items()
        for site in (*_of_module(module, name, tuple(also)), *calls.get(name, ()))
    ]


def swapped(module: torch.nn.Module) -> SwapForward | None:
    """The forward whose calls are swapped, where a module has one."""
    forward = vars(module).get("forward")
    if isinstance(forward, LeanForward):  # the model was made lean after the swap
        forward = forward.replaced
    return forward if isinstance(forward, SwapForward) else None


def rules_of(module: torch.nn.Module) -> Rules:
    """What the calls in a module's forward become."""
    forward = swapped(module)
    return forward.rules if forward is not None else ()


def traced(model: torch.nn.Module) -> Traces:
    """The graphs of a copy of the model as it was before it was made lean or its calls were swapped.

    Where the model cannot be copied there are none, and every module counts as one that does not trace.
    """
    try:
        with random_state_kept(), torch.enable_grad():
            copied = copy_of(model)
            unlean(copied)
            for module in copied.modules():
                forward = swapped(module)
                if forward is not None:
                    del vars(module)["forward"]
                    if forward.replaced is not None:
                        vars(module)["forward"] = forward.replaced
            return trace(copied)
    except ArgumentError as error:
        return Traces([], {name: str(error) for name, _ in model.named_modules()})


def call_of(node: fx.Node) -> tuple[str, Spec | None, bool] | None:
    """The activation that a node calls as a function or method, with values if they are numbers; and if in place."""
    if node.op == "call_function":
        function: Any = node.target
    elif node.op == "call_method":
        function = getattr(torch.Tensor, str(node.target), None)
    else:
        return None
    try:
        name, inplace = FUNCTIONS[function]
    except (KeyError, TypeError):
        return None
    if "out" in node.kwargs:
        return None
    kwargs = {key: value for key, value in node.kwargs.items() if key != "self"}
    read = read_call(function, node.args, kwargs)
    return (name, *read) if read is not None else (name, None, inplace)


def owner_of(node: fx.Node, region: Region) -> str:
    """The module whose forward makes a call."""
    return region.path(node)[-1]


def _of_module(module: torch.nn.Module, name: str, also: tuple[str, ...]) -> Iterator[Site]:
    known = activations.class_of(module)
    if known is not None:
        entry = activations.ENTRIES[known]
        spec = spec_of(module)
        problem = own_forward(module) or ("" if spec is not None else "its parameters are not numbers")
        inplace = bool(getattr(module, "inplace", False))
        if getattr(module, "threshold", 20) != 20:
            problem = problem or f"threshold={module.threshold}, with which it is another function"
        yield Site("module", name, entry.name, spec, module, also, inplace, problem)
    elif isinstance(module, NORM_ACTS):
        problem = "" if type(module) in NORM_ACTS else f"{type(module).__name__} is a class of its own"
        spec = module.activation
        yield Site("norm", name, spec.activation.name, spec, module, also, problem=problem)
    elif isinstance(module, LAYERS):
        try:
            activation, _ = FUNCTIONS[module.activation]
        except (KeyError, TypeError):
            return
        defaults = Spec(lookup(activation), tuple(lookup(activation).bind().values()))
        yield Site("attribute", name, activation, defaults, module, also)
    elif isinstance(module, torch.nn.RNN | torch.nn.RNNCell):
        entry = lookup(module.nonlinearity)
        problem = f"torch computes it inside nn.{type(module).__name__}"
        yield Site("attribute", name, entry.name, Spec(entry), module, also, problem=problem)


def _calls(model: torch.nn.Module) -> dict[str, list[Site]]:
    """Calls of functions by the module whose forward makes them."""
    modules = dict(model.named_modules())
    first = {
        name: next(other for other, same in modules.items() if same is module)
        for name, module in model.named_modules(remove_duplicate=False)
    }
    traces = traced(model)
    found: dict[str, dict[tuple[str, Spec | None], Site]] = {}
    for region in traces.regions:
        for node in region.graph.nodes:
            call = call_of(node)
            if call is None:
                continue
            owner = first[owner_of(node, region)]
            if is_leaf(modules[owner]) or activations.class_of(modules[owner]) is not None:
                continue
            name, spec, inplace = call
            problem = "" if spec is not None else "its parameters are no plain numbers"
            _add(found, owner, modules[owner], name, spec, problem, inplace)
    for name in traces.opaque:
        module = modules[first[name]]
        if is_leaf(module) or activations.class_of(module) is not None or first[name] in found:
            continue
        for mentioned in sorted(mentions(module, NAMES) - {child for child, _ in module.named_children()}):
            _add(found, first[name], module, mentioned.removesuffix("_"), None, "", mentioned.endswith("_"))
    return {owner: list(sites.values()) for owner, sites in found.items()}


def _add(
    found: dict[str, dict[tuple[str, Spec | None], Site]],
    owner: str,
    module: torch.nn.Module,
    name: str,
    spec: Spec | None,
    problem: str,
    inplace: bool,
) -> None:
    called, forward = name, vars(module).get("forward")
    if spec is not None:
        spec = ruled(spec, rules_of(module))
        name = spec.activation.name
    elif not problem:
        became = {after.activation.name for match, after in rules_of(module) if match.name == name}
        name = became.pop() if len(became) == 1 else name
    if mentions(module, CHECKPOINTS):
        problem = (
            "its forward checkpoints activations, and would call the function it names when it recomputes"
        )
    elif forward is not None and not isinstance(forward, SwapForward):
        problem = "its forward was replaced"
    found.setdefault(owner, {}).setdefault(
        (name, spec),
        Site("calls", join(owner, called), name, spec, module, (), inplace, problem, owner),
    )
