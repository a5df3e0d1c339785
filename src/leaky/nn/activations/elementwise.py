"""Modules without a twin in torch.nn: the catalogue's function by native programs, or its formula by autograd."""

from __future__ import annotations

import inspect
import math
import numbers
from typing import Any, ClassVar

import array_api_compat.torch as namespace
import torch

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.kernels import tensors
from leaky.kernels.select import missing
from leaky.nn.activations.base import ActivationModule

_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_FURTHER: dict[str, Any] = {"num_parameters": 1, "learned": True, "device": None, "dtype": None}


class Elementwise(ActivationModule):
    """An activation whose parameters are numbers, given by position or by name as the catalogue has them."""

    names: tuple[str, ...] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "entry" in vars(cls):
            cls.__signature__ = cls._signature()  # type: ignore[attr-defined]

    @classmethod
    def _signature(cls) -> inspect.Signature:
        """The constructor's, as `help` shows it."""
        _, *rest = cls.entry.signature.parameters.values()
        return inspect.Signature([parameter for parameter in rest if parameter.name != "out"])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        values = self.entry.bind(*args, **kwargs)
        self.names = tuple(values)
        for name, value in values.items():
            setattr(self, name, value)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return self.by_formula(input, {name: getattr(self, name) for name in self.names})

    def by_formula(self, input: torch.Tensor, values: dict[str, Any]) -> torch.Tensor:
        """The catalogue's formula in torch's operations: half precision in float32, as there."""
        return by_formula(self, input, values)

    def extra_repr(self) -> str:
        """The parameters, as torch prints modules."""
        return ", ".join(f"{name}={_shown(getattr(self, name))}" for name in self.names)


class Learned(Elementwise):
    """An activation with learned parameters: one each, one per channel (dim 1), or one per element of a sample.

    They are torch parameters called as in the catalogue, of shape (num_parameters,); coefficients of a sum have
    the terms first, (terms, num_parameters). Where `learned` is False they are buffers.
    """

    further: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            "num_parameters",
            "how many of each there are: 1 for all, C for one per channel (dim 1), a tuple, the shape of a sample "
            "such as (C, H, W), for one per element",
        ),
        ("learned", "False keeps them fixed, as buffers"),
        ("device", "of the parameters"),
        ("dtype", "of the parameters"),
    )

    @classmethod
    def _signature(cls) -> inspect.Signature:
        extra = [inspect.Parameter(name, _KEYWORD, default=value) for name, value in _FURTHER.items()]
        return inspect.Signature([*super()._signature().parameters.values(), *extra])

    def __init__(
        self,
        *args: Any,
        num_parameters: int | tuple[int, ...] = 1,
        learned: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **kwargs: Any,
    ) -> None:
        ActivationModule.__init__(self)
        shape = shape_of(self.entry.name, num_parameters)
        values = self.entry.bind(*args, **kwargs)
        self.names = tuple(values)
        series = {parameter.name for parameter in self.entry.parameters if parameter.series}
        for parameter in self.entry.parameters:
            value = values[parameter.name]
            if not parameter.learned:
                setattr(self, parameter.name, value)
                continue
            start = self._start(parameter.name, value, shape, parameter.name in series)
            kind = value.dtype if isinstance(value, torch.Tensor) else torch.get_default_dtype()
            start = start.to(device, dtype or kind)
            if learned:
                self.register_parameter(parameter.name, torch.nn.Parameter(start))
            else:
                self.register_buffer(parameter.name, start)

    def _start(self, name: str, value: Any, shape: tuple[int, ...], series: bool) -> torch.Tensor:
        """Where a parameter starts: `value` in the shape that was asked for, or in its own."""
        if isinstance(value, torch.Tensor):
            given = value.detach().clone()
        else:
            given = torch.tensor(value, dtype=torch.float64)
        if not given.is_floating_point() or not bool(given.isfinite().all()):
            raise ArgumentError(
                f"{self.entry.name}: `{name}` must hold finite floating-point numbers, got {given}"
            )
        first, own = (given.shape[:1], given.shape[1:]) if series else ((), given.shape)
        if not own:
            return given.reshape(*first, *(1 for _ in shape)).repeat(*(1 for _ in first), *shape)
        if shape != (1,) and own != shape:
            raise ArgumentError(
                f"{self.entry.name}: `{name}` must be a number or of shape {(*first, *shape)}, "
                f"got {tuple(given.shape)}"
            )
        return given

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        values = {}
        for parameter in self.entry.parameters:
            value = getattr(self, parameter.name)
            values[parameter.name] = (
                self._beside(input, value, parameter.series) if parameter.learned else value
            )
        return self.by_formula(input, values)

    def _beside(self, input: torch.Tensor, value: torch.Tensor, series: bool) -> Any:
        if not series:
            return beside(self.entry.name, input, value)
        return tuple(beside(self.entry.name, input, term) for term in value.unbind(0))


