"""The catalogue as torch modules, and training layers that keep almost nothing for backward.

- `leaky.nn.LeakyReLU(0.1)`, `leaky.nn.activation("elu(alpha=0.5)")`: every entry has its class here under the name
  torch.nn uses (`leaky.nn.modules`); ReLU and Leaky ReLU keep one bit per element (`leaky.nn.functional`).
- `leaky.nn.BatchNormAct2d(64)`, `leaky.nn.InstanceNormAct3d(32)`: norm and activation in one tensor
  (`leaky.nn.norm_act`).
- `leaky.nn.init`: initialisation with the activation's own gain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.extras import require

require("torch", "torch", "leaky.nn")

# The line above turns a missing torch into a remedy, so it comes first.
from leaky.nn import functional, init  # noqa: E402
from leaky.nn.modules import CLASSES as _CLASSES  # noqa: E402
from leaky.nn.modules import ActivationFactory, ActivationModule, Elementwise, activation  # noqa: E402
from leaky.nn.norm_act import (  # noqa: E402
    BatchNormAct1d,
    BatchNormAct2d,
    BatchNormAct3d,
    InstanceNormAct1d,
    InstanceNormAct2d,
    InstanceNormAct3d,
)

if TYPE_CHECKING:
    from torch.nn import ELU, SELU, LeakyReLU, PReLU, ReLU, Sigmoid, Softplus, Tanh

globals().update(_CLASSES)

__all__ = [
    "ELU",
    "SELU",
    "ActivationFactory",
    "ActivationModule",
    "BatchNormAct1d",
    "BatchNormAct2d",
    "BatchNormAct3d",
    "Elementwise",
    "InstanceNormAct1d",
    "InstanceNormAct2d",
    "InstanceNormAct3d",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "activation",
    "functional",
    "init",
]


def __dir__() -> list[str]:
    return sorted({*__all__, *_CLASSES})
