"""Which modules and functions apply an activation, and with which parameters; all read from the catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from leaky.catalogue import MODULES, TABLE, Activation, Parameter, Spec
from leaky.nn import functional, norms

Value = float | str | tuple[float, ...] | torch.Tensor
"""Of a parameter: a number, text where it is a choice, a tensor or the terms of a series where it is learned."""

NORM_ACTS = norms.CLASSES
"""Norm and activation in one: what is between the two exists nowhere."""


@dataclass(frozen=True)
class Applied:
    """An activation with its parameters at one call; a learned one is a tensor."""

    entry: Activation
    values: tuple[Value, ...]

    @cached_property
    def text(self) -> str:
        """The spec; of a slope per channel the mean."""
        plain = zip(self.entry.parameters, self.values, strict=True)
        return str(Spec(self.entry, tuple(_mean(value, parameter.series) for parameter, value in plain)))

    @cached_property
    def slopes(self) -> tuple[float | torch.Tensor, float | torch.Tensor] | None:
        """f' left and right of 0, where f is two lines that meet at (0, 0) (per channel, if learned)."""
        if any(isinstance(value, torch.Tensor) for value in self.values):
            # The one entry of two lines whose slope is learned; the others' learned parameters move kinks.
            return (self.values[0], 1.0) if self.entry.name == "prelu" else None  # type: ignore[return-value]
        return _rays(self.entry, self.values)

    def derivative(self, x: torch.Tensor, unit: int) -> torch.Tensor:
        """f'(x), element by element: by torch's own backward, which is faster than the formula, where it has one."""
        twin, taken = _twin(self.entry)
        given = dict(zip(self.entry.parameters, self.values, strict=True))
        if twin is not None and all(
            isinstance(value, float | str) if p.name in taken else value is p.default or value == p.default
            for p, value in given.items()
        ):
            named = {p.name: value for p, value in given.items() if p.name in taken}
            with torch.enable_grad():
                x = (x.clone() if x.is_inference() else x.detach()).requires_grad_()
                return torch.autograd.grad(twin(x, **named), x, torch.ones_like(x))[0]
        shape = [-1 if dim == unit else 1 for dim in range(x.dim())]
        values = [
            _along(value, x, shape, parameter.series)
            for parameter, value in zip(self.entry.parameters, self.values, strict=True)
        ]
        assert self.entry.derivative_formula is not None
        result: torch.Tensor = self.entry.derivative_formula(torch, x, *values)
        return result

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The limits of f, where it has one on both sides: sigmoid and its kin."""
        if any(isinstance(value, torch.Tensor) for value in self.values):
            return None
        return _bounds(self.entry, self.values)


def _mean(value: Value, series: bool) -> Value:
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().double()
    return tuple(float(term.mean()) for term in value) if series else float(value.mean())


def _along(value: Value, x: torch.Tensor, shape: list[int], series: bool) -> Any:
    """A learned parameter in the dimension of the units; of a series per channel the mean of each term."""
    if not isinstance(value, torch.Tensor):
        return value
    if series:
        return value.to(x.dtype).flatten(1).mean(1) if value.dim() > 1 else value.to(x.dtype)
    return value.to(x.dtype).view(shape if value.numel() > 1 else (1,))


@lru_cache(maxsize=1024)
def _rays(entry: Activation, values: tuple[Any, ...]) -> tuple[float, float] | None:
    if not entry.piecewise_linear or entry.kinks != (0.0,):
        return None
    points = np.array([-1e3, -1.0, 0.0, 1.0, 1e3])
    left, right = _formula(entry.derivative_formula)(np, points, *values)[[1, 3]].tolist()
    if (_formula(entry.value_formula)(np, points, *values) != points * [left, left, 0, right, right]).any():
        return None
    return left, right


@lru_cache(maxsize=1024)
def _bounds(entry: Activation, values: tuple[Any, ...]) -> tuple[float, float] | None:
    with np.errstate(all="ignore"):
        low, high = np.sort(_formula(entry.value_formula)(np, np.array([-np.inf, np.inf]), *values)).tolist()
    return (low, high) if np.isfinite([low, high]).all() and low < high else None


def _formula(formula: Callable[..., Any] | None) -> Callable[..., Any]:
    assert formula is not None  # of what is element by element
    return formula


@cache
def _twin(entry: Activation) -> tuple[Callable[..., Any] | None, frozenset[str]]:
    """torch's function of that name, and the entry's parameters that it takes; of others it has the defaults."""
    twin = getattr(F, entry.name, None) or getattr(torch, entry.name, None)
    if twin is None:
        return None, frozenset()
    taken = set()
    for parameter in entry.parameters:
        try:
            twin(torch.zeros(1), **{parameter.name: parameter.default})
        except (TypeError, RuntimeError):  # another signature
            continue
        taken.add(parameter.name)
    return twin, frozenset(taken)


def _functions() -> dict[Callable[..., Any], Activation]:
    """Every function of torch and leaky that the catalogue has by name; in place ones too."""
    found: dict[Callable[..., Any], Activation] = {}
    for entry in TABLE.values():
        for home in (F, torch, torch.Tensor, functional):
            for name in (entry.name, f"{entry.name}_"):
                function = getattr(home, name, None)
                if callable(function) and entry.elementwise:
                    found[function] = entry
    found[torch.special.expit] = TABLE["sigmoid"]
    return found


FUNCTIONS = _functions()


def read_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Applied:
    """What a call of one of `FUNCTIONS` applies."""
    entry = FUNCTIONS[function]
    given = {**dict(zip(_positions(function, entry), args[1:], strict=False)), **kwargs}
    values = [given.get(p.name, given.get("weight", p.default)) for p in entry.parameters]
    return _applied(entry, values)


@cache
def _positions(function: Callable[..., Any], entry: Activation) -> tuple[str, ...]:
    """The names of the arguments after the input; torch's own functions in C tell none."""
    try:
        return tuple(inspect.signature(function).parameters)[1:]
    except ValueError:
        return tuple(parameter.name for parameter in entry.parameters)


