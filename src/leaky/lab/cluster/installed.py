"""Which leaky a process has: only the same code gives the same numbers."""

from __future__ import annotations

import hashlib
import platform
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

import leaky


@cache
def installed() -> dict[str, str]:
    """Version and digest of the sources, Python's version and the machine's name."""
    return {
        "leaky": leaky.__version__,
        "source": _digest(Path(leaky.__file__).parent),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": socket.gethostname(),
    }


def asker() -> Callable[[], dict[str, str]]:
    """A function that tells the same anywhere: it is pickled whole, for processes that have another leaky or none."""

    def ask() -> dict[str, str]:
        try:
            import leaky

            version = leaky.__version__
        except ImportError:
            return {"leaky": ""}
        try:
            from leaky.lab.cluster.installed import installed
        except ImportError:
            return {"leaky": version, "source": "", "python": "", "machine": ""}
        return installed()

    return ask


def difference(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """In words, what `theirs` has that makes other numbers than `ours`, or none; empty where nothing does."""
    if not theirs["leaky"]:
        return "has no leaky"
    if theirs["leaky"] != ours["leaky"]:
        return f"has leaky {theirs['leaky']} and not {ours['leaky']}"
    if theirs["source"] != ours["source"]:
        return f"has other sources of leaky {ours['leaky']}"
    if theirs["python"] != ours["python"]:
        return f"has Python {theirs['python']} and not {ours['python']}"
    return ""


def _digest(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
