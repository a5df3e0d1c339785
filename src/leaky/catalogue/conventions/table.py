"""All conventions, by entry and by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from leaky.catalogue.conventions.jax import FLAX, JAX
from leaky.catalogue.conventions.keras import KERAS
from leaky.catalogue.conventions.measured import CHAINER, MLX, PADDLE, TINYGRAD
from leaky.catalogue.conventions.onnx import ONNX
from leaky.catalogue.conventions.own import LEAKY
from leaky.catalogue.conventions.read import READ
from leaky.catalogue.conventions.record import Convention
from leaky.catalogue.conventions.tensorflow import KERAS2, TENSORFLOW
from leaky.catalogue.conventions.torch import TORCH
from leaky.errors import ArgumentTypeError, shown, unknown_name

CONVENTIONS: Final = (
    *(*LEAKY, *TORCH, *JAX, *FLAX, *KERAS, *ONNX),
    *(*TENSORFLOW, *KERAS2, *PADDLE, *MLX, *TINYGRAD, *CHAINER, *READ),
)
"""Every row: leaky's own first, then what the tests prove, then what was measured or read elsewhere."""

FRAMEWORKS: Final = tuple(dict.fromkeys(row.framework for row in CONVENTIONS))
_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pytorch": "torch",
        "tf": "tensorflow",
        "tf_keras": "keras2",
        "keras3": "keras",
        "onnxruntime": "onnx",
        "ort": "onnx",
    }
)


def framework_of(name: str) -> str:
    """The framework called `name`, aliases such as `tf` and `ort` resolved; raises `UnknownNameError`."""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"framework: a name such as 'torch' is text, got {shown(name)}")
    key = name.strip().lower()
    key = _ALIASES.get(key, key)
    if key not in FRAMEWORKS:
        raise unknown_name("framework", name, FRAMEWORKS)
    return key


@cache
def conventions_of(entry: str) -> tuple[Convention, ...]:
    """Every framework's convention for the entry of this name."""
    return tuple(row for row in CONVENTIONS if row.entry == entry)


def find(framework: str, name: str) -> tuple[Convention, ...]:
    """The rows that `name` means in `framework`: a callable, whole or from any dot on, else an entry of leaky's.

    Several where one callable is several entries, or runs on several backends.
    """
    rows = [row for row in CONVENTIONS if row.framework == framework]
    named = [(row, called) for row in rows for called in row.names if ends(called, name)]
    if named:
        # `keras:gelu` is the end of several names: the first in the table is meant, by its whole name
        return tuple(row for row, called in named if called == named[0][1])
    found = tuple(row for row in rows if row.entry == name)
    if not found:
        known = sorted({_last(called) for row in rows for called in row.names})
        raise unknown_name(f"activation of {framework}", name, known)
    return tuple(row for row in found if row.call == found[0].call)


def ends(called: str, name: str) -> bool:
    """Whether `name` is a callable of this whole name, or of its end from a dot on."""
    return called == name or called.endswith((f".{name}", f"={name}"))


def _last(called: str) -> str:
    return re.split(r"[.=]", called)[-1]
