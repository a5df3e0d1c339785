"""The built-in tasks, one file each, with a function `build(preset, budget) -> Task`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leaky.lab.definition import Task

FIELDS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "image_classification": {
            "digits": ("deep", "shallow"),
            "fashion_mnist": ("vgg", "vgg_norm", "resnet8", "shallow", "deep"),
        },
        "object_detection": {"bccd": ("darknet",)},
        "sentiment": {
            "sentence_polarity": ("textcnn", "bilstm", "transformer"),
            "movie_reviews": ("textcnn", "bilstm", "transformer"),
        },
        "translation": {"tatoeba_deu_eng": ("gru", "transformer")},
        "speech": {"fsdd": ("dnn", "cnn")},
        "time_series": {
            "etth1": ("mlp", "tcn"),
            "bike_sharing": ("mlp", "tcn"),
            "co2": ("mlp", "tcn"),
        },
        "anomaly_detection": {"adbench": ("shallow", "deep"), "nab": ("shallow", "deep")},
    }
)
"""Fields, their tasks and the presets of each, the default first: known without importing what the tasks need."""

PRESETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {task: presets for tasks in FIELDS.values() for task, presets in tasks.items()}
)
"""Task names and their presets."""

ALIASES: Mapping[str, str] = MappingProxyType({field: next(iter(tasks)) for field, tasks in FIELDS.items()})
"""A field's name stands for its first task."""

BUDGETS = ("smoke", "small", "full")
"""How much of everything: seconds for a study, seconds for a trial, or what the field would spend."""

DEFAULT_BUDGET = "small"


def build(name: str, preset: str, budget: str = DEFAULT_BUDGET) -> Task:
    """The task of that name, its data loaded."""
    module: Any = importlib.import_module(f"leaky.lab.tasks.{name}")
    task: Task = module.build(preset, budget)
    return task
