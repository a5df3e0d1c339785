"""The published data that built-in tasks are made of: a registry, `fetch`, and featurised arrays kept on disk."""

from __future__ import annotations

from leaky.lab.datasets.cache import featurised
from leaky.lab.datasets.entry import DataSet, File, Folder
from leaky.lab.datasets.fetch import fetch
from leaky.lab.datasets.registry import DATASETS

__all__ = ["DATASETS", "DataSet", "File", "Folder", "featurised", "fetch"]
