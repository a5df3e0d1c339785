"""Which activation of the catalogue a module, or a call of a function, applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from leaky import nn
from leaky.catalogue import MODULES, TABLE, Activation, Parameter, Spec, lookup
from leaky.models.keeping import twins

_POSITIONS: Mapping[str, tuple[str, ...]] = {
    "softplus": ("beta", "threshold"),
    "gelu": ("approximate",),
    "hardsigmoid": ("inplace",),
    "silu": ("inplace",),
    "rrelu": ("lower", "upper", "training", "inplace"),
}
"""Arguments after the input, where they are not the catalogue's parameters and `inplace`."""
_PLAIN: Mapping[str, Any] = {"training": False}
"""Values of torch's further arguments with which its function is the catalogue's."""


def _entries() -> dict[type[torch.nn.Module], Activation]:
    found: dict[type[torch.nn.Module], Activation] = {twins.AbsorbedLeakyReLU: lookup("leaky_relu")}
    for name, entry in MODULES.items():
        if hasattr(nn, name):
            found[getattr(nn, name)] = entry
        if hasattr(torch.nn, name):
            found[getattr(torch.nn, name)] = entry
    return found


ENTRIES = _entries()
"""Module classes, torch.nn's and leaky's, and the entry that each computes."""


def _functions() -> dict[Any, tuple[str, bool]]:
    found: dict[Any, tuple[str, bool]] = {}
    for name in TABLE:
        for home in (F, torch, torch.Tensor):
            for suffix in ("", "_"):
                function = getattr(home, name + suffix, None)
                if function is not None:
                    found[function] = (name, bool(suffix))
    return found


FUNCTIONS = _functions()
"""torch's functions and methods: the name of the entry each computes, and whether it always works in place."""
NAMES = frozenset(name + suffix for name in TABLE for suffix in ("", "_"))
"""What such functions are called in code."""


def class_of(module: torch.nn.Module) -> type[torch.nn.Module] | None:
    """The class with a catalogue entry that a module is of, perhaps through a subclass of the user's."""
    return next((cls for cls in type(module).__mro__ if cls in ENTRIES), None)


def own_forward(module: torch.nn.Module) -> str | None:
    """Why a module of such a class may compute something else; None where it surely does not."""
    known = class_of(module)
    if "forward" in vars(module):
        return "its forward was replaced"
    if known is not None and type(module).forward is not known.forward:
        return f"{type(module).__name__} has a forward of its own"
    return None


def spec_of(module: torch.nn.Module) -> Spec | None:
    """The activation that a module of a known class applies; learned parameters by their mean."""
    known = class_of(module)
    if known is None:
        return None
    values = []
    for parameter in ENTRIES[known].parameters:
        value = getattr(module, parameter.name, None if parameter.learned else parameter.default)
        if value is None and parameter.learned:
            value = getattr(module, "weight", None)
        if isinstance(value, torch.Tensor):
            value = value.detach().double()
            value = tuple(term.mean().item() for term in value) if parameter.series else value.mean().item()
        value = _plain(parameter, value)
        if value is None:
            return None
        values.append(value)
    return Spec(ENTRIES[known], tuple(values))


def _plain(parameter: Parameter, value: Any) -> Any:
    """A value as specs hold it; None where it is of another kind. Domains are not checked: torch has none."""
    if parameter.choices or parameter.series:
        return value if isinstance(value, str if parameter.choices else tuple) else None
    if not isinstance(value, int | float):
        return None
    return value if parameter.integer else float(value) + 0.0


def read_call(function: Any, args: Any, kwargs: Any) -> tuple[Spec, bool] | None:
    """The activation that a call of a torch function applies, and whether in place; None where it is none."""
    try:
        name, inplace = FUNCTIONS[function]
    except (KeyError, TypeError):
        return None
    entry = lookup(name)
    positions = _POSITIONS.get(name, (*(p.name for p in entry.parameters), "inplace"))
    extra = args[1:] if args else ()
    if len(extra) > len(positions):
        return None
    given = {**dict(zip(positions, extra, strict=False)), **kwargs}
    given.pop("input", None)
    inplace = bool(given.pop("inplace", False)) or inplace
    values = []
    for parameter in entry.parameters:
        value = given.pop(parameter.name, None if parameter.learned else parameter.default)
        value = None if isinstance(value, bool) else _plain(parameter, value)
        if value is None:
            return None
        values.append(value)
    if any(key not in _PLAIN or value != _PLAIN[key] for key, value in given.items()):
        return None
    return Spec(entry, tuple(values)), inplace


def short(spec: Spec) -> str:
    """A spec to print: learned values, which are means, with few digits."""
    named = ", ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value!r}"
        for name, value in spec.parameters.items()
        if not isinstance(value, tuple)
    )
    return f"{spec.activation.name}({named})" if named else spec.activation.name
