"""What the code of a claim's experiment does, as a hash that comments, docstrings and line breaks leave as it is."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from functools import lru_cache
from typing import Any

from leaky.lab.identity import identity

_FOLLOWED = ("leaky.lab.claims.", "leaky.nn.init")
"""Where an experiment's own code is. What the lab trains with counts by `leaky.records.PROTOCOL`."""

_UNSAID = ("ctx", "kind", "type_comment", "type_params")
"""Fields of a syntax tree that say nothing, or that not every Python has."""


@lru_cache(maxsize=256)
def code(thing: Any) -> str:
    """The hash of a function with all that it names in the claims' own modules."""
    return identity(thing, followed=_FOLLOWED, source=shape)


def shape(thing: Any) -> str:
    """The syntax tree of a function or class without docstrings; the same on every version of Python."""
    return json.dumps(_plain(ast.parse(textwrap.dedent(inspect.getsource(thing)))))


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    body = getattr(node, "body", None)
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
        body = node.body[1:]
    told: list[Any] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        held = body if name == "body" else value
        if name not in _UNSAID and held not in (None, []):
            told.append([name, _plain(held)])
    return told
