"""Changes of shape after which the values of a unit are neighbouring columns."""

from __future__ import annotations

from typing import Literal

import torch
from torch import fx

Columns = int | Literal["features"]
"""How many columns there are: a number, -1 where that is not said; "features": one for each unit, no positions."""


def called(node: fx.Node) -> str:
    """The name of the function or method that a node calls; empty where it calls none."""
    if node.op not in ("call_function", "call_method"):
        return ""
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def flattened(node: fx.Node, module: torch.nn.Module | None, call: str, positions: int) -> Columns | None:
    """The columns that a node leaves of an input (N, units, *positions); None where it does something else.

    Without `positions` (0 dims) the units are last, and only a shape without further dims keeps them apart.
    """
    kind: Columns = -1 if positions else "features"
    if isinstance(module, torch.nn.Flatten):
        return kind if (module.start_dim, module.end_dim) == (1, -1) else None
    if call == "flatten":
        given = dict(zip(("start_dim", "end_dim"), node.args[1:], strict=False)) | node.kwargs
        return kind if (given.get("start_dim", 0), given.get("end_dim", -1)) == (1, -1) else None
    if call in ("view", "reshape"):
        return _viewed(node, kind)
    if call == "mean" and positions:
        return _averaged(node, positions)
    return None


def _viewed(node: fx.Node, kind: Columns) -> Columns | None:
    shape = node.args[1:]
    if len(shape) == 1 and isinstance(shape[0], tuple | list):
        shape = tuple(shape[0])
    if len(shape) != 2:
        return None
    first, last = shape
    if isinstance(last, int) and last > 0 and first == -1 and kind == -1:
        return last
    return kind if isinstance(first, fx.Node) and last == -1 and _is_batch(first) else None


def _averaged(node: fx.Node, positions: int) -> Columns | None:
    """The mean over all positions."""
    dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    dims = [dims] if isinstance(dims, int) else dims
    if not isinstance(dims, list | tuple) or node.kwargs.get("keepdim", len(node.args) > 2):
        return None
    gone = {dim % (positions + 2) for dim in dims if isinstance(dim, int)}
    return "features" if len(gone) == len(dims) and gone == set(range(2, positions + 2)) else None


def _is_batch(size: fx.Node) -> bool:
    """Whether a node is the number of samples: `x.size(0)` or `x.shape[0]`."""
    if size.op == "call_method" and size.target == "size":
        return size.args[1:] == (0,)
    return size.op == "call_function" and called(size) == "getitem" and size.args[1:] == (0,)
