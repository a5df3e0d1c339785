"""Initialise every layer of a model by one scheme, each with the gain of the activation that follows it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch

from leaky.catalogue import Spec
from leaky.errors import ArgumentError, ArgumentTypeError, unknown_name
from leaky.models.activations import short
from leaky.models.flow import LAYERS, TRANSPOSED, Graphs, followers, uncompiled
from leaky.models.isolate import Example
from leaky.models.keeping import twins
from leaky.models.lsuv import unit_variance
from leaky.nn import init

SCHEMES = ("he", "xavier", "orthogonal", "lsuv", "randomized_asymmetric")


@dataclass(frozen=True)
class InitialisedLayer:
    """What was done to a layer. `activation` follows it (None: nothing known does); `reason` says why it was left."""

    name: str
    activation: str | None
    gain: float | None
    std: float | None
    """Standard deviation of the new weights."""
    how: str = ""
    reason: str = ""


@dataclass(frozen=True)
class InitialiseReport:
    """Every layer of the model, in order."""

    scheme: str
    layers: tuple[InitialisedLayer, ...]

    def to_json(self) -> dict[str, Any]:
        """The records as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [f"{self.scheme}: {sum(not row.reason for row in self.layers)} of {len(self.layers)} layers"]
        for row in self.layers:
            told = (
                f"left: {row.reason}" if row.reason else f"gain {row.gain:.4g}, std {row.std:.4g}; {row.how}"
            )
            rows.append(f"  {row.name or '(the model)'} -> {row.activation or 'nothing known'}: {told}")
        return "\n".join(rows)


def initialise_(
    model: torch.nn.Module,
    scheme: str,
    *,
    distribution: Literal["normal", "uniform"] = "normal",
    batch: Any = None,
    generator: torch.Generator | None = None,
) -> InitialiseReport:
    """Initialise the weights of every Linear and Conv layer in place, and set their biases to 0.

    The activation after each layer is found in the graph of the model (through norms, pools, dropout and sums) or,
    where it does not trace, by the order of modules. A layer that nothing known follows takes gain 1. Norms,
    embeddings and other layers stay as they are.

    - `he`: variance gain^2 / fan_in with the activation's own gain, see `leaky.nn.init.gain` (He et al. 2015).
    - `xavier`: variance 2 / (fan_in + fan_out), whatever follows (Glorot, Bengio 2010).
    - `orthogonal`: orthonormal rows or columns times the gain (Saxe et al. 2014).
    - `lsuv`: orthonormal, then each layer in the order of its call is scaled until its output on `batch` has
      variance 1 (Mishkin, Matas 2016).
    - `randomized_asymmetric`: weights and bias together, see `leaky.nn.init.randomized_asymmetric_` (Lu et al. 2020).

    Args:
        model: any module; parameters stay the same objects, so that an optimizer keeps them (its moments too).
        scheme: one of the above.
        distribution: `normal` or `uniform`, for `he` and `xavier`.
        batch: for `lsuv`, what the model is called with: a tensor, a tuple of arguments or a dict of them by name.
        generator: where the random numbers come from; torch's global one by default.

    Returns:
        A row for each layer; `print(report)` shows them.

    Raises:
        UnknownNameError: no such scheme.
        ArgumentError: the model has no such layer or no values yet, or `lsuv` has no batch or cannot reach
            variance 1 with it. The model is as it was then.

    Example:
        >>> import torch, leaky
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        >>> report = leaky.initialise_(model, "he")
        >>> [(row.name, row.activation, round(row.gain, 3)) for row in report.layers]
        [('0', 'tanh', 1.593), ('2', None, 1.0)]
    """
    layers, left = _check(model, scheme, distribution, batch)
    model = uncompiled(model)
    followed = followers(Graphs.of(model), layers)
    made: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}
    gains: dict[str, float] = {}
    for name, layer in layers.items():
        specs = followed[name][0]
        gains[name] = specs[0].gain if specs and scheme in ("he", "orthogonal") else 1.0
        try:
            made[name] = _drawn(layer, scheme, distribution, gains[name], generator)
        except ArgumentError as error:
            left[name] = str(error)
    with _put_back_on_error(model), torch.no_grad():
        for name, (weight, bias) in made.items():
            layers[name].weight.copy_(weight)
            if layers[name].bias is not None:
                layers[name].bias.copy_(0 if bias is None else bias)
        if scheme == "lsuv":
            left |= unit_variance(model, {name: layers[name] for name in made}, Example.of(batch))
    rows = [
        _row(name, module, scheme, gains.get(name), *followed.get(name, ([], "")), left.get(name, ""))
        for name, module in model.named_modules()
        if name in layers or name in left
    ]
    return InitialiseReport(scheme, tuple(rows))


