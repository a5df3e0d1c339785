"""Changes to modules that can be undone: class, attributes, parameters and children; the object stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

KEY = "_leaky_swapped"
"""The attribute that remembers what a module was."""

Like = tuple[torch.device, torch.dtype]


class Missing:
    """Stands for an attribute, parameter or child that there was not, or is not to be."""


MISSING = Missing()


@dataclass(frozen=True)
class Before:
    """What a module was before its first change."""

    cls: type[torch.nn.Module]
    like: Like
    attributes: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    modules: dict[str, Any] = field(default_factory=dict)


def change(
    module: torch.nn.Module,
    like: Like,
    cls: type[torch.nn.Module] | None = None,
    *,
    attributes: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    modules: Mapping[str, Any] | None = None,
) -> None:
    """Give a module another class and other contents, and remember those it had first."""
    known: Before | None = vars(module).get(KEY)
    before = Before(
        known.cls if known else type(module),
        known.like if known else like,
        _remembered(known.attributes if known else {}, attributes, vars(module)),
        _remembered(known.parameters if known else {}, parameters, module._parameters),
        _remembered(known.modules if known else {}, modules, module._modules),
    )
    if cls is not None and cls is not type(module):
        module.__class__ = cls
    _write(module, attributes or {}, parameters or {}, modules or {})
    vars(module)[KEY] = before


def restore(module: torch.nn.Module, now: Like) -> None:
    """Undo every `change`; parameters that come back follow the model to where it is `now`."""
    before: Before = vars(module).pop(KEY)
    if type(module) is not before.cls:
        module.__class__ = before.cls
    if before.like != now:
        for parameter in before.parameters.values():
            if isinstance(parameter, torch.nn.Parameter):
                parameter.data = parameter.data.to(*now)
    _write(module, before.attributes, before.parameters, before.modules)


def like(model: torch.nn.Module, name: str) -> Like:
    """Device and dtype of the parameters nearest to a module: its own, its parent's, and so on."""
    while True:
        for parameter in model.get_submodule(name).parameters():
            if parameter.is_floating_point():
                return parameter.device, parameter.dtype
        if not name:
            return torch.get_default_device(), torch.get_default_dtype()
        name = name.rpartition(".")[0]


@contextmanager
def undone_on_error(model: torch.nn.Module) -> Iterator[None]:
    """Every module is again what it was, should an error come."""
    before = [
        (module, type(module), dict(vars(module)), dict(module._parameters), dict(module._modules))
        for module in model.modules()
    ]
    try:
        yield
    except BaseException:
        for module, cls, attributes, parameters, modules in before:
            module.__class__ = cls
            _replace(vars(module), attributes)
            _replace(module._parameters, parameters)
            _replace(module._modules, modules)
        raise


def _replace(contents: dict[str, Any], old: dict[str, Any]) -> None:
    contents.clear()
    contents.update(old)


def _remembered(
    known: Mapping[str, Any], changed: Mapping[str, Any] | None, contents: Mapping[str, Any]
) -> dict[str, Any]:
    return {name: contents.get(name, MISSING) for name in changed or {}} | dict(known)


def _write(
    module: torch.nn.Module,
    attributes: Mapping[str, Any],
    parameters: Mapping[str, Any],
    modules: Mapping[str, Any],
) -> None:
    _update(vars(module), attributes)
    _update(module._parameters, parameters)
    _update(module._modules, modules)


def _update(contents: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if isinstance(value, Missing):
            contents.pop(name, None)
        else:
            contents[name] = value