def by_formula(module: ActivationModule, input: torch.Tensor, values: dict[str, Any]) -> torch.Tensor:
    """The native program of the module's entry, or its formula, traceable, which also takes learned parameters."""
    entry = module.entry
    if not any(isinstance(value, torch.Tensor | tuple) for value in values.values()):
        served = tensors.value(entry, input, (), values)
        if served is not None:
            return served
    else:
        missing(f"leaky.nn.{entry.module}", input)
    if entry.value_formula is None or not input.is_floating_point():
        result: torch.Tensor = entry.value(input, **values)
        return result
    if entry.along is not None:
        entry.along.check(entry.name, tuple(input.shape), values)
    wide = input.float() if input.dtype.itemsize < (2 if entry.piecewise_linear else 4) else input
    result = entry.value_formula(namespace, wide, *(_cast(value, wide) for value in values.values()))
    return result.to(input.dtype)


def _cast(value: Any, like: torch.Tensor) -> Any:
    if isinstance(value, tuple):
        return tuple(_cast(term, like) for term in value)
    return value.to(like.dtype) if isinstance(value, torch.Tensor) else value


def floating(input: torch.Tensor) -> torch.Tensor:
    """`input`, integers and booleans in the default float, as the catalogue's functions take them."""
    if isinstance(input, torch.Tensor) and not (input.is_floating_point() or input.is_complex()):
        return input.to(torch.get_default_dtype())
    return input


def beside(name: str, input: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A learned parameter in the shape that broadcasts against `input`: channels are dim 1."""
    if value.numel() == 1:
        return value.reshape(())
    if value.dim() == 1:
        if input.dim() < 2 or input.shape[1] != value.shape[0]:
            raise ArgumentError(
                f"{name}: one value per channel, {value.shape[0]}, but the input has shape {tuple(input.shape)}; "
                "channels are dim 1"
            )
        return value.view(-1, *[1] * (input.dim() - 2))
    if input.shape[1:] != value.shape:
        raise ArgumentError(
            f"{name}: one value per element of a sample of shape {tuple(value.shape)}, but the input has shape "
            f"{tuple(input.shape)}; the first dimension is the batch"
        )
    return value


def shape_of(name: str, num_parameters: Any) -> tuple[int, ...]:
    """The shape that `num_parameters` asks for."""
    shape = num_parameters if isinstance(num_parameters, tuple | list) else (num_parameters,)
    if not shape or not all(isinstance(n, numbers.Integral) and not isinstance(n, bool) for n in shape):
        raise ArgumentTypeError(
            f"{name}: `num_parameters` must be an integer, or a tuple of integers, got {num_parameters!r}"
        )
    if math.prod(shape) < 1 or min(shape) < 1:
        raise ArgumentError(f"{name}: `num_parameters` must be at least 1, got {num_parameters!r}")
    return tuple(map(int, shape))


def _shown(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.item():g}" if value.numel() == 1 else f"tensor of shape {tuple(value.shape)}"
    return f"{value:g}" if isinstance(value, float) else repr(value)
