"""Functions of torch that `lean` knows: every spelling of each, and the one of leaky's that keeps less."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx
from torch.nn import functional as F

from leaky.models.keeping.others import OTHERS
from leaky.nn import functional

_UNKNOWN = float("nan")


@dataclass(frozen=True)
class Call:
    """One way to call a (leaky) ReLU: which, with which slope, over its input or not.

    Of another kind (`others.OTHERS`) `other` is the class and `settings` are what it computes by. The slope is NaN
    where only the name of a function was seen, in code that does not trace.
    """

    relu: bool
    slope: float
    inplace: bool
    other: str = ""
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def kind(self) -> str:
        """What is decided for together: calls of one kind keep the same for backward."""
        return self._name + (" in place" if self.inplace else "")

    @property
    def known(self) -> bool:
        """Whether its arguments are known."""
        return self.slope == self.slope

    @property
    def _name(self) -> str:
        return _NAMES[self.other] if self.other else "relu" if self.relu else "leaky_relu"

    def __str__(self) -> str:
        settings = dict(self.settings)
        settings |= {} if self.other or self.relu else {"negative_slope": self.slope}
        settings |= {"inplace": True} if self.inplace else {}
        if not self.inplace:
            settings.pop("inplace", None)
        named = (
            f"{name}={value:g}" if type(value) is float else f"{name}={value}"
            for name, value in settings.items()
        )
        return f"{self._name}({', '.join(named)})"


@dataclass(frozen=True)
class Function:
    """One spelling of a function: the arguments after its input with their defaults, and `lean`, which keeps less."""

    other: str
    name: str
    arguments: Mapping[str, Any]
    lean: Callable[..., torch.Tensor]
    settings: tuple[str, ...] = ()
    inplace: bool = False

    def read(self, args: Any, kwargs: Mapping[str, Any]) -> Call | None:
        """What a call computes; None where its arguments are none that leaky's function takes."""
        names = tuple(self.arguments)
        given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        given.pop("input", None)
        if len(args) > 1 + len(names) or not given.keys() <= self.arguments.keys():
            return None
        values = {**self.arguments, **given}
        values.pop("weight", None)  # a tensor: what it holds is not looked at
        if not all(isinstance(value, int | float) for value in values.values()):
            return None
        inplace = bool(values.pop("inplace", False)) or self.inplace
        if self.other:
            values["inplace"] = inplace
            if self.name == "dropout" and not (values["training"] and values["p"]):
                return None  # it hands its input on
            settings = tuple((name, values[name]) for name in self.settings)
            return Call(False, 0.0, inplace, self.other, settings)
        return Call(self.name == "relu", values.get("negative_slope", 0.0), inplace)


def _arguments(function: Callable[..., Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name != "input" and p.kind is not p.KEYWORD_ONLY}


def _spellings(
    other: str, lean: Callable[..., torch.Tensor], settings: tuple[str, ...]
) -> Iterator[tuple[Any, Function]]:
    name, arguments = lean.__name__, _arguments(lean)
    fixed = {argument: default for argument, default in arguments.items() if argument != "inplace"}
    changing = partial(lean, inplace=True)
    for home in (torch._C._nn, torch, torch.Tensor):  # whose functions take no `inplace`
        yield getattr(home, name, None), Function(other, name, fixed, lean, settings)
        if "inplace" in arguments:
            yield getattr(home, f"{name}_", None), Function(other, name, fixed, changing, settings, True)
    if getattr(getattr(F, name), "__code__", None):  # else it is one of those above
        yield getattr(F, name), Function(other, name, arguments, lean, settings)


def _functions() -> dict[Any, Function]:
    known: list[Any] = [("", functional.leaky_relu, ()), ("", functional.relu, ())]
    known += [(cls.__name__, other.function, other.settings) for cls, other in OTHERS.items()]
    found = {function: entry for row in known for function, entry in _spellings(*row)}
    found.pop(None)
    return found


_NAMES = {cls.__name__: other.function.__name__ for cls, other in OTHERS.items()}
FUNCTIONS = _functions()
"""The functions and methods that count as calls."""
NAMES: Mapping[str, Call] = {
    function.name + suffix: Call(
        function.name == "relu", 0.0 if function.name == "relu" else _UNKNOWN, False, function.other
    )
    for function in FUNCTIONS.values()
    for suffix in ("", "_")
}
"""What such calls are named in code that does not trace, and the call as far as the name tells."""


def read_node(node: fx.Node) -> Call | None:
    """The call that a node is, with arguments that are numbers."""
    if node.op == "call_function":
        function = FUNCTIONS.get(node.target)
    elif node.op == "call_method":
        function = FUNCTIONS.get(getattr(torch.Tensor, str(node.target), None))
    else:
        return None
    return None if function is None else function.read(node.args, node.kwargs)
