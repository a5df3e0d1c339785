"""Normalisation followed by its activation, keeping one tensor for backward instead of two.

`base` is what the classes share, `batch`, `instance`, `group` and `sync` are they; `ops` puts autograd around
`kernels`, which chooses who computes, and `composed` is the same function in torch's own operations.
"""

from __future__ import annotations

from typing import Any

from leaky.nn.norms.batch import BatchNormAct1d, BatchNormAct2d, BatchNormAct3d
from leaky.nn.norms.group import GroupNormAct
from leaky.nn.norms.instance import InstanceNormAct1d, InstanceNormAct2d, InstanceNormAct3d
from leaky.nn.norms.sync import SyncBatchNormAct, convert_sync_batchnorm

CLASSES: tuple[type[Any], ...] = (
    BatchNormAct1d,
    BatchNormAct2d,
    BatchNormAct3d,
    InstanceNormAct1d,
    InstanceNormAct2d,
    InstanceNormAct3d,
    GroupNormAct,
    SyncBatchNormAct,
)
"""Every class of norm and activation in one."""

__all__ = [
    "CLASSES",
    "BatchNormAct1d",
    "BatchNormAct2d",
    "BatchNormAct3d",
    "GroupNormAct",
    "InstanceNormAct1d",
    "InstanceNormAct2d",
    "InstanceNormAct3d",
    "SyncBatchNormAct",
    "convert_sync_batchnorm",
]
