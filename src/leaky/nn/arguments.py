"""Arguments of the functions, looked at where they are not the usual ones: what is wrong is told in one line."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch

from leaky.errors import ArgumentTypeError, shown

P = ParamSpec("P")
R = TypeVar("R")

_NUMBERS = (numbers.Real, torch.Tensor, torch.SymFloat, torch.SymInt)


def check(function: str, input: Any, inplace: Any = False, **parameters: Any) -> None:
    """Raise ArgumentTypeError where `input` is no tensor, `inplace` no flag, or a parameter no number."""
    tensor(function, "input", input, f"other arrays are for leaky.{function}")
    for name, value in parameters.items():
        if isinstance(value, float):
            continue
        if isinstance(value, bool) or not isinstance(value, (*_NUMBERS, np.ndarray)):
            remedy = f"; write inplace={value} if that was meant" if isinstance(value, bool) else ""
            raise ArgumentTypeError(f"{function}: `{name}` must be a number, got {shown(value)}{remedy}")
        known(function, name, value)
    if inplace is not False:
        flag(function, "inplace", inplace)


def tensor(function: str, name: str, value: Any, remedy: str) -> None:
    """Raise ArgumentTypeError where `value` is no tensor."""
    if not isinstance(value, torch.Tensor):
        raise ArgumentTypeError(f"{function}: `{name}` must be a torch.Tensor, got {shown(value)}; {remedy}")


def known(function: str, name: str, value: Any) -> None:
    """Raise where a compiler takes a number for a tensor, whose value it cannot know: NumPy's are that to it."""
    if torch.compiler.is_compiling() and isinstance(value, (torch.Tensor, np.ndarray)):
        raise ArgumentTypeError(
            f"{function}: `{name}` is a tensor to the compiler, as NumPy's numbers are, and must be a number; "
            "write float(...) where it is made, outside of what is compiled"
        )


def flag(function: str, name: str, value: Any) -> None:
    """Raise ArgumentTypeError where `value` is neither True nor False."""
    if not isinstance(value, bool | np.bool):
        raise ArgumentTypeError(f"{function}: `{name}` must be True or False, got {shown(value)}")


def keywords_named(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which says of an argument without a name in the place of a keyword what to write."""
    parameters = list(inspect.signature(function).parameters.values())
    places = sum(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters)
    first = next(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args) > places:
            given = shown(args[places])
            raise ArgumentTypeError(f"{name}: `{first}` must be named, got {given}; write {first}={given}")
        return function(*args, **kwargs)

    return call
