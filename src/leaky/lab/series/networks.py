"""The networks that the field tries first on series: a multilayer perceptron and a temporal convolutional network.

Each takes the past, shape (N, channels, look_back), of which the first channels are the variables to forecast, and
gives their future, shape (N, variables, horizon), which is no longer than the past. Each variable is standardised by
its own past before the network, and its forecast put back on that scale: levels wander, and those of the test were
never seen in training.

Source of that: T. Kim et al. 2022, Reversible Instance Normalization for Accurate Time-Series Forecasting against
Distribution Shift. ICLR (here without the learned affine).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn
from torch.nn import functional as F

from leaky.lab.factory import ModelFactory
from leaky.lab.vision.classifiers import linear
from leaky.nn.init import he_normal_

_HIDDEN = 2
_DROPOUT = 0.1
_LEAST = 0.01
"""Added to a spread, so that a past without any is divided by more than 0."""
_KERNEL = 3


@dataclass(frozen=True)
class Shape:
    """What goes into a forecaster and what comes out: channels and steps of the past, variables and steps ahead."""

    channels: int
    look_back: int
    variables: int
    horizon: int


class Forecaster(nn.Module):
    """Takes level and spread of the past off, forecasts, puts them back."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, past: torch.Tensor) -> torch.Tensor:
        """The future, shape (N, variables, horizon)."""
        values, others = past[:, : self.shape.variables], past[:, self.shape.variables :]
        level = values.mean(2, keepdim=True)
        spread = values.std(2, keepdim=True) + _LEAST
        ahead = self.ahead(torch.cat(((values - level) / spread, others), 1))
        return level + spread * ahead.view(-1, self.shape.variables, self.shape.horizon)

    @abstractmethod
    def ahead(self, past: torch.Tensor) -> torch.Tensor:
        """The standardised future, shape (N, variables * horizon)."""


class MLP(Forecaster):
    """Two hidden layers with a little dropout, on the flattened past."""

    def __init__(self, shape: Shape, width: int, activation: ModelFactory) -> None:
        super().__init__(shape)
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs in [shape.channels * shape.look_back, *[width] * (_HIDDEN - 1)]:
            layers += [linear(inputs, width, activation), *activation.block(width, dropout=_DROPOUT)]
        self.net = nn.Sequential(*layers, _near_zero(width, shape.variables * shape.horizon))

    def ahead(self, past: torch.Tensor) -> torch.Tensor:
        """See `Forecaster`."""
        found: torch.Tensor = self.net(past)
        return found


class TCN(Forecaster):
    """Residual blocks of dilated causal convolutions that see the whole past, and two linear layers whose sum counts.

    One reads for every step ahead the step `horizon` before it, such as the same hour of the last day. The other
    reads the last step, which alone has seen everything, for all steps ahead.

    Without the weight normalisation of the paper, so that the recipe's initialisation and norms mean what they say.

    Source: S. Bai, J. Kolter, V. Koltun 2018, An Empirical Evaluation of Generic Convolutional and Recurrent Networks
    for Sequence Modeling. arXiv:1803.01271
    """

    def __init__(self, shape: Shape, width: int, activation: ModelFactory) -> None:
        super().__init__(shape)
        blocks: list[nn.Module] = []
        dilation, seen = 1, 1
        while seen < shape.look_back:
            inputs = width if blocks else shape.channels
            blocks.append(TemporalBlock(inputs, width, dilation, activation))
            seen += 2 * (_KERNEL - 1) * dilation
            dilation *= 2
        self.blocks = nn.Sequential(*blocks)
        self.step = _near_zero(width, shape.variables)
        self.last = _near_zero(width, shape.variables * shape.horizon)

    def ahead(self, past: torch.Tensor) -> torch.Tensor:
        """See `Forecaster`."""
        states = self.blocks(past).transpose(1, 2)
        aligned: torch.Tensor = self.step(states[:, -self.shape.horizon :]).transpose(1, 2)
        overall: torch.Tensor = self.last(states[:, -1])
        return aligned.flatten(1) + overall


class TemporalBlock(nn.Module):
    """activation(shortcut(x) + inner(x)); inner: twice convolution, norm, activation, dropout."""

    def __init__(self, inputs: int, outputs: int, dilation: int, activation: ModelFactory) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            CausalConv1d(inputs, outputs, dilation, activation),
            *activation.block(outputs, 1),
            CausalConv1d(outputs, outputs, dilation, activation),
            *activation.block(outputs, 1),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)
        self.activation = activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, T) to (N, outputs, T)."""
        out: torch.Tensor = self.activation(self.shortcut(x) + self.inner(x))
        return out


class CausalConv1d(nn.Conv1d):
    """A convolution over three steps, `dilation` apart, the last of them now; drawn for the activation it feeds."""

    def __init__(self, inputs: int, outputs: int, dilation: int, activation: ModelFactory) -> None:
        super().__init__(inputs, outputs, _KERNEL, dilation=dilation)
        he_normal_(self.weight, activation.spec)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]  # made with one

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, T) to (N, outputs, T); a step depends on none that comes later."""
        return super().forward(F.pad(x, ((_KERNEL - 1) * self.dilation[0], 0)))


def _near_zero(inputs: int, outputs: int) -> nn.Linear:
    """A last layer, which feeds no activation; at the start the mean of the past is the forecast, or nearly."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


FORECASTERS: Mapping[str, type[MLP] | type[TCN]] = MappingProxyType({"mlp": MLP, "tcn": TCN})
"""By the preset's name; each is made with (shape, width, activation)."""
