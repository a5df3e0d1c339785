"""Networks for words spoken one at a time: fully connected as in Maas et al. 2013, and a small convolutional one.

Each takes log-mel pictures of shape (N, 1, bands, frames) and gives a score per class. Every layer that feeds an
activation is drawn by He's rule with that activation's gain, biases start at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from torch import nn

from leaky.lab.factory import ModelFactory
from leaky.lab.vision.classifiers import conv, linear
from leaky.nn.init import he_normal_

_HIDDEN = 3


def dnn(
    shape: tuple[int, int], classes: int, width: int, activation: ModelFactory, dropout: float
) -> nn.Sequential:
    """Three fully connected layers of `width` units on all bands of all frames at once, no normalisation.

    The DNN of the paper that brought leaky ReLU, which has 2 to 4 such layers on 21 frames. Here the frames are those
    of a whole utterance, so that its class is the answer and no alignment of frames to sounds is needed.

    Source: A. Maas, A. Hannun, A. Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models. ICML
    Workshop on Deep Learning for Audio, Speech and Language Processing.
    """
    bands, frames = shape
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise((bands * frames, *[width] * _HIDDEN)):
        layers += [linear(inputs, outputs, activation), *activation.block(outputs, dropout=dropout)]
    return nn.Sequential(*layers, _scores(width, classes))


def cnn(
    shape: tuple[int, int], classes: int, width: int, activation: ModelFactory, dropout: float
) -> nn.Sequential:
    """Three 3 x 3 convolutions of `width`, 2 and 4 times `width` channels, batch norm, each halved by a maximum, then
    a fully connected layer of 8 times `width` units."""
    channels: Sequence[int] = (1, width, 2 * width, 4 * width)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [conv(inputs, outputs, activation), activation.norm(outputs, 2, "batch"), activation()]
        layers.append(nn.MaxPool2d(2))
    left = channels[-1] * (shape[0] // 8) * (shape[1] // 8)
    inner = 8 * width
    layers += [nn.Flatten(), activation.dropout(dropout), linear(left, inner, activation)]
    layers += activation.block(inner, dropout=dropout)
    return nn.Sequential(*layers, _scores(inner, classes))


NETWORKS: Mapping[str, Callable[[tuple[int, int], int, int, ModelFactory, float], nn.Sequential]] = (
    MappingProxyType({"dnn": dnn, "cnn": cnn})
)
"""By the preset's name; each is made with ((bands, frames), classes, width, activation, dropout)."""


def _scores(inputs: int, classes: int) -> nn.Linear:
    """The last layer, which feeds no activation."""
    layer = nn.Linear(inputs, classes)
    he_normal_(layer.weight, "leaky_relu(1)")
    nn.init.zeros_(layer.bias)
    return layer
