"""The arguments of torch.nn's twins, held against the records of the entry before torch sees them."""

from __future__ import annotations

import functools
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from leaky.catalogue import Activation
from leaky.errors import ArgumentTypeError, shown
from leaky.nn.activations.base import ActivationModule

_PLAIN = (int, float, str)


def checked(cls: type[ActivationModule]) -> type[ActivationModule]:
    """The class, whose constructor now refuses what the entry does: signature, source and subclasses as they were.

    What is good goes on to torch as it was given, but numbers that torch or its compiler do not know (NumPy's,
    fractions, tensors that hold one), which go on as floats.
    """
    made: Any = cls.__init__
    signature = inspect.signature(made)

    @functools.wraps(made)
    def constructor(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:  # told in Python's own words
            made(self, *args, **kwargs)
            raise
        given = bound.arguments
        if "inplace" in given:
            given["inplace"] = _in_place(cls.entry, signature, given["inplace"])
        given.update(_parameters(cls, signature, given))
        made(*bound.args, **bound.kwargs)

    cls.__init__ = constructor  # type: ignore[method-assign]
    return cls


def _parameters(
    cls: type[ActivationModule], signature: inspect.Signature, given: dict[str, Any]
) -> dict[str, Any]:
    """The arguments that are parameters of the entry, checked, under the names that the constructor has."""
    ours = {parameter.name for parameter in cls.entry.parameters}
    arguments, values = {}, {}
    for argument, value in given.items():
        name = cls.renamed.get(argument, argument)
        unset = value is None and signature.parameters[argument].default is None
        if name in ours and not unset:
            arguments[name] = argument
            values[argument] = _number(value)
    entry = replace(
        cls.entry,
        parameters=tuple(
            replace(parameter, name=arguments.get(parameter.name, parameter.name), learned=False)
            for parameter in cls.entry.parameters
        ),
    )
    try:
        good = entry.bind(**values)
    except ArgumentTypeError as error:
        if "inplace" in signature.parameters and any(value is True for value in values.values()):
            raise ArgumentTypeError(f"{error}; write inplace=True if that was meant") from None
        raise
    return {name: value if type(value) in _PLAIN else good[name] for name, value in values.items()}


def _number(value: Any) -> Any:
    """A tensor that is one number, and learns nothing, as that: torch takes it for one."""
    if isinstance(value, torch.Tensor) and value.dim() == 0 and not value.requires_grad:
        return value.item()
    return value


def _in_place(entry: Activation, signature: inspect.Signature, value: Any) -> bool:
    if isinstance(value, bool | np.bool):
        return bool(value)
    message = f"{entry.name}: `inplace` must be True or False, got {shown(value)}"
    place = [name for name in signature.parameters if name != "self"].index("inplace")
    if place < len(entry.parameters):  # the function on arrays has another argument in this place
        message += f"; write {entry.parameters[place].name}={shown(value)} if that was meant"
    raise ArgumentTypeError(message)
