"""The catalogue as torch modules, and training layers that keep almost nothing for backward.

- `leaky.nn.LeakyReLU(0.1)`, `leaky.nn.activation("elu(alpha=0.5)")`: every entry has its class here under the name
  torch.nn uses (`leaky.nn.modules`); ReLU and Leaky ReLU keep one bit per element (`leaky.nn.functional`).
- `leaky.nn.BatchNormAct2d(64)`, `leaky.nn.InstanceNormAct3d(32)`, `leaky.nn.GroupNormAct(8, 64)`: norm and activation
  in one tensor (`leaky.nn.norms`); `leaky.nn.SyncBatchNormAct(64)` and `convert_sync_batchnorm` for several
  processes.
- `leaky.nn.functional.bias_act(x, bias, activation="leaky_relu(negative_slope=0.2)", gain=2**0.5)`: StyleGAN's op,
  with gradients of any order; `leaky.nn.BiasAct` as a module, `leaky.nn.compat` under other projects' names.
- `leaky.nn.Dropout(0.1)`: torch's, draw for draw, keeping one bit per element.
- `leaky.nn.recompute()`: within it, the layers behind a norm need not keep an output that backward can compute again.
- `leaky.nn.parameter_groups(model, weight_decay=0.01)`: no decay for what activations learn.
- `leaky.nn.adapt_(model, batches)`: the adaptive initialisation of S-shaped ReLUs.
- `leaky.nn.export("leaky_relu", "leaky.onnx")`: an activation as an ONNX file.
- `leaky.nn.init`: initialisation with the activation's own gain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.extras import require

require("torch", "torch", "leaky.nn")

# The line above turns a missing torch into a remedy, so it comes first.
from leaky.nn import compat, functional, init  # noqa: E402
from leaky.nn.activations.adaptive import SShapedReLU, adapt_  # noqa: E402
from leaky.nn.activations.base import ActivationModule  # noqa: E402
from leaky.nn.activations.dynamic import DynamicReLU  # noqa: E402
from leaky.nn.activations.elementwise import Elementwise, Learned  # noqa: E402
from leaky.nn.activations.funnel import FunnelReLU  # noqa: E402
from leaky.nn.activations.random import NoisyReLU, RReLU  # noqa: E402
from leaky.nn.activations.simple import (  # noqa: E402
    ClippedReLU,
    CReLU,
    DisplacedReLU,
    FlexibleReLU,
    Maxout,
    ShiftedReLU,
    SquaredReLU,
    ThresholdedReLU,
    VeryLeakyReLU,
)
from leaky.nn.activations.twins import (  # noqa: E402
    CELU,
    ELU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardtanh,
    LeakyReLU,
    PReLU,
    ReLU,
    ReLU6,
    SiLU,
    Softplus,
    Softsign,
)
from leaky.nn.bias_act import BiasAct  # noqa: E402
from leaky.nn.dropout import Dropout  # noqa: E402
from leaky.nn.export import export  # noqa: E402
from leaky.nn.groups import parameter_groups  # noqa: E402
from leaky.nn.modules import CLASSES as _CLASSES  # noqa: E402
from leaky.nn.modules import ActivationFactory, activation  # noqa: E402
from leaky.nn.norms import (  # noqa: E402
    BatchNormAct1d,
    BatchNormAct2d,
    BatchNormAct3d,
    GroupNormAct,
    InstanceNormAct1d,
    InstanceNormAct2d,
    InstanceNormAct3d,
    SyncBatchNormAct,
    convert_sync_batchnorm,
)
from leaky.nn.recomputation import recompute  # noqa: E402

if TYPE_CHECKING:  # what the records alone make
    from torch.nn import GELU, Hardswish, Mish, Sigmoid, Tanh

    AdaptivePiecewiseLinear: type[Learned]
    AverageBiasedReLU: type[Elementwise]
    Pade: type[Learned]

globals().update(_CLASSES)

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "ActivationFactory",
    "ActivationModule",
    "AdaptivePiecewiseLinear",
    "AverageBiasedReLU",
    "BatchNormAct1d",
    "BatchNormAct2d",
    "BatchNormAct3d",
    "BiasAct",
    "CReLU",
    "ClippedReLU",
    "DisplacedReLU",
    "Dropout",
    "DynamicReLU",
    "Elementwise",
    "FlexibleReLU",
    "FunnelReLU",
    "GroupNormAct",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "InstanceNormAct1d",
    "InstanceNormAct2d",
    "InstanceNormAct3d",
    "LeakyReLU",
    "Learned",
    "Maxout",
    "Mish",
    "NoisyReLU",
    "PReLU",
    "Pade",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SShapedReLU",
    "ShiftedReLU",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "SquaredReLU",
    "SyncBatchNormAct",
    "Tanh",
    "ThresholdedReLU",
    "VeryLeakyReLU",
    "activation",
    "adapt_",
    "compat",
    "convert_sync_batchnorm",
    "export",
    "functional",
    "init",
    "parameter_groups",
    "recompute",
]


def __dir__() -> list[str]:
    return sorted({*__all__, *_CLASSES})
