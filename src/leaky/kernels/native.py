"""The native CPU kernels, where they are built."""

from __future__ import annotations

from typing import Any


def available() -> bool:
    """Whether the compiled kernels can be used."""
    return False


def why_not() -> str:
    """Why they cannot."""
    return "not built"


def __getattr__(name: str) -> Any:
    raise AttributeError(name)
