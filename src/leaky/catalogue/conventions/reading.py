"""A framework's call as text, such as `keras:LeakyReLU(negative_slope=0.2)`, read as an entry with parameters."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from leaky.catalogue.conventions.record import REQUIRED, Convention
from leaky.catalogue.conventions.table import ends, find, framework_of
from leaky.catalogue.spec import Spec, read_number
from leaky.catalogue.table import lookup
from leaky.errors import ArgumentError


@dataclass(frozen=True)
class Reading:
    """What a call means: the entry with its parameters, and the rows of the callable that was named.

    counts: how many values are learned (`num_parameters`), where it was said; a spec has one of each.
    """

    spec: Spec
    rows: tuple[Convention, ...]
    name: str
    counts: tuple[tuple[str, int], ...] = ()


class _MismatchError(Exception):
    """A row does not take these arguments; its text says why."""


def read(text: str) -> Reading:
    """Read `framework:callable` or `framework:callable(arguments)`; defaults are the framework's.

    The callable may be named from any dot on (`LeakyReLU`, `nn.LeakyReLU`, `torch.nn.LeakyReLU`), or by the name of
    the entry. Raises `UnknownNameError` for a framework or callable that is not in the table and `ArgumentError` for
    arguments with which the callable is no entry of the catalogue.
    """
    framework, _, call = text.partition(":")
    framework = framework_of(framework)
    name, positional, named = _call(text, call)
    if framework == "torch":
        named.pop("inplace", None)  # in the repr of many modules: where the result goes, not what it is
    rows = find(framework, name)
    reasons = []
    for row in rows:
        try:
            values, counts = _bind(row, positional, named, by_entry=name == row.entry)
        except _MismatchError as mismatch:
            reasons.append(str(mismatch))
            continue
        activation = lookup(row.entry)
        spec = Spec(activation, tuple(activation.bind(**values).values()))
        same = tuple(other for other in rows if other.entry == row.entry and other.call == row.call)
        called = next((called for called in row.names if ends(called, name)), row.call)
        return Reading(spec, same, called, tuple(counts.items()))
    raise ArgumentError(f"{framework}:{name}: {reasons[0]}, got `{call.strip()}`")


def _call(text: str, call: str) -> tuple[str, list[Any], dict[str, Any]]:
    unreadable = ArgumentError(
        f"activation: cannot read `{text}`; write a framework's call, such as keras:LeakyReLU(negative_slope=0.2)"
    )
    try:
        tree = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise unreadable from None
    function = tree.func if isinstance(tree, ast.Call) else tree
    if not isinstance(function, ast.Name | ast.Attribute):
        raise unreadable
    name = ast.unparse(function)
    if not isinstance(tree, ast.Call):
        return name, [], {}
    names = [keyword.arg for keyword in tree.keywords]
    if None in names or len(set(names)) < len(names):
        raise unreadable
    try:
        return _arguments(text, name, tree)
    except RecursionError:
        raise ArgumentError(f"activation: cannot read `{text}`; it is nested too deeply") from None


def _arguments(text: str, name: str, tree: ast.Call) -> tuple[str, list[Any], dict[str, Any]]:
    positional = [_literal(name, text, node) for node in tree.args if not _is_input(node)]
    return name, positional, {str(k.arg): _literal(name, text, k.value) for k in tree.keywords}


def _is_input(node: ast.expr) -> bool:
    """`x`, as in `jax.nn.leaky_relu(x, 0.2)`: what the function is applied to."""
    return isinstance(node, ast.Name) and node.id == "x"


def _literal(name: str, text: str, node: ast.expr) -> Any:
    """A number, or text, True, False or None."""
    match node:
        case ast.Constant(value=bool() | int() | str() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return -number
        case ast.Call(func=ast.Name() | ast.Attribute() as maker, args=[inner], keywords=[]):
            if ast.unparse(maker).endswith("Constant"):  # an initialiser, as `Argument.write` has it
                return read_number(name, text, inner)
    return read_number(name, text, node)


def _bind(
    row: Convention, positional: list[Any], named: dict[str, Any], by_entry: bool
) -> tuple[dict[str, Any], dict[str, int]]:
    """The entry's parameters, and how many are learned.

    `by_entry`: named as the entry, the callable is meant with what it needs to be it.
    """
    if len(positional) > len(row.arguments):
        raise _MismatchError(f"takes {_taken(row)}")
    given = dict(zip((argument.name for argument in row.arguments), positional, strict=False))
    former = {argument.former: argument.name for argument in row.arguments if argument.former}
    for key, value in named.items():
        name = former.get(key, key)
        if name in given or name not in {argument.name for argument in row.arguments}:
            raise _MismatchError(f"`{key}` given twice" if name in given else f"takes {_taken(row)}")
        given[name] = value
    values: dict[str, Any] = dict(row.fixed)
    counts: dict[str, int] = {}
    for argument in row.arguments:
        own = by_entry and argument.parameter is None
        value = given.get(argument.name, argument.must if own else argument.default)
        if value is REQUIRED:
            raise _MismatchError(f"`{argument.name}` has no default; give it")
        if argument.counts:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise _MismatchError(f"`{argument.name}` must be a whole number of at least 1")
            counts |= {argument.name: value} if argument.name in given else {}
        elif argument.parameter is None:
            if value != argument.must:
                raise _MismatchError(
                    f"is an activation of the catalogue only with {argument.name}={argument.must!r}"
                )
        elif value is None:
            raise _MismatchError(f"`{argument.name}` must be given")
        else:
            if argument.least is not None and isinstance(value, int | float) and value < argument.least:
                raise _MismatchError(f"`{argument.name}` must be at least {argument.least:g}")
            values[argument.parameter] = argument.to_entry(value)
    return values, counts


def _taken(row: Convention) -> str:
    return ", ".join(f"`{argument.name}`" for argument in row.arguments) or "no arguments"
