"""What the code of a module names, for what runs it does not show."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import torch

CHECKPOINTS = frozenset(
    {"checkpoint", "checkpoint_sequential", "checkpoint_fn", "_gradient_checkpointing_func"}
)
"""What recomputing a part of a forward in backward is named."""


def mentions(module: torch.nn.Module, names: Set[str]) -> set[str]:
    """Which of the names are used by the code that a call of the module may reach.

    That is its forward and `__call__`, what else of its class or instance they name, and so on; a method that
    nothing there names (`gradient_checkpointing_enable` of a base class) does not count.
    """
    members: dict[str, list[Any]] = {}
    for cls in type(module).__mro__:
        if not cls.__module__.startswith("torch.nn."):
            for name, value in vars(cls).items():
                members.setdefault(name, []).append(value)
    for name, value in vars(module).items():
        if callable(value) and not isinstance(value, torch.nn.Module | type):
            members.setdefault(name, []).append(value)
    found: set[str] = set()
    reached: set[str] = set()
    new = {"forward", "__call__"}
    while new:
        reached |= new
        used = {named for name in new for value in members.get(name, ()) for named in _named(value)}
        found |= names & used
        new = (used & members.keys()) - reached
    return found


def _named(value: Any) -> Iterator[str]:
    """A function's name, and those in its code, under whatever other name they were imported there."""
    if isinstance(value, partial):
        yield from _named(value.func)
        for argument in value.args:
            yield from _named(argument)
    elif isinstance(value, MethodType | staticmethod | classmethod):
        yield from _named(value.__func__)
    elif isinstance(value, property):
        yield from _named(value.fget)
    elif isinstance(value, FunctionType):
        yield value.__name__
        for name in _code_names(value.__code__):
            yield name
            yield getattr(value.__globals__.get(name), "__name__", name)
        for cell in value.__closure__ or ():
            yield from _cell_names(cell)
    elif callable(value):
        yield getattr(value, "__name__", "")


def _cell_names(cell: Any) -> Iterator[str]:
    try:
        yield getattr(cell.cell_contents, "__name__", "")
    except ValueError:  # empty as yet
        return


def _code_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_names(constant)