def read_module(module: Any) -> Applied | None:
    """What an activation module applies; None for any other, and where the user wrote its forward anew."""
    cls: Any = type(module)
    if issubclass(cls, NORM_ACTS):
        return _applied(module.activation.activation, module.activation.values)
    entry = _entry(cls)
    if entry is None or not entry.elementwise:
        return None
    if issubclass(cls, torch.nn.PReLU):
        return _applied(entry, (module.weight,))
    return _applied(entry, [getattr(module, p.name, p.default) for p in entry.parameters])


def _applied(entry: Activation, given: Iterable[Any]) -> Applied:
    values = tuple(_value(p, value) for p, value in zip(entry.parameters, given, strict=True))
    if any(isinstance(value, torch.Tensor) for value in values):
        return Applied(entry, values)
    return _fixed(entry.name, values)


@lru_cache(maxsize=1024)
def _fixed(name: str, values: tuple[Any, ...]) -> Applied:
    return Applied(TABLE[name], values)  # made once: what follows from it is kept in it


@cache
def _entry(cls: Any) -> Activation | None:
    home: Any = next(parent for parent in cls.__mro__ if "forward" in vars(parent))
    if not home.__module__.startswith(("torch.nn.", "leaky.")):
        return None
    own: Activation | None = getattr(cls, "entry", None)
    names = [parent.__name__ for parent in cls.__mro__ if parent.__module__.startswith("torch.nn.")]
    named = next((MODULES[name] for name in names if name in MODULES), None)
    return own if isinstance(own, Activation) else named


def pre_activation(module: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What the activation within one of `NORM_ACTS` was given: read back from its output, or normalised once more."""
    slope, x, y = module.negative_slope, x.detach(), y.detach()
    if slope is not None and slope > 0:
        return invert(y, slope)
    if isinstance(module, torch.nn.GroupNorm):
        return F.group_norm(x, module.num_groups, module.weight, module.bias, module.eps)
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


def _value(parameter: Parameter, given: Any) -> Value:
    if isinstance(given, torch.Tensor):
        return given.detach()
    if isinstance(given, bool):  # torch's `training` or `inplace`, where the entry has a parameter
        given = parameter.default
    if parameter.series:
        return tuple(float(term) for term in given)
    return given if parameter.choices or parameter.integer else float(given)
