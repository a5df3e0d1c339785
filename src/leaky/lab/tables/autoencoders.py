"""Autoencoders, one for each of several tables side by side: what they cannot reconstruct is an anomaly.

Source: M. Sakurada, T. Yairi 2014, Anomaly Detection Using Autoencoders with Nonlinear Dimensionality Reduction.
MLSDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from leaky.lab.factory import ModelFactory
from leaky.nn.init import he_normal_


def autoencoder(features: int, widths: Sequence[int], activation: ModelFactory) -> nn.Sequential:
    """`features` to each of `widths` in turn, the activation after each, then linear back to `features`.

    Every layer that feeds an activation is drawn by He's rule with that activation's gain, the last one with gain 1;
    biases start at 0.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((features, *widths)):
        layers += [_linear(inputs, outputs, str(activation.spec)), *activation.block(outputs)]
    return nn.Sequential(*layers, _linear(widths[-1], features, "leaky_relu(1)"))


class Autoencoders(nn.Module):
    """An autoencoder per table, for samples that hold a row of each table side by side.

    Args:
        features: columns of each table.
        widths: of the hidden layers of each table's network.
        activation: called for each hidden layer of each network, table by table.
    """

    def __init__(
        self, features: Sequence[int], widths: Sequence[Sequence[int]], activation: ModelFactory
    ) -> None:
        super().__init__()
        self.features = tuple(features)
        self.networks = nn.ModuleList(
            autoencoder(count, inner, activation) for count, inner in zip(features, widths, strict=True)
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(N, all features) to the mean squared error of reconstruction by table, (N, tables)."""
        parts = zip(columns(self.features), self.networks, strict=True)
        return distances(
            rows - torch.cat([network(rows[:, these]) for these, network in parts], 1), self.features
        )


def columns(features: Sequence[int]) -> list[slice]:
    """Where each table's columns are."""
    ends = np.cumsum((0, *features)).tolist()
    return [slice(first, last) for first, last in pairwise(ends)]


def distances(rows: torch.Tensor, features: Sequence[int]) -> torch.Tensor:
    """Mean square by table, (N, all features) to (N, tables): of standardised rows, the distance to the mean row."""
    return torch.stack([rows[:, these].square().mean(1) for these in columns(features)], 1)


def _linear(inputs: int, outputs: int, feeds: str) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    he_normal_(layer.weight, feeds)
    nn.init.zeros_(layer.bias)
    return layer
