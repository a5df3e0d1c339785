"""Trials on a Dask cluster: Dask schedules, moves data and restarts workers; here is what trials need beyond that."""

from __future__ import annotations

from leaky.lab.cluster.connect import connected
from leaky.lab.cluster.executor import DaskExecutor

__all__ = ["DaskExecutor", "connected"]