def _row(
    name: str, layer: Any, scheme: str, gain: float | None, specs: list[Spec], how: str, reason: str
) -> InitialisedLayer:
    others = (
        f", the first of {', '.join(map(short, specs))}" if len({spec.gain for spec in specs}) > 1 else ""
    )
    told = short(specs[0]) if specs else None
    if reason:
        return InitialisedLayer(name, told, None, None, how, reason)
    std = layer.weight.detach().double().std(correction=0).item()
    return InitialisedLayer(name, told, gain, std, how + others)


def _check(model: Any, scheme: str, distribution: str, batch: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The layers to initialise, and why others are left; raise for what cannot be done at all."""
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"initialise_: `model` must be a torch.nn.Module, got {type(model).__name__}")
    if scheme not in SCHEMES:
        raise unknown_name("scheme", str(scheme), SCHEMES)
    if distribution not in ("normal", "uniform"):
        raise ArgumentError(f"initialise_: `distribution` must be normal or uniform, got {distribution!r}")
    if (batch is None) == (scheme == "lsuv"):
        needs = (
            "lsuv needs a `batch` that the model is called with"
            if batch is None
            else "only lsuv takes a `batch`"
        )
        raise ArgumentError(
            f"initialise_: {needs}, got scheme {scheme!r} {'without' if batch is None else 'with'} one"
        )
    model, owners = uncompiled(model), dict[int, list[str]]()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if torch.nn.parameter.is_lazy(parameter) or parameter.is_meta:
            raise ArgumentError(
                f"initialise_: `{name}` of `model` has no values yet; call a lazy model once before"
            )
        owners.setdefault(id(parameter), []).append(name)
    layers: dict[str, Any] = {}
    left: dict[str, str] = {}
    for name, module in model.named_modules():
        if not isinstance(module, LAYERS):
            continue
        weight = module._parameters.get("weight")
        aliases = {alias for alias, same in model.named_modules(remove_duplicate=False) if same is module}
        shared = [o for o in owners.get(id(weight), []) if o.rpartition(".")[0] not in aliases]
        if type(module) not in LAYERS and not twins.is_lean(module):
            left[name] = f"{type(module).__name__} is a class of its own"
        elif weight is None:
            left[name] = "its weight is computed from other parameters"
        elif shared:
            left[name] = f"its weight is `{shared[0]}` too"
        else:
            layers[name] = module
    if not layers:
        raise ArgumentError(
            f"initialise_: `model` {type(model).__name__} has no Linear or Conv layer to initialise"
        )
    return layers, left


def _drawn(
    layer: Any, scheme: str, distribution: str, gain: float, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """New weights, and a new bias where it is not to be 0."""
    weight: torch.Tensor = layer.weight
    transposed = isinstance(layer, TRANSPOSED)
    shape = weight.transpose(0, 1).shape if transposed else weight.shape
    dtype = torch.float64 if weight.dtype == torch.float64 else torch.float32
    fresh = torch.empty(shape, dtype=dtype, device=generator.device if generator else weight.device)
    bias = None if layer.bias is None else fresh.new_empty(layer.bias.shape)
    size = math.prod(shape[2:])
    strides = math.prod(layer.stride) * layer.groups if transposed else 1
    fan_in = max(shape[1] * size / strides, 1.0)
    groups = getattr(layer, "groups", 1)
    fan_out = shape[0] * size if transposed else shape[0] * size / groups
    match scheme:
        case "he" | "xavier":
            std = gain / math.sqrt(fan_in) if scheme == "he" else math.sqrt(2 / max(fan_in + fan_out, 1))
            if distribution == "normal":
                fresh.normal_(generator=generator).mul_(std)
            else:
                fresh.uniform_(-1, 1, generator=generator).mul_(std * math.sqrt(3))
            bias = None
        case "randomized_asymmetric":
            if transposed:
                raise ArgumentError("the scheme is not defined for transposed convolutions")
            init.randomized_asymmetric_(fresh, bias, generator=generator)
        case _:
            if fresh.numel():
                torch.nn.init.orthogonal_(fresh, gain, generator)
            bias = None
    return (fresh.transpose(0, 1) if transposed else fresh), bias


@contextmanager
def _put_back_on_error(model: torch.nn.Module) -> Iterator[None]:
    before = [(parameter, parameter.detach().clone()) for parameter in model.parameters()]
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for parameter, value in before:
                parameter.copy_(value)
        raise
