"""Give dormant units another start, as ReDo does: new weights in, none out, moments of the optimizer at 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from leaky.doctor.recycled import RecycledSite, RecycleReport
from leaky.errors import ArgumentError, ArgumentTypeError, unknown_name
from leaky.models.activations import short
from leaky.models.chains import Chain, RefusedError, chain
from leaky.models.flow import Graphs, uncompiled
from leaky.models.places import places
from leaky.nn import init

_ZEROED = frozenset(
    {
        "momentum_buffer",
        "exp_avg",
        "exp_avg_sq",
        "max_exp_avg_sq",
        "square_avg",
        "grad_avg",
        "acc_delta",
        "exp_inf",
    }
)
"""What optimizers remember of each weight, and start from 0."""


@dataclass(frozen=True)
class _Slice:
    """Entries of a parameter: the units of its first dim, or columns of its second."""

    parameter: torch.nn.Parameter
    dim: int
    index: torch.Tensor

    def fill(self, tensor: torch.Tensor, value: Any) -> None:
        """Write a number, or a tensor, into these entries of a tensor of the parameter's shape."""
        index = self.index.to(tensor.device)
        if isinstance(value, torch.Tensor):
            tensor.index_copy_(self.dim, index, value.to(tensor))
        else:
            tensor.index_fill_(self.dim, index, value)


def recycle(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None,
    dormant: Mapping[str, Iterable[int]],
    *,
    generator: torch.Generator | None = None,
) -> RecycleReport:
    """Re-initialise dormant units in place, as ReDo does (Sokar et al. 2023).

    The weights into a unit are drawn again from N(0, gain^2 / fan_in) with its activation's own gain and its bias
    becomes 0; a norm between starts this unit anew; the weights out become 0, so that a unit that was dead
    changes no output now and learns from the next step on. Gradients and moments of exactly these entries become 0
    (momentum of SGD; `exp_avg`, `exp_avg_sq`, `max_exp_avg_sq` of Adam and AdamW; their kin); step counts stay.

    The layers are found in the graph of the model: Linear or Conv -> BatchNorm or InstanceNorm -> activation ->
    pools, dropout, flatten -> Linear or Conv, one or several. A site around which anything else stands (a residual
    sum, a concatenation, a shared or grouped layer, an output) is left, and the report says why. Call it between two
    steps of the optimizer.

    Args:
        model: any module; the part around a site must trace with torch.fx.
        optimizer: the one that trains the model; None where there is none yet.
        dormant: unit numbers by site, as a diagnosis gives them: `{"layer1.act": [3, 17]}`. Sites are activation
            modules, their second call `act:2`, calls of functions `block.relu`; or the layer before them.
        generator: where the random numbers come from; torch's global one by default.

    Returns:
        A report of every site asked for; `print(report)` shows it.

    Raises:
        UnknownNameError: no such site.
        ArgumentError: a unit that is not there, or an optimizer with moments that are not known. The model and the
            optimizer are as they were then.

    Reference: Sokar, Agarwal, Castro, Evci 2023: The Dormant Neuron Phenomenon in Deep Reinforcement Learning. ICML.
    arXiv:2302.12902

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
        >>> report = leaky.recycle(model, None, {"1": [0, 5]})
        >>> report.units, model[2].weight[0, [0, 5]].tolist()
        (2, [0.0, 0.0])
    """
    model = _checked(model, optimizer, dormant)
    graphs = Graphs.of(model)
    known = places(graphs)
    asked = {_site(name, known, graphs): _numbers(name, units) for name, units in dormant.items()}
    sites: list[RecycledSite] = []
    chains: list[tuple[Chain, torch.Tensor]] = []
    for name, units in asked.items():
        try:
            found = chain(graphs, known[name])
        except RefusedError as refused:
            sites.append(RecycledSite(name, units, reason=str(refused)))
            continue
        beyond = [unit for unit in units if not 0 <= unit < found.units]
        if beyond:
            raise ArgumentError(
                f"recycle: `dormant` has unit {beyond[0]} at `{name}`, which has {found.units}; count from 0"
            )
        same = next((site for site in sites if site.producer == found.producer), None)
        if same is not None:
            sites.append(
                RecycledSite(name, units, reason=f"it is the site `{same.name}`, which is in `dormant` too")
            )
            continue
        names = tuple(consumer.name for consumer in found.consumers)
        sites.append(RecycledSite(name, units, short(found.activation), found.producer, found.norms, names))
        if units:
            chains.append((found, torch.tensor(units)))
    modules, slices = graphs.modules, list[tuple[_Slice, Any]]()
    for found, index in chains:
        slices += _incoming(modules, found, index, generator)
    for found, index in chains:  # after all that comes in, for what is both
        slices += [(piece, 0) for piece in _outgoing(modules, found, index)]
    memories = [memory for piece, _ in slices for memory in _memories(optimizer, piece)]
    with torch.no_grad():
        for piece, value in slices:
            piece.fill(piece.parameter, value)
            if piece.parameter.grad is not None:
                piece.fill(piece.parameter.grad, 0)
        for piece, tensor, start in memories:
            piece.fill(tensor, start)
        for found, index in chains:
            for norm in found.norms:
                _restart(modules[norm], index)
    return RecycleReport(tuple(sites))


