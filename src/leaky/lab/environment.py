"""Where and when numbers were measured: versions, machine, time."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def environment() -> dict[str, str]:
    """Versions of what the numbers depend on, and the machine."""
    packages = {}
    for package in ("leaky", "torch", "numpy", "scipy", "scikit-learn"):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        **packages,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def now() -> str:
    """The time in UTC, as trials and studies keep it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:  # platform.processor() is empty on Linux
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
