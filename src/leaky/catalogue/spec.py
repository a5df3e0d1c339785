"""Text to activation: `leaky_relu(negative_slope=0.1)` names an entry and its parameters.

A spec is written as a Python call and read from its syntax tree; nothing is ever evaluated. Values are
numbers, with a sign or as a fraction: `leaky_relu(negative_slope=1/3)`; text where the entry lists choices:
`gelu(approximate="tanh")`. Parameters that are arrays have no text: a spec has their defaults. A framework's name
before it, `keras:leaky_relu`, means what that framework's callable computes, with that framework's defaults.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import Any

from leaky.catalogue.entry import Activation
from leaky.catalogue.parameter import Parameter
from leaky.catalogue.table import MODULES, TABLE, lookup
from leaky.errors import ArgumentError, ArgumentTypeError, shown

_FRAMEWORK = re.compile(r"\s*\w+\s*:")
"""What a framework's callable begins with; a colon further on is no such thing."""
_LONGEST = 500
"""Characters of a spec; no honest one comes near, and the reader recurses into the nesting of the text."""


@dataclass(frozen=True)
class Spec:
    """An activation with the values of all its parameters; `str(spec)` is its canonical text."""

    activation: Activation
    values: tuple[Any, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameter names and values, in the entry's order."""
        return dict(zip((p.name for p in self.activation.parameters), self.values, strict=True))

    @property
    def gain(self) -> float:
        """The He gain of this activation at these parameters."""
        return self.activation.gain(**self.parameters)

    def __str__(self) -> str:
        """Canonical: every parameter is named, so two texts for the same function come out the same.

        >>> str(parse("leaky_relu"))
        'leaky_relu(negative_slope=0.01)'
        """
        series = {parameter.name for parameter in self.activation.parameters if parameter.series}
        named = ", ".join(
            f"{name}={value!r}" for name, value in self.parameters.items() if name not in series
        )
        return f"{self.activation.name}({named})" if named else self.activation.name


def parse(text: str | Spec) -> Spec:
    """Read a spec such as `relu`, `leaky_relu(negative_slope=0.1)`, `leaky_relu(1/3)` or `keras:LeakyReLU`.

    Raises `UnknownNameError` for a name that is not in the catalogue (with a suggestion) and `ArgumentError`
    for parameters that are unknown, given twice, not numbers or out of their domain.
    """
    if isinstance(text, Spec):
        return text
    if not isinstance(text, str):
        raise ArgumentError(
            f"activation: a spec such as 'leaky_relu(negative_slope=0.1)' is text, got {instead_of(text)}"
        )
    if len(text) > _LONGEST:
        raise ArgumentError(
            f"activation: a spec has at most {_LONGEST} characters, got {len(text)}: `{text[:40]}...`"
        )
    if names_a_framework(text):
        from leaky.catalogue.conventions.reading import read  # the rows are made of specs and entries

        return read(text).spec
    try:
        name, positional, named = _read(text)
    except RecursionError:
        raise ArgumentError(f"activation: cannot read `{text}`; it is nested too deeply") from None
    activation = lookup(name)
    try:
        return Spec(activation, tuple(activation.bind(*positional, **named).values()))
    except ArgumentTypeError as error:  # of a text there is only one thing wrong: what it says
        raise ArgumentError(str(error)) from None


def instead_of(given: Any) -> str:
    """What stands in the place of a spec, and what to write instead of it."""
    if isinstance(given, Activation):
        return f"the entry {given.name}; write {given.name!r}"
    if hasattr(given, "forward") and not isinstance(given, type):
        return f"{shown(given)}; leaky.from_module(it) is the spec of a module"
    called = getattr(given, "__name__", "")
    entry = TABLE.get(called) or MODULES.get(called)
    return f"{shown(given)}; {f'write {entry.name!r}' if entry else '`leaky list` prints the names'}"


def names_a_framework(text: str) -> bool:
    """Whether a spec is a framework's call, such as `keras:LeakyReLU`."""
    return _FRAMEWORK.match(text) is not None


def _read(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if isinstance(tree, ast.Name):
        return tree.id, [], {}
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise ArgumentError(
            f"activation: cannot read `{text}`; write a name or a call, such as leaky_relu(negative_slope=0.1)"
        )
    function = tree.func.id
    known = lookup(function).parameters  # an unknown name is the better thing to complain about first
    positional = [
        _value(function, text, node, known[place] if place < len(known) else None)
        for place, node in enumerate(tree.args)
    ]
    named: dict[str, Any] = {}
    for keyword in tree.keywords:
        if keyword.arg is None or keyword.arg in named:
            raise ArgumentError(f"{function}: cannot read `{text}`; give each parameter once, by name")
        parameter = next((parameter for parameter in known if parameter.name == keyword.arg), None)
        named[keyword.arg] = _value(function, text, keyword.value, parameter)
    return function, positional, named


def _value(function: str, text: str, node: ast.expr, parameter: Parameter | None) -> Any:
    """A number, unless the parameter is known to take something else."""
    if parameter is not None and parameter.series:
        raise ArgumentError(
            f"{function}: `{parameter.name}` is an array, which has no place in `{text}`; a spec has its default"
        )
    if isinstance(node, ast.Constant) and parameter is not None:
        if parameter.choices and isinstance(node.value, str):
            return node.value
        if parameter.integer and type(node.value) is int:
            return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and parameter and parameter.integer:
        inner = _value(function, text, node.operand, parameter)
        return -inner
    return read_number(function, text, node)


def read_number(function: str, text: str, node: ast.expr) -> float:
    """A number as specs write it: with a sign, or as a fraction; raises `ArgumentError` for anything else."""
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            try:
                return float(number)
            except OverflowError:
                return math.inf
        case ast.Name(id="nan" | "inf" as name):  # read, so that the domain check can say what is wrong
            return float(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -read_number(function, text, operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return read_number(function, text, operand)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            divisor = read_number(function, text, right)
            if divisor != 0:
                return read_number(function, text, left) / divisor
        case _:
            pass
    raise ArgumentError(f"{function}: parameters must be numbers, got `{ast.unparse(node)}` in `{text}`")
