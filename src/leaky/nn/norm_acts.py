"""Every class of norm and activation in one."""

from __future__ import annotations

from typing import Any

from leaky.nn.batch_norm_act import (
    BatchNormAct1d,
    BatchNormAct2d,
    BatchNormAct3d,
    InstanceNormAct1d,
    InstanceNormAct2d,
    InstanceNormAct3d,
)
from leaky.nn.group_norm_act import GroupNormAct
from leaky.nn.sync_batch_norm_act import SyncBatchNormAct

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
