"""Which modules and functions apply an activation, and with which parameters; all read from the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from leaky import nn
from leaky.catalogue import MODULES, TABLE, Activation, Spec
from leaky.nn import functional

Value = Any
"""A float, text or tuple; a learned parameter is a tensor."""
_NOT_TORCHS = {"hardsigmoid": ("slope", "offset"), "rrelu": ("form",), "silu": ("beta",)}
"""Parameters that torch's functions do not have: other arguments stand in their place."""
_SAME_ARGUMENTS = frozenset(
    {"relu", "leaky_relu", "relu6", "elu", "selu", "celu", "softplus", "sigmoid", "tanh", "softsign"}
    | {"hardtanh", "hardswish", "hardshrink", "mish"}
)
"""torch's functions that take the entry's parameters next to the input."""

NORM_ACTS = (
    nn.BatchNormAct1d,
    nn.BatchNormAct2d,
    nn.BatchNormAct3d,
    nn.InstanceNormAct1d,
    nn.InstanceNormAct2d,
    nn.InstanceNormAct3d,
)
"""Norm and activation in one: what is between the two exists nowhere."""


@dataclass(frozen=True)
class Applied:
    """An activation with its parameters at one call; a learned one is a tensor."""

    entry: Activation
    values: tuple[Value, ...]

    @cached_property
    def text(self) -> str:
        """The spec; of a slope per channel the mean."""
        numbers = [
            float(v.detach().float().mean()) if isinstance(v, torch.Tensor) else v for v in self.values
        ]
        return str(Spec(self.entry, tuple(numbers)))

    @cached_property
    def slopes(self) -> tuple[Value, Value] | None:
        """f' left and right of 0, where f is two lines that meet there (per channel, if learned)."""
        if not (self.entry.piecewise_linear and self.entry.kinks == (0.0,)):
            return None
        numbers = [v for v in self.values if not isinstance(v, torch.Tensor)]
        if len(numbers) == len(self.values):
            return _slopes(self.entry, tuple(numbers))
        return self.values[0], 1.0  # PReLU

    def derivative(self, x: torch.Tensor, unit: int) -> torch.Tensor:
        """f'(x), element by element: by torch's own backward, which is faster than the formula, where it has one."""
        twin = getattr(F, self.entry.name, None) or getattr(torch, self.entry.name, None)
        if twin is not None and self.entry.name in _SAME_ARGUMENTS:
            with torch.enable_grad():
                x = (x.clone() if x.is_inference() else x.detach()).requires_grad_()
                return torch.autograd.grad(twin(x, *self.values), x, torch.ones_like(x))[0]
        shape = [-1 if dim == unit else 1 for dim in range(x.dim())]
        values = [
            v.to(x.dtype).view(shape if v.numel() > 1 else (1,)) if isinstance(v, torch.Tensor) else v
            for v in self.values
        ]
        formula: Any = self.entry.derivative_formula
        result: torch.Tensor = formula(torch, x, *values)
        return result

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The limits of f, where it has one on both sides: sigmoid and its kin."""
        return _bounds(self.entry, tuple(v for v in self.values if not isinstance(v, torch.Tensor)))


@lru_cache(maxsize=1024)
def _slopes(entry: Activation, values: tuple[Any, ...]) -> tuple[float, float]:
    left, right = entry.derivative(np.array([-1.0, 1.0]), *values)
    return float(left), float(right)


@lru_cache(maxsize=1024)
def _bounds(entry: Activation, values: tuple[Any, ...]) -> tuple[float, float] | None:
    if len(values) != len(entry.parameters):
        return None
    with np.errstate(all="ignore"):
        low, high = np.sort(entry.value(np.array([-np.inf, np.inf]), *values)).tolist()
    return (low, high) if np.isfinite([low, high]).all() and low < high else None


def _functions() -> dict[Callable[..., Any], Activation]:
    """Every function of torch and leaky that the catalogue has by name; in place ones too."""
    found: dict[Callable[..., Any], Activation] = {}
    for entry in (entry for entry in TABLE.values() if entry.elementwise):
        for home in (F, torch, torch.Tensor, functional):
            for name in (entry.name, f"{entry.name}_"):
                function = getattr(home, name, None)
                if callable(function):
                    found[function] = entry
    found[torch.special.expit] = TABLE["sigmoid"]
    return found


FUNCTIONS = _functions()


def read_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Applied:
    """What a call of one of `FUNCTIONS` applies; torch has the catalogue's parameters next to the input."""
    entry = FUNCTIONS[function]
    values = []
    for place, parameter in enumerate(entry.parameters, start=1):
        given = kwargs.get(parameter.name, kwargs.get("weight", parameter.default))
        here = len(args) > place and parameter.name not in _NOT_TORCHS.get(entry.name, ())
        values.append(_value(args[place] if here else given))
    return Applied(entry, tuple(values))


def read_module(module: Any) -> Applied | None:
    """What an activation module applies; None for any other, and where the user wrote its forward anew."""
    cls: Any = type(module)
    if issubclass(cls, NORM_ACTS):
        return Applied(module.activation.activation, module.activation.values)
    entry = _entry(cls)
    if entry is None:
        return None
    if issubclass(cls, torch.nn.PReLU):
        return Applied(entry, (_value(module.weight),))
    given = [getattr(module, parameter.name, parameter.default) for parameter in entry.parameters]
    return Applied(entry, tuple(_value(value) for value in given))


@cache
def _entry(cls: Any) -> Activation | None:
    home: Any = next(parent for parent in cls.__mro__ if "forward" in vars(parent))
    if not home.__module__.startswith(("torch.nn.", "leaky.")):
        return None
    own: Activation | None = getattr(cls, "entry", None)
    names = [parent.__name__ for parent in cls.__mro__ if parent.__module__.startswith("torch.nn.")]
    named = next((MODULES[name] for name in names if name in MODULES), None)
    entry = own if isinstance(own, Activation) else named
    return entry if entry is not None and entry.elementwise else None


def pre_activation(module: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What the activation within one of `NORM_ACTS` was given: read back from its output, or normalised once more."""
    slope, x, y = module.negative_slope, x.detach(), y.detach()
    if slope is not None and slope > 0:
        return invert(y, slope)
    per_batch = module.training or not module.track_running_stats or module.running_mean is None
    mean, var = (None, None) if per_batch else (module.running_mean, module.running_var)
    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
        return F.batch_norm(x, mean, var, module.weight, module.bias, per_batch, 0.0, module.eps)
    z = F.instance_norm(
        x[None] if x.dim() == module._unbatched else x,
        mean,
        var,
        module.weight,
        module.bias,
        per_batch,
        0.0,
        module.eps,
    )
    return z.view_as(y)


def invert(y: torch.Tensor, slope: float) -> torch.Tensor:
    """x from the output of a leaky ReLU with a slope above 0: exact in sign."""
    return torch.where(y > 0, y, y / slope)


def _value(given: Any) -> Value:
    if isinstance(given, torch.Tensor):
        return given.detach()
    return given if isinstance(given, str | tuple) else float(given)