def _checked(model: Any, optimizer: Any, dormant: Any) -> torch.nn.Module:
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"recycle: `model` must be a torch.nn.Module, got {type(model).__name__}")
    if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
        raise ArgumentTypeError(
            f"recycle: `optimizer` must be a torch.optim.Optimizer or None, got {type(optimizer).__name__}"
        )
    if not isinstance(dormant, Mapping):
        raise ArgumentTypeError(
            f"recycle: `dormant` must map names of sites to unit numbers, got {type(dormant).__name__}"
        )
    return uncompiled(model)


def _site(name: Any, known: Mapping[str, Any], graphs: Graphs) -> str:
    bare = str(name).removeprefix("_orig_mod.")
    bare = bare if bare in known else graphs.first.get(bare, bare)
    if bare not in known:
        opaque = next(
            (o for o in graphs.traces.opaque if bare == o or bare.startswith(f"{o}.") or not o), None
        )
        if bare in graphs.modules and opaque is not None:
            raise ArgumentError(
                f"recycle: `{bare}` is in a part of the model that torch.fx does not trace "
                f"({graphs.traces.opaque[opaque]}); leave it out of `dormant`"
            )
        raise unknown_name("site", bare, known or ["(none)"])
    return bare


def _numbers(name: str, units: Any) -> tuple[int, ...]:
    if isinstance(units, torch.Tensor) or hasattr(units, "tolist"):
        units = units.tolist()
    try:
        found = sorted(set(units))
    except TypeError:
        found = [None]
    if not all(isinstance(unit, int) and not isinstance(unit, bool) for unit in found):
        raise ArgumentTypeError(
            f"recycle: `dormant` must hold unit numbers, got {units!r} for `{name}`; not a mask"
        )
    return tuple(found)


def _incoming(
    modules: Mapping[str, Any], found: Chain, units: torch.Tensor, generator: torch.Generator | None
) -> Iterable[tuple[_Slice, Any]]:
    weight = modules[found.producer].weight
    device = generator.device if generator is not None else weight.device
    fresh = init.he_normal_(
        torch.empty(len(units), *weight.shape[1:], device=device), found.activation, generator=generator
    )
    layer = modules[found.producer]
    yield _Slice(layer.weight, 0, units), fresh
    if layer.bias is not None:
        yield _Slice(layer.bias, 0, units), 0
    for name in found.norms:
        norm = modules[name]
        if norm.weight is not None:
            yield _Slice(norm.weight, 0, units), 1
        if norm.bias is not None:
            yield _Slice(norm.bias, 0, units), 0


def _outgoing(modules: Mapping[str, Any], found: Chain, units: torch.Tensor) -> Iterable[_Slice]:
    for consumer in found.consumers:
        columns = (units[:, None] * consumer.block + torch.arange(consumer.block)).flatten()
        yield _Slice(modules[consumer.name].weight, 1, columns)


def _restart(norm: Any, units: torch.Tensor) -> None:
    for buffer, start in ((norm.running_mean, 0), (norm.running_var, 1)):
        if buffer is not None:
            buffer.index_fill_(0, units.to(buffer.device), start)


def _memories(
    optimizer: torch.optim.Optimizer | None, piece: _Slice
) -> Iterable[tuple[_Slice, torch.Tensor, float]]:
    """What the optimizer remembers of these entries, and what it starts from."""
    if optimizer is None or piece.parameter not in optimizer.state:
        return
    for name, value in optimizer.state[piece.parameter].items():
        if not isinstance(value, torch.Tensor) or value.dim() == 0:
            continue
        if name in _ZEROED and value.shape == piece.parameter.shape:
            yield piece, value, 0.0
        elif name == "sum" and isinstance(optimizer, torch.optim.Adagrad):
            yield piece, value, optimizer.defaults["initial_accumulator_value"]
        else:
            raise ArgumentError(
                f"recycle: `optimizer` {type(optimizer).__name__} keeps `{name}`, and what it starts from is not "
                "known; use SGD, Adam or their kin, or make a new optimizer and pass None"
            )
