"""The built-in tasks, one file each, with a function `build(preset) -> Task`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaky.lab.task import Task

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType({"digits": ("deep", "shallow")})
"""Task names and their presets, the default first: known without importing what the tasks need."""


def build(name: str, preset: str) -> Task:
    """The task of that name, its data loaded."""
    module: Any = importlib.import_module(f"leaky.lab.tasks.{name}")
    task: Task = module.build(preset)
    return task
