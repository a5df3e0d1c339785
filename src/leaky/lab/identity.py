"""A hash of what a function does: its source, what it closes over, and what it calls beside it.

Trials are keyed by it, so it must change whenever the numbers may; that it sometimes changes when they do not costs
only time.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_MODELS = ("leaky.lab.", "leaky.nn.init")
"""Where the models of built-in tasks come from: a change there makes other trials."""


def identity(
    thing: Any, *, followed: tuple[str, ...] = _MODELS, source: Callable[[Any], str] | None = None
) -> str:
    """The hash of a function, class, callable object or value.

    Functions and classes are told by their source, by closures, defaults and bound arguments, and by the functions
    and classes that they name, in turn: those of the same module, and those of modules whose names begin with one of
    `followed`, by default what the lab's own models are made of. Other objects are told by their pickled state.
    `source` tells a function or class, by default by its text.
    """
    digest = hashlib.sha256()
    for part in _Walk(followed, source or _source).parts(thing):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


class _Walk:
    def __init__(self, followed: tuple[str, ...], source: Callable[[Any], str]) -> None:
        self.followed = followed
        self.source = source
        self.seen: dict[int, Any] = {}

    def parts(self, thing: Any) -> Iterator[str]:
        if isinstance(thing, _PLAIN):
            yield repr(thing)
            return
        if id(thing) in self.seen:
            return
        self.seen[id(thing)] = thing  # held, or what is made next may have its id
        if isinstance(thing, functools.partial):
            for part in (thing.func, *thing.args, *sorted(thing.keywords.items())):
                yield from self.parts(part)
        elif isinstance(thing, tuple | list):
            for part in thing:
                yield from self.parts(part)
        elif isinstance(thing, types.MethodType):
            yield from self.parts(thing.__func__)
            yield from self.parts(thing.__self__)
        elif isinstance(thing, types.FunctionType):
            yield from self._of_function(thing)
        elif isinstance(thing, type):
            yield from self._of_class(thing)
        else:
            yield from self._of_object(thing)

    def _of_function(self, function: types.FunctionType) -> Iterator[str]:
        yield self.source(function)
        held = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
        for part in (*held, *(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())):
            yield from self.parts(part)
        yield from self._named_in(function)

    def _of_class(self, cls: type) -> Iterator[str]:
        yield self.source(cls)
        for base in cls.__bases__:
            if self._is_followed(base, cls.__module__):
                yield from self.parts(base)
        for member in vars(cls).values():
            if isinstance(member, types.FunctionType):
                yield from self._named_in(member)

    def _named_in(self, function: types.FunctionType) -> Iterator[str]:
        """What a function's code names at the top of its module: functions, classes, and plain constants."""
        for name in sorted(_names(function.__code__)):
            value = function.__globals__.get(name)
            code = isinstance(value, types.FunctionType | type) and self._is_followed(
                value, function.__module__
            )
            if code or isinstance(value, (*_PLAIN, tuple)):
                yield name
                yield from self.parts(value)

    def _is_followed(self, value: Any, module: str) -> bool:
        home = getattr(value, "__module__", None) or ""
        return home == module or home.startswith(self.followed)

    def _of_object(self, thing: Any) -> Iterator[str]:
        yield f"{type(thing).__module__}.{type(thing).__qualname__}"
        if hasattr(type(thing), "__dict__") and type(thing).__module__ == "__main__":
            yield from self.parts(type(thing))
        try:
            yield hashlib.sha256(cloudpickle.dumps(thing)).hexdigest()
        except Exception:  # what cannot be pickled cannot be sent to a worker either, which says so better
            yield repr(thing)


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(const) for const in code.co_consts if isinstance(const, types.CodeType)]
    return set(code.co_names).union(*inner)


def _source(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):  # typed at a prompt: the compiled code is what there is
        code = getattr(thing, "__code__", None)
        return (
            f"{code.co_code.hex()} {code.co_consts!r}"
            if code
            else getattr(thing, "__qualname__", repr(thing))
        )


def _filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
