"""The catalogue as torch modules: `leaky.nn.LeakyReLU(0.1)`, `leaky.nn.activation("elu(alpha=0.5)")`.

Every entry has its class here under the name torch.nn uses; see `leaky.nn.modules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaky.extras import require

require("torch", "torch", "leaky.nn")

from leaky.nn import init  # noqa: E402  (the line above turns a missing torch into a remedy)
from leaky.nn.modules import CLASSES as _CLASSES  # noqa: E402
from leaky.nn.modules import ActivationFactory, ActivationModule, Elementwise, activation  # noqa: E402

if TYPE_CHECKING:
    from torch.nn import ELU, SELU, LeakyReLU, PReLU, ReLU, Sigmoid, Softplus, Tanh

globals().update(_CLASSES)

__all__ = [
    "ELU",
    "SELU",
    "ActivationFactory",
    "ActivationModule",
    "Elementwise",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "activation",
    "init",
]


def __dir__() -> list[str]:
    return sorted({*__all__, *_CLASSES})
