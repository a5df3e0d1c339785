"""Optional dependencies: a missing one becomes one line that says how to install it."""

from __future__ import annotations

import importlib.util

from leaky.errors import MissingExtraError


def require(module: str, extra: str, needed_by: str) -> None:
    """Raise `MissingExtraError` unless `module` can be imported; it is not imported here."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(f"{needed_by} needs {module}: pip install 'leaky[{extra}]'")
